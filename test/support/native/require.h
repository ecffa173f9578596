// Conditions that hold for any input: the program stops where one does not.
#pragma once

#include <cstdio>
#include <cstdlib>

[[noreturn]] inline void not_so(const char* file, int line, const char* condition) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
  abort();
}

#define REQUIRE(condition) \
  ((condition) ? static_cast<void>(0) : not_so(__FILE__, __LINE__, #condition))
