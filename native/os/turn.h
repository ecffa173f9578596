#pragma once

#include "os/clock.h"

namespace conntrack {

// How long a job keeps a thread of the pool: then it gives the thread back, so that a
// large table does not keep other users of the pool waiting.
class Turn {
 public:
  static constexpr int64_t length = 30;  // milliseconds

  bool is_over() const { return steady_clock() >= end_; }

 private:
  const int64_t end_ = steady_clock() + length;
};

}  // namespace conntrack
