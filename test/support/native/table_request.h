// Requests that create, change and delete entries.
#pragma once

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct Endpoint {
  uint8_t address[16];
  uint16_t port;
};

// Writes one request into zeroed memory.
class Request {
 public:
  Request(uint8_t* at, uint16_t type, uint16_t flags, uint8_t family)
      : at_(at), size_(NLMSG_LENGTH(sizeof(nfgenmsg))) {
    auto* header = reinterpret_cast<nlmsghdr*>(at);
    header->nlmsg_type = static_cast<uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
    header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    static_cast<nfgenmsg*>(NLMSG_DATA(header))->nfgen_family = family;
  }

  size_t finish() {
    reinterpret_cast<nlmsghdr*>(at_)->nlmsg_len = static_cast<uint32_t>(size_);
    return size_;
  }

  void tuple(uint16_t type, bool ipv6, const Endpoint& from, const Endpoint& to,
             uint8_t protocol = IPPROTO_UDP) {
    const size_t address = ipv6 ? 16 : 4;
    const size_t tuple = begin(type);
    const size_t addresses = begin(CTA_TUPLE_IP);
    put(ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, from.address, address);
    put(ipv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, to.address, address);
    end(addresses);
    const size_t transport = begin(CTA_TUPLE_PROTO);
    put(CTA_PROTO_NUM, &protocol, sizeof protocol);
    port(CTA_PROTO_SRC_PORT, from.port);
    port(CTA_PROTO_DST_PORT, to.port);
    end(transport);
    end(tuple);
  }

  void integer(uint16_t type, uint32_t value) {
    value = htonl(value);
    put(type, &value, sizeof value);
  }

  void port(uint16_t type, uint16_t value) {
    value = htons(value);
    put(type, &value, sizeof value);
  }

  void put(uint16_t type, const void* value, size_t size) {
    const size_t start = begin(type);
    memcpy(at_ + size_, value, size);
    size_ += size;
    end(start);
    size_ = start + NLA_ALIGN(size_ - start);
  }

  size_t begin(uint16_t type) {
    reinterpret_cast<nlattr*>(at_ + size_)->nla_type = type;
    size_ += NLA_HDRLEN;
    return size_ - NLA_HDRLEN;
  }

  void end(size_t start) {
    reinterpret_cast<nlattr*>(at_ + start)->nla_len = static_cast<uint16_t>(size_ - start);
  }

 private:
  uint8_t* const at_;
  size_t size_;
};
