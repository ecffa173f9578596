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

}  // namespace conntrack
