#include "os/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/vfs.h>

namespace conntrack {

namespace {

constexpr int clone_newnet = 0x40000000;     // linux/sched.h
constexpr uint32_t nsfs_magic = 0x6e736673;  // linux/magic.h

// Opening a device can have effects of its own, and a FIFO would not open at all.
Failure check_is_namespace(const char* path) {
  const Fd place(::open(path, O_PATH | O_CLOEXEC));
  if (!place) return Failure::of_syscall("open", errno);
  struct statfs system = {};
  if (::fstatfs(place.get(), &system) != 0) return Failure::of_syscall("fstatfs", errno);
  const bool is_one = static_cast<uint32_t>(system.f_type) == nsfs_magic;
  return is_one ? Failure{} : Failure::of_syscall("setns", EINVAL);
}

}  // namespace

Failure NetNamespace::open(const char* path) {
  if (Failure failure = check_is_namespace(path)) return failure;
  fd_ = Fd(::open(path, O_RDONLY | O_CLOEXEC));
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
