#include "os/namespace_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>

#include "os/net_namespace.h"
#include "os/queries.h"
#include "wire/namespace_id.h"

namespace conntrack {

namespace {

struct IdAnswer {
  int take(const Message& message) { return decode_namespace_id(message, id) ? 0 : EBADMSG; }
  int32_t id = -1;
};

struct GetNamespaceId : Query<IdAnswer, Answers::one> {
  explicit GetNamespaceId(const Fd& fd)
      : Query(encode_namespace_id_get(fd.get()), uapi::MESSAGE_NAMESPACE_ID) {}
};

// By the system call itself: what glibc 2.33 has for it no older one has.
Failure read_inode(const Fd& fd, uint64_t& inode) {
  struct statx status = {};
  if (::syscall(SYS_statx, fd.get(), "", AT_EMPTY_PATH, STATX_INO, &status) != 0) {
    return Failure::of_syscall("statx", errno);
  }
  inode = status.stx_ino;
  return {};
}

}  // namespace

Failure NamespaceIds::open() {
  buffer_.reset(new (std::nothrow) uint8_t[receive_buffer_size]);
  if (!buffer_) return Failure::of_syscall("malloc", ENOMEM);
  return socket_.open(NetlinkSocket::To::route);
}

// The file is held open meanwhile: neither its inode nor its id can be those of another.
Failure NamespaceIds::look_up(const char* path, NamespaceId& out) {
  Fd fd;
  out = {};
  out.failure = open_namespace(path, fd);
  if (out.failure) return {};
  uint64_t inode = 0;
  if (Failure failure = read_inode(fd, inode)) return failure;
  GetNamespaceId query(fd);
  Failure failure;
  while (!query.run(socket_, buffer_.get(), failure)) continue;
  // It is a namespace of another kind.
  const bool is_none = failure.error == EINVAL && !failure.syscall;
  if (is_none) out.failure = failure;
  if (failure) return is_none ? Failure{} : failure;
  out.inode = inode;
  out.id = query.answer().id;
  return {};
}

}  // namespace conntrack
