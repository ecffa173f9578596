// One request and its answer.
#pragma once

#include "os/netlink_socket.h"

namespace conntrack {

// Called for each message of the answer that is no ack and no error; false when
// it cannot be understood.
using TakeAnswer = bool (*)(const Message& message, void* context);

// Sends the request, which must ask for an ack, and reads until the ack. The
// kernel answers before send() returns; one that says nothing for a second
// (ETIMEDOUT) never will. `buffer` has receive_buffer_size bytes.
Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer, TakeAnswer take,
                 void* context);

}  // namespace conntrack
