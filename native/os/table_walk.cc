#include "os/table_walk.h"

#include <new>

namespace conntrack {

Failure TableWalk::open() {
  memory_.reset(new (std::nothrow) Memory);
  Failure failure = memory_ ? dump_.open() : Failure::of_syscall("malloc", ENOMEM);
  if (!failure) failure = changer_.open();
  if (failure) close();
  return failure;
}

void TableWalk::cancel() {
  dump_.cancel();
  changer_.cancel();
}

bool TableWalk::is_idle() {
  while (handed_over_ > 0 && done_.try_wait()) handed_over_--;
  return handed_over_ == 0;
}

void TableWalk::stop(void (*ended)(void*), void* context) {
  stopped_ = ended;
  stopped_context_ = context;
  cancel();
  stopping_.store(true, std::memory_order_release);
  handed_.post();
}

void TableWalk::join() {
  if (started_) {
    if (!stopping_.load(std::memory_order_relaxed)) stop(nullptr, nullptr);
    thread_.join();
    is_idle();  // what is not done was not begun
    started_ = false;
  }
  handed_.close();
  done_.close();
}

void TableWalk::close() {
  join();
  dump_.close();
  changer_.close();
  memory_.reset();
}

bool TableWalk::turn(Failure& failure, size_t slabs) {
  const Turn turn;
  while (!ended_ && to_take_ < slabs) {
    if (!wait_for_work(parts - 1)) return false;
    if (step(turn) == DumpReader::Step::idle || (turn.is_over() && !ended_)) return false;
  }
  if (!wait_for_work(0)) return false;
  failure = last_ ? last_ : this->failure();
  return ended_ && !failure;
}

DumpReader::Step TableWalk::step(const Turn& turn) {
  uint8_t* slab = memory_->slabs[next_];
  const DumpReader::Outcome outcome = dump_.read(slab, turn);
  last_ = outcome.failure;
  if (outcome.filled) matched_ += reinterpret_cast<const SlabHeader*>(slab)->count;
  if (outcome.filled && !last_) {
    if (action_ != Action::count) {
      last_ = hand_over();
    } else if (reports_) {
      advance();
    }
  }
  ended_ = outcome.step == DumpReader::Step::done || last_;
  return outcome.step;
}

void TableWalk::advance() {
  if (reports_) to_take_++;
  next_ = (next_ + 1) % parts;
}

Failure TableWalk::hand_over() {
  if (!started_) {
    if (Failure failure = start()) return failure;
  }
  handed_.post();
  handed_over_++;
  advance();
  return failure();
}

Failure TableWalk::start() {
  Failure failure = handed_.open(0);
  if (!failure) failure = done_.open(0);
  if (failure) return failure;
  const int error = thread_.start("conntrack", work, this);
  started_ = error == 0;
  return started_ ? Failure{} : Failure::of_syscall("pthread_create", error);
}

bool TableWalk::wait_for_work(size_t most) {
  for (; handed_over_ > most; handed_over_--) {
    bool done = false;
    if (done_.wait(Silence::wait, done)) {
      // poll() fails. The second thread ends in any case, and what it has done counts.
      done_.wait();
    } else if (!done) {
      return false;
    }
  }
  return true;
}

void TableWalk::work() {
  for (size_t slab = 0;; slab = (slab + 1) % parts) {
    handed_.wait();
    if (stopping_.load(std::memory_order_acquire)) break;
    if (!failed_.load(std::memory_order_relaxed)) {
      failure_ = changer_.change(memory_->slabs[slab]);
      if (failure_) failed_.store(true, std::memory_order_release);
    } else {
      reinterpret_cast<SlabHeader*>(memory_->slabs[slab])->count = 0;
    }
    done_.post();
  }
  if (stopped_) stopped_(stopped_context_);
}

}  // namespace conntrack
