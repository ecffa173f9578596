// What the programs of this folder share: a socket, answers, and entries to try requests on.
//
// Each tries one thing in an empty network namespace, prints what the kernel did, and exits with 0
// if that is the fault, with 1 if the kernel does right, and with 2 if it could not be tried.
#pragma once

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "table_request.h"

// CTA_FILTER (Linux 5.8), its attributes, and its bits, which no header for programs has.
constexpr uint16_t filter_attribute = 25;
constexpr uint16_t filter_of_original = 1;
constexpr uint32_t filter_source_address = 0x001;
constexpr uint32_t filter_protocol = 0x008;
constexpr uint32_t filter_source_port = 0x010;

[[noreturn]] inline void fail(const char* what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  exit(2);
}

[[noreturn]] inline void conclude(bool is_fault) { exit(is_fault ? 0 : 1); }

inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

// The attribute of this type among those of a message or of a nest.
inline const nlattr* find(const void* first, size_t size, uint16_t type) {
  const auto* at = static_cast<const uint8_t*>(first);
  while (size >= NLA_HDRLEN) {
    const auto* one = reinterpret_cast<const nlattr*>(at);
    if (one->nla_len < NLA_HDRLEN || one->nla_len > size) break;
    if ((one->nla_type & NLA_TYPE_MASK) == type) return one;
    const size_t step = least(size, NLA_ALIGN(one->nla_len));
    at += step;
    size -= step;
  }
  return nullptr;
}

inline const uint8_t* payload(const nlattr* one) {
  return reinterpret_cast<const uint8_t*>(one) + NLA_HDRLEN;
}

inline const nlattr* find(const nlmsghdr* message, uint16_t type) {
  const size_t before = NLMSG_LENGTH(sizeof(nfgenmsg));
  return find(reinterpret_cast<const uint8_t*>(message) + before, message->nlmsg_len - before,
              type);
}

inline const nlattr* find(const nlattr* nest, uint16_t type) {
  return nest == nullptr
             ? nullptr
             : find(payload(nest), static_cast<size_t>(nest->nla_len) - NLA_HDRLEN, type);
}

inline uint32_t integer_of(const nlattr* one) {
  uint32_t value = 0;
  if (one != nullptr) memcpy(&value, payload(one), sizeof value);
  return ntohl(value);
}

class Kernel {
 public:
  // An answer did not come in this time.
  static constexpr int silent = -1;

  Kernel() : fd_(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER)) {
    if (fd_ < 0) fail("socket", errno);
    const timeval longest = {1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel() { close(fd_); }

  // Sends a request, and calls `visit` with each message of the answer. Returns the error that ends
  // it, 0 for an ack or the end of a dump, or `silent`.
  template <typename Visit>
  int ask(Request& request, const uint8_t* bytes, Visit visit) {
    if (send(fd_, bytes, request.finish(), 0) < 0) fail("send", errno);
    for (;;) {
      const ssize_t size = recv(fd_, answer_, sizeof answer_, 0);
      if (size < 0) return silent;
      auto left = static_cast<size_t>(size);
      for (const uint8_t* at = answer_; left >= sizeof(nlmsghdr);) {
        const auto* message = reinterpret_cast<const nlmsghdr*>(at);
        if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > left) break;
        if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
          int32_t error;
          memcpy(&error, NLMSG_DATA(message), sizeof error);
          return -error;
        }
        visit(message);
        const size_t step = least(left, NLMSG_ALIGN(message->nlmsg_len));
        at += step;
        left -= step;
      }
    }
  }

  int ask(Request& request, const uint8_t* bytes) {
    return ask(request, bytes, [](const nlmsghdr*) {});
  }

 private:
  const int fd_;
  alignas(nlmsghdr) uint8_t answer_[65536];
};

// A request is written here.
using Bytes = uint8_t[512];

struct Flow {
  bool ipv6;
  uint8_t protocol;
  Endpoint from;
  Endpoint to;
};

// 10.0.0.1 or fd00::1, with another number in the place of 1.
inline Endpoint endpoint(bool ipv6, uint8_t number, uint16_t port) {
  Endpoint one = {{}, port};
  one.address[0] = ipv6 ? 0xfd : 10;
  one.address[ipv6 ? 15 : 3] = number;
  return one;
}

inline void name(Request& request, const Flow& flow) {
  request.tuple(CTA_TUPLE_ORIG, flow.ipv6, flow.from, flow.to, flow.protocol);
}

inline uint8_t family_of(const Flow& flow) { return flow.ipv6 ? AF_INET6 : AF_INET; }

inline void create(Kernel& kernel, const Flow& flow) {
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, family_of(flow));
  name(request, flow);
  request.tuple(CTA_TUPLE_REPLY, flow.ipv6, flow.to, flow.from, flow.protocol);
  request.integer(CTA_TIMEOUT, 1000);
  request.integer(CTA_STATUS, IPS_CONFIRMED);
  const int error = kernel.ask(request, bytes);
  if (error != 0) fail("an entry could not be created", error);
}

inline void create_three(Kernel& kernel) {
  for (uint8_t number = 1; number <= 3; number++) {
    create(kernel, {false, IPPROTO_UDP, endpoint(false, number, 1000), endpoint(false, 9, 53)});
  }
}

// Calls `visit` with the entry.
template <typename Visit>
int get(Kernel& kernel, const Flow& flow, Visit visit) {
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_GET, NLM_F_ACK, family_of(flow));
  name(request, flow);
  return kernel.ask(request, bytes, visit);
}

inline unsigned count(Kernel& kernel) {
  unsigned entries = 0;
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
  const int error = kernel.ask(request, bytes, [&](const nlmsghdr*) { entries++; });
  if (error != 0) fail("the table could not be read", error);
  return entries;
}

// A dump that asks for the entries whose original tuple has these fields of a flow.
template <typename Visit>
void dump_matching(Kernel& kernel, const Flow& flow, uint32_t fields, Visit visit) {
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family_of(flow));
  name(request, flow);
  const size_t filter = request.begin(filter_attribute | NLA_F_NESTED);
  request.put(filter_of_original, &fields, sizeof fields);
  request.end(filter);
  const int error = kernel.ask(request, bytes, visit);
  if (error != 0) fail("the kernel takes no filter", error);
}
