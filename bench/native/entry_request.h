// Requests about the entries that the benchmark makes: three TCP entries to one UDP, 60,000 a
// source address from 10.0.0.0 up, all to one destination, assured, with a mark.
#pragma once

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdint.h>

#include "common.h"

enum { request_room = 512, tcp_established = 3 };

struct endpoint {
  uint32_t address;
  uint16_t port;
};

static inline void put(struct nlmsghdr* request, uint16_t type, const void* value, size_t size) {
  struct nlattr* attribute = (struct nlattr*)((char*)request + request->nlmsg_len);
  attribute->nla_type = type;
  attribute->nla_len = (uint16_t)(NLA_HDRLEN + size);
  memset(attribute + 1, 0, NLA_ALIGN(size));
  memcpy(attribute + 1, value, size);
  request->nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + size);
}

static inline void put_u8(struct nlmsghdr* request, uint16_t type, uint8_t value) {
  put(request, type, &value, sizeof value);
}

static inline void put_u16(struct nlmsghdr* request, uint16_t type, uint16_t value) {
  value = htons(value);
  put(request, type, &value, sizeof value);
}

static inline void put_u32(struct nlmsghdr* request, uint16_t type, uint32_t value) {
  value = htonl(value);
  put(request, type, &value, sizeof value);
}

static inline struct nlattr* nest(struct nlmsghdr* request, uint16_t type) {
  struct nlattr* attribute = (struct nlattr*)((char*)request + request->nlmsg_len);
  put(request, type | NLA_F_NESTED, "", 0);
  return attribute;
}

static inline void end_nest(struct nlmsghdr* request, struct nlattr* attribute) {
  attribute->nla_len = (uint16_t)((char*)request + request->nlmsg_len - (char*)attribute);
}

static inline void put_tuple(struct nlmsghdr* request, uint16_t type, uint8_t protocol,
                             struct endpoint source, struct endpoint destination) {
  struct nlattr* tuple = nest(request, type);
  struct nlattr* part = nest(request, CTA_TUPLE_IP);
  put_u32(request, CTA_IP_V4_SRC, source.address);
  put_u32(request, CTA_IP_V4_DST, destination.address);
  end_nest(request, part);
  part = nest(request, CTA_TUPLE_PROTO);
  put_u8(request, CTA_PROTO_NUM, protocol);
  put_u16(request, CTA_PROTO_SRC_PORT, source.port);
  put_u16(request, CTA_PROTO_DST_PORT, destination.port);
  end_nest(request, part);
  end_nest(request, tuple);
}

static inline void put_tcp(struct nlmsghdr* request) {
  const uint8_t flags = IP_CT_TCP_FLAG_SACK_PERM | IP_CT_TCP_FLAG_BE_LIBERAL;
  const struct nf_ct_tcp_flags both = {.flags = flags, .mask = flags};
  struct nlattr* info = nest(request, CTA_PROTOINFO);
  struct nlattr* tcp = nest(request, CTA_PROTOINFO_TCP);
  put_u8(request, CTA_PROTOINFO_TCP_STATE, tcp_established);
  put(request, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &both, sizeof both);
  put(request, CTA_PROTOINFO_TCP_FLAGS_REPLY, &both, sizeof both);
  end_nest(request, tcp);
  end_nest(request, info);
}

// Begins a request that names entry `number`.
static inline void begin_request(struct nlmsghdr* request, uint8_t type, uint16_t flags,
                                 uint32_t number) {
  *request = (struct nlmsghdr){
      .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
      .nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type),
      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
      .nlmsg_seq = number,
  };
  *(struct nfgenmsg*)NLMSG_DATA(request) = (struct nfgenmsg){.nfgen_family = AF_INET};
}

static inline bool is_tcp(uint32_t number) { return number % 4 != 3; }

static inline void put_direction(struct nlmsghdr* request, uint16_t type, uint32_t number) {
  const struct endpoint client = {0x0a000000 + number / 60000, (uint16_t)(1024 + number % 60000)};
  const struct endpoint server = {0x5db8d822, 443};
  const uint8_t protocol = is_tcp(number) ? IPPROTO_TCP : IPPROTO_UDP;
  const bool original = type == CTA_TUPLE_ORIG;
  put_tuple(request, type, protocol, original ? client : server, original ? server : client);
}

static inline void put_create(struct nlmsghdr* request, uint16_t flags, uint32_t number) {
  begin_request(request, IPCTNL_MSG_CT_NEW, flags | NLM_F_CREATE | NLM_F_EXCL, number);
  put_direction(request, CTA_TUPLE_ORIG, number);
  put_direction(request, CTA_TUPLE_REPLY, number);
  put_u32(request, CTA_TIMEOUT, 86400);
  put_u32(request, CTA_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
  put_u32(request, CTA_MARK, number % 7);
  if (is_tcp(number)) put_tcp(request);
}
