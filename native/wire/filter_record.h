// The fixed layout in which an EntryFilter comes from TypeScript, in host byte
// order. What has no present bit means anything. The records stand behind each
// other, each with its negations behind it; an entry matches if one does.
#pragma once

#include "wire/entry_record.h"

namespace conntrack {

struct AddressRange {
  uint8_t address[16];  // IPv4 uses the first four
  uint8_t family;
  uint8_t prefix;  // bits that count
  uint8_t padding[2];
};
static_assert(sizeof(AddressRange) == 20);

inline constexpr LayoutField address_range_fields[] = {
    {"size", sizeof(AddressRange)},
    {"address", offsetof(AddressRange, address)},
    {"family", offsetof(AddressRange, family)},
    {"prefix", offsetof(AddressRange, prefix)},
};

struct PortRange {
  uint16_t from;
  uint16_t to;  // included
};

struct TupleFilterRecord {
  AddressRange source;
  AddressRange destination;
  PortRange source_port;  // or keys
  PortRange destination_port;
  uint16_t icmp_id;
  uint8_t icmp_type;
  uint8_t icmp_code;
  uint16_t zone;
  uint16_t present;  // TupleFilterPresent
};
static_assert(sizeof(TupleFilterRecord) == 56);

inline constexpr LayoutField tuple_filter_fields[] = {
    {"size", sizeof(TupleFilterRecord)},
    {"source", offsetof(TupleFilterRecord, source)},
    {"destination", offsetof(TupleFilterRecord, destination)},
    {"sourcePortFrom", offsetof(TupleFilterRecord, source_port)},
    {"destinationPortFrom", offsetof(TupleFilterRecord, destination_port)},
    {"icmpId", offsetof(TupleFilterRecord, icmp_id)},
    {"icmpType", offsetof(TupleFilterRecord, icmp_type)},
    {"icmpCode", offsetof(TupleFilterRecord, icmp_code)},
    {"zone", offsetof(TupleFilterRecord, zone)},
    {"present", offsetof(TupleFilterRecord, present)},
};

enum TupleFilterPresent : uint16_t {
  TUPLE_FILTER_SOURCE = 1 << 0,
  TUPLE_FILTER_DESTINATION = 1 << 1,
  TUPLE_FILTER_SOURCE_PORT = 1 << 2,
  TUPLE_FILTER_DESTINATION_PORT = 1 << 3,
  TUPLE_FILTER_ICMP_ID = 1 << 4,
  TUPLE_FILTER_ICMP_TYPE = 1 << 5,
  TUPLE_FILTER_ICMP_CODE = 1 << 6,
  TUPLE_FILTER_ZONE = 1 << 7,
  // Instead of the ports.
  TUPLE_FILTER_SOURCE_KEY = 1 << 8,
  TUPLE_FILTER_DESTINATION_KEY = 1 << 9,
};

inline constexpr LayoutField tuple_filter_present_bits[] = {
    {"source", TUPLE_FILTER_SOURCE},          {"destination", TUPLE_FILTER_DESTINATION},
    {"sourcePort", TUPLE_FILTER_SOURCE_PORT}, {"destinationPort", TUPLE_FILTER_DESTINATION_PORT},
    {"icmpId", TUPLE_FILTER_ICMP_ID},         {"icmpType", TUPLE_FILTER_ICMP_TYPE},
    {"icmpCode", TUPLE_FILTER_ICMP_CODE},     {"zone", TUPLE_FILTER_ZONE},
    {"sourceKey", TUPLE_FILTER_SOURCE_KEY},   {"destinationKey", TUPLE_FILTER_DESTINATION_KEY},
};

// Both ends are included.
struct CounterRange {
  uint64_t packets_from;
  uint64_t packets_to;
  uint64_t bytes_from;
  uint64_t bytes_to;
};

inline constexpr LayoutField counter_range_fields[] = {
    {"packetsFrom", offsetof(CounterRange, packets_from)},
    {"packetsTo", offsetof(CounterRange, packets_to)},
    {"bytesFrom", offsetof(CounterRange, bytes_from)},
    {"bytesTo", offsetof(CounterRange, bytes_to)},
};

struct FilterRecord {
  uint32_t present;  // FilterPresent
  uint32_t mark;
  uint32_t mark_mask;
  uint32_t status_all;   // bits that are set
  uint32_t status_none;  // bits that are not
  uint32_t status_any;   // bits of which one is set, unless this is 0
  uint32_t tcp_states;   // bit n: state n
  uint32_t sctp_states;
  uint32_t dccp_states;
  uint16_t zone;
  uint8_t family;
  uint8_t protocol;
  PortRange port;
  AddressRange address;
  TupleFilterRecord original;
  TupleFilterRecord reply;
  uint8_t labels_all[16];  // as in ExtensionRecord
  uint8_t labels_none[16];
  uint8_t helper_length;
  uint8_t helper[31];
  uint8_t protocols[32];  // bit n % 8 of byte n / 8: protocol n
  uint32_t id;
  uint32_t timeout_from;
  uint32_t timeout_to;  // included
  uint32_t sctp_original_tag;
  uint32_t sctp_reply_tag;
  uint8_t dccp_role;
  uint8_t padding[3];
  uint64_t started_after;  // included
  uint64_t started_before;
  CounterRange original_counters;
  CounterRange reply_counters;
  CounterRange total_counters;  // of both directions
  uint32_t negations;  // the number of records behind this one that an entry must not match
  uint32_t more_padding;
};
static_assert(sizeof(FilterRecord) == 416);

inline constexpr LayoutField filter_fields[] = {
    {"size", sizeof(FilterRecord)},
    {"present", offsetof(FilterRecord, present)},
    {"mark", offsetof(FilterRecord, mark)},
    {"markMask", offsetof(FilterRecord, mark_mask)},
    {"statusAll", offsetof(FilterRecord, status_all)},
    {"statusNone", offsetof(FilterRecord, status_none)},
    {"statusAny", offsetof(FilterRecord, status_any)},
    {"tcpStates", offsetof(FilterRecord, tcp_states)},
    {"sctpStates", offsetof(FilterRecord, sctp_states)},
    {"dccpStates", offsetof(FilterRecord, dccp_states)},
    {"zone", offsetof(FilterRecord, zone)},
    {"family", offsetof(FilterRecord, family)},
    {"protocol", offsetof(FilterRecord, protocol)},
    {"portFrom", offsetof(FilterRecord, port)},
    {"address", offsetof(FilterRecord, address)},
    {"original", offsetof(FilterRecord, original)},
    {"reply", offsetof(FilterRecord, reply)},
    {"labelsAll", offsetof(FilterRecord, labels_all)},
    {"labelsNone", offsetof(FilterRecord, labels_none)},
    {"helperLength", offsetof(FilterRecord, helper_length)},
    {"helper", offsetof(FilterRecord, helper)},
    {"protocols", offsetof(FilterRecord, protocols)},
    {"id", offsetof(FilterRecord, id)},
    {"timeoutFrom", offsetof(FilterRecord, timeout_from)},
    {"timeoutTo", offsetof(FilterRecord, timeout_to)},
    {"sctpOriginalTag", offsetof(FilterRecord, sctp_original_tag)},
    {"sctpReplyTag", offsetof(FilterRecord, sctp_reply_tag)},
    {"dccpRole", offsetof(FilterRecord, dccp_role)},
    {"startedAfter", offsetof(FilterRecord, started_after)},
    {"startedBefore", offsetof(FilterRecord, started_before)},
    {"originalCounters", offsetof(FilterRecord, original_counters)},
    {"replyCounters", offsetof(FilterRecord, reply_counters)},
    {"totalCounters", offsetof(FilterRecord, total_counters)},
    {"negations", offsetof(FilterRecord, negations)},
};

enum FilterPresent : uint32_t {
  FILTER_FAMILY = 1u << 0,
  FILTER_PROTOCOL = 1u << 1,
  FILTER_ADDRESS = 1u << 2,
  FILTER_PORT = 1u << 3,
  FILTER_MARK = 1u << 4,
  FILTER_ZONE = 1u << 5,
  FILTER_STATE = 1u << 6,
  FILTER_LABELS = 1u << 7,
  FILTER_HELPER = 1u << 8,
  FILTER_PROTOCOLS = 1u << 9,
  FILTER_ID = 1u << 10,
  FILTER_TIMEOUT = 1u << 11,
  FILTER_SCTP_ORIGINAL_TAG = 1u << 12,
  FILTER_SCTP_REPLY_TAG = 1u << 13,
  FILTER_DCCP_ROLE = 1u << 14,
  FILTER_STARTED_AFTER = 1u << 15,
  FILTER_STARTED_BEFORE = 1u << 16,
  FILTER_ORIGINAL_COUNTERS = 1u << 17,
  FILTER_REPLY_COUNTERS = 1u << 18,
  FILTER_TOTAL_COUNTERS = 1u << 19,
};

inline constexpr LayoutField filter_present_bits[] = {
    {"family", FILTER_FAMILY},
    {"protocol", FILTER_PROTOCOL},
    {"address", FILTER_ADDRESS},
    {"port", FILTER_PORT},
    {"mark", FILTER_MARK},
    {"zone", FILTER_ZONE},
    {"state", FILTER_STATE},
    {"labels", FILTER_LABELS},
    {"helper", FILTER_HELPER},
    {"protocols", FILTER_PROTOCOLS},
    {"id", FILTER_ID},
    {"timeout", FILTER_TIMEOUT},
    {"sctpOriginalTag", FILTER_SCTP_ORIGINAL_TAG},
    {"sctpReplyTag", FILTER_SCTP_REPLY_TAG},
    {"dccpRole", FILTER_DCCP_ROLE},
    {"startedAfter", FILTER_STARTED_AFTER},
    {"startedBefore", FILTER_STARTED_BEFORE},
    {"originalCounters", FILTER_ORIGINAL_COUNTERS},
    {"replyCounters", FILTER_REPLY_COUNTERS},
    {"totalCounters", FILTER_TOTAL_COUNTERS},
};

}  // namespace conntrack
