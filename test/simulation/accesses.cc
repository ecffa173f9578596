// What -fsanitize=thread makes the compiler call at each access to memory, without
// ThreadSanitizer: other threads may go on there, too.
#include <cstddef>
#include <cstdint>

#include "threads.h"

using conntrack::test::Threads;

namespace {

void access() {
  if (Threads* threads = Threads::current()) threads->access();
}
// Atomic ones are where the threads meet.
void meet() {
  if (Threads* threads = Threads::current()) threads->yield();
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier,cert-*): the compiler asks for these names.
extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

#define ACCESS(size)                                    \
  void __tsan_read##size(void*) { access(); }           \
  void __tsan_write##size(void*) { access(); }          \
  void __tsan_unaligned_read##size(void*) { access(); } \
  void __tsan_unaligned_write##size(void*) { access(); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void*, size_t) { access(); }
void __tsan_write_range(void*, size_t) { access(); }
void* __tsan_memcpy(void* to, const void* from, size_t size) {
  access();
  return __builtin_memcpy(to, from, size);
}
void* __tsan_memset(void* to, int value, size_t size) {
  access();
  return __builtin_memset(to, value, size);
}
void* __tsan_memmove(void* to, const void* from, size_t size) {
  access();
  return __builtin_memmove(to, from, size);
}

#define ATOMIC(bits)                                                                               \
  uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t* at, int) {              \
    meet();                                                                                        \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                  \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile uint##bits##_t* at, uint##bits##_t value, int) {       \
    meet();                                                                                        \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                                \
  uint##bits##_t __tsan_atomic##bits##_exchange(volatile uint##bits##_t* at, uint##bits##_t value, \
                                                int) {                                             \
    meet();                                                                                        \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                       \
  }                                                                                                \
  uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile uint##bits##_t* at,                      \
                                                 uint##bits##_t value, int) {                      \
    meet();                                                                                        \
    return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                        \
  }                                                                                                \
  uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile uint##bits##_t* at,                      \
                                                 uint##bits##_t value, int) {                      \
    meet();                                                                                        \
    return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                        \
  }
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-*)
