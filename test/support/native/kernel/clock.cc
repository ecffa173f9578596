#include "clock.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

namespace conntrack::test {

namespace {

std::atomic<bool> stopped{false};
std::atomic<bool> skipping{false};
std::atomic<int64_t> time_now{0};  // milliseconds
std::atomic<int64_t> step{0};
std::mutex mutex;
std::multiset<int64_t> ends;  // of the waits that last

}  // namespace

StoppedClock::StoppedClock() {
  time_now = 1000;
  step = 0;
  skipping = false;
  stopped = true;
}

StoppedClock::~StoppedClock() { stopped = false; }

void StoppedClock::advance(int64_t milliseconds) { time_now += milliseconds; }
int64_t StoppedClock::advance_to_end_of_wait(int64_t milliseconds) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (!ends.empty()) {
    milliseconds = std::clamp<int64_t>(*ends.begin() - time_now, 0, milliseconds);
  }
  time_now += milliseconds;
  return milliseconds;
}
void StoppedClock::advance_at_each_reading(int64_t milliseconds) { step = milliseconds; }
void StoppedClock::skip_waits() { skipping = true; }
int64_t StoppedClock::now() const { return time_now; }

namespace clock_state {

bool is_stopped() { return stopped; }
bool skips_waits() { return skipping; }
int64_t now() { return time_now; }
int64_t read() { return time_now.fetch_add(step); }
void move_to(int64_t milliseconds) { time_now = milliseconds; }

Wait::Wait(int64_t end) : end_(end) {
  const std::lock_guard<std::mutex> lock(mutex);
  ends.insert(end);
}

Wait::~Wait() {
  const std::lock_guard<std::mutex> lock(mutex);
  ends.erase(ends.find(end_));
}

}  // namespace clock_state

}  // namespace conntrack::test
