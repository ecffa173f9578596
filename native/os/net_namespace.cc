#include "os/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

namespace conntrack {

namespace {

constexpr int clone_newnet = 0x40000000;  // linux/sched.h

}  // namespace

Failure NetNamespace::open(const char* path) {
  // A FIFO of that name would not open otherwise.
  fd_ = Fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd_) return Failure::of_syscall("open", errno);
  const Failure failure = run([] {});
  if (failure) fd_.reset();
  return failure;
}

Failure NetNamespace::enter() const {
  if (::setns(fd_.get(), clone_newnet) == 0) return {};
  return Failure::of_syscall("setns", fd_ ? errno : EBADF);
}

}  // namespace conntrack
