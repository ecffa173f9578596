#include <algorithm>
#include <vector>

#include "check.h"
#include "decoded.h"

using namespace conntrack;
using namespace conntrack::uapi;
using namespace conntrack::test;

static const Buffer ipv4_addresses =
    nest(CTA_TUPLE_IP,
         {attribute(CTA_IP_V4_SRC, {192, 0, 2, 1}), attribute(CTA_IP_V4_DST, {198, 51, 100, 2})});
static const Buffer tcp_ports =
    nest(CTA_TUPLE_PROTO,
         {u8(CTA_PROTO_NUM, 6), u16(CTA_PROTO_SRC_PORT, 40000), u16(CTA_PROTO_DST_PORT, 443)});

static Buffer tuple(uint16_t type) { return nest(type, {ipv4_addresses, tcp_ports}); }

// The least that makes an entry.
static const Buffer basics = join(
    {tuple(CTA_TUPLE_ORIG), tuple(CTA_TUPLE_REPLY), u32(CTA_ID, 0x01020304), u32(CTA_STATUS, 8)});

static Decoded decoded(std::initializer_list<Buffer> attributes) {
  return Decoded(conntrack_message(join({basics, join(attributes)})));
}

// The original tuple that these parts make.
static Decoded with_original(std::initializer_list<Buffer> parts) {
  return Decoded(conntrack_message(join(
      {nest(CTA_TUPLE_ORIG, parts), tuple(CTA_TUPLE_REPLY), u32(CTA_ID, 1), u32(CTA_STATUS, 8)})));
}

// Neither one byte less nor, harmfully, one byte more.
#define CHECK_EXACT_SIZE(make, size)                 \
  do {                                               \
    CHECK(decoded({make(Buffer(size, 1))}).ok);      \
    CHECK(decoded({make(Buffer(size + 1, 1))}).ok);  \
    CHECK(!decoded({make(Buffer(size - 1, 1))}).ok); \
    CHECK(!decoded({make(Buffer())}).ok);            \
  } while (false)

// What an entry must have -----------------------------------------------------------

TEST(the_least_that_makes_an_entry) {
  const Decoded entry = decoded({});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present, ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS);
  CHECK_EQUAL(entry.record.id, 0x01020304u);
  CHECK_EQUAL(entry.record.status, 8u);
  CHECK_EQUAL(entry.record.unknown_attributes, 0);
}

TEST(an_entry_is_final_in_the_message_that_ends_it) {
  Buffer bytes = conntrack_message(basics);
  memcpy(bytes.data() + 4, &MESSAGE_DELETE, sizeof MESSAGE_DELETE);
  CHECK(Decoded(bytes).has(ENTRY_FINAL));
  CHECK(!decoded({}).has(ENTRY_FINAL));
}

TEST(without_one_of_these_there_is_no_entry) {
  const Buffer parts[] = {tuple(CTA_TUPLE_ORIG), tuple(CTA_TUPLE_REPLY), u32(CTA_ID, 1),
                          u32(CTA_STATUS, 8)};
  for (size_t missing = 0; missing < 4; missing++) {
    Buffer attributes;
    for (size_t part = 0; part < 4; part++) {
      if (part != missing) attributes = join({attributes, parts[part]});
    }
    CHECK(!Decoded(conntrack_message(attributes)).ok);
  }
  CHECK(!Decoded(conntrack_message({})).ok);
}

TEST(the_order_of_attributes_means_nothing) {
  const Decoded entry(conntrack_message(join({u32(CTA_STATUS, 8), tuple(CTA_TUPLE_REPLY),
                                              u32(CTA_ID, 0x01020304), tuple(CTA_TUPLE_ORIG)})));
  CHECK(entry.ok);
  CHECK(same_record(entry.record, decoded({}).record));
}

// The nests that the kernel always writes alike are read at once (shapes.h), others
// attribute by attribute. Which way it went must not show.
TEST(the_order_within_a_nest_means_nothing) {
  const auto entry = [](bool reversed) {
    const auto ordered = [reversed](uint16_t type, std::vector<Buffer> parts) {
      if (reversed) std::reverse(parts.begin(), parts.end());
      Buffer payload;
      for (const Buffer& part : parts) payload = join({payload, part});
      return nest(type, {payload});
    };
    const auto addresses = [&](uint16_t source, size_t size) {
      Buffer from(size);
      Buffer to(size);
      for (size_t i = 0; i < size; i++) {
        from[i] = static_cast<uint8_t>(0x10 + i);
        to[i] = static_cast<uint8_t>(0xe0 - i);
      }
      return ordered(CTA_TUPLE_IP, {attribute(source, from), attribute(source + 1, to)});
    };
    const Buffer ports = ordered(
        CTA_TUPLE_PROTO,
        {u8(CTA_PROTO_NUM, 6), u16(CTA_PROTO_SRC_PORT, 0x1234), u16(CTA_PROTO_DST_PORT, 0x5678)});
    const auto counters = [&](uint16_t type, uint64_t from) {
      return ordered(type,
                     {u64(CTA_COUNTERS_PACKETS, from), u64(CTA_COUNTERS_BYTES, from << 33 | 1)});
    };
    return Decoded(conntrack_message(join({
        ordered(CTA_TUPLE_ORIG, {addresses(CTA_IP_V4_SRC, 4), ports}),
        ordered(CTA_TUPLE_REPLY, {addresses(CTA_IP_V6_SRC, 16), ports}),
        u32(CTA_ID, 1),
        u32(CTA_STATUS, 8),
        ordered(CTA_PROTOINFO,
                {ordered(CTA_PROTOINFO_TCP,
                         {u8(CTA_PROTOINFO_TCP_STATE, 3), u8(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7),
                          u8(CTA_PROTOINFO_TCP_WSCALE_REPLY, 8),
                          attribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, {9, 10}),
                          attribute(CTA_PROTOINFO_TCP_FLAGS_REPLY, {11, 12})})}),
        counters(CTA_COUNTERS_ORIG, 0x01020304),
        counters(CTA_COUNTERS_REPLY, 0x05060708),
        ordered(CTA_SYNPROXY, {u32(CTA_SYNPROXY_ISN, 0x11111111), u32(CTA_SYNPROXY_ITS, 0x22222222),
                               u32(CTA_SYNPROXY_TSOFF, 0x33333333)}),
    })));
  };
  const Decoded as_sent = entry(false);
  const Decoded reversed = entry(true);
  CHECK(as_sent.ok);
  CHECK(reversed.ok);
  CHECK(same_record(as_sent.record, reversed.record));
  CHECK_EQUAL(as_sent.extension.record.synproxy.timestamp_offset, 0x33333333u);
  CHECK_EQUAL(reversed.extension.record.synproxy.timestamp_offset, 0x33333333u);
  CHECK_EQUAL(as_sent.record.reply.destination[15], 0xe0 - 15);
  CHECK_EQUAL(as_sent.record.reply_bytes, uint64_t{0x05060708} << 33 | 1);
  CHECK_EQUAL(as_sent.record.info.tcp.reply_flags_mask, 12);
}

TEST(a_message_needs_its_nfgenmsg) {
  for (size_t size = 0; size < 4; size++) {
    CHECK(!Decoded(message(MESSAGE_NEW, 0, Buffer(size, 0))).ok);
  }
}

TEST(a_nest_flag_is_neither_needed_nor_harmful) {
  const Buffer without =
      join({attribute(CTA_TUPLE_ORIG, join({ipv4_addresses, tcp_ports})), tuple(CTA_TUPLE_REPLY),
            attribute(CTA_ID | NLA_F_NESTED, {1, 2, 3, 4}), u32(CTA_STATUS, 8)});
  const Decoded entry{conntrack_message(without)};
  CHECK(entry.ok);
  CHECK(same_record(entry.record, decoded({}).record));
}

// Tuples ----------------------------------------------------------------------------

TEST(tuple_with_ports) {
  const TupleRecord tuple = decoded({}).record.original;
  CHECK_EQUAL(tuple.family, FAMILY_IPV4);
  CHECK_EQUAL(tuple.protocol, 6);
  CHECK_EQUAL(tuple.present, TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT);
  CHECK_EQUAL(tuple.source_port, 40000);
  CHECK_EQUAL(tuple.destination_port, 443);
  const uint8_t source[16] = {192, 0, 2, 1};
  const uint8_t destination[16] = {198, 51, 100, 2};
  CHECK(memcmp(tuple.source, source, 16) == 0);
  CHECK(memcmp(tuple.destination, destination, 16) == 0);
}

TEST(tuple_of_gre_has_keys_in_either_order) {
  const Buffer number = u8(CTA_PROTO_NUM, IPPROTO_GRE);
  const Buffer source = u16(CTA_PROTO_SRC_PORT, 1);
  const Buffer destination = u16(CTA_PROTO_DST_PORT, 2);
  const Buffer orders[] = {nest(CTA_TUPLE_PROTO, {number, source, destination}),
                           nest(CTA_TUPLE_PROTO, {source, destination, number})};
  for (const Buffer& transport : orders) {
    const Decoded entry = with_original({ipv4_addresses, transport});
    CHECK(entry.ok);
    CHECK_EQUAL(entry.record.original.present, TUPLE_SOURCE_KEY | TUPLE_DESTINATION_KEY);
    CHECK_EQUAL(entry.record.original.source_port, 1);
    CHECK_EQUAL(entry.record.original.destination_port, 2);
  }
}

TEST(tuple_with_ipv6_addresses) {
  const Buffer source = {0x20, 1, 0xd, 0xb8, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Buffer destination(16, 0xff);
  const Decoded entry = with_original({nest(CTA_TUPLE_IP, {attribute(CTA_IP_V6_SRC, source),
                                                           attribute(CTA_IP_V6_DST, destination)}),
                                       tcp_ports});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.original.family, FAMILY_IPV6);
  CHECK(memcmp(entry.record.original.source, source.data(), 16) == 0);
  CHECK(memcmp(entry.record.original.destination, destination.data(), 16) == 0);
}

TEST(tuple_of_icmp) {
  const uint16_t types[2][3] = {
      {CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE},
      {CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE}};
  for (const auto& [id, type, code] : types) {
    const Decoded entry = with_original(
        {ipv4_addresses,
         nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 1), u16(id, 0x0102), u8(type, 8), u8(code, 3)})});
    CHECK(entry.ok);
    CHECK_EQUAL(entry.record.original.present, TUPLE_ICMP_ID | TUPLE_ICMP_TYPE | TUPLE_ICMP_CODE);
    CHECK_EQUAL(entry.record.original.icmp_id, 0x0102);
    CHECK_EQUAL(entry.record.original.icmp_type, 8);
    CHECK_EQUAL(entry.record.original.icmp_code, 3);
  }
}

TEST(tuple_of_a_protocol_without_more) {
  const Decoded entry =
      with_original({ipv4_addresses, nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 50)})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.original.protocol, 50);
  CHECK_EQUAL(entry.record.original.present, 0);
}

TEST(tuple_with_a_zone) {
  const Decoded entry = with_original({ipv4_addresses, tcp_ports, u16(CTA_TUPLE_ZONE, 0x0102)});
  CHECK(entry.ok);
  CHECK(entry.record.original.present & TUPLE_ZONE);
  CHECK_EQUAL(entry.record.original.zone, 0x0102);
  CHECK_EQUAL(entry.record.reply.present & TUPLE_ZONE, 0);
  CHECK(!entry.has(ENTRY_ZONE));
}

TEST(tuple_without_one_of_its_parts_is_refused) {
  const Buffer source = attribute(CTA_IP_V4_SRC, {1, 2, 3, 4});
  const Buffer destination = attribute(CTA_IP_V4_DST, {1, 2, 3, 4});
  CHECK(!with_original({}).ok);
  CHECK(!with_original({ipv4_addresses}).ok);
  CHECK(!with_original({tcp_ports}).ok);
  CHECK(!with_original({nest(CTA_TUPLE_IP, {}), tcp_ports}).ok);
  CHECK(!with_original({nest(CTA_TUPLE_IP, {source}), tcp_ports}).ok);
  CHECK(!with_original({nest(CTA_TUPLE_IP, {destination}), tcp_ports}).ok);
  CHECK(!with_original({ipv4_addresses, nest(CTA_TUPLE_PROTO, {u16(CTA_PROTO_SRC_PORT, 1)})}).ok);
}

TEST(tuple_of_two_families_is_refused) {
  const Buffer ipv6(16, 1);
  CHECK(!with_original({nest(CTA_TUPLE_IP, {attribute(CTA_IP_V4_SRC, {1, 2, 3, 4}),
                                            attribute(CTA_IP_V6_DST, ipv6)}),
                        tcp_ports})
             .ok);
  CHECK(!with_original({nest(CTA_TUPLE_IP, {attribute(CTA_IP_V6_SRC, ipv6),
                                            attribute(CTA_IP_V4_DST, {1, 2, 3, 4})}),
                        tcp_ports})
             .ok);
}

TEST(tuple_values_need_their_bytes) {
  const auto of = [](uint16_t type, const Buffer& payload) {
    return with_original({ipv4_addresses, tcp_ports,
                          nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 1), attribute(type, payload)})})
        .ok;
  };
  for (uint16_t type :
       {CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID}) {
    CHECK(of(type, {1, 2}));
    CHECK(of(type, {1, 2, 3}));
    CHECK(!of(type, {1}));
  }
  for (uint16_t type : {CTA_PROTO_NUM, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE,
                        CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE}) {
    CHECK(of(type, {1}));
    CHECK(of(type, {1, 2}));
    CHECK(!of(type, {}));
  }
  const auto with_source = [](uint16_t type, uint16_t other, size_t size, size_t other_size) {
    return with_original({nest(CTA_TUPLE_IP, {attribute(type, Buffer(size, 1)),
                                              attribute(other, Buffer(other_size, 1))}),
                          tcp_ports})
        .ok;
  };
  CHECK(with_source(CTA_IP_V4_SRC, CTA_IP_V4_DST, 5, 5));
  CHECK(!with_source(CTA_IP_V4_SRC, CTA_IP_V4_DST, 3, 4));
  CHECK(!with_source(CTA_IP_V4_SRC, CTA_IP_V4_DST, 4, 3));
  CHECK(with_source(CTA_IP_V6_SRC, CTA_IP_V6_DST, 17, 17));
  CHECK(!with_source(CTA_IP_V6_SRC, CTA_IP_V6_DST, 15, 16));
  CHECK(!with_source(CTA_IP_V6_SRC, CTA_IP_V6_DST, 16, 15));
  CHECK(!with_original({ipv4_addresses, tcp_ports, attribute(CTA_TUPLE_ZONE, {1})}).ok);
}

TEST(the_master_is_a_tuple_like_the_others) {
  const Decoded entry = decoded({tuple(CTA_TUPLE_MASTER)});
  CHECK(entry.ok);
  CHECK(entry.extended(EXTENSION_MASTER));
  const TupleRecord original = entry.record.original;
  CHECK(memcmp(&entry.extension.record.master, &original, sizeof original) == 0);
  CHECK(!decoded({nest(CTA_TUPLE_MASTER, {ipv4_addresses})}).ok);
}

// Numbers ---------------------------------------------------------------------------

TEST(numbers) {
  const Decoded entry =
      decoded({u32(CTA_TIMEOUT, 0x11121314), u32(CTA_MARK, 0x21222324), u32(CTA_USE, 0x31323334),
               u16(CTA_ZONE, 0x4142), u64(CTA_TIMESTAMP_EVENT, 0x5152535455565758)});
  CHECK(entry.ok);
  CHECK(entry.has(ENTRY_TIMEOUT | ENTRY_MARK | ENTRY_USE | ENTRY_ZONE));
  CHECK(entry.extended(EXTENSION_EVENT_TIME));
  CHECK_EQUAL(entry.record.timeout, 0x11121314u);
  CHECK_EQUAL(entry.record.mark, 0x21222324u);
  CHECK_EQUAL(entry.record.use, 0x31323334u);
  CHECK_EQUAL(entry.record.zone, 0x4142);
  CHECK_EQUAL(entry.extension.record.event_time, 0x5152535455565758u);
}

TEST(zeros_that_are_sent_are_present) {
  const Decoded entry = decoded({u32(CTA_TIMEOUT, 0), u32(CTA_MARK, 0), u16(CTA_ZONE, 0)});
  CHECK(entry.has(ENTRY_TIMEOUT | ENTRY_MARK | ENTRY_ZONE));
}

TEST(numbers_need_their_bytes) {
  for (uint16_t type : {CTA_STATUS, CTA_TIMEOUT, CTA_MARK, CTA_USE, CTA_ID}) {
    CHECK_EXACT_SIZE([type](const Buffer& payload) { return attribute(type, payload); }, 4);
  }
  CHECK_EXACT_SIZE([](const Buffer& payload) { return attribute(CTA_ZONE, payload); }, 2);
  CHECK_EXACT_SIZE([](const Buffer& payload) { return attribute(CTA_TIMESTAMP_EVENT, payload); },
                   8);
}

// Protocol information --------------------------------------------------------------

static Buffer info(uint16_t protocol, std::initializer_list<Buffer> parts) {
  return nest(CTA_PROTOINFO, {nest(protocol, parts)});
}

TEST(tcp) {
  const Decoded entry = decoded({info(
      CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 3), u8(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7),
                          u8(CTA_PROTOINFO_TCP_WSCALE_REPLY, 8),
                          attribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, {0x23, 0x33}),
                          attribute(CTA_PROTOINFO_TCP_FLAGS_REPLY, {0x24, 0x34})})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO,
              ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_WINDOW_SCALE | ENTRY_TCP_REPLY_WINDOW_SCALE |
                  ENTRY_TCP_ORIGINAL_FLAGS | ENTRY_TCP_REPLY_FLAGS);
  CHECK_EQUAL(entry.record.state, 3);
  const TcpRecord tcp = entry.record.info.tcp;
  CHECK_EQUAL(tcp.original_window_scale, 7);
  CHECK_EQUAL(tcp.reply_window_scale, 8);
  CHECK_EQUAL(tcp.original_flags, 0x23);
  CHECK_EQUAL(tcp.original_flags_mask, 0x33);
  CHECK_EQUAL(tcp.reply_flags, 0x24);
  CHECK_EQUAL(tcp.reply_flags_mask, 0x34);
}

TEST(tcp_with_its_state_alone) {
  const Decoded entry = decoded({info(CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 200)})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO, ENTRY_TCP_STATE);
  CHECK_EQUAL(entry.record.state, 200);
}

TEST(sctp) {
  const Decoded entry =
      decoded({info(CTA_PROTOINFO_SCTP, {u8(CTA_PROTOINFO_SCTP_STATE, 4),
                                         u32(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, 0x01020304),
                                         u32(CTA_PROTOINFO_SCTP_VTAG_REPLY, 0x11121314)})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO,
              ENTRY_SCTP_STATE | ENTRY_SCTP_ORIGINAL_TAG | ENTRY_SCTP_REPLY_TAG);
  CHECK_EQUAL(entry.record.state, 4);
  CHECK_EQUAL(entry.record.info.sctp.original_tag, 0x01020304u);
  CHECK_EQUAL(entry.record.info.sctp.reply_tag, 0x11121314u);
}

TEST(dccp) {
  const Decoded entry = decoded(
      {info(CTA_PROTOINFO_DCCP, {u8(CTA_PROTOINFO_DCCP_STATE, 4), u8(CTA_PROTOINFO_DCCP_ROLE, 1),
                                 u64(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 0x0102030405060708)})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO,
              ENTRY_DCCP_STATE | ENTRY_DCCP_ROLE | ENTRY_DCCP_HANDSHAKE_SEQUENCE);
  CHECK_EQUAL(entry.record.state, 4);
  CHECK_EQUAL(entry.record.dccp_role, 1);
  CHECK_EQUAL(entry.record.info.dccp.handshake_sequence, 0x0102030405060708u);
}

TEST(empty_protocol_information_is_none) {
  for (const Buffer& empty : {nest(CTA_PROTOINFO, {}), info(CTA_PROTOINFO_TCP, {})}) {
    const Decoded entry = decoded({empty});
    CHECK(entry.ok);
    CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO, 0u);
  }
}

TEST(protocol_information_needs_its_bytes) {
  const struct {
    uint16_t protocol;
    uint16_t type;
    size_t size;
  } values[] = {
      {CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE, 1},
      {CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 1},
      {CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_WSCALE_REPLY, 1},
      {CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, 2},
      {CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_FLAGS_REPLY, 2},
      {CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_STATE, 1},
      {CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, 4},
      {CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_VTAG_REPLY, 4},
      {CTA_PROTOINFO_DCCP, CTA_PROTOINFO_DCCP_STATE, 1},
      {CTA_PROTOINFO_DCCP, CTA_PROTOINFO_DCCP_ROLE, 1},
      {CTA_PROTOINFO_DCCP, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 8},
  };
  for (const auto& value : values) {
    CHECK_EXACT_SIZE(
        [&](const Buffer& payload) {
          return info(value.protocol, {attribute(value.type, payload)});
        },
        value.size);
  }
}

// Counters and times ------------------------------------------------------------------

static Buffer counters(uint16_t type, uint64_t packets, uint64_t bytes) {
  return nest(type, {u64(CTA_COUNTERS_PACKETS, packets), u64(CTA_COUNTERS_BYTES, bytes)});
}

TEST(counters_of_both_directions) {
  const Decoded entry = decoded({counters(CTA_COUNTERS_ORIG, 0x0102030405060708, UINT64_MAX),
                                 counters(CTA_COUNTERS_REPLY, 0, 3)});
  CHECK(entry.ok);
  CHECK(entry.has(ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS));
  CHECK_EQUAL(entry.record.original_packets, 0x0102030405060708u);
  CHECK_EQUAL(entry.record.original_bytes, UINT64_MAX);
  CHECK_EQUAL(entry.record.reply_packets, 0u);
  CHECK_EQUAL(entry.record.reply_bytes, 3u);
}

TEST(half_a_pair_of_counters_is_none) {
  for (uint16_t half : {CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES}) {
    const Decoded entry =
        decoded({nest(CTA_COUNTERS_ORIG, {u64(half, 5)}), counters(CTA_COUNTERS_REPLY, 6, 7)});
    CHECK(entry.ok);
    CHECK(!entry.has(ENTRY_ORIGINAL_COUNTERS));
    CHECK(entry.has(ENTRY_REPLY_COUNTERS));
  }
  CHECK(!decoded({nest(CTA_COUNTERS_ORIG, {})}).has(ENTRY_ORIGINAL_COUNTERS));
}

TEST(times) {
  const Decoded both =
      decoded({nest(CTA_TIMESTAMP, {u64(CTA_TIMESTAMP_START, 0x0102030405060708),
                                    u64(CTA_TIMESTAMP_STOP, 0x1112131415161718)})});
  CHECK(both.ok);
  CHECK(both.has(ENTRY_START_TIME | ENTRY_STOP_TIME));
  CHECK_EQUAL(both.record.start_time, 0x0102030405060708u);
  CHECK_EQUAL(both.record.stop_time, 0x1112131415161718u);
  const Decoded start = decoded({nest(CTA_TIMESTAMP, {u64(CTA_TIMESTAMP_START, 1)})});
  CHECK(start.has(ENTRY_START_TIME));
  CHECK(!start.has(ENTRY_STOP_TIME));
}

TEST(padding_is_known) {
  const Decoded entry = decoded(
      {nest(CTA_COUNTERS_ORIG, {attribute(CTA_COUNTERS_PAD, {}), u64(CTA_COUNTERS_PACKETS, 1),
                                attribute(CTA_COUNTERS_PAD, {}), u64(CTA_COUNTERS_BYTES, 2)}),
       nest(CTA_TIMESTAMP, {attribute(CTA_TIMESTAMP_PAD, {}), u64(CTA_TIMESTAMP_START, 3)}),
       info(CTA_PROTOINFO_DCCP,
            {attribute(CTA_PROTOINFO_DCCP_PAD, {}), u64(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 4)})});
  CHECK(entry.ok);
  CHECK(entry.has(ENTRY_ORIGINAL_COUNTERS | ENTRY_START_TIME | ENTRY_DCCP_HANDSHAKE_SEQUENCE));
  CHECK_EQUAL(entry.record.unknown_attributes, 0);
}

TEST(counters_and_times_need_their_bytes) {
  for (uint16_t type : {CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES}) {
    CHECK_EXACT_SIZE(
        [&](const Buffer& payload) { return nest(CTA_COUNTERS_REPLY, {attribute(type, payload)}); },
        8);
  }
  for (uint16_t type : {CTA_TIMESTAMP_START, CTA_TIMESTAMP_STOP}) {
    CHECK_EXACT_SIZE(
        [&](const Buffer& payload) { return nest(CTA_TIMESTAMP, {attribute(type, payload)}); }, 8);
  }
}

// Strings -----------------------------------------------------------------------------

TEST(strings_with_and_without_nul) {
  for (const Buffer& ftp : {text("ftp"), Buffer{'f', 't', 'p', 0}, Buffer{'f', 't', 'p', 0, 'x'}}) {
    const Decoded entry = decoded({nest(CTA_HELP, {attribute(CTA_HELP_NAME, ftp)}),
                                   nest(CTA_SECCTX, {attribute(CTA_SECCTX_NAME, ftp)})});
    CHECK(entry.ok);
    CHECK(entry.extended(EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT));
    CHECK_EQUAL(entry.helper(), "ftp");
    CHECK_EQUAL(entry.security_context(), "ftp");
    CHECK_EQUAL(entry.extension.record.helper_length, 3);
    CHECK_EQUAL(entry.extension.record.security_context_length, 3);
  }
}

TEST(empty_strings_are_present) {
  for (const Buffer& empty : {Buffer(), Buffer{0}}) {
    const Decoded entry = decoded({nest(CTA_HELP, {attribute(CTA_HELP_NAME, empty)})});
    CHECK(entry.ok);
    CHECK(entry.extended(EXTENSION_HELPER));
    CHECK_EQUAL(entry.helper(), "");
  }
}

TEST(strings_have_a_limit) {
  const auto helper = [](size_t size) {
    return nest(CTA_HELP, {attribute(CTA_HELP_NAME, Buffer(size, 'h'))});
  };
  const auto context = [](size_t size) {
    return nest(CTA_SECCTX, {attribute(CTA_SECCTX_NAME, Buffer(size, 'c'))});
  };
  const Decoded longest = decoded({helper(max_string), context(max_string)});
  CHECK(longest.ok);
  CHECK_EQUAL(longest.helper().size(), max_string);
  CHECK_EQUAL(longest.security_context().size(), max_string);
  CHECK(!decoded({helper(max_string + 1)}).ok);
  CHECK(!decoded({context(max_string + 1)}).ok);
}

TEST(a_helper_without_name_is_none) {
  const Decoded entry = decoded({nest(CTA_HELP, {attribute(CTA_HELP_INFO, {1, 2, 3})})});
  CHECK(entry.ok);
  CHECK(!entry.extended(EXTENSION_HELPER));
  CHECK_EQUAL(entry.record.unknown_attributes, 0);
  CHECK(!decoded({nest(CTA_SECCTX, {})}).extended(EXTENSION_SECURITY_CONTEXT));
}

// Labels --------------------------------------------------------------------------------

TEST(labels_of_any_length_up_to_sixteen) {
  for (size_t size = 0; size <= 16; size++) {
    if (!host_is_little_endian && size % sizeof(long) != 0) continue;  // the kernel sends words
    Buffer words;
    for (size_t i = 0; i < size; i++) words.push_back(static_cast<uint8_t>(i + 1));
    const Decoded entry = decoded({attribute(CTA_LABELS, words)});
    CHECK(entry.ok);
    CHECK(entry.extended(EXTENSION_LABELS));
    for (size_t i = 0; i < 16; i++) {
      const size_t from = host_is_little_endian ? i : i ^ (sizeof(long) - 1);
      CHECK_EQUAL(entry.extension.record.labels[i], from < size ? from + 1 : 0);
    }
  }
}

TEST(labels_longer_than_that_are_refused) {
  CHECK(!decoded({attribute(CTA_LABELS, Buffer(17, 1))}).ok);
  CHECK(!decoded({attribute(CTA_LABELS, Buffer(24, 1))}).ok);
}

// Sequence numbers ------------------------------------------------------------------------

static Buffer adjust(uint16_t type, uint32_t position, uint32_t before, uint32_t after) {
  return nest(type, {u32(CTA_SEQADJ_CORRECTION_POS, position),
                     u32(CTA_SEQADJ_OFFSET_BEFORE, before), u32(CTA_SEQADJ_OFFSET_AFTER, after)});
}

static Buffer synproxy(uint32_t sequence, uint32_t timestamp, uint32_t offset) {
  return nest(CTA_SYNPROXY, {u32(CTA_SYNPROXY_ISN, sequence), u32(CTA_SYNPROXY_ITS, timestamp),
                             u32(CTA_SYNPROXY_TSOFF, offset)});
}

TEST(sequence_adjustments) {
  const Decoded entry = decoded(
      {adjust(CTA_SEQ_ADJ_ORIG, 0x01020304, 5, 6), adjust(CTA_SEQ_ADJ_REPLY, 7, 0xfffffff8, 9)});
  CHECK(entry.ok);
  CHECK(entry.extended(EXTENSION_ORIGINAL_SEQUENCE_ADJUST | EXTENSION_REPLY_SEQUENCE_ADJUST));
  const SequenceAdjustRecord original = entry.extension.record.original_sequence_adjust;
  const SequenceAdjustRecord reply = entry.extension.record.reply_sequence_adjust;
  CHECK_EQUAL(original.correction_position, 0x01020304u);
  CHECK_EQUAL(original.offset_before, 5u);
  CHECK_EQUAL(original.offset_after, 6u);
  CHECK_EQUAL(reply.correction_position, 7u);
  CHECK_EQUAL(reply.offset_before, 0xfffffff8u);
  CHECK_EQUAL(reply.offset_after, 9u);
  const Decoded one = decoded({adjust(CTA_SEQ_ADJ_REPLY, 1, 2, 3)});
  CHECK(one.extended(EXTENSION_REPLY_SEQUENCE_ADJUST));
  CHECK(!one.extended(EXTENSION_ORIGINAL_SEQUENCE_ADJUST));
}

TEST(synproxy_that_is_not_zero) {
  const Decoded entry = decoded({synproxy(0x01020304, 5, 6)});
  CHECK(entry.ok);
  CHECK(entry.has(ENTRY_SYNPROXY));
  CHECK(entry.extended(EXTENSION_SYNPROXY));
  CHECK_EQUAL(entry.extension.record.synproxy.initial_sequence, 0x01020304u);
  CHECK_EQUAL(entry.extension.record.synproxy.initial_timestamp, 5u);
  CHECK_EQUAL(entry.extension.record.synproxy.timestamp_offset, 6u);
  CHECK(decoded({synproxy(1, 0, 0)}).extended(EXTENSION_SYNPROXY));
  CHECK(decoded({synproxy(0, 1, 0)}).extended(EXTENSION_SYNPROXY));
  CHECK(decoded({synproxy(0, 0, 1)}).extended(EXTENSION_SYNPROXY));
}

TEST(synproxy_of_zeros_needs_no_extension) {
  const Decoded entry = decoded({synproxy(0, 0, 0)});
  CHECK(entry.ok);
  CHECK(entry.has(ENTRY_SYNPROXY));
  CHECK_EQUAL(entry.record.extension_present, 0u);
}

TEST(sequence_numbers_need_their_bytes) {
  for (uint16_t nest_type : {CTA_SEQ_ADJ_ORIG, CTA_SEQ_ADJ_REPLY, CTA_SYNPROXY}) {
    for (uint16_t type : {1, 2, 3}) {
      CHECK_EXACT_SIZE(
          [&](const Buffer& payload) { return nest(nest_type, {attribute(type, payload)}); }, 4);
    }
  }
}

TEST(the_extension_is_zero_but_for_what_was_sent) {
  const Decoded entry = decoded({u64(CTA_TIMESTAMP_EVENT, 1)});
  ExtensionRecord expected = {};
  expected.event_time = 1;
  CHECK(memcmp(&entry.extension.record, &expected, sizeof expected) == 0);
  CHECK_EQUAL(entry.helper(), "");
  CHECK_EQUAL(entry.security_context(), "");
}

// What we don't know ------------------------------------------------------------------------

static const Buffer newer = attribute(99, {1, 2, 3, 4, 5});

TEST(unknown_attributes_at_every_level_are_counted_and_skipped) {
  const Buffer values[] = {
      newer,
      nest(CTA_PROTOINFO, {newer}),
      info(CTA_PROTOINFO_TCP, {newer}),
      info(CTA_PROTOINFO_SCTP, {newer}),
      info(CTA_PROTOINFO_DCCP, {newer}),
      nest(CTA_HELP, {newer}),
      nest(CTA_COUNTERS_ORIG, {newer}),
      nest(CTA_COUNTERS_REPLY, {newer}),
      nest(CTA_TUPLE_MASTER, {newer, ipv4_addresses, tcp_ports}),
      nest(CTA_SEQ_ADJ_ORIG, {newer}),
      nest(CTA_SEQ_ADJ_REPLY, {newer}),
      nest(CTA_SECCTX, {newer}),
      nest(CTA_TIMESTAMP, {newer}),
      nest(CTA_SYNPROXY, {newer}),
  };
  for (const Buffer& value : values) {
    const Decoded entry = decoded({value, u32(CTA_MARK, 5)});
    CHECK(entry.ok);
    CHECK_EQUAL(entry.record.unknown_attributes, 1);
    CHECK_EQUAL(entry.record.mark, 5u);
  }
  const Decoded tuple = with_original(
      {newer,
       nest(CTA_TUPLE_IP, {newer, attribute(CTA_IP_V4_SRC, {192, 0, 2, 1}),
                           attribute(CTA_IP_V4_DST, {198, 51, 100, 2})}),
       nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 6), newer, u16(CTA_PROTO_SRC_PORT, 40000),
                              u16(CTA_PROTO_DST_PORT, 443)})});
  CHECK(tuple.ok);
  CHECK_EQUAL(tuple.record.unknown_attributes, 3);
  const TupleRecord expected = decoded({}).record.original;
  CHECK(memcmp(&tuple.record.original, &expected, sizeof expected) == 0);
}

TEST(the_count_of_unknown_attributes_stays_at_its_end) {
  Buffer many;
  for (size_t i = 0; i < 70'000; i++) {
    const Buffer empty = attribute(99, {});
    many.insert(many.end(), empty.begin(), empty.end());
  }
  const Decoded entry = decoded({many});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.unknown_attributes, UINT16_MAX);
}

// Lengths that lie ----------------------------------------------------------------------------

TEST(a_length_that_lies_at_any_level_is_no_entry) {
  for (uint16_t length : {0, 1, 3, 200}) {
    const Buffer lie = attribute_of_length(length, 99, {});
    CHECK(!decoded({lie}).ok);
    CHECK(!with_original({ipv4_addresses, tcp_ports, lie}).ok);
    for (uint16_t type :
         {CTA_PROTOINFO, CTA_HELP, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY, CTA_SEQ_ADJ_ORIG,
          CTA_SEQ_ADJ_REPLY, CTA_SECCTX, CTA_TIMESTAMP, CTA_SYNPROXY}) {
      CHECK(!decoded({nest(type, {lie})}).ok);
    }
    for (uint16_t protocol : {CTA_PROTOINFO_TCP, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_DCCP}) {
      CHECK(!decoded({info(protocol, {lie})}).ok);
    }
    for (uint16_t type : {CTA_TUPLE_IP, CTA_TUPLE_PROTO}) {
      CHECK(!with_original({ipv4_addresses, tcp_ports, nest(type, {lie})}).ok);
    }
  }
}

// Attributes that come twice ------------------------------------------------------------------

TEST(of_two_attributes_the_last_counts) {
  const Decoded entry = decoded(
      {u32(CTA_STATUS, 1), u32(CTA_STATUS, 2), u32(CTA_MARK, 3), u32(CTA_MARK, 4),
       counters(CTA_COUNTERS_ORIG, 5, 6), counters(CTA_COUNTERS_ORIG, 7, 8),
       nest(CTA_HELP, {attribute(CTA_HELP_NAME, text("longer"))}),
       nest(CTA_HELP, {attribute(CTA_HELP_NAME, text("ftp"))}), adjust(CTA_SEQ_ADJ_ORIG, 1, 2, 3),
       adjust(CTA_SEQ_ADJ_ORIG, 4, 5, 6), synproxy(1, 2, 3), synproxy(4, 0, 0)});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.status, 2u);
  CHECK_EQUAL(entry.record.mark, 4u);
  CHECK_EQUAL(entry.record.original_packets, 7u);
  CHECK_EQUAL(entry.record.original_bytes, 8u);
  CHECK_EQUAL(entry.helper(), "ftp");
  CHECK_EQUAL(entry.extension.record.helper_length, 3);
  CHECK_EQUAL(entry.extension.record.original_sequence_adjust.offset_after, 6u);
  CHECK_EQUAL(entry.extension.record.synproxy.initial_sequence, 4u);
  CHECK_EQUAL(entry.extension.record.synproxy.initial_timestamp, 0u);
}

TEST(of_two_nests_nothing_is_left_of_the_first) {
  const Decoded entry =
      decoded({counters(CTA_COUNTERS_ORIG, 5, 6),
               nest(CTA_COUNTERS_ORIG, {attribute(CTA_COUNTERS_PACKETS, Buffer(8, 1))}),
               nest(CTA_TIMESTAMP, {attribute(CTA_TIMESTAMP_START, Buffer(8, 1))}),
               nest(CTA_TIMESTAMP, {attribute(CTA_TIMESTAMP_STOP, Buffer(8, 1))}),
               adjust(CTA_SEQ_ADJ_ORIG, 1, 2, 3), nest(CTA_SEQ_ADJ_ORIG, {}), synproxy(1, 2, 3),
               synproxy(0, 0, 0)});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_ORIGINAL_COUNTERS, 0u);
  CHECK_EQUAL(entry.record.present & ENTRY_START_TIME, 0u);
  CHECK_EQUAL(entry.record.start_time, 0u);
  CHECK(entry.record.present & ENTRY_STOP_TIME);
  CHECK_EQUAL(entry.extension.record.original_sequence_adjust.correction_position, 0u);
  CHECK(entry.record.present & ENTRY_SYNPROXY);
  CHECK_EQUAL(entry.record.extension_present & EXTENSION_SYNPROXY, 0u);
}

TEST(of_two_nests_an_empty_one_leaves_nothing) {
  const Decoded entry = decoded(
      {nest(CTA_HELP, {attribute(CTA_HELP_NAME, text("ftp"))}), nest(CTA_HELP, {}),
       nest(CTA_SECCTX, {attribute(CTA_SECCTX_NAME, text("context"))}), nest(CTA_SECCTX, {}),
       info(CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 3)}), nest(CTA_PROTOINFO, {}),
       synproxy(1, 2, 3), synproxy(0, 0, 0), adjust(CTA_SEQ_ADJ_ORIG, 1, 2, 3)});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.extension_present, uint32_t{EXTENSION_ORIGINAL_SEQUENCE_ADJUST});
  CHECK_EQUAL(entry.helper(), "");
  CHECK_EQUAL(entry.extension.record.helper_length, 0);
  CHECK_EQUAL(entry.security_context(), "");
  CHECK_EQUAL(entry.extension.record.security_context_length, 0);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO, 0u);
  CHECK_EQUAL(entry.record.state, 0);
  CHECK_EQUAL(entry.extension.record.synproxy.initial_sequence, 0u);
}

TEST(of_two_protocols_in_one_nest_the_last_counts) {
  const Decoded entry = decoded(
      {nest(CTA_PROTOINFO, {nest(CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 3),
                                                     u8(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7)}),
                            nest(CTA_PROTOINFO_SCTP, {u8(CTA_PROTOINFO_SCTP_STATE, 4)})})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO, uint32_t{ENTRY_SCTP_STATE});
  CHECK_EQUAL(entry.record.state, 4);
  CHECK_EQUAL(entry.record.info.sctp.original_tag, 0u);
}

TEST(a_second_tuple_replaces_the_first_wholly) {
  const Decoded entry =
      decoded({nest(CTA_TUPLE_ORIG, {nest(CTA_TUPLE_IP, {attribute(CTA_IP_V6_SRC, Buffer(16, 1)),
                                                         attribute(CTA_IP_V6_DST, Buffer(16, 2))}),
                                     nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 50)})})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.original.family, FAMILY_IPV6);
  CHECK_EQUAL(entry.record.original.present, 0);
  CHECK_EQUAL(entry.record.original.source_port, 0);
}

TEST(second_protocol_information_replaces_the_first_wholly) {
  const Decoded entry =
      decoded({info(CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 3),
                                        attribute(CTA_PROTOINFO_TCP_FLAGS_REPLY, {1, 2})}),
               info(CTA_PROTOINFO_SCTP, {u8(CTA_PROTOINFO_SCTP_STATE, 5)})});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.present & ENTRY_PROTOCOL_INFO, ENTRY_SCTP_STATE);
  CHECK_EQUAL(entry.record.state, 5);
  CHECK_EQUAL(entry.record.info.sctp.reply_tag, 0u);
}

TEST(each_nest_replaces_each_other_of_its_type_wholly) {
  const auto eight = [](uint16_t type) { return attribute(type, Buffer(8, 1)); };
  const auto name = [](uint16_t type, const char* value) { return attribute(type, text(value)); };
  const std::vector<std::vector<Buffer>> alternatives = {
      {
          info(CTA_PROTOINFO_TCP, {u8(CTA_PROTOINFO_TCP_STATE, 3),
                                   attribute(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, {1, 2})}),
          info(CTA_PROTOINFO_SCTP,
               {u8(CTA_PROTOINFO_SCTP_STATE, 4), u32(CTA_PROTOINFO_SCTP_VTAG_REPLY, 5)}),
          info(CTA_PROTOINFO_DCCP, {u8(CTA_PROTOINFO_DCCP_STATE, 6), u8(CTA_PROTOINFO_DCCP_ROLE, 1),
                                    u64(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, 7)}),
          nest(CTA_PROTOINFO, {}),
      },
      {
          nest(CTA_TIMESTAMP, {eight(CTA_TIMESTAMP_START)}),
          nest(CTA_TIMESTAMP, {eight(CTA_TIMESTAMP_STOP)}),
          nest(CTA_TIMESTAMP, {}),
      },
      {
          counters(CTA_COUNTERS_REPLY, 5, 6),
          nest(CTA_COUNTERS_REPLY, {eight(CTA_COUNTERS_PACKETS)}),
          nest(CTA_COUNTERS_REPLY, {eight(CTA_COUNTERS_BYTES)}),
          nest(CTA_COUNTERS_REPLY, {}),
      },
      {
          nest(CTA_HELP, {name(CTA_HELP_NAME, "ftp")}),
          nest(CTA_HELP, {name(CTA_HELP_NAME, "longer")}),
          nest(CTA_HELP, {}),
      },
      {
          nest(CTA_SECCTX, {name(CTA_SECCTX_NAME, "context")}),
          nest(CTA_SECCTX, {name(CTA_SECCTX_NAME, "c")}),
          nest(CTA_SECCTX, {}),
      },
      {synproxy(1, 2, 3), synproxy(0, 0, 4), synproxy(0, 0, 0), nest(CTA_SYNPROXY, {})},
      {adjust(CTA_SEQ_ADJ_REPLY, 1, 2, 3), nest(CTA_SEQ_ADJ_REPLY, {})},
  };
  for (const std::vector<Buffer>& nests : alternatives) {
    for (const Buffer& first : nests) {
      for (const Buffer& second : nests) {
        // It keeps the extension, whatever the nests leave in it.
        const Buffer before = adjust(CTA_SEQ_ADJ_ORIG, 1, 2, 3);
        const Decoded both = decoded({before, first, second});
        const Decoded last = decoded({before, second});
        CHECK(both.ok && last.ok);
        CHECK(same_entry(both.record, both.extension, last.record, last.extension));
      }
    }
  }
}

TEST(values_that_are_not_sent_are_zero) {
  EntryRecord expected = zeroed_record();
  const EntryRecord record = decoded({nest(CTA_PROTOINFO, {}), nest(CTA_TIMESTAMP, {})}).record;
  expected.original = record.original;
  expected.reply = record.reply;
  expected.id = record.id;
  expected.status = record.status;
  expected.present = record.present;
  CHECK(same_record(record, expected));
}

TEST(second_labels_replace_the_first_wholly) {
  const Decoded entry =
      decoded({attribute(CTA_LABELS, Buffer(16, 0xff)), attribute(CTA_LABELS, Buffer(8, 1))});
  CHECK(entry.ok);
  CHECK_EQUAL(entry.extension.record.labels[7], 1);
  CHECK_EQUAL(entry.extension.record.labels[8], 0);
}

int main() { return check::run_tests(); }
