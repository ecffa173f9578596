#include "wire/encode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;
using Nest = RequestWriter::Nest;

void put_addresses(RequestWriter& out, const TupleRecord& tuple) {
  const bool ipv6 = tuple.family == FAMILY_IPV6;
  const size_t size = ipv6 ? 16 : 4;
  Nest nest(out, CTA_TUPLE_IP);
  out.bytes(ipv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, {tuple.source, size});
  out.bytes(ipv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, {tuple.destination, size});
}

void put_transport(RequestWriter& out, const TupleRecord& tuple) {
  const bool icmpv6 = tuple.protocol == IPPROTO_ICMPV6;
  const uint32_t present = tuple.present;
  const bool source = (present & (TUPLE_SOURCE_PORT | TUPLE_SOURCE_KEY)) != 0;
  const bool destination = (present & (TUPLE_DESTINATION_PORT | TUPLE_DESTINATION_KEY)) != 0;
  Nest nest(out, CTA_TUPLE_PROTO);
  out.byte(CTA_PROTO_NUM, tuple.protocol);
  if (source) out.integer(CTA_PROTO_SRC_PORT, tuple.source_port);
  if (destination) out.integer(CTA_PROTO_DST_PORT, tuple.destination_port);
  if (present & TUPLE_ICMP_ID) {
    out.integer(icmpv6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, tuple.icmp_id);
  }
  if (present & TUPLE_ICMP_TYPE) {
    out.byte(icmpv6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, tuple.icmp_type);
  }
  if (present & TUPLE_ICMP_CODE) {
    out.byte(icmpv6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, tuple.icmp_code);
  }
}

}  // namespace

void put_tuple(RequestWriter& out, uint16_t type, const TupleRecord& tuple) {
  Nest nest(out, type);
  put_addresses(out, tuple);
  put_transport(out, tuple);
  if (tuple.present & TUPLE_ZONE) out.integer(CTA_TUPLE_ZONE, tuple.zone);
}

}  // namespace conntrack
