// The jobs of one socket: threads run them one after the other, in the order in which they were
// added.
#pragma once

#include <stdint.h>

#include <memory>

#include "os/mutex.h"
#include "os/turn.h"

namespace conntrack {

class OrderedJob {
 public:
  OrderedJob() = default;
  OrderedJob(const OrderedJob&) = delete;
  OrderedJob& operator=(const OrderedJob&) = delete;
  virtual ~OrderedJob() = default;

 private:
  friend class JobOrder;

  // A turn, on any thread. True when it has ended. `number`: of all jobs.
  virtual bool run(uint64_t number) = 0;

  OrderedJob* next_ = nullptr;
  bool ended_ = false;
};

class JobOrder {
 public:
  JobOrder() = default;
  JobOrder(const JobOrder&) = delete;
  JobOrder& operator=(const JobOrder&) = delete;
  ~JobOrder() {
    while (first_) take_first();
  }

  // On the thread that adds them ----------------------------------------------

  void add(std::unique_ptr<OrderedJob> job) {
    const Lock hold(list_);
    added_++;
    left_++;
    (first_ ? last_->next_ : first_) = job.get();
    last_ = job.release();
  }

  // True when another thread must work(). `spare`: a second one may wait for its turn, so that the
  // kernel works on while the first one's jobs are taken.
  bool needs_thread(bool spare) {
    const Lock hold(list_);
    if (closed_ || left_ <= threads_ || threads_ >= (spare ? 2u : 1u)) return false;
    threads_++;
    return true;
  }
  // That one will not work().
  void drop_thread() {
    const Lock hold(list_);
    threads_--;
  }

  // The first job, if it has ended.
  std::unique_ptr<OrderedJob> take_ended() {
    const Lock hold(list_);
    return first_ && first_->ended_ ? take() : nullptr;
  }
  // The first job, while no thread works.
  std::unique_ptr<OrderedJob> take_first() {
    const Lock hold(list_);
    return take();
  }

  // No further turn begins.
  void close() {
    const Lock hold(list_);
    closed_ = true;
  }
  bool closed() {
    const Lock hold(list_);
    return closed_;
  }

  // On any thread ---------------------------------------------------------------

  // Runs jobs until none is left, one has not ended, or another thread can go on.
  void work() {
    wait(+1);
    const Lock turn(turn_);
    wait(-1);
    const Turn time;
    uint64_t number = 0;
    while (OrderedJob* job = next(number)) {
      const bool ended = job->run(number);
      if (!goes_on(*job, ended, time.is_over())) return;
    }
  }

  // In a turn: how many have been added.
  uint64_t added() {
    const Lock hold(list_);
    return added_;
  }

 private:
  void wait(int threads) {
    const Lock hold(list_);
    waiting_ += threads;
  }

  // nullptr: the thread works no more.
  OrderedJob* next(uint64_t& number) {
    const Lock hold(list_);
    OrderedJob* job = closed_ ? nullptr : first_;
    while (job && job->ended_) job = job->next_;
    if (!job) threads_--;
    number = added_ - left_;
    return job;
  }

  bool goes_on(OrderedJob& job, bool ended, bool is_over) {
    const Lock hold(list_);
    job.ended_ = ended;
    if (ended) left_--;
    const bool goes_on = ended && !is_over && waiting_ == 0;
    if (!goes_on) threads_--;
    return goes_on;
  }

  std::unique_ptr<OrderedJob> take() {
    OrderedJob* job = first_;
    if (job) {
      first_ = job->next_;
      if (!job->ended_) left_--;
    }
    return std::unique_ptr<OrderedJob>(job);
  }

  Mutex turn_;
  Mutex list_;  // guards all that follows
  OrderedJob* first_ = nullptr;
  OrderedJob* last_ = nullptr;
  uint64_t added_ = 0;
  size_t left_ = 0;     // that have not ended
  size_t threads_ = 0;  // that work, or will
  size_t waiting_ = 0;  // of them, for their turn
  bool closed_ = false;
};

}  // namespace conntrack
