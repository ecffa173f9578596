#include "os/small_file.h"

#include <errno.h>
#include <fcntl.h>

#include <new>

namespace conntrack {

Failure SmallFile::open(const char* path, bool to_write) {
  fd_ = Fd(::open(path, (to_write ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  return fd_ ? Failure{} : Failure::of_syscall("open", errno);
}

bool SmallFile::grow() {
  const size_t capacity = capacity_ == 0 ? 4096 : 2 * capacity_;
  std::unique_ptr<uint8_t[]> larger(new (std::nothrow) uint8_t[capacity]);
  if (!larger) return false;
  if (size_ > 0) memcpy(larger.get(), bytes_.get(), size_);
  bytes_.swap(larger);
  capacity_ = capacity;
  return true;
}

Failure SmallFile::read() {
  for (;;) {
    if (size_ == largest) return Failure::of_syscall("read", EFBIG);
    if (size_ == capacity_ && !grow()) return Failure::of_syscall("malloc", ENOMEM);
    const ssize_t count = ::read(fd_.get(), bytes_.get() + size_, capacity_ - size_);
    if (count == 0) return {};
    if (count < 0 && errno != EINTR) return Failure::of_syscall("read", errno);
    if (count > 0) size_ += static_cast<size_t>(count);
  }
}

Failure SmallFile::write(Bytes bytes) {
  ssize_t count = 0;
  do {
    count = ::write(fd_.get(), bytes.data, bytes.size);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Failure::of_syscall("write", errno);
  // A setting takes all of a value, or none of it.
  return static_cast<size_t>(count) == bytes.size ? Failure{} : Failure::of_syscall("write", EIO);
}

}  // namespace conntrack
