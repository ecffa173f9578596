// The jobs of one socket, which any threads run: one after the other, in the order in which they
// were added. One that waits for its turn keeps its thread for as long as the one before it runs.
#pragma once

#include <stdint.h>

#include <atomic>

#include "os/mutex.h"

namespace conntrack {

class JobOrder {
 public:
  // The number of the next job. On one thread, as drop_last(), when it will not run.
  uint64_t add() { return added_++; }
  void drop_last() { added_--; }

  // On any thread. `run` returns true when the job has ended; then the next has its turn. A job
  // whose turn it is not, or after close(), does not run.
  template <typename Run>
  void take_turn(uint64_t number, Run run) {
    const Lock hold(mutex_);
    if (number == turn_ && !closed() && run()) turn_++;
  }

  void close() { closed_.store(true, std::memory_order_relaxed); }
  bool closed() const { return closed_.load(std::memory_order_relaxed); }

 private:
  uint64_t added_ = 0;
  std::atomic<bool> closed_{false};
  Mutex mutex_;
  uint64_t turn_ = 0;
};

}  // namespace conntrack
