// The kernel's side of requests, without a thread: each is answered before its sendto() returns, as
// the real kernel does it.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "message_builder.h"

namespace conntrack::test {

class Answering {
 public:
  // The datagrams that answer a request. Each message in them gets the number of the request, and
  // the port id of the socket.
  struct Rule {
    uint16_t type;
    uint16_t flags;  // that a request of the rule has
    std::vector<Buffer> datagrams;
  };
  // A request that was taken.
  struct Taken {
    uint16_t type;
    uint16_t flags;
  };

  // The first rule that fits answers. A request without one does not exist (ENOENT), unless it
  // asks for an ack alone. An ack follows where one is asked for.
  explicit Answering(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  // All requests of a datagram, which came from this port id; `send` sends a datagram to it.
  void take(uint32_t port_id, const Buffer& datagram,
            const std::function<void(const Buffer&)>& send);
  // Those since the last call.
  std::vector<Taken> taken();

 private:
  const Rule* rule_for(uint16_t type, uint16_t flags) const;

  const std::vector<Rule> rules_;
  std::mutex mutex_;
  std::vector<Taken> taken_;
};

}  // namespace conntrack::test
