// The nests that nearly every message has, exactly as the kernel writes them
// (6.18): the headers of their attributes, and where the values stand. Whatever
// else comes is walked attribute by attribute, to the same result.
#pragma once

#include "wire/byte_reader.h"

namespace conntrack::shapes {

using namespace uapi;

constexpr uint16_t nested(uint16_t type) { return NLA_F_NESTED | type; }

// CTA_TUPLE_* of a protocol with ports.
struct Ipv4Ports {
  static constexpr size_t size = 48;
  static constexpr AttributeHeader headers[] = {
      {0, 20, nested(CTA_TUPLE_IP)},     {4, 8, CTA_IP_V4_SRC},  {12, 8, CTA_IP_V4_DST},
      {20, 28, nested(CTA_TUPLE_PROTO)}, {24, 5, CTA_PROTO_NUM}, {32, 6, CTA_PROTO_SRC_PORT},
      {40, 6, CTA_PROTO_DST_PORT},
  };
  static constexpr uint8_t family = FAMILY_IPV4;
  static constexpr size_t address_size = 4;
  static constexpr size_t source = 8;
  static constexpr size_t destination = 16;
  static constexpr size_t protocol = 28;
  static constexpr size_t source_port = 36;
  static constexpr size_t destination_port = 44;
};

struct Ipv6Ports {
  static constexpr size_t size = 72;
  static constexpr AttributeHeader headers[] = {
      {0, 44, nested(CTA_TUPLE_IP)},     {4, 20, CTA_IP_V6_SRC}, {24, 20, CTA_IP_V6_DST},
      {44, 28, nested(CTA_TUPLE_PROTO)}, {48, 5, CTA_PROTO_NUM}, {56, 6, CTA_PROTO_SRC_PORT},
      {64, 6, CTA_PROTO_DST_PORT},
  };
  static constexpr uint8_t family = FAMILY_IPV6;
  static constexpr size_t address_size = 16;
  static constexpr size_t source = 8;
  static constexpr size_t destination = 28;
  static constexpr size_t protocol = 52;
  static constexpr size_t source_port = 60;
  static constexpr size_t destination_port = 68;
};

// CTA_PROTOINFO.
struct Tcp {
  static constexpr size_t size = 44;
  static constexpr AttributeHeader headers[] = {
      {0, 44, nested(CTA_PROTOINFO_TCP)},         {4, 5, CTA_PROTOINFO_TCP_STATE},
      {12, 5, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL}, {20, 5, CTA_PROTOINFO_TCP_WSCALE_REPLY},
      {28, 6, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL},  {36, 6, CTA_PROTOINFO_TCP_FLAGS_REPLY},
  };
  static constexpr size_t state = 8;
  static constexpr size_t original_window_scale = 16;
  static constexpr size_t reply_window_scale = 24;
  static constexpr size_t original_flags = 32;
  static constexpr size_t reply_flags = 40;
};

// CTA_COUNTERS_*.
struct Counters {
  static constexpr size_t size = 24;
  static constexpr AttributeHeader headers[] = {
      {0, 12, CTA_COUNTERS_PACKETS},
      {12, 12, CTA_COUNTERS_BYTES},
  };
  static constexpr size_t packets = 4;
  static constexpr size_t bytes = 16;
};

// CTA_SYNPROXY.
struct Synproxy {
  static constexpr size_t size = 24;
  static constexpr AttributeHeader headers[] = {
      {0, 8, CTA_SYNPROXY_ISN},
      {8, 8, CTA_SYNPROXY_ITS},
      {16, 8, CTA_SYNPROXY_TSOFF},
  };
  static constexpr size_t initial_sequence = 4;
  static constexpr size_t initial_timestamp = 12;
  static constexpr size_t timestamp_offset = 20;
};

}  // namespace conntrack::shapes
