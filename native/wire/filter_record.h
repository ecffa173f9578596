// The fixed layout in which an EntryFilter comes from TypeScript, in host byte
// order. What has no present bit means anything. The records stand behind each
// other; an entry matches if one does.
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
  PortRange source_port;
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
};

inline constexpr LayoutField tuple_filter_present_bits[] = {
    {"source", TUPLE_FILTER_SOURCE},          {"destination", TUPLE_FILTER_DESTINATION},
    {"sourcePort", TUPLE_FILTER_SOURCE_PORT}, {"destinationPort", TUPLE_FILTER_DESTINATION_PORT},
    {"icmpId", TUPLE_FILTER_ICMP_ID},         {"icmpType", TUPLE_FILTER_ICMP_TYPE},
    {"icmpCode", TUPLE_FILTER_ICMP_CODE},     {"zone", TUPLE_FILTER_ZONE},
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
};
static_assert(sizeof(FilterRecord) == 240);

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
};

inline constexpr LayoutField filter_present_bits[] = {
    {"family", FILTER_FAMILY}, {"protocol", FILTER_PROTOCOL}, {"address", FILTER_ADDRESS},
    {"port", FILTER_PORT},     {"mark", FILTER_MARK},         {"zone", FILTER_ZONE},
    {"state", FILTER_STATE},   {"labels", FILTER_LABELS},     {"helper", FILTER_HELPER},
};

}  // namespace conntrack
