// The fixed layout in which an entry travels between C++ and TypeScript, in
// both directions. Integers are in host byte order; src/record/layout.ts holds
// the same offsets and is compared with this when the addon loads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/byte_reader.h"

namespace conntrack {

struct TupleRecord {
  uint8_t source[16];  // IPv4 uses the first four
  uint8_t destination[16];
  uint16_t source_port;  // or key
  uint16_t destination_port;
  uint16_t icmp_id;
  uint8_t icmp_type;
  uint8_t icmp_code;
  uint16_t zone;
  uint8_t protocol;
  uint8_t family;
  uint32_t present;  // TuplePresent
};
static_assert(sizeof(TupleRecord) == 48);

enum TuplePresent : uint32_t {
  TUPLE_SOURCE_PORT = 1 << 0,
  TUPLE_DESTINATION_PORT = 1 << 1,
  TUPLE_ICMP_ID = 1 << 2,
  TUPLE_ICMP_TYPE = 1 << 3,
  TUPLE_ICMP_CODE = 1 << 4,
  TUPLE_ZONE = 1 << 5,
  // The keys of GRE stand where others have their ports, in messages and in records.
  TUPLE_SOURCE_KEY = 1 << 6,
  TUPLE_DESTINATION_KEY = 1 << 7,
};

struct TcpRecord {
  uint8_t original_window_scale;
  uint8_t reply_window_scale;
  uint8_t original_flags;
  uint8_t original_flags_mask;
  uint8_t reply_flags;
  uint8_t reply_flags_mask;
};

struct SctpRecord {
  uint32_t original_tag;
  uint32_t reply_tag;
};

struct DccpRecord {
  uint64_t handshake_sequence;
  uint8_t role;
};

union ProtocolRecord {
  TcpRecord tcp;
  SctpRecord sctp;
  DccpRecord dccp;
};
static_assert(sizeof(ProtocolRecord) == 16);

struct EntryRecord {
  uint32_t present;  // EntryPresent
  uint32_t status;
  uint32_t id;
  uint32_t mark;
  uint32_t timeout;
  uint32_t use;
  uint16_t zone;
  uint8_t state;  // of TCP, SCTP or DCCP
  uint8_t padding;
  uint16_t extension;  // where its ExtensionRecord is in the slab, in units of 8; 0: none
  uint16_t unknown_attributes;
  TupleRecord original;
  TupleRecord reply;
  uint64_t original_packets;
  uint64_t original_bytes;
  uint64_t reply_packets;
  uint64_t reply_bytes;
  uint64_t start_time;
  uint64_t stop_time;
  ProtocolRecord info;
};
static_assert(sizeof(EntryRecord) == 192);

enum EntryPresent : uint32_t {
  ENTRY_STATUS = 1u << 0,
  ENTRY_ID = 1u << 1,
  ENTRY_MARK = 1u << 2,
  ENTRY_TIMEOUT = 1u << 3,
  ENTRY_USE = 1u << 4,
  ENTRY_ZONE = 1u << 5,
  ENTRY_TCP_STATE = 1u << 6,
  ENTRY_TCP_ORIGINAL_WINDOW_SCALE = 1u << 7,
  ENTRY_TCP_REPLY_WINDOW_SCALE = 1u << 8,
  ENTRY_TCP_ORIGINAL_FLAGS = 1u << 9,
  ENTRY_TCP_REPLY_FLAGS = 1u << 10,
  ENTRY_SCTP_STATE = 1u << 11,
  ENTRY_SCTP_ORIGINAL_TAG = 1u << 12,
  ENTRY_SCTP_REPLY_TAG = 1u << 13,
  ENTRY_DCCP_STATE = 1u << 14,
  ENTRY_DCCP_ROLE = 1u << 15,
  ENTRY_DCCP_HANDSHAKE_SEQUENCE = 1u << 16,
  ENTRY_ORIGINAL_COUNTERS = 1u << 17,
  ENTRY_REPLY_COUNTERS = 1u << 18,
  ENTRY_START_TIME = 1u << 19,
  ENTRY_STOP_TIME = 1u << 20,
  // The values of these stand in the ExtensionRecord, save for a synproxy of
  // zeros: every entry that was made through ctnetlink has one (6.18), and would
  // need an extension for it.
  ENTRY_EVENT_TIME = 1u << 21,
  ENTRY_LABELS = 1u << 22,
  ENTRY_HELPER = 1u << 23,
  ENTRY_SECURITY_CONTEXT = 1u << 24,
  ENTRY_MASTER = 1u << 25,
  ENTRY_ORIGINAL_SEQUENCE_ADJUST = 1u << 26,
  ENTRY_REPLY_SEQUENCE_ADJUST = 1u << 27,
  ENTRY_SYNPROXY = 1u << 28,
  ENTRY_ORIGINAL = 1u << 29,
  ENTRY_REPLY = 1u << 30,
  ENTRY_SYNPROXY_NOT_ZERO = 1u << 31,
};

constexpr uint32_t ENTRY_PROTOCOL_INFO =
    ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_WINDOW_SCALE | ENTRY_TCP_REPLY_WINDOW_SCALE |
    ENTRY_TCP_ORIGINAL_FLAGS | ENTRY_TCP_REPLY_FLAGS | ENTRY_SCTP_STATE | ENTRY_SCTP_ORIGINAL_TAG |
    ENTRY_SCTP_REPLY_TAG | ENTRY_DCCP_STATE | ENTRY_DCCP_ROLE | ENTRY_DCCP_HANDSHAKE_SEQUENCE;

constexpr uint32_t ENTRY_IN_EXTENSION =
    ENTRY_EVENT_TIME | ENTRY_LABELS | ENTRY_HELPER | ENTRY_SECURITY_CONTEXT | ENTRY_MASTER |
    ENTRY_ORIGINAL_SEQUENCE_ADJUST | ENTRY_REPLY_SEQUENCE_ADJUST | ENTRY_SYNPROXY_NOT_ZERO;

struct SequenceAdjustRecord {
  uint32_t correction_position;
  uint32_t offset_before;
  uint32_t offset_after;
};

struct SynproxyRecord {
  uint32_t initial_sequence;
  uint32_t initial_timestamp;
  uint32_t timestamp_offset;
};

// What few entries have. The two strings follow it: helper, security context.
struct ExtensionRecord {
  TupleRecord master;
  SequenceAdjustRecord original_sequence_adjust;
  SequenceAdjustRecord reply_sequence_adjust;
  SynproxyRecord synproxy;
  uint16_t helper_length;
  uint16_t security_context_length;
  uint64_t event_time;
  uint8_t labels[16];  // bit n of the label set is bit n % 8 of byte n / 8
};
static_assert(sizeof(ExtensionRecord) == 112);

// CTA_LABELS is the kernel's array of unsigned long as it stands in memory: host
// byte order, unlike every other attribute. Its byte i is this byte of
// ExtensionRecord::labels, and the other way round.
constexpr size_t label_byte(size_t i) {
  constexpr size_t word = sizeof(long);
  return host_is_little_endian ? i : i / word * word + word - 1 - i % word;
}

// Longest helper name or security context that a record keeps. The kernel's own
// limits are 16 and, with SELinux, far below this.
constexpr size_t max_string = 4096;

}  // namespace conntrack
