#include "wire/encode.h"

#include "wire/encode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;
using Nest = RequestWriter::Nest;

void put_tcp(RequestWriter& out, const EntryRecord& record) {
  const TcpRecord& tcp = record.info.tcp;
  const uint8_t original[2] = {tcp.original_flags, tcp.original_flags_mask};
  const uint8_t reply[2] = {tcp.reply_flags, tcp.reply_flags_mask};
  const auto has = [&record](uint32_t present) { return (record.present & present) != 0; };
  Nest nest(out, CTA_PROTOINFO_TCP);
  if (has(ENTRY_TCP_STATE)) out.byte(CTA_PROTOINFO_TCP_STATE, record.state);
  if (has(ENTRY_TCP_ORIGINAL_WINDOW_SCALE)) {
    out.byte(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp.original_window_scale);
  }
  if (has(ENTRY_TCP_REPLY_WINDOW_SCALE)) {
    out.byte(CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp.reply_window_scale);
  }
  if (has(ENTRY_TCP_ORIGINAL_FLAGS)) {
    out.bytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, {original, sizeof original});
  }
  if (has(ENTRY_TCP_REPLY_FLAGS)) {
    out.bytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, {reply, sizeof reply});
  }
}

void put_sctp(RequestWriter& out, const EntryRecord& record) {
  Nest nest(out, CTA_PROTOINFO_SCTP);
  out.byte(CTA_PROTOINFO_SCTP_STATE, record.state);
  out.integer(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, record.info.sctp.original_tag);
  out.integer(CTA_PROTOINFO_SCTP_VTAG_REPLY, record.info.sctp.reply_tag);
}

void put_dccp(RequestWriter& out, const EntryRecord& record) {
  Nest nest(out, CTA_PROTOINFO_DCCP);
  out.byte(CTA_PROTOINFO_DCCP_STATE, record.state);
  if (record.present & ENTRY_DCCP_ROLE) out.byte(CTA_PROTOINFO_DCCP_ROLE, record.dccp_role);
  if (record.present & ENTRY_DCCP_HANDSHAKE_SEQUENCE) {
    out.integer(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, record.info.dccp.handshake_sequence);
  }
}

void put_protocol_info(RequestWriter& out, const EntryRecord& record) {
  if ((record.present & ENTRY_PROTOCOL_INFO) == 0) return;
  Nest nest(out, CTA_PROTOINFO);
  if (record.present & ENTRY_SCTP_STATE) {
    put_sctp(out, record);
  } else if (record.present & ENTRY_DCCP_STATE) {
    put_dccp(out, record);
  } else {
    put_tcp(out, record);
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

// Always all 16 bytes and a mask: a shorter write zeroes the rest (6.18).
void put_labels(RequestWriter& out, const uint8_t (&labels)[16], const uint8_t (&labels_mask)[16]) {
  uint8_t words[16];
  uint8_t mask[16];
  for (size_t i = 0; i < sizeof labels; i++) {
    words[label_byte(i)] = labels[i];
    mask[label_byte(i)] = labels_mask[i];
  }
  out.bytes(CTA_LABELS, {words, sizeof words});
  out.bytes(CTA_LABELS_MASK, {mask, sizeof mask});
}

void put_helper(RequestWriter& out, Bytes name) {
  Nest nest(out, CTA_HELP);
  out.string(CTA_HELP_NAME, name);
}

// One address, and one port: both ends of the range are the same.
void put_nat(RequestWriter& out, uint16_t type, uint8_t family, const uint8_t (&address)[16],
             const uint16_t* port) {
  const bool ipv6 = family == FAMILY_IPV6;
  const Bytes bytes = {address, ipv6 ? size_t{16} : size_t{4}};
  Nest nest(out, type);
  out.bytes(ipv6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, bytes);
  out.bytes(ipv6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, bytes);
  if (!port) return;
  Nest ports(out, CTA_NAT_PROTO);
  out.integer(CTA_PROTONAT_PORT_MIN, *port);
  out.integer(CTA_PROTONAT_PORT_MAX, *port);
}

void put_nat(RequestWriter& out, const SpecRecord& spec) {
  const uint8_t family = spec.entry.original.family;
  const auto has = [&spec](uint16_t present) { return (spec.present & present) != 0; };
  if (has(SPEC_SOURCE_NAT)) {
    put_nat(out, CTA_NAT_SRC, family, spec.source_address,
            has(SPEC_SOURCE_PORT) ? &spec.source_port : nullptr);
  }
  if (has(SPEC_DESTINATION_NAT)) {
    put_nat(out, CTA_NAT_DST, family, spec.destination_address,
            has(SPEC_DESTINATION_PORT) ? &spec.destination_port : nullptr);
  }
}

bool is_complete(const TupleRecord& tuple) {
  return tuple.family == FAMILY_IPV4 || tuple.family == FAMILY_IPV6;
}

// What names an entry: its original tuple, with the zone that it is looked up in.
void put_key(RequestWriter& out, const EntryRecord& record) {
  if ((record.present & ENTRY_ORIGINAL) == 0 || !is_complete(record.original)) return out.spoil();
  put_tuple(out, CTA_TUPLE_ORIG, record.original);
  if (record.present & ENTRY_ZONE) out.integer(CTA_ZONE, record.zone);
}

// What an entry can be given when it is created, and later as well.
void put_values(RequestWriter& out, const EntryRecord& record, const Extension& extension,
                const uint8_t (&labels_mask)[16]) {
  const auto has = [&record](EntryPresent bit) { return (record.present & bit) != 0; };
  const auto extended = [&record](ExtensionPresent bit) {
    return (record.extension_present & bit) != 0;
  };
  if (has(ENTRY_TIMEOUT)) out.integer(CTA_TIMEOUT, record.timeout);
  if (has(ENTRY_MARK)) out.integer(CTA_MARK, record.mark);
  put_protocol_info(out, record);
  if (extended(EXTENSION_HELPER)) put_helper(out, extension.helper);
  if (extended(EXTENSION_LABELS)) put_labels(out, extension.record.labels, labels_mask);
  if (extended(EXTENSION_ORIGINAL_SEQUENCE_ADJUST)) {
    put_sequence_adjust(out, CTA_SEQ_ADJ_ORIG, extension.record.original_sequence_adjust);
  }
  if (extended(EXTENSION_REPLY_SEQUENCE_ADJUST)) {
    put_sequence_adjust(out, CTA_SEQ_ADJ_REPLY, extension.record.reply_sequence_adjust);
  }
  if (has(ENTRY_SYNPROXY)) {
    const bool zero = !extended(EXTENSION_SYNPROXY);
    put_synproxy(out, zero ? SynproxyRecord{} : extension.record.synproxy);
  }
}

// What of the original tuple a dump can be asked for, as the flags of CTA_FILTER.
// Only where every kernel compares it rightly: most have the comparison of IPv6 addresses the
// wrong way round, which a trial tells and no version, and of protocols they know these four.
uint32_t tuple_flags(const FilterRecord& ask) {
  const TupleFilterRecord& tuple = ask.original;
  const auto asks = [&tuple](uint16_t field) { return (tuple.present & field) != 0; };
  const auto is_ipv4 = [](const AddressRange& range) {
    return range.family == FAMILY_IPV4 && range.prefix == 32;
  };
  uint32_t flags = 0;
  if (asks(TUPLE_FILTER_SOURCE) && is_ipv4(tuple.source)) flags |= CTA_FILTER_IP_SRC;
  if (asks(TUPLE_FILTER_DESTINATION) && is_ipv4(tuple.destination)) flags |= CTA_FILTER_IP_DST;
  if ((ask.present & FILTER_PROTOCOL) == 0) return flags;
  flags |= CTA_FILTER_PROTO_NUM;
  switch (ask.protocol) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
      if (asks(TUPLE_FILTER_SOURCE_PORT) && tuple.source_port.from == tuple.source_port.to) {
        flags |= CTA_FILTER_PROTO_SRC_PORT;
      }
      if (asks(TUPLE_FILTER_DESTINATION_PORT) &&
          tuple.destination_port.from == tuple.destination_port.to) {
        flags |= CTA_FILTER_PROTO_DST_PORT;
      }
      break;
    case IPPROTO_ICMP:
      if (asks(TUPLE_FILTER_ICMP_TYPE)) flags |= CTA_FILTER_ICMP_TYPE;
      if (asks(TUPLE_FILTER_ICMP_CODE)) flags |= CTA_FILTER_ICMP_CODE;
      if (asks(TUPLE_FILTER_ICMP_ID)) flags |= CTA_FILTER_ICMP_ID;
      break;
    case IPPROTO_ICMPV6:
      if (asks(TUPLE_FILTER_ICMP_TYPE)) flags |= CTA_FILTER_ICMPV6_TYPE;
      if (asks(TUPLE_FILTER_ICMP_CODE)) flags |= CTA_FILTER_ICMPV6_CODE;
      if (asks(TUPLE_FILTER_ICMP_ID)) flags |= CTA_FILTER_ICMPV6_ID;
      break;
    default:
      break;
  }
  return flags;
}

// The kernel wants the attribute of each flag, and looks at no other.
void put_tuple_filter(RequestWriter& out, const FilterRecord& ask, uint32_t flags) {
  const TupleFilterRecord& tuple = ask.original;
  const auto has = [flags](uint32_t bits) { return (flags & bits) != 0; };
  {
    Nest nest(out, CTA_TUPLE_ORIG);
    if (has(CTA_FILTER_IP_SRC | CTA_FILTER_IP_DST)) {
      Nest addresses(out, CTA_TUPLE_IP);
      if (has(CTA_FILTER_IP_SRC)) out.bytes(CTA_IP_V4_SRC, {tuple.source.address, 4});
      if (has(CTA_FILTER_IP_DST)) out.bytes(CTA_IP_V4_DST, {tuple.destination.address, 4});
    }
    if (has(CTA_FILTER_PROTO_NUM)) {
      Nest transport(out, CTA_TUPLE_PROTO);
      out.byte(CTA_PROTO_NUM, ask.protocol);
      if (has(CTA_FILTER_PROTO_SRC_PORT)) out.integer(CTA_PROTO_SRC_PORT, tuple.source_port.from);
      if (has(CTA_FILTER_PROTO_DST_PORT)) {
        out.integer(CTA_PROTO_DST_PORT, tuple.destination_port.from);
      }
      if (has(CTA_FILTER_ICMP_TYPE)) out.byte(CTA_PROTO_ICMP_TYPE, tuple.icmp_type);
      if (has(CTA_FILTER_ICMP_CODE)) out.byte(CTA_PROTO_ICMP_CODE, tuple.icmp_code);
      if (has(CTA_FILTER_ICMP_ID)) out.integer(CTA_PROTO_ICMP_ID, tuple.icmp_id);
      if (has(CTA_FILTER_ICMPV6_TYPE)) out.byte(CTA_PROTO_ICMPV6_TYPE, tuple.icmp_type);
      if (has(CTA_FILTER_ICMPV6_CODE)) out.byte(CTA_PROTO_ICMPV6_CODE, tuple.icmp_code);
      if (has(CTA_FILTER_ICMPV6_ID)) out.integer(CTA_PROTO_ICMPV6_ID, tuple.icmp_id);
    }
  }
  Nest filter(out, CTA_FILTER);
  uint8_t word[sizeof flags];
  memcpy(word, &flags, sizeof flags);
  out.bytes(CTA_FILTER_ORIG_FLAGS, {word, sizeof word});
}

}  // namespace

uint32_t asked_fields(const FilterRecord& ask) {
  uint32_t asked = tuple_flags(ask);
  if (ask.present & FILTER_MARK) asked |= ASKED_MARK;
  if ((ask.status_all | ask.status_none) != 0) asked |= ASKED_STATUS;
  // To the kernel a zone of one direction is a zone of the entry, so that entries of
  // zone 0 could be missing.
  if ((ask.present & FILTER_ZONE) != 0 && ask.zone != 0) asked |= ASKED_ZONE;
  return asked;
}

RequestWriter encode_dump(uint8_t family, const FilterRecord& ask, DumpKind kind) {
  if (kind == DumpKind::dying) return RequestWriter(MESSAGE_GET_DYING, NLM_F_DUMP, family);
  const bool zeroing = kind == DumpKind::zeroing;
  RequestWriter out(zeroing ? MESSAGE_GET_CTRZERO : MESSAGE_GET, NLM_F_DUMP, family);
  const uint32_t asked = asked_fields(ask);
  if (asked & ASKED_MARK) {
    // Before Linux 5.8 a mark without its mask is no filter.
    out.integer(CTA_MARK, ask.mark);
    out.integer(CTA_MARK_MASK, ask.mark_mask);
  }
  if (asked & ASKED_STATUS) {
    out.integer(CTA_STATUS, ask.status_all);
    out.integer(CTA_STATUS_MASK, ask.status_all | ask.status_none);
  }
  if (asked & ASKED_ZONE) out.integer(CTA_ZONE, ask.zone);
  if (asked & ASKED_TUPLE) put_tuple_filter(out, ask, asked & ASKED_TUPLE);
  return out;
}

RequestWriter encode_tuple_probe() {
  FilterRecord ask = {};
  ask.present = FILTER_PROTOCOL;
  ask.protocol = IPPROTO_TCP;
  // Of both families, which is what it is refused for.
  return encode_dump(FAMILY_UNSPECIFIED, ask, DumpKind::entries);
}

RequestWriter encode_status_probe() {
  RequestWriter out(MESSAGE_GET, NLM_F_DUMP, FAMILY_IPV4);
  out.integer(CTA_STATUS_MASK, uint32_t{1});
  return out;
}

RequestWriter encode_zone_probe() {
  RequestWriter out(MESSAGE_GET, NLM_F_DUMP, FAMILY_UNSPECIFIED);
  out.integer(CTA_ZONE, uint16_t{0});
  return out;
}

RequestWriter encode_get(const EntryRecord& record, bool zero_counters) {
  const bool original = (record.present & ENTRY_ORIGINAL) != 0;
  const TupleRecord& tuple = original ? record.original : record.reply;
  RequestWriter out(zero_counters ? MESSAGE_GET_CTRZERO : MESSAGE_GET, 0, tuple.family);
  put_tuple(out, original ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, tuple);
  if (record.present & ENTRY_ZONE) out.integer(CTA_ZONE, record.zone);
  return out;
}

RequestWriter encode_create(const SpecRecord& spec, const Extension& extension) {
  const EntryRecord& record = spec.entry;
  RequestWriter out(MESSAGE_NEW, NLM_F_CREATE | NLM_F_EXCL, record.original.family);
  put_key(out, record);
  put_tuple(out, CTA_TUPLE_REPLY, record.reply);
  if (record.present & ENTRY_STATUS) out.integer(CTA_STATUS, record.status);
  uint8_t all_labels[16];
  memset(all_labels, 0xff, sizeof all_labels);
  put_values(out, record, extension, all_labels);
  if (record.extension_present & EXTENSION_MASTER) {
    put_tuple(out, CTA_TUPLE_MASTER, extension.record.master);
  }
  put_nat(out, spec);
  return out;
}

RequestWriter encode_update(const EntryRecord& entry, const SpecRecord& changes,
                            const Extension& extension) {
  const EntryRecord& record = changes.entry;
  RequestWriter out(MESSAGE_NEW, 0, entry.original.family);
  put_key(out, entry);
  // The kernel takes the word as a whole, and refuses one that clears bits.
  if (record.present & ENTRY_STATUS) out.integer(CTA_STATUS, entry.status | record.status);
  put_values(out, record, extension, changes.labels_mask);
  if (record.present & ENTRY_MARK) out.integer(CTA_MARK_MASK, changes.mark_mask);
  return out;
}

RequestWriter encode_delete(const EntryRecord& entry, bool echo) {
  RequestWriter out(MESSAGE_DELETE, echo ? NLM_F_ECHO : uint16_t{0}, entry.original.family);
  put_key(out, entry);
  if ((entry.present & ENTRY_ID) == 0) out.spoil();
  out.integer(CTA_ID, entry.id);
  return out;
}

RequestWriter encode_flush(uint8_t family) {
  // Before Linux 5.2 the kernel ignores the family, and since then it does for version 0.
  return RequestWriter(MESSAGE_DELETE, 0, family, 1);
}

}  // namespace conntrack
