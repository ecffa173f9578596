#include "os/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>

namespace conntrack {

namespace {

constexpr int clone_newnet = 0x40000000;     // linux/sched.h
constexpr uint32_t nsfs_magic = 0x6e736673;  // linux/magic.h

// Names what is open.
struct PlaceOfFd {
  explicit PlaceOfFd(const Fd& fd) {
    static_cast<void>(snprintf(path, sizeof path, "/proc/self/fd/%d", fd.get()));
  }
  char path[32];
};

Failure check_is_namespace(const Fd& file) {
  struct statfs system = {};
  if (::fstatfs(file.get(), &system) != 0) return Failure::of_syscall("fstatfs", errno);
  const bool is_one = static_cast<uint32_t>(system.f_type) == nsfs_magic;
  return is_one ? Failure{} : Failure::of_syscall("setns", EINVAL);
}

}  // namespace

// Opening a device can have effects of its own, and a FIFO would not open at all. So what the
// path names is held without being opened, and opened as what it was found to be: a link
// that is changed meanwhile changes nothing.
Failure open_namespace(const char* path, Fd& out) {
  const Fd place(::open(path, O_PATH | O_CLOEXEC));
  if (!place) return Failure::of_syscall("open", errno);
  if (Failure failure = check_is_namespace(place)) return failure;
  out = Fd(::open(PlaceOfFd(place).path, O_RDONLY | O_CLOEXEC));
  // ENOENT would be that of the path.
  return out ? Failure{} : Failure::of_syscall("open", errno == ENOENT ? ENOSYS : errno);
}

Failure NetNamespace::open(const char* path) {
  if (Failure failure = open_namespace(path, fd_)) return failure;
  const Failure failure = run([] {});
  if (failure) fd_.reset();
  return failure;
}

NamespaceName NamespaceName::of(int folder, const char* path) {
  NamespaceName name;
  const ssize_t size = ::readlinkat(folder, path, name.text_, sizeof name.text_);
  name.size_ = size > 0 ? static_cast<size_t>(size) : 0;  // no /proc, or closed
  return name;
}

bool NamespaceName::equals(const NamespaceName& other) const {
  return size_ > 0 && size_ == other.size_ && memcmp(text_, other.text_, size_) == 0;
}

void ThreadPlace::remember() {
  folder_ = Fd(::open("/proc/thread-self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC));
  name_ = NamespaceName::of_thread();
}

bool NetNamespace::is_here() const {
  return NamespaceName::of_thread().equals(NamespaceName::of(AT_FDCWD, PlaceOfFd(fd_).path));
}

Failure NetNamespace::enter() const {
  if (::setns(fd_.get(), clone_newnet) == 0) return {};
  return Failure::of_syscall("setns", fd_ ? errno : EBADF);
}

}  // namespace conntrack
