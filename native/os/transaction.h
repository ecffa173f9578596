// Requests and their answers.
#pragma once

#include "os/netlink_socket.h"
#include "os/silence.h"

namespace conntrack {

// What to make of the answers: called for each message of `type` that answers the
// request with this index. Returns 0, or an errno: EBADMSG when it cannot be understood.
struct Expected {
  uint16_t type;  // 0: the answer is an ack alone
  int (*take)(size_t request, const Message& message, void* context);
  void* context;
};

// A datagram of requests that is under way.
struct Exchange {
  bool sent = false;
  bool answered = false;  // by a message of the expected type
  bool lost = false;      // an answer found no room in the receive buffer
  size_t left = 0;        // requests of a batch without an end
  Silence silence;
};

// Sends the request, which must ask for an ack or for a dump, and reads until its end. An ack
// must be preceded by a message of the expected type. `buffer` has receive_buffer_size bytes.
//
// False when the kernel has said nothing for Silence::wait, or much: then it must be called
// again, with the same arguments. (The real kernel answers before send() returns.) One that
// stays silent will never answer (ETIMEDOUT).
bool transact(Exchange& exchange, NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
              const Expected& expected, Failure& failure);

// How each request of a batch ended.
struct BatchAnswers {
  enum State : uint8_t { none, done, failed };

  State states[RequestBatch::capacity] = {};
  Failure failures[RequestBatch::capacity];  // of those that failed
};

// The same for a batch, whose requests must ask for acks; they may come in any order. `failure`
// is that of all requests that have no answer.
bool transact(Exchange& exchange, NetlinkSocket& socket, RequestBatch& batch, uint8_t* buffer,
              const Expected& expected, BatchAnswers& answers, Failure& failure);

}  // namespace conntrack
