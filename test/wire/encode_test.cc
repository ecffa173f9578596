#include "wire/encode.h"

#include <string>

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::uapi;
using namespace conntrack::test;

static Buffer bytes_of(const RequestWriter& request) {
  CHECK(request.complete());
  const Bytes bytes = request.request();
  return Buffer(bytes.data, bytes.data + bytes.size);
}

static Buffer expected(uint16_t type, uint16_t flags, uint8_t family,
                       std::initializer_list<Buffer> attributes) {
  Buffer bytes = join({host(uint32_t{0}),
                       host(type),
                       host(flags),
                       host(uint32_t{0}),
                       host(uint32_t{0}),
                       {family, 0, 0, 0},
                       join(attributes)});
  set_message_length(bytes);
  return bytes;
}

static TupleRecord tcp_tuple(uint8_t last) {
  TupleRecord tuple = {};
  tuple.family = FAMILY_IPV4;
  tuple.protocol = 6;
  tuple.source[0] = 10;
  tuple.destination[0] = 10;
  tuple.source[3] = last;
  tuple.destination[3] = 9;
  tuple.source_port = 0x0102;
  tuple.destination_port = 0x0304;
  tuple.present = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;
  return tuple;
}

static Buffer tcp_tuple_bytes(uint16_t type, uint8_t last) {
  return nest(type, {nest(CTA_TUPLE_IP, {attribute(CTA_IP_V4_SRC, {10, 0, 0, last}),
                                         attribute(CTA_IP_V4_DST, {10, 0, 0, 9})}),
                     nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 6), u16(CTA_PROTO_SRC_PORT, 0x0102),
                                            u16(CTA_PROTO_DST_PORT, 0x0304)})});
}

constexpr uint16_t dump_flags = NLM_F_REQUEST | NLM_F_DUMP;
constexpr uint16_t ack_flags = NLM_F_REQUEST | NLM_F_ACK;
constexpr uint16_t create_flags = ack_flags | NLM_F_CREATE | NLM_F_EXCL;

TEST(dump) {
  CHECK(bytes_of(encode_dump(FAMILY_UNSPECIFIED, false)) ==
        expected(MESSAGE_GET, dump_flags, FAMILY_UNSPECIFIED, {}));
  CHECK(bytes_of(encode_dump(FAMILY_IPV6, false)) ==
        expected(MESSAGE_GET, dump_flags, FAMILY_IPV6, {}));
  CHECK(bytes_of(encode_dump(FAMILY_IPV4, true)) ==
        expected(MESSAGE_GET_CTRZERO, dump_flags, FAMILY_IPV4, {}));
}

TEST(get_entry_count) {
  CHECK(bytes_of(encode_get_entry_count()) ==
        expected(MESSAGE_GET_STATS, ack_flags, FAMILY_UNSPECIFIED, {}));
}

TEST(get_by_the_original_tuple) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, ack_flags, FAMILY_IPV4, {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1)}));
}

TEST(get_by_the_reply_tuple) {
  EntryRecord record = {};
  record.reply = tcp_tuple(2);
  record.present = ENTRY_REPLY;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, ack_flags, FAMILY_IPV4, {tcp_tuple_bytes(CTA_TUPLE_REPLY, 2)}));
}

TEST(get_in_a_zone) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.zone = 0x0506;
  record.present = ENTRY_ORIGINAL | ENTRY_ZONE;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, ack_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), u16(CTA_ZONE, 0x0506)}));
}

TEST(get_by_an_ipv6_tuple_in_a_zone_of_its_own) {
  EntryRecord record = {};
  TupleRecord& tuple = record.original;
  tuple.family = FAMILY_IPV6;
  tuple.protocol = IPPROTO_ICMPV6;
  memset(tuple.source, 0x11, 16);
  memset(tuple.destination, 0x22, 16);
  tuple.icmp_id = 0x0102;
  tuple.icmp_type = 128;
  tuple.icmp_code = 3;
  tuple.zone = 4;
  tuple.present = TUPLE_ICMP_ID | TUPLE_ICMP_TYPE | TUPLE_ICMP_CODE | TUPLE_ZONE;
  record.present = ENTRY_ORIGINAL;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, ack_flags, FAMILY_IPV6,
                 {nest(CTA_TUPLE_ORIG,
                       {nest(CTA_TUPLE_IP, {attribute(CTA_IP_V6_SRC, Buffer(16, 0x11)),
                                            attribute(CTA_IP_V6_DST, Buffer(16, 0x22))}),
                        nest(CTA_TUPLE_PROTO,
                             {u8(CTA_PROTO_NUM, 58), u16(CTA_PROTO_ICMPV6_ID, 0x0102),
                              u8(CTA_PROTO_ICMPV6_TYPE, 128), u8(CTA_PROTO_ICMPV6_CODE, 3)}),
                        u16(CTA_TUPLE_ZONE, 4)})}));
}

TEST(get_by_an_icmp_tuple) {
  EntryRecord record = {};
  TupleRecord& tuple = record.original;
  tuple.family = FAMILY_IPV4;
  tuple.protocol = IPPROTO_ICMP;
  tuple.icmp_id = 0x0102;
  tuple.icmp_type = 8;
  tuple.present = TUPLE_ICMP_ID | TUPLE_ICMP_TYPE | TUPLE_ICMP_CODE;
  record.present = ENTRY_ORIGINAL;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, ack_flags, FAMILY_IPV4,
                 {nest(CTA_TUPLE_ORIG,
                       {nest(CTA_TUPLE_IP, {attribute(CTA_IP_V4_SRC, Buffer(4, 0)),
                                            attribute(CTA_IP_V4_DST, Buffer(4, 0))}),
                        nest(CTA_TUPLE_PROTO,
                             {u8(CTA_PROTO_NUM, 1), u16(CTA_PROTO_ICMP_ID, 0x0102),
                              u8(CTA_PROTO_ICMP_TYPE, 8), u8(CTA_PROTO_ICMP_CODE, 0)})})}));
}

TEST(create_with_the_least) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.timeout = 300;
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_TIMEOUT;
  CHECK(bytes_of(encode_create(record, Extension())) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  u32(CTA_TIMEOUT, 300)}));
}

TEST(labels_are_written_whole) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_LABELS;
  Extension extension = {};
  extension.record.labels[0] = 1;  // bit 0
  Buffer words(16, 0);
  words[host_is_little_endian ? 0 : sizeof(long) - 1] = 1;
  CHECK(bytes_of(encode_create(record, extension)) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  attribute(CTA_LABELS, words), attribute(CTA_LABELS_MASK, Buffer(16, 0xff))}));
}

TEST(a_synproxy_of_zeros_needs_no_extension) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_SYNPROXY;
  Extension extension = {};
  extension.record.synproxy.initial_sequence = 99;  // not in present
  CHECK(bytes_of(encode_create(record, extension)) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  nest(CTA_SYNPROXY, {u32(CTA_SYNPROXY_ISN, 0), u32(CTA_SYNPROXY_ITS, 0),
                                      u32(CTA_SYNPROXY_TSOFF, 0)})}));
}

TEST(a_helper_too_long_is_told) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_HELPER;
  const Exact name(Buffer(max_string, 'h'));
  Extension extension = {};
  extension.helper = name.bytes();
  CHECK(!encode_create(record, extension).complete());
}

int main() { return check::run_tests(); }
