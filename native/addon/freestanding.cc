// One binary serves glibc from 2.28 on and musl, so the addon links neither
// libstdc++ nor libgcc_s. What the compiler and the headers of the standard
// library still call stands here. A release build only: see CMakeLists.txt and
// binding.gyp.
#include <stddef.h>
#include <stdlib.h>

#include <new>

void* operator new(size_t size) {
  void* memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return malloc(size ? size : 1); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return malloc(size ? size : 1);
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { free(memory); }

// NOLINTBEGIN(bugprone-reserved-identifier,cert-*): the compiler asks for these names.
namespace std {

const nothrow_t nothrow{};

[[noreturn]] void __throw_length_error(const char*) { abort(); }
[[noreturn]] void __throw_logic_error(const char*) { abort(); }
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) { abort(); }
[[noreturn]] void __throw_bad_alloc() { abort(); }
[[noreturn]] void __throw_bad_array_new_length() { abort(); }
[[noreturn]] void __throw_bad_function_call() { abort(); }

}  // namespace std

extern "C" [[noreturn]] void __cxa_pure_virtual() { abort(); }
// NOLINTEND(bugprone-reserved-identifier,cert-*)
