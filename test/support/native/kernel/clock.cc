#include "clock.h"

#include <atomic>

namespace conntrack::test {

namespace {

std::atomic<bool> stopped{false};
std::atomic<bool> skipping{false};
std::atomic<int64_t> time_now{0};  // milliseconds
std::atomic<int64_t> step{0};

}  // namespace

StoppedClock::StoppedClock() {
  time_now = 1000;
  step = 0;
  skipping = false;
  stopped = true;
}

StoppedClock::~StoppedClock() { stopped = false; }

void StoppedClock::advance(int64_t milliseconds) { time_now += milliseconds; }
void StoppedClock::advance_at_each_reading(int64_t milliseconds) { step = milliseconds; }
void StoppedClock::skip_waits() { skipping = true; }
int64_t StoppedClock::now() const { return time_now; }

namespace clock_state {

bool is_stopped() { return stopped; }
bool skips_waits() { return skipping; }
int64_t now() { return time_now; }
int64_t read() { return time_now.fetch_add(step); }
void move_to(int64_t milliseconds) { time_now = milliseconds; }

}  // namespace clock_state

}  // namespace conntrack::test
