#include "answering.h"

#include <errno.h>
#include <linux/netlink.h>

#include <cstring>

namespace conntrack::test {

namespace {

constexpr size_t aligned(size_t size) { return (size + 3) & ~size_t{3}; }

template <typename Visit>
void each_header(const Buffer& datagram, Visit visit) {
  for (size_t at = 0; at + sizeof(nlmsghdr) <= datagram.size();) {
    nlmsghdr header;
    memcpy(&header, datagram.data() + at, sizeof header);
    if (header.nlmsg_len < sizeof header) break;
    visit(at, header);
    at += aligned(header.nlmsg_len);
  }
}

Buffer addressed(const Buffer& datagram, uint32_t sequence, uint32_t port_id) {
  Buffer copy = datagram;
  each_header(datagram, [&](size_t at, nlmsghdr header) {
    header.nlmsg_seq = sequence;
    header.nlmsg_pid = port_id;
    memcpy(copy.data() + at, &header, sizeof header);
  });
  return copy;
}

// NLMSG_ERROR, as a socket with NETLINK_CAP_ACK gets it.
Buffer error_message(const nlmsghdr& request, int error) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } message = {};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NLMSG_ERROR;
  message.header.nlmsg_flags = NLM_F_CAPPED;
  message.error.error = -error;
  message.error.msg = request;
  const auto* start = reinterpret_cast<const uint8_t*>(&message);
  return Buffer(start, start + sizeof message);
}

}  // namespace

const Answering::Rule* Answering::rule_for(uint16_t type, uint16_t flags) const {
  for (const Rule& rule : rules_) {
    if (rule.type == type && (flags & rule.flags) == rule.flags) return &rule;
  }
  return nullptr;
}

void Answering::take(uint32_t port_id, const Buffer& datagram,
                     const std::function<void(const Buffer&)>& send) {
  each_header(datagram, [&](size_t, const nlmsghdr& request) {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      taken_.push_back({request.nlmsg_type, request.nlmsg_flags});
    }
    const Rule* rule = rule_for(request.nlmsg_type, request.nlmsg_flags);
    const bool acknowledges = (request.nlmsg_flags & NLM_F_ACK) != 0;
    const bool dumps = (request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (rule) {
      for (const Buffer& answer : rule->datagrams) {
        send(addressed(answer, request.nlmsg_seq, port_id));
      }
    } else if (!acknowledges) {
      send(addressed(error_message(request, ENOENT), request.nlmsg_seq, port_id));
    }
    if (acknowledges && !(rule && dumps))
      send(addressed(error_message(request, 0), request.nlmsg_seq, port_id));
  });
}

std::vector<Answering::Taken> Answering::taken() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return std::move(taken_);
}

}  // namespace conntrack::test
