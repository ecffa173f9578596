#include "os/table_pass.h"

#include <new>

namespace conntrack {

Failure TablePass::open() {
  memory_.reset(new (std::nothrow) Memory);
  return memory_ ? dump_.open() : Failure::of_syscall("malloc", ENOMEM);
}

void TablePass::close() {
  if (started_) {
    stopping_.store(true, std::memory_order_relaxed);
    filled_.post();
    thread_.join();
    filled_.close();
    empty_.close();
    started_ = false;
  }
  dump_.close();
  memory_.reset();
}

DumpReader::Step TablePass::run(Failure& failure) {
  uint8_t* slab = memory_->slabs[next_];
  const DumpReader::Outcome outcome = dump_.read(slab);
  failure = outcome.failure;
  const bool ends = outcome.step == DumpReader::Step::done || failure;
  if (outcome.filled) matched_ += reinterpret_cast<const SlabHeader*>(slab)->count;
  if (outcome.filled && changer_ && !failure) {
    // A small table is not worth a thread.
    failure = ends && !started_ ? changer_->change(slab) : hand_over();
  }
  if ((ends || failure) && started_) {
    const Failure last = finish();
    if (!failure) failure = last;
  }
  return failure ? DumpReader::Step::failed : outcome.step;
}

Failure TablePass::hand_over() {
  if (!started_) {
    if (Failure failure = start()) return failure;
  }
  filled_.post();
  next_ = (next_ + 1) % parts;
  empty_.wait();
  return failure();
}

Failure TablePass::start() {
  Failure failure = filled_.open(0);
  // The one that is being handed over is not empty, and one more is read into next.
  if (!failure) failure = empty_.open(parts - 1);
  if (failure) return failure;
  const int error = thread_.start("conntrack", work, this);
  started_ = error == 0;
  return started_ ? Failure{} : Failure::of_syscall("pthread_create", error);
}

Failure TablePass::finish() {
  for (size_t i = 0; i + 1 < parts; i++) empty_.wait();
  return failure();
}

void TablePass::work() {
  for (size_t slab = 0;; slab = (slab + 1) % parts) {
    filled_.wait();
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (!failed_.load(std::memory_order_relaxed)) {
      failure_ = changer_->change(memory_->slabs[slab]);
      if (failure_) failed_.store(true, std::memory_order_release);
    }
    empty_.post();
  }
}

}  // namespace conntrack
