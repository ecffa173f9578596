// One request and its answer.
#pragma once

#include "os/netlink_socket.h"

namespace conntrack {

// What to make of the answer: called for each message of `type`, at least once
// unless `type` is 0, which stands for an answer that is an ack alone. Returns
// false when the message cannot be understood.
struct Expected {
  uint16_t type;
  bool (*take)(const Message& message, void* context);
  void* context;
};

// Sends the request, which must ask for an ack, and reads until the ack. The
// kernel answers before send() returns; one that says nothing for a second
// (ETIMEDOUT) never will. `buffer` has receive_buffer_size bytes.
Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
                 const Expected& expected);

}  // namespace conntrack
