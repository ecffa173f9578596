// The fixed layout in which an entry travels between C++ and TypeScript, in
// both directions. Integers are in host byte order. src/record/layout.ts is
// generated from the list of fields beside each struct: "npm run generate".
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/byte_reader.h"
#include "wire/layout_field.h"

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

inline constexpr LayoutField tuple_fields[] = {
    {"size", sizeof(TupleRecord)},
    {"source", offsetof(TupleRecord, source)},
    {"destination", offsetof(TupleRecord, destination)},
    {"sourcePort", offsetof(TupleRecord, source_port)},
    {"destinationPort", offsetof(TupleRecord, destination_port)},
    {"icmpId", offsetof(TupleRecord, icmp_id)},
    {"icmpType", offsetof(TupleRecord, icmp_type)},
    {"icmpCode", offsetof(TupleRecord, icmp_code)},
    {"zone", offsetof(TupleRecord, zone)},
    {"protocol", offsetof(TupleRecord, protocol)},
    {"family", offsetof(TupleRecord, family)},
    {"present", offsetof(TupleRecord, present)},
};

inline constexpr LayoutField family_numbers[] = {
    {"ipv4", uapi::FAMILY_IPV4},
    {"ipv6", uapi::FAMILY_IPV6},
};

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

inline constexpr LayoutField tuple_present_bits[] = {
    {"sourcePort", TUPLE_SOURCE_PORT}, {"destinationPort", TUPLE_DESTINATION_PORT},
    {"icmpId", TUPLE_ICMP_ID},         {"icmpType", TUPLE_ICMP_TYPE},
    {"icmpCode", TUPLE_ICMP_CODE},     {"zone", TUPLE_ZONE},
    {"sourceKey", TUPLE_SOURCE_KEY},   {"destinationKey", TUPLE_DESTINATION_KEY},
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
};

union ProtocolRecord {
  TcpRecord tcp;
  SctpRecord sctp;
  DccpRecord dccp;
};
static_assert(sizeof(ProtocolRecord) == 8);

struct EntryRecord {
  uint32_t present;  // EntryPresent
  uint32_t status;
  uint32_t id;
  uint32_t mark;
  uint32_t timeout;
  uint32_t use;
  uint16_t zone;
  uint8_t state;  // of TCP, SCTP or DCCP
  uint8_t dccp_role;
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
  uint32_t extension_present;  // ExtensionPresent; 0: no extension
  uint32_t seen;               // the decoder leaves it 0: a mirror notes when it heard of the entry
};
static_assert(sizeof(EntryRecord) == 192);

inline constexpr LayoutField entry_fields[] = {
    {"size", sizeof(EntryRecord)},
    {"present", offsetof(EntryRecord, present)},
    {"status", offsetof(EntryRecord, status)},
    {"id", offsetof(EntryRecord, id)},
    {"mark", offsetof(EntryRecord, mark)},
    {"timeout", offsetof(EntryRecord, timeout)},
    {"use", offsetof(EntryRecord, use)},
    {"zone", offsetof(EntryRecord, zone)},
    {"state", offsetof(EntryRecord, state)},
    {"dccpRole", offsetof(EntryRecord, dccp_role)},
    {"extension", offsetof(EntryRecord, extension)},
    {"unknownAttributes", offsetof(EntryRecord, unknown_attributes)},
    {"original", offsetof(EntryRecord, original)},
    {"reply", offsetof(EntryRecord, reply)},
    {"originalPackets", offsetof(EntryRecord, original_packets)},
    {"originalBytes", offsetof(EntryRecord, original_bytes)},
    {"replyPackets", offsetof(EntryRecord, reply_packets)},
    {"replyBytes", offsetof(EntryRecord, reply_bytes)},
    {"startTime", offsetof(EntryRecord, start_time)},
    {"stopTime", offsetof(EntryRecord, stop_time)},
    {"tcpOriginalWindowScale", offsetof(EntryRecord, info.tcp.original_window_scale)},
    {"tcpReplyWindowScale", offsetof(EntryRecord, info.tcp.reply_window_scale)},
    {"tcpOriginalFlags", offsetof(EntryRecord, info.tcp.original_flags)},
    {"tcpReplyFlags", offsetof(EntryRecord, info.tcp.reply_flags)},
    {"sctpOriginalTag", offsetof(EntryRecord, info.sctp.original_tag)},
    {"sctpReplyTag", offsetof(EntryRecord, info.sctp.reply_tag)},
    {"dccpHandshakeSequence", offsetof(EntryRecord, info.dccp.handshake_sequence)},
    {"extensionPresent", offsetof(EntryRecord, extension_present)},
    {"seen", offsetof(EntryRecord, seen)},
};

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
  ENTRY_ORIGINAL = 1u << 21,
  ENTRY_REPLY = 1u << 22,
  // Its numbers are zero unless EXTENSION_SYNPROXY is set: every entry that was made
  // through ctnetlink has a synproxy of zeros (6.18), and would need an extension for it.
  ENTRY_SYNPROXY = 1u << 23,
  // The kernel sent it in the step that ended the entry (IPCTNL_MSG_CT_DELETE).
  ENTRY_FINAL = 1u << 24,
};

inline constexpr LayoutField entry_present_bits[] = {
    {"status", ENTRY_STATUS},
    {"id", ENTRY_ID},
    {"mark", ENTRY_MARK},
    {"timeout", ENTRY_TIMEOUT},
    {"use", ENTRY_USE},
    {"zone", ENTRY_ZONE},
    {"tcpState", ENTRY_TCP_STATE},
    {"tcpOriginalWindowScale", ENTRY_TCP_ORIGINAL_WINDOW_SCALE},
    {"tcpReplyWindowScale", ENTRY_TCP_REPLY_WINDOW_SCALE},
    {"tcpOriginalFlags", ENTRY_TCP_ORIGINAL_FLAGS},
    {"tcpReplyFlags", ENTRY_TCP_REPLY_FLAGS},
    {"sctpState", ENTRY_SCTP_STATE},
    {"sctpOriginalTag", ENTRY_SCTP_ORIGINAL_TAG},
    {"sctpReplyTag", ENTRY_SCTP_REPLY_TAG},
    {"dccpState", ENTRY_DCCP_STATE},
    {"dccpRole", ENTRY_DCCP_ROLE},
    {"dccpHandshakeSequence", ENTRY_DCCP_HANDSHAKE_SEQUENCE},
    {"originalCounters", ENTRY_ORIGINAL_COUNTERS},
    {"replyCounters", ENTRY_REPLY_COUNTERS},
    {"startTime", ENTRY_START_TIME},
    {"stopTime", ENTRY_STOP_TIME},
    {"original", ENTRY_ORIGINAL},
    {"reply", ENTRY_REPLY},
    {"synproxy", ENTRY_SYNPROXY},
    {"final", ENTRY_FINAL},
};

constexpr uint32_t ENTRY_PROTOCOL_INFO =
    ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_WINDOW_SCALE | ENTRY_TCP_REPLY_WINDOW_SCALE |
    ENTRY_TCP_ORIGINAL_FLAGS | ENTRY_TCP_REPLY_FLAGS | ENTRY_SCTP_STATE | ENTRY_SCTP_ORIGINAL_TAG |
    ENTRY_SCTP_REPLY_TAG | ENTRY_DCCP_STATE | ENTRY_DCCP_ROLE | ENTRY_DCCP_HANDSHAKE_SEQUENCE;

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

inline constexpr LayoutField extension_fields[] = {
    {"size", sizeof(ExtensionRecord)},
    {"master", offsetof(ExtensionRecord, master)},
    {"originalSequenceAdjust", offsetof(ExtensionRecord, original_sequence_adjust)},
    {"replySequenceAdjust", offsetof(ExtensionRecord, reply_sequence_adjust)},
    {"synproxy", offsetof(ExtensionRecord, synproxy)},
    {"helperLength", offsetof(ExtensionRecord, helper_length)},
    {"securityContextLength", offsetof(ExtensionRecord, security_context_length)},
    {"eventTime", offsetof(ExtensionRecord, event_time)},
    {"labels", offsetof(ExtensionRecord, labels)},
};

enum ExtensionPresent : uint32_t {
  EXTENSION_EVENT_TIME = 1u << 0,
  EXTENSION_LABELS = 1u << 1,
  EXTENSION_HELPER = 1u << 2,
  EXTENSION_SECURITY_CONTEXT = 1u << 3,
  EXTENSION_MASTER = 1u << 4,
  EXTENSION_ORIGINAL_SEQUENCE_ADJUST = 1u << 5,
  EXTENSION_REPLY_SEQUENCE_ADJUST = 1u << 6,
  EXTENSION_SYNPROXY = 1u << 7,  // beside ENTRY_SYNPROXY
};

inline constexpr LayoutField extension_present_bits[] = {
    {"eventTime", EXTENSION_EVENT_TIME},
    {"labels", EXTENSION_LABELS},
    {"helper", EXTENSION_HELPER},
    {"securityContext", EXTENSION_SECURITY_CONTEXT},
    {"master", EXTENSION_MASTER},
    {"originalSequenceAdjust", EXTENSION_ORIGINAL_SEQUENCE_ADJUST},
    {"replySequenceAdjust", EXTENSION_REPLY_SEQUENCE_ADJUST},
    {"synproxy", EXTENSION_SYNPROXY},
};

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
