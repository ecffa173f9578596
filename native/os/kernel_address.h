// The kernel's end of a netlink socket.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include "os/fd.h"

namespace conntrack {

// No other process can send to a socket that is connected to the kernel
// (netlink_getsockbyportid): none can fill its receive buffer, in which answers and events
// would then have no room. Multicasts still come from anywhere, and where this is refused
// everything does: is_kernel() tells who has sent.
inline bool connect_to_kernel(const Fd& socket) {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) == 0;
}

inline bool is_kernel(const sockaddr_nl& sender, socklen_t size) {
  return size == sizeof sender && sender.nl_family == AF_NETLINK && sender.nl_pid == 0;
}

}  // namespace conntrack
