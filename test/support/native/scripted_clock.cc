#include "scripted_clock.h"

#include <time.h>

#include <atomic>

namespace conntrack::test {

namespace {

std::atomic<bool> scripted{false};
std::atomic<int64_t> now{0};  // milliseconds
std::atomic<int64_t> step{0};

}  // namespace

ScriptedClock::ScriptedClock() {
  now = 1000;
  step = 0;
  scripted = true;
}

ScriptedClock::~ScriptedClock() { scripted = false; }

void ScriptedClock::advance_at_each_reading(int64_t milliseconds) { step = milliseconds; }

}  // namespace conntrack::test

extern "C" int __real_clock_gettime(clockid_t clock, timespec* time);

extern "C" int __wrap_clock_gettime(clockid_t clock, timespec* time) {
  using namespace conntrack::test;
  if (!scripted) return __real_clock_gettime(clock, time);
  const int64_t milliseconds = clock == CLOCK_MONOTONIC ? now.fetch_add(step) : now.load();
  time->tv_sec = milliseconds / 1000;
  time->tv_nsec = milliseconds % 1000 * 1000000;
  return 0;
}
