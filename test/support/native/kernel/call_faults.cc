#include "call_faults.h"

#include <errno.h>

#include <sstream>

namespace conntrack::test {

// Linux man-pages 6, sections 2, 3 and 7 (netlink, socket); ENOBUFS of recvmsg and ECONNREFUSED of
// sendto are those of netlink.
const std::vector<CallFaults>& call_faults() {
  static const std::vector<CallFaults> all = {
      {"socket",
       {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTONOSUPPORT}},
      {"bind",
       {EACCES, EADDRINUSE, EADDRNOTAVAIL, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT,
        ENOMEM, ENOTDIR, ENOTSOCK, EPERM, EROFS}},
      {"connect",
       {EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF, ECONNREFUSED,
        EFAULT, EINPROGRESS, EINTR, EISCONN, ENETUNREACH, ENOTSOCK, EPERM, EPROTOTYPE, ETIMEDOUT}},
      {"getsockname", {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK}},
      {"setsockopt", {EBADF, EFAULT, EINVAL, ENOMEM, ENOPROTOOPT, ENOTSOCK, EPERM}},
      {"getsockopt", {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK}},
      {"sendto",
       {EACCES, EAGAIN, EALREADY, EBADF, ECONNREFUSED, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR,
        EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE}},
      {"recvmsg",
       {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK}},
      {"recvmmsg",
       {EAGAIN, EBADF, ECONNREFUSED, EFAULT, EINTR, EINVAL, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK},
       true},
      // The descriptor is closed all the same.
      {"close", {EBADF, EDQUOT, EINTR, EIO, ENOSPC}},
      {"poll", {EFAULT, EINTR, EINVAL, ENOMEM}, true},
      {"ppoll", {EFAULT, EINTR, EINVAL, ENOMEM}},
      {"nanosleep", {EFAULT, EINTR, EINVAL}},
      // Never for a clock that every kernel has, and a place on the stack.
      {"clock_gettime", {}},
      {"eventfd", {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}},
      // Not EAGAIN: those whose readers count on what they read wait for it.
      {"eventfd_read", {EINTR}},
      // Never: the count stays far below 2^64 - 2, where a write waits or fails.
      {"eventfd_write", {}},
      {"open", {EACCES, EAGAIN,  EBADF, EBUSY,      EDQUOT,       EEXIST, EFAULT, EFBIG,  EINTR,
                EINVAL, EISDIR,  ELOOP, EMFILE,     ENAMETOOLONG, ENFILE, ENODEV, ENOENT, ENOMEM,
                ENOSPC, ENOTDIR, ENXIO, EOPNOTSUPP, EOVERFLOW,    EPERM,  EROFS,  ETXTBSY}},
      {"read", {EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR}, true},
      {"write",
       {EAGAIN, EBADF, EDESTADDRREQ, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM,
        EPIPE},
       true},
      {"readlinkat",
       {EACCES, EBADF, EFAULT, EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR},
       true},
      {"fstatfs", {EBADF, EFAULT, EINTR, EIO, ENOMEM, ENOSYS, EOVERFLOW}},
      {"statx", {EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR}},
      {"setns", {EBADF, EINVAL, ENOMEM, EPERM, ESRCH}},
      {"pthread_create", {EAGAIN, EINVAL, EPERM}},
      // Never: each mutex is unlocked by the thread that has locked it.
      {"pthread_mutex_unlock", {}},
      {"malloc", {ENOMEM}},
  };
  return all;
}

std::vector<std::string> scripted_calls() {
  std::vector<std::string> all;
  std::istringstream names(SCRIPTED_CALLS);
  for (std::string name; names >> name;) all.push_back(name);
  return all;
}

}  // namespace conntrack::test
