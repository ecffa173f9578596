// What messages about entries and about expectations have in common: inline,
// because a table is mostly tuples.
#pragma once

#include "wire/entry_record.h"
#include "wire/shapes.h"

namespace conntrack {

// Calls `take` for each attribute; false when one is refused or malformed.
template <typename Take>
inline bool each_attribute(Bytes attributes, Take take) {
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (!take(attribute)) return false;
  }
  return !reader.malformed();
}

inline bool count_unknown(uint16_t& count) {
  if (count != UINT16_MAX) count++;
  return true;
}

inline bool decode_text(Bytes payload, Bytes& field, uint16_t& length) {
  field = read_string(payload);
  if (field.size > max_string) return false;
  length = static_cast<uint16_t>(field.size);
  return true;
}

class TupleDecoder {
 public:
  TupleDecoder(TupleRecord& out, uint16_t& unknown_attributes)
      : out_(out), unknown_attributes_(unknown_attributes) {}

  bool decode(Bytes payload) {
    if (has_shape<shapes::Ipv4Ports>(payload)) return of_shape<shapes::Ipv4Ports>(payload);
    if (has_shape<shapes::Ipv6Ports>(payload)) return of_shape<shapes::Ipv6Ports>(payload);
    out_ = {};
    const bool complete = each_attribute(payload, [this](const Attribute& part) {
      switch (part.type) {
        case uapi::CTA_TUPLE_IP:
          return each_attribute(part.payload, [this](const Attribute& a) { return address(a); });
        case uapi::CTA_TUPLE_PROTO:
          return each_attribute(part.payload, [this](const Attribute& a) { return transport(a); });
        case uapi::CTA_TUPLE_ZONE:
          out_.present |= TUPLE_ZONE;
          return read_big_endian(part.payload, out_.zone);
        default:
          return unknown();
      }
    });
    name_keys();
    return complete && source_ && destination_ && protocol_;
  }

 private:
  static constexpr uint32_t ports = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;

  template <typename Shape>
  bool of_shape(Bytes payload) {
    out_ = {};
    out_.family = Shape::family;
    out_.present = ports;
    memcpy(out_.source, payload.data + Shape::source, Shape::address_size);
    memcpy(out_.destination, payload.data + Shape::destination, Shape::address_size);
    const bool complete = read_u8(payload, Shape::protocol, out_.protocol) &&
                          read_big_endian(payload, out_.source_port, Shape::source_port) &&
                          read_big_endian(payload, out_.destination_port, Shape::destination_port);
    name_keys();
    return complete;
  }

  // What is a key of GRE is known once the protocol is.
  void name_keys() {
    if (out_.protocol != uapi::IPPROTO_GRE) return;
    const uint32_t present = out_.present;
    out_.present &= ~ports;
    if (present & TUPLE_SOURCE_PORT) out_.present |= TUPLE_SOURCE_KEY;
    if (present & TUPLE_DESTINATION_PORT) out_.present |= TUPLE_DESTINATION_KEY;
  }

  bool unknown() { return count_unknown(unknown_attributes_); }

  bool address(const Attribute& a) {
    switch (a.type) {
      case uapi::CTA_IP_V4_SRC:
        return address_bytes<4>(a, out_.source, uapi::FAMILY_IPV4, source_);
      case uapi::CTA_IP_V4_DST:
        return address_bytes<4>(a, out_.destination, uapi::FAMILY_IPV4, destination_);
      case uapi::CTA_IP_V6_SRC:
        return address_bytes<16>(a, out_.source, uapi::FAMILY_IPV6, source_);
      case uapi::CTA_IP_V6_DST:
        return address_bytes<16>(a, out_.destination, uapi::FAMILY_IPV6, destination_);
      default:
        return unknown();
    }
  }

  // Two families in one tuple are no tuple.
  template <size_t Size>
  bool address_bytes(const Attribute& a, uint8_t (&field)[16], uint8_t family, bool& seen) {
    if (out_.family != uapi::FAMILY_UNSPECIFIED && out_.family != family) return false;
    if (a.payload.size < Size) return false;
    memcpy(field, a.payload.data, Size);
    out_.family = family;
    seen = true;
    return true;
  }

  bool transport(const Attribute& a) {
    switch (a.type) {
      case uapi::CTA_PROTO_NUM:
        protocol_ = true;
        return read_u8(a.payload, 0, out_.protocol);
      case uapi::CTA_PROTO_SRC_PORT:
        out_.present |= TUPLE_SOURCE_PORT;
        return read_big_endian(a.payload, out_.source_port);
      case uapi::CTA_PROTO_DST_PORT:
        out_.present |= TUPLE_DESTINATION_PORT;
        return read_big_endian(a.payload, out_.destination_port);
      case uapi::CTA_PROTO_ICMP_ID:
      case uapi::CTA_PROTO_ICMPV6_ID:
        out_.present |= TUPLE_ICMP_ID;
        return read_big_endian(a.payload, out_.icmp_id);
      case uapi::CTA_PROTO_ICMP_TYPE:
      case uapi::CTA_PROTO_ICMPV6_TYPE:
        out_.present |= TUPLE_ICMP_TYPE;
        return read_u8(a.payload, 0, out_.icmp_type);
      case uapi::CTA_PROTO_ICMP_CODE:
      case uapi::CTA_PROTO_ICMPV6_CODE:
        out_.present |= TUPLE_ICMP_CODE;
        return read_u8(a.payload, 0, out_.icmp_code);
      default:
        return unknown();
    }
  }

  TupleRecord& out_;
  uint16_t& unknown_attributes_;
  bool source_ = false;
  bool destination_ = false;
  bool protocol_ = false;
};

// False when it is malformed, or lacks an address or the protocol.
inline bool decode_tuple(Bytes payload, TupleRecord& out, uint16_t& unknown_attributes) {
  return TupleDecoder(out, unknown_attributes).decode(payload);
}

}  // namespace conntrack
