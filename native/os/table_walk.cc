#include "os/table_walk.h"

#include <new>

#include "os/turn.h"

namespace conntrack {

Failure TableWalk::open() {
  memory_.reset(new (std::nothrow) Memory);
  Failure failure = memory_ ? dump_.open() : Failure::of_syscall("malloc", ENOMEM);
  if (!failure) failure = changer_.open();
  if (failure) close();
  return failure;
}

void TableWalk::close() {
  if (started_) {
    stopping_.store(true, std::memory_order_relaxed);
    filled_.post();
    thread_.join();
    filled_.close();
    empty_.close();
    started_ = false;
  }
  dump_.close();
  changer_.close();
  memory_.reset();
}

bool TableWalk::turn(Failure& failure) {
  const Turn turn;
  DumpReader::Step last = DumpReader::Step::more;
  do {
    last = step(failure);
  } while (last == DumpReader::Step::more && !turn.is_over());
  return last == DumpReader::Step::done;
}

DumpReader::Step TableWalk::step(Failure& failure) {
  uint8_t* slab = memory_->slabs[next_];
  const DumpReader::Outcome outcome = dump_.read(slab);
  failure = outcome.failure;
  const bool ends = outcome.step == DumpReader::Step::done || failure;
  if (outcome.filled) matched_ += reinterpret_cast<const SlabHeader*>(slab)->count;
  if (outcome.filled && action_ != Action::count && !failure) {
    // A small table is not worth a thread.
    failure = ends && !started_ ? changer_.change(slab) : hand_over();
  }
  if ((ends || failure) && started_) {
    const Failure last = finish();
    if (!failure) failure = last;
  }
  return failure ? DumpReader::Step::failed : outcome.step;
}

Failure TableWalk::hand_over() {
  if (!started_) {
    if (Failure failure = start()) return failure;
  }
  filled_.post();
  next_ = (next_ + 1) % parts;
  empty_.wait();
  return failure();
}

Failure TableWalk::start() {
  Failure failure = filled_.open(0);
  // The one that is being handed over is not empty, and one more is read into next.
  if (!failure) failure = empty_.open(parts - 1);
  if (failure) return failure;
  const int error = thread_.start("conntrack", work, this);
  started_ = error == 0;
  return started_ ? Failure{} : Failure::of_syscall("pthread_create", error);
}

Failure TableWalk::finish() {
  for (size_t i = 0; i + 1 < parts; i++) empty_.wait();
  return failure();
}

void TableWalk::work() {
  for (size_t slab = 0;; slab = (slab + 1) % parts) {
    filled_.wait();
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!failed_.load(std::memory_order_relaxed)) {
      failure_ = changer_.change(memory_->slabs[slab]);
      if (failure_) failed_.store(true, std::memory_order_release);
    }
    empty_.post();
  }
}

}  // namespace conntrack
