// Counts the blocks of operator new that may fail, which the linker leads here
// (system_calls.cmake).
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <unordered_set>

#include "kernel.h"

namespace conntrack::test {

namespace {

// Of plain malloc: what counts must not be counted.
template <typename T>
struct Plain {
  using value_type = T;
  Plain() = default;
  template <typename Other>
  Plain(const Plain<Other>&) {}  // NOLINT(google-explicit-constructor): as an allocator has it
  T* allocate(size_t count) { return static_cast<T*>(malloc(count * sizeof(T))); }
  void deallocate(T* memory, size_t) { free(memory); }
  bool operator==(const Plain&) const { return true; }
  bool operator!=(const Plain&) const { return false; }
};

// Spins: the end of a mutex is a call that is wrapped, and the kernel frees memory under its own.
class Hold {
 public:
  explicit Hold(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag& flag_;
};

struct Blocks {
  std::atomic_flag flag = ATOMIC_FLAG_INIT;
  std::unordered_set<void*, std::hash<void*>, std::equal_to<void*>, Plain<void*>> live;
};

// Threads use it until the process ends.
Blocks& blocks() {
  alignas(Blocks) static char memory[sizeof(Blocks)];
  static auto& only = *new (memory) Blocks;
  return only;
}

void* counted(void* block) {
  if (!block || !Kernel::current()) return block;
  const Hold hold(blocks().flag);
  blocks().live.insert(block);
  return block;
}

void* freed(void* block) {
  if (!block) return block;
  const Hold hold(blocks().flag);
  blocks().live.erase(block);
  return block;
}

bool fails() { return Kernel::current() && Kernel::current()->enter("malloc") > 0; }

}  // namespace

size_t Kernel::blocks() {
  Blocks& all = test::blocks();
  const Hold hold(all.flag);
  return all.live.size();
}

extern "C" {

void* __real__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __wrap__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  return fails() ? nullptr : counted(__real__ZnwmRKSt9nothrow_t(size, tag));
}

void* __real__ZnamRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __wrap__ZnamRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  return fails() ? nullptr : counted(__real__ZnamRKSt9nothrow_t(size, tag));
}

void __real__ZdlPv(void* block);
void __wrap__ZdlPv(void* block) { __real__ZdlPv(freed(block)); }
void __real__ZdaPv(void* block);
void __wrap__ZdaPv(void* block) { __real__ZdaPv(freed(block)); }
void __real__ZdlPvm(void* block, size_t size);
void __wrap__ZdlPvm(void* block, size_t size) { __real__ZdlPvm(freed(block), size); }
void __real__ZdaPvm(void* block, size_t size);
void __wrap__ZdaPvm(void* block, size_t size) { __real__ZdaPvm(freed(block), size); }

}  // extern "C"

}  // namespace conntrack::test
