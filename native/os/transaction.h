// Requests and their answers.
#pragma once

#include "os/netlink_socket.h"
#include "os/silence.h"

namespace conntrack {

// Takes the answers: each message that answers the request with this index, and is of its type.
// Returns 0, or an errno: EBADMSG when it cannot be understood.
struct Expected {
  int (*take)(size_t request, const Message& message, void* context);
  void* context;
  // Takes the events of requests with NLM_F_ECHO, in the order of the requests. They have no
  // number.
  void (*echo)(const Message& message, void* context) = nullptr;
};

// A datagram of requests that is under way.
struct Exchange {
  bool sent = false;
  bool lost = false;     // an answer found no room in the receive buffer
  bool refused = false;  // EPERM for the first request, and nothing yet for another
  size_t left = 0;       // requests of a batch without an answer that must come
  Silence silence;
};

// One message, or those of a dump, to its end.
enum class Answers : bool { one, many };

// Sends the request, and reads its answers: messages of `type`. `buffer` has receive_buffer_size
// bytes.
//
// False when the kernel has said nothing for Silence::wait, or much: then it must be called
// again, with the same arguments. (The real kernel answers before send() returns.) One that
// stays silent will never answer (ETIMEDOUT).
bool transact(Exchange& exchange, NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
              uint16_t type, Answers answers, const Expected& expected, Failure& failure);

// How each request of a batch ended.
struct BatchAnswers {
  enum State : uint8_t { none, done, failed };

  State states[RequestBatch::capacity] = {};
  Failure failures[RequestBatch::capacity];  // of those that failed
};

// The same for a batch. The answers may come in any order; a request that is answered by silence
// is done when a later one is answered, and no answer was lost. `failure` is that of all requests
// that have no answer.
bool transact(Exchange& exchange, NetlinkSocket& socket, RequestBatch& batch, Inbox& inbox,
              const Expected& expected, BatchAnswers& answers, Failure& failure);

// Derives, from the answers so far, the end of requests that have none. A caller that stops
// before transact() has ended calls it.
void conclude(const Exchange& exchange, const RequestBatch& batch, BatchAnswers& answers);

}  // namespace conntrack
