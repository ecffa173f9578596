// Time, as a test sets it.
#pragma once

#include <cstdint>

namespace conntrack::test {

// While it lives, time stands still but for what is asked here, and waits that have an end
// are over when this time has passed.
class StoppedClock {
 public:
  StoppedClock();
  ~StoppedClock();
  StoppedClock(const StoppedClock&) = delete;
  StoppedClock& operator=(const StoppedClock&) = delete;

  void advance(int64_t milliseconds);
  // The same, but no further than to the end of a wait: on a busy machine a thread may be late to
  // see it. Returns how far.
  int64_t advance_to_end_of_wait(int64_t milliseconds);
  // Each reading of the steady clock is so many milliseconds later than the one before.
  void advance_at_each_reading(int64_t milliseconds);
  // A wait that would last is over at once, and the time is that of its end.
  void skip_waits();
  // In milliseconds.
  int64_t now() const;
};

// For system_calls.cc: of the clock that is stopped, if one is.
namespace clock_state {
bool is_stopped();
bool skips_waits();
int64_t now();
int64_t read();
void move_to(int64_t milliseconds);

// A wait until then, while it lives.
class Wait {
 public:
  explicit Wait(int64_t end);
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

 private:
  int64_t end_;
};
}  // namespace clock_state

}  // namespace conntrack::test
