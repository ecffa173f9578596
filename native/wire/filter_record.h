// The fixed layout in which an EntryFilter comes from TypeScript, in host byte
// order; src/record/layout.ts holds the same offsets. What has no present bit
// means anything. The records stand behind each other; an entry matches if one does.
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

}  // namespace conntrack
