#pragma once

#include "os/clock.h"

namespace conntrack {

// How long a job keeps a thread of the pool: then it gives the thread back, so that a
// large table does not keep other users of the pool waiting, nor a process that exits.
class Turn {
 public:
  static constexpr int64_t length = 30;   // milliseconds
  static constexpr int64_t longest = 45;  // of one that has something to finish

  bool is_over() const { return steady_clock() >= start_ + length; }
  bool must_end() const { return steady_clock() >= start_ + longest; }

 private:
  const int64_t start_ = steady_clock();
};

}  // namespace conntrack
