#pragma once

#include <time.h>

#include <cstdint>

namespace conntrack {

// Nanoseconds since 1970.
inline uint64_t wall_clock() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

// Milliseconds of a clock that is never set.
inline int64_t steady_clock() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

}  // namespace conntrack
