// A counting semaphore between two threads.
#pragma once

#include <errno.h>
#include <sys/eventfd.h>

#include <atomic>

#include "os/failure.h"
#include "os/fd.h"
#include "os/interrupted_poll.h"

namespace conntrack {

class Semaphore {
 public:
  Failure open(unsigned count) {
    fd_ = Fd(::eventfd(count, EFD_CLOEXEC | EFD_SEMAPHORE));
    count_.store(count);
    return fd_ ? Failure{} : Failure::of_syscall("eventfd", errno);
  }
  void close() { fd_.reset(); }

  void post() {
    count_.fetch_add(1);
    ::eventfd_write(fd_.get(), 1);
  }
  void wait() {
    eventfd_t one = 0;
    while (::eventfd_read(fd_.get(), &one) != 0 && errno == EINTR) {
    }
    count_.fetch_sub(1);
  }
  // False when nothing is posted. For the one thread that waits.
  bool try_wait() {
    if (count_.load() == 0) return false;
    wait();
    return true;
  }
  // `posted`: whether something was in that time.
  Failure wait(int milliseconds, bool& posted) {
    pollfd readable = {fd_.get(), POLLIN, 0};
    const int ready = poll_despite_signals(readable, milliseconds);
    posted = ready > 0;
    if (ready < 0) return Failure::of_syscall("poll", errno);
    if (posted) wait();
    return {};
  }

  // Readable while there is something to wait() for.
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  std::atomic<unsigned> count_{0};
};

}  // namespace conntrack
