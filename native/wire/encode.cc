#include "wire/encode.h"

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
  const uint16_t present = tuple.present;
  Nest nest(out, CTA_TUPLE_PROTO);
  out.byte(CTA_PROTO_NUM, tuple.protocol);
  if (present & TUPLE_SOURCE_PORT) out.integer(CTA_PROTO_SRC_PORT, tuple.source_port);
  if (present & TUPLE_DESTINATION_PORT) out.integer(CTA_PROTO_DST_PORT, tuple.destination_port);
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

void put_tuple(RequestWriter& out, uint16_t type, const TupleRecord& tuple) {
  Nest nest(out, type);
  put_addresses(out, tuple);
  put_transport(out, tuple);
  if (tuple.present & TUPLE_ZONE) out.integer(CTA_TUPLE_ZONE, tuple.zone);
}

void put_tcp(RequestWriter& out, const EntryRecord& record) {
  const TcpRecord& tcp = record.info.tcp;
  const uint8_t original[2] = {tcp.original_flags, tcp.original_flags_mask};
  const uint8_t reply[2] = {tcp.reply_flags, tcp.reply_flags_mask};
  Nest nest(out, CTA_PROTOINFO_TCP);
  out.byte(CTA_PROTOINFO_TCP_STATE, record.state);
  if (record.present & ENTRY_TCP_ORIGINAL_WINDOW_SCALE) {
    out.byte(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp.original_window_scale);
  }
  if (record.present & ENTRY_TCP_REPLY_WINDOW_SCALE) {
    out.byte(CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp.reply_window_scale);
  }
  if (record.present & ENTRY_TCP_ORIGINAL_FLAGS) {
    out.bytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, {original, sizeof original});
  }
  if (record.present & ENTRY_TCP_REPLY_FLAGS) {
    out.bytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, {reply, sizeof reply});
  }
}

void put_sctp(RequestWriter& out, const EntryRecord& record) {
  Nest nest(out, CTA_PROTOINFO_SCTP);
  out.byte(CTA_PROTOINFO_SCTP_STATE, record.state);
  out.integer(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, record.info.sctp.original_tag);
  out.integer(CTA_PROTOINFO_SCTP_VTAG_REPLY, record.info.sctp.reply_tag);
}

void put_protocol_info(RequestWriter& out, const EntryRecord& record) {
  if (record.present & ENTRY_TCP_STATE) {
    Nest nest(out, CTA_PROTOINFO);
    put_tcp(out, record);
  } else if (record.present & ENTRY_SCTP_STATE) {
    Nest nest(out, CTA_PROTOINFO);
    put_sctp(out, record);
  }
}

void put_sequence_adjust(RequestWriter& out, uint16_t type, const SequenceAdjustRecord& adjust) {
  Nest nest(out, type);
  out.integer(CTA_SEQADJ_CORRECTION_POS, adjust.correction_position);
  out.integer(CTA_SEQADJ_OFFSET_BEFORE, adjust.offset_before);
  out.integer(CTA_SEQADJ_OFFSET_AFTER, adjust.offset_after);
}

void put_synproxy(RequestWriter& out, const SynproxyRecord& synproxy) {
  Nest nest(out, CTA_SYNPROXY);
  out.integer(CTA_SYNPROXY_ISN, synproxy.initial_sequence);
  out.integer(CTA_SYNPROXY_ITS, synproxy.initial_timestamp);
  out.integer(CTA_SYNPROXY_TSOFF, synproxy.timestamp_offset);
}

// Always all 16 bytes and a full mask: a shorter write zeroes the rest (6.18).
void put_labels(RequestWriter& out, const uint8_t (&labels)[16]) {
  uint8_t words[16];
  uint8_t mask[16];
  memset(mask, 0xff, sizeof mask);
  for (size_t i = 0; i < sizeof labels; i++) {
    words[label_byte(i)] = labels[i];
  }
  out.bytes(CTA_LABELS, {words, sizeof words});
  out.bytes(CTA_LABELS_MASK, {mask, sizeof mask});
}

}  // namespace

RequestWriter encode_dump(uint8_t family, bool zero_counters) {
  return RequestWriter(zero_counters ? MESSAGE_GET_CTRZERO : MESSAGE_GET, NLM_F_DUMP, family);
}

RequestWriter encode_get(const EntryRecord& record) {
  const bool original = (record.present & ENTRY_ORIGINAL) != 0;
  const TupleRecord& tuple = original ? record.original : record.reply;
  RequestWriter out(MESSAGE_GET, NLM_F_ACK, tuple.family);
  put_tuple(out, original ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, tuple);
  if (record.present & ENTRY_ZONE) out.integer(CTA_ZONE, record.zone);
  return out;
}

RequestWriter encode_get_entry_count() {
  return RequestWriter(MESSAGE_GET_STATS, NLM_F_ACK, FAMILY_UNSPECIFIED);
}

RequestWriter encode_create(const EntryRecord& record, const Extension& extension) {
  const uint32_t present = record.present;
  RequestWriter out(MESSAGE_NEW, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, record.original.family);
  put_tuple(out, CTA_TUPLE_ORIG, record.original);
  put_tuple(out, CTA_TUPLE_REPLY, record.reply);
  if (present & ENTRY_ZONE) out.integer(CTA_ZONE, record.zone);
  if (present & ENTRY_TIMEOUT) out.integer(CTA_TIMEOUT, record.timeout);
  if (present & ENTRY_STATUS) out.integer(CTA_STATUS, record.status);
  if (present & ENTRY_MARK) out.integer(CTA_MARK, record.mark);
  put_protocol_info(out, record);
  if (present & ENTRY_MASTER) put_tuple(out, CTA_TUPLE_MASTER, extension.record.master);
  if (present & ENTRY_HELPER) {
    Nest nest(out, CTA_HELP);
    out.string(CTA_HELP_NAME, extension.helper);
  }
  if (present & ENTRY_LABELS) put_labels(out, extension.record.labels);
  if (present & ENTRY_ORIGINAL_SEQUENCE_ADJUST) {
    put_sequence_adjust(out, CTA_SEQ_ADJ_ORIG, extension.record.original_sequence_adjust);
  }
  if (present & ENTRY_REPLY_SEQUENCE_ADJUST) {
    put_sequence_adjust(out, CTA_SEQ_ADJ_REPLY, extension.record.reply_sequence_adjust);
  }
  if (present & ENTRY_SYNPROXY) {
    const bool zero = (present & ENTRY_SYNPROXY_NOT_ZERO) == 0;
    put_synproxy(out, zero ? SynproxyRecord{} : extension.record.synproxy);
  }
  return out;
}

}  // namespace conntrack
