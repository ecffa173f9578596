// The time that os/clock.h reads, set by a test: link with --wrap=clock_gettime.
#pragma once

#include <cstdint>

namespace conntrack::test {

// While it lives, time stands still but for what is asked here.
class ScriptedClock {
 public:
  ScriptedClock();
  ~ScriptedClock();
  ScriptedClock(const ScriptedClock&) = delete;
  ScriptedClock& operator=(const ScriptedClock&) = delete;

  // Each reading of the steady clock is so many milliseconds later than the one before.
  void advance_at_each_reading(int64_t milliseconds);
};

}  // namespace conntrack::test
