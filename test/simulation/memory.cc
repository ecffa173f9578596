#include "memory.h"

#include <cstdint>
#include <new>

#include "report.h"
#include "world.h"

namespace conntrack::test {

namespace {

// A hash table of its own: one of the standard library would allocate.
constexpr size_t capacity = 1 << 14;
struct Block {
  const void* memory;
  size_t size;
} blocks_of[capacity];

size_t bytes_now = 0;
size_t blocks_now = 0;
size_t fails_once_in = 0;
size_t failures_now = 0;

size_t place_of(const void* memory) {
  return (reinterpret_cast<uintptr_t>(memory) >> 4) * 0x9e3779b97f4a7c15u >> 50;
}

void* add(void* memory, size_t size) {
  if (!memory) return nullptr;
  if (++blocks_now > capacity / 2) violated("the product holds %zu blocks of memory", blocks_now);
  size_t at = place_of(memory);
  while (blocks_of[at].memory) at = (at + 1) % capacity;
  blocks_of[at] = {memory, size};
  bytes_now += size;
  return memory;
}

void remove(const void* memory) {
  if (!memory) return;
  size_t at = place_of(memory);
  for (; blocks_of[at].memory != memory; at = (at + 1) % capacity) {
    if (!blocks_of[at].memory) return;  // not one of the product
  }
  bytes_now -= blocks_of[at].size;
  blocks_now--;
  for (size_t next = (at + 1) % capacity;; next = (next + 1) % capacity) {
    const Block moved = blocks_of[next];
    if (!moved.memory) break;
    const size_t home = place_of(moved.memory);
    if ((next - home) % capacity < (next - at) % capacity) continue;
    blocks_of[at] = moved;
    at = next;
  }
  blocks_of[at] = {};
}

bool fails() {
  if (!World::current() || !World::current()->random.once_in(fails_once_in)) return false;
  failures_now++;
  report::note("no memory");
  return true;
}

}  // namespace

size_t memory::bytes() { return bytes_now; }
size_t memory::blocks() { return blocks_now; }
void memory::fail_once_in(size_t times) { fails_once_in = times; }
size_t memory::failures() { return failures_now; }
void memory::begin() { failures_now = fails_once_in = 0; }

}  // namespace conntrack::test

// The linker leads the operators here.
extern "C" {

void* __real__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __wrap__ZnwmRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  using namespace conntrack::test;
  return fails() ? nullptr : add(__real__ZnwmRKSt9nothrow_t(size, tag), size);
}

void* __real__ZnamRKSt9nothrow_t(size_t size, const std::nothrow_t& tag);
void* __wrap__ZnamRKSt9nothrow_t(size_t size, const std::nothrow_t& tag) {
  using namespace conntrack::test;
  return fails() ? nullptr : add(__real__ZnamRKSt9nothrow_t(size, tag), size);
}

void __real__ZdlPvm(void* memory, size_t size);
void __wrap__ZdlPvm(void* memory, size_t size) {
  conntrack::test::remove(memory);
  __real__ZdlPvm(memory, size);
}

void __real__ZdaPv(void* memory);
void __wrap__ZdaPv(void* memory) {
  conntrack::test::remove(memory);
  __real__ZdaPv(memory);
}

void __real__ZdlPv(void* memory);
void __wrap__ZdlPv(void* memory) {
  conntrack::test::remove(memory);
  __real__ZdlPv(memory);
}

}  // extern "C"
