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

static RequestWriter dump(uint8_t family, bool zero_counters) {
  return encode_dump(family, FilterRecord(), zero_counters ? DumpKind::zeroing : DumpKind::entries);
}

static SpecRecord spec_of(const EntryRecord& record) {
  SpecRecord spec = {};
  spec.entry = record;
  return spec;
}

static RequestWriter create(const EntryRecord& record, const Extension& extension = {}) {
  return encode_create(spec_of(record), extension);
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
// Whether an ack is asked for is decided when they are sent.
constexpr uint16_t create_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;

TEST(dump) {
  CHECK(bytes_of(dump(FAMILY_UNSPECIFIED, false)) ==
        expected(MESSAGE_GET, dump_flags, FAMILY_UNSPECIFIED, {}));
  CHECK(bytes_of(dump(FAMILY_IPV6, false)) == expected(MESSAGE_GET, dump_flags, FAMILY_IPV6, {}));
  CHECK(bytes_of(dump(FAMILY_IPV4, true)) ==
        expected(MESSAGE_GET_CTRZERO, dump_flags, FAMILY_IPV4, {}));
}

TEST(those_that_are_dying_are_asked_for_by_the_family_alone) {
  FilterRecord filter = {};
  filter.present = FILTER_MARK | FILTER_ZONE | FILTER_PROTOCOL;
  filter.status_all = 4;
  filter.zone = 3;
  CHECK(bytes_of(encode_dump(FAMILY_IPV6, filter, DumpKind::dying)) ==
        expected(MESSAGE_GET_DYING, dump_flags, FAMILY_IPV6, {}));
}

TEST(get_by_the_original_tuple) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, NLM_F_REQUEST, FAMILY_IPV4, {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1)}));
}

TEST(get_and_zero_is_another_message) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.present = ENTRY_ORIGINAL;
  CHECK(bytes_of(encode_get(record, true)) == expected(MESSAGE_GET_CTRZERO, NLM_F_REQUEST,
                                                       FAMILY_IPV4,
                                                       {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1)}));
}

TEST(get_by_the_reply_tuple) {
  EntryRecord record = {};
  record.reply = tcp_tuple(2);
  record.present = ENTRY_REPLY;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, NLM_F_REQUEST, FAMILY_IPV4, {tcp_tuple_bytes(CTA_TUPLE_REPLY, 2)}));
}

TEST(get_in_a_zone) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.zone = 0x0506;
  record.present = ENTRY_ORIGINAL | ENTRY_ZONE;
  CHECK(bytes_of(encode_get(record)) ==
        expected(MESSAGE_GET, NLM_F_REQUEST, FAMILY_IPV4,
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
        expected(MESSAGE_GET, NLM_F_REQUEST, FAMILY_IPV6,
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
        expected(MESSAGE_GET, NLM_F_REQUEST, FAMILY_IPV4,
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
  CHECK(bytes_of(create(record)) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  u32(CTA_TIMEOUT, 300)}));
}

TEST(labels_are_written_whole) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  record.extension_present = EXTENSION_LABELS;
  Extension extension = {};
  extension.record.labels[0] = 1;  // bit 0
  Buffer words(16, 0);
  words[host_is_little_endian ? 0 : sizeof(long) - 1] = 1;
  CHECK(bytes_of(create(record, extension)) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  attribute(CTA_LABELS, words), attribute(CTA_LABELS_MASK, Buffer(16, 0xff))}));
}

TEST(labels_of_an_update_have_a_mask) {
  EntryRecord entry = {};
  entry.original = tcp_tuple(1);
  entry.present = ENTRY_ORIGINAL;
  SpecRecord changes = {};
  changes.entry.extension_present = EXTENSION_LABELS;
  changes.labels_mask[0] = 3;
  changes.labels_mask[15] = 0x80;
  Extension extension = {};
  extension.record.labels[0] = 1;
  Buffer words(16, 0);
  Buffer mask(16, 0);
  words[label_byte(0)] = 1;
  mask[label_byte(0)] = 3;
  mask[label_byte(15)] = 0x80;
  CHECK(bytes_of(encode_update(entry, changes, extension)) ==
        expected(MESSAGE_NEW, NLM_F_REQUEST, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), attribute(CTA_LABELS, words),
                  attribute(CTA_LABELS_MASK, mask)}));
}

TEST(a_synproxy_of_zeros_needs_no_extension) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_SYNPROXY;
  Extension extension = {};
  extension.record.synproxy.initial_sequence = 99;  // without EXTENSION_SYNPROXY
  CHECK(bytes_of(create(record, extension)) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  nest(CTA_SYNPROXY, {u32(CTA_SYNPROXY_ISN, 0), u32(CTA_SYNPROXY_ITS, 0),
                                      u32(CTA_SYNPROXY_TSOFF, 0)})}));
}

TEST(a_helper_too_long_is_told) {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  record.extension_present = EXTENSION_HELPER;
  const Exact name(Buffer(max_string, 'h'));
  Extension extension = {};
  extension.helper = name.bytes();
  CHECK(!create(record, extension).complete());
}

// Requests that change the table -------------------------------------------------------

static EntryRecord tcp_entry() {
  EntryRecord record = {};
  record.original = tcp_tuple(1);
  record.reply = tcp_tuple(2);
  record.id = 99;
  record.status = 0x8;
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS;
  return record;
}

TEST(create_with_nat) {
  SpecRecord spec = spec_of(tcp_entry());
  spec.present = SPEC_SOURCE_NAT | SPEC_SOURCE_PORT | SPEC_DESTINATION_NAT;
  spec.source_address[0] = 1;
  spec.source_port = 5000;
  spec.destination_address[0] = 2;
  const Buffer source = {1, 0, 0, 0};
  const Buffer destination = {2, 0, 0, 0};
  CHECK(bytes_of(encode_create(spec, Extension())) ==
        expected(MESSAGE_NEW, create_flags, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), tcp_tuple_bytes(CTA_TUPLE_REPLY, 2),
                  u32(CTA_STATUS, 0x8),
                  nest(CTA_NAT_SRC,
                       {attribute(CTA_NAT_V4_MINIP, source), attribute(CTA_NAT_V4_MAXIP, source),
                        nest(CTA_NAT_PROTO, {u16(CTA_PROTONAT_PORT_MIN, 5000),
                                             u16(CTA_PROTONAT_PORT_MAX, 5000)})}),
                  nest(CTA_NAT_DST, {attribute(CTA_NAT_V4_MINIP, destination),
                                     attribute(CTA_NAT_V4_MAXIP, destination)})}));
}

TEST(update_adds_to_the_status_and_masks_the_mark) {
  SpecRecord changes = {};
  changes.entry.present = ENTRY_STATUS | ENTRY_MARK | ENTRY_TIMEOUT;
  changes.entry.status = 0x4;
  changes.entry.mark = 0x10;
  changes.entry.timeout = 60;
  changes.mark_mask = 0xf0;
  CHECK(bytes_of(encode_update(tcp_entry(), changes, Extension())) ==
        expected(MESSAGE_NEW, NLM_F_REQUEST, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), u32(CTA_STATUS, 0xc), u32(CTA_TIMEOUT, 60),
                  u32(CTA_MARK, 0x10), u32(CTA_MARK_MASK, 0xf0)}));
}

TEST(delete_names_the_tuple_and_the_id) {
  EntryRecord record = tcp_entry();
  record.zone = 7;
  record.present |= ENTRY_ZONE;
  CHECK(bytes_of(encode_delete(record)) ==
        expected(MESSAGE_DELETE, NLM_F_REQUEST, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), u16(CTA_ZONE, 7), u32(CTA_ID, 99)}));
}

TEST(delete_can_ask_for_the_event) {
  CHECK(bytes_of(encode_delete(tcp_entry(), true)) ==
        expected(MESSAGE_DELETE, NLM_F_REQUEST | NLM_F_ECHO, FAMILY_IPV4,
                 {tcp_tuple_bytes(CTA_TUPLE_ORIG, 1), u32(CTA_ID, 99)}));
  CHECK(!encode_delete(EntryRecord(), true).complete());
}

// To the kernel a DELETE without a whole tuple means the whole table.
TEST(delete_of_less_cannot_be_sent) {
  CHECK(!encode_delete(EntryRecord()).complete());
  for (const uint32_t missing : {ENTRY_ORIGINAL, ENTRY_ID}) {
    EntryRecord record = tcp_entry();
    record.present &= ~missing;
    CHECK(!encode_delete(record).complete());
  }
  for (const uint8_t family : {0, 1, 3, 255}) {
    EntryRecord record = tcp_entry();
    record.original.family = family;
    CHECK(!encode_delete(record).complete());
    CHECK(!encode_update(record, SpecRecord(), Extension()).complete());
    CHECK(!encode_create(spec_of(record), Extension()).complete());
  }
}

TEST(flush_has_the_version_that_makes_the_family_count) {
  Buffer flush = expected(MESSAGE_DELETE, NLM_F_REQUEST, FAMILY_IPV6, {});
  flush[17] = 1;
  CHECK(bytes_of(encode_flush(FAMILY_IPV6)) == flush);
}

TEST(no_other_request_has_that_version) {
  SpecRecord spec = spec_of(tcp_entry());
  for (const RequestWriter& request :
       {dump(FAMILY_IPV4, true), encode_get(tcp_entry()), encode_delete(tcp_entry()),
        encode_create(spec, Extension()), encode_update(tcp_entry(), spec, Extension()),
        encode_tuple_probe(), encode_status_probe(), encode_zone_probe()}) {
    CHECK_EQUAL(bytes_of(request)[17], 0);
  }
}

// What the kernel is asked to leave out ------------------------------------------------

static FilterRecord tcp_filter() {
  FilterRecord filter = {};
  filter.present = FILTER_PROTOCOL;
  filter.protocol = IPPROTO_TCP;
  TupleFilterRecord& tuple = filter.original;
  tuple.present = TUPLE_FILTER_SOURCE | TUPLE_FILTER_DESTINATION_PORT;
  tuple.source.family = FAMILY_IPV4;
  tuple.source.prefix = 32;
  tuple.source.address[0] = 10;
  tuple.destination_port = {443, 443};
  return filter;
}

static Buffer filter_flags(uint32_t flags) {
  return nest(CTA_FILTER, {attribute(CTA_FILTER_ORIG_FLAGS, host(flags))});
}

TEST(a_dump_of_a_tuple) {
  CHECK(bytes_of(encode_dump(FAMILY_IPV4, tcp_filter(), DumpKind::entries)) ==
        expected(
            MESSAGE_GET, dump_flags, FAMILY_IPV4,
            {nest(CTA_TUPLE_ORIG,
                  {nest(CTA_TUPLE_IP, {attribute(CTA_IP_V4_SRC, {10, 0, 0, 0})}),
                   nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 6), u16(CTA_PROTO_DST_PORT, 443)})}),
             filter_flags(CTA_FILTER_IP_SRC | CTA_FILTER_PROTO_NUM | CTA_FILTER_PROTO_DST_PORT)}));
}

TEST(a_dump_of_marks_status_and_zone) {
  FilterRecord filter = {};
  filter.present = FILTER_MARK | FILTER_ZONE;
  filter.mark = 5;
  filter.mark_mask = 7;
  filter.status_all = 4;
  filter.status_none = 2;
  filter.zone = 9;
  CHECK(bytes_of(encode_dump(FAMILY_UNSPECIFIED, filter, DumpKind::entries)) ==
        expected(MESSAGE_GET, dump_flags, FAMILY_UNSPECIFIED,
                 {u32(CTA_MARK, 5), u32(CTA_MARK_MASK, 7), u32(CTA_STATUS, 4),
                  u32(CTA_STATUS_MASK, 6), u16(CTA_ZONE, 9)}));
}

TEST(the_kernel_is_not_asked_for_what_it_gets_wrong) {
  FilterRecord zone_0 = {};
  zone_0.present = FILTER_ZONE;
  CHECK_EQUAL(asked_fields(zone_0), 0u);

  FilterRecord ipv6 = tcp_filter();
  ipv6.original.source.family = FAMILY_IPV6;
  ipv6.original.source.prefix = 128;
  CHECK_EQUAL(asked_fields(ipv6), CTA_FILTER_PROTO_NUM | CTA_FILTER_PROTO_DST_PORT);

  FilterRecord network = tcp_filter();
  network.original.source.prefix = 31;
  network.original.destination_port.to++;
  CHECK_EQUAL(asked_fields(network), CTA_FILTER_PROTO_NUM + 0u);

  for (const uint8_t protocol : {33, 47, 132, 136}) {
    FilterRecord other = tcp_filter();
    other.protocol = protocol;
    CHECK_EQUAL(asked_fields(other), CTA_FILTER_IP_SRC | CTA_FILTER_PROTO_NUM);
  }

  FilterRecord any_protocol = tcp_filter();
  any_protocol.present = 0;
  CHECK_EQUAL(asked_fields(any_protocol), CTA_FILTER_IP_SRC + 0u);

  FilterRecord reply = {};
  reply.reply = tcp_filter().original;
  reply.status_any = 0x30;
  CHECK_EQUAL(asked_fields(reply), 0u);
}

TEST(a_dump_of_icmp) {
  for (const uint8_t protocol : {IPPROTO_ICMP, IPPROTO_ICMPV6}) {
    FilterRecord filter = {};
    filter.present = FILTER_PROTOCOL;
    filter.protocol = protocol;
    filter.original.present = TUPLE_FILTER_ICMP_TYPE | TUPLE_FILTER_ICMP_ID;
    filter.original.icmp_type = 8;
    filter.original.icmp_id = 77;
    const bool v6 = protocol == IPPROTO_ICMPV6;
    const uint32_t flags = v6 ? CTA_FILTER_ICMPV6_TYPE | CTA_FILTER_ICMPV6_ID
                              : CTA_FILTER_ICMP_TYPE | CTA_FILTER_ICMP_ID;
    CHECK(
        bytes_of(encode_dump(FAMILY_IPV6, filter, DumpKind::entries)) ==
        expected(
            MESSAGE_GET, dump_flags, FAMILY_IPV6,
            {nest(CTA_TUPLE_ORIG,
                  {nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, protocol),
                                          u8(v6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, 8),
                                          u16(v6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, 77)})}),
             filter_flags(flags | CTA_FILTER_PROTO_NUM)}));
  }
}

int main() { return check::run_tests(); }
