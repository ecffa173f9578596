// poll(2) that a signal neither ends early nor makes longer.
#pragma once

#include <errno.h>
#include <poll.h>

#include <algorithm>

#include "os/clock.h"

namespace conntrack {

inline int poll_despite_signals(pollfd& one, int milliseconds) {
  const int64_t end = steady_clock() + milliseconds;
  for (int left = milliseconds;;) {
    const int ready = ::poll(&one, 1, left);
    if (ready >= 0 || errno != EINTR) return ready;
    if (left == 0) return 0;
    left = static_cast<int>(std::max<int64_t>(end - steady_clock(), 0));
  }
}

}  // namespace conntrack
