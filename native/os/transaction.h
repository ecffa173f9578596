// Requests and their answers.
#pragma once

#include "os/netlink_socket.h"

namespace conntrack {

// What to make of the answers: called for each message of `type` that answers the
// request with this index. Returns false when the message cannot be understood.
struct Expected {
  uint16_t type;  // 0: the answer is an ack alone
  bool (*take)(size_t request, const Message& message, void* context);
  void* context;
};

// Sends the request, which must ask for an ack or for a dump, and reads until its
// end. An ack must be preceded by a message of the expected type. The kernel answers
// before send() returns; one that says nothing for a second (ETIMEDOUT) never will.
// `buffer` has receive_buffer_size bytes.
Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
                 const Expected& expected);

// How each request of a batch ended.
struct BatchAnswers {
  enum State : uint8_t { none, done, failed };

  State states[RequestBatch::capacity] = {};
  Failure failures[RequestBatch::capacity];  // of those that failed
};

// The same for a batch, whose requests must ask for acks; they may come in any order.
// What it returns has failed for all requests that have no answer.
Failure transact(NetlinkSocket& socket, RequestBatch& batch, uint8_t* buffer,
                 const Expected& expected, BatchAnswers& answers);

}  // namespace conntrack
