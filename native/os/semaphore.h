// A counting semaphore between two threads.
#pragma once

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "os/failure.h"
#include "os/fd.h"

namespace conntrack {

class Semaphore {
 public:
  Failure open(unsigned count) {
    fd_ = Fd(::eventfd(count, EFD_CLOEXEC | EFD_SEMAPHORE));
    return fd_ ? Failure{} : Failure::of_syscall("eventfd", errno);
  }
  void close() { fd_.reset(); }

  void post() { ::eventfd_write(fd_.get(), 1); }
  void wait() {
    eventfd_t one = 0;
    while (::eventfd_read(fd_.get(), &one) != 0 && errno == EINTR) {
    }
  }
  // False when nothing was posted in that time.
  bool wait(int milliseconds) {
    pollfd posted = {fd_.get(), POLLIN, 0};
    if (::poll(&posted, 1, milliseconds) <= 0) return false;
    wait();
    return true;
  }

  // Readable while there is something to wait() for.
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace conntrack
