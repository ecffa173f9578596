// What a run prints: the trace of a seed, and the invariant that does not hold.
#pragma once

#include <cstdint>

namespace conntrack::test {

namespace report {

void begin(uint64_t seed, bool traced);
// A crash prints the seed, too.
void catch_crashes();
// Of all that was noted: two runs of a seed have the same.
uint64_t hash();
// A step of a thread. `what` is a literal.
void note(const char* what, int64_t first = 0, int64_t second = 0);

}  // namespace report

// Ends the program: prints the invariant, the seed and the command that runs it again.
[[noreturn]] void violated(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace conntrack::test

#define HOLDS(condition)              \
  ((condition) ? static_cast<void>(0) \
               : ::conntrack::test::violated("%s:%d: %s", __FILE_NAME__, __LINE__, #condition))
