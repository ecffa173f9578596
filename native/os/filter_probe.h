// Which filters of dumps the running kernel has. Found out by asking for what only a
// kernel that has them answers in a certain way; nothing is changed by it.
#pragma once

#include "os/netlink_socket.h"

namespace conntrack {

struct FilterSupport {
  // refused: with the whole dump that asks for it, so that nothing may ask.
  enum Answer : uint8_t { no, yes, refused, unknown };

  Answer tuple = unknown;   // CTA_FILTER, Linux 5.8
  Answer status = unknown;  // CTA_STATUS and CTA_STATUS_MASK, Linux 5.15
  Answer zone = unknown;    // CTA_ZONE, Linux 6.8; unknown when no entry has zone 0
};

class FilterProbe {
 public:
  // Opens its sockets, one for each dump, in the network namespace of the calling thread.
  Failure open();

  // From any thread, once. The kernel answers at once, or never (ETIMEDOUT): the event loop
  // may wait for it.
  Failure run(FilterSupport& support);

 private:
  NetlinkSocket tuple_;
  NetlinkSocket status_;
  NetlinkSocket zone_;
};

}  // namespace conntrack
