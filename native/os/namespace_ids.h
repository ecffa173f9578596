// The ids by which a network namespace knows others: events of other namespaces carry them.
#pragma once

#include <memory>

#include "os/netlink_socket.h"

namespace conntrack {

struct NamespaceId {
  Failure failure;     // there is no network namespace at the path, or it may not be opened
  uint64_t inode = 0;  // as in net:[4026531840]
  int32_t id = -1;     // -1: none
};

class NamespaceIds {
 public:
  // Opens its socket in the network namespace of the calling thread, whose ids they then are.
  Failure open();

  // On any thread, one at a time. `path`: a file such as /proc/<pid>/ns/net. A failure is one of
  // the socket. The kernel answers at once, or never (ETIMEDOUT).
  Failure look_up(const char* path, NamespaceId& out);

 private:
  NetlinkSocket socket_;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace conntrack
