// A seccomp filter for this process, from the bytes of its instructions.
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Puts every thread of the process under the filter. Returns 0 or an errno. */
inline int confine(const void* instructions, size_t bytes) {
  // The kernel only reads them.
  auto* first = const_cast<sock_filter*>(static_cast<const sock_filter*>(instructions));
  const sock_fprog program = {static_cast<unsigned short>(bytes / sizeof(sock_filter)), first};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  const long result =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (result > 0) return ESRCH;  // a thread that has a filter of its own
  return result == 0 ? 0 : errno;
}
