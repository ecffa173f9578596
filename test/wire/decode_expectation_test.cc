#include "wire/decode_expectation.h"

#include <random>
#include <string>

#include "check.h"
#include "message_builder.h"
#include "wire/decode_event.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static Buffer tuple(uint16_t type, uint32_t source, uint16_t port) {
  return nest(type, {nest(CTA_TUPLE_IP, {u32(CTA_IP_V4_SRC, source), u32(CTA_IP_V4_DST, 2)}),
                     nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 6), u16(CTA_PROTO_SRC_PORT, port),
                                            u16(CTA_PROTO_DST_PORT, 21)})});
}

static const Buffer always = join({tuple(CTA_EXPECT_TUPLE, 1, 0), tuple(CTA_EXPECT_MASK, ~0u, 0),
                                   tuple(CTA_EXPECT_MASTER, 1, 40000), u32(CTA_EXPECT_ID, 99)});

static const Buffer everything =
    join({always, u32(CTA_EXPECT_TIMEOUT, 300), u32(CTA_EXPECT_FLAGS, 3), u32(CTA_EXPECT_CLASS, 1),
          u16(CTA_EXPECT_ZONE, 5), attribute(CTA_EXPECT_HELP_NAME, text({"ftp\0", 4})),
          attribute(CTA_EXPECT_FN, text("nat-follow-master")),
          nest(CTA_EXPECT_NAT, {u32(CTA_EXPECT_NAT_DIR, 1), tuple(CTA_EXPECT_NAT_TUPLE, 7, 8)})});

struct DecodedExpectation {
  explicit DecodedExpectation(const Buffer& attributes)
      : DecodedExpectation(MESSAGE_EXPECTATION_NEW, conntrack_message(attributes)) {}

  DecodedExpectation(uint16_t type, Buffer message) {
    memcpy(message.data() + 4, &type, sizeof type);
    bytes = Exact(message);
    Message first;
    MessageReader reader(bytes.bytes());
    memset(static_cast<void*>(&record), 0, sizeof record);
    ok = reader.next(first) && decode_expectation(first, record, extension);
  }

  static std::string string(Bytes from) { return {from.data, from.data + from.size}; }

  Exact bytes;
  bool ok = false;
  ExpectationRecord record;
  ExpectationExtension extension = {};
};

TEST(every_attribute) {
  const DecodedExpectation decoded(everything);
  CHECK(decoded.ok);
  const ExpectationRecord& record = decoded.record;
  CHECK_EQUAL(record.present, 0x7ffu);
  CHECK_EQUAL(record.timeout, 300u);
  CHECK_EQUAL(record.id, 99u);
  CHECK_EQUAL(record.flags, 3u);
  CHECK_EQUAL(record.helper_class, 1u);
  CHECK_EQUAL(record.zone, 5u);
  CHECK_EQUAL(record.nat_direction, 1u);
  CHECK_EQUAL(record.unknown_attributes, 0u);
  CHECK_EQUAL(record.master.source_port, 40000u);
  CHECK_EQUAL(record.tuple.destination_port, 21u);
  CHECK_EQUAL(record.mask.source[0], 0xffu);
  CHECK_EQUAL(decoded.extension.record.nat.source_port, 8u);
  CHECK(DecodedExpectation::string(decoded.extension.helper) == "ftp");
  CHECK(DecodedExpectation::string(decoded.extension.function) == "nat-follow-master");
}

TEST(what_the_kernel_always_sends_is_enough) {
  const DecodedExpectation decoded(always);
  CHECK(decoded.ok);
  CHECK_EQUAL(extension_size(decoded.record, decoded.extension), 0u);
}

TEST(without_one_of_them_it_is_malformed) {
  const Buffer parts[] = {tuple(CTA_EXPECT_TUPLE, 1, 0), tuple(CTA_EXPECT_MASK, ~0u, 0),
                          tuple(CTA_EXPECT_MASTER, 1, 40000), u32(CTA_EXPECT_ID, 99)};
  for (size_t missing = 0; missing < 4; missing++) {
    Buffer attributes;
    for (size_t i = 0; i < 4; i++) {
      if (i != missing) attributes.insert(attributes.end(), parts[i].begin(), parts[i].end());
    }
    CHECK(!DecodedExpectation(attributes).ok);
  }
}

TEST(half_a_nat_is_malformed) {
  CHECK(!DecodedExpectation(join({always, nest(CTA_EXPECT_NAT, {u32(CTA_EXPECT_NAT_DIR, 1)})})).ok);
  CHECK(
      !DecodedExpectation(join({always, nest(CTA_EXPECT_NAT, {tuple(CTA_EXPECT_NAT_TUPLE, 7, 8)})}))
           .ok);
}

TEST(unknown_attributes_are_counted) {
  const DecodedExpectation decoded(join({always, u32(77, 1), u32(78, 1)}));
  CHECK(decoded.ok);
  CHECK_EQUAL(decoded.record.unknown_attributes, 2u);
}

TEST(a_string_that_is_too_long_is_malformed) {
  CHECK(!DecodedExpectation(join({always, attribute(CTA_EXPECT_FN, Buffer(5000, 'x'))})).ok);
}

TEST(every_truncation_and_every_bit) {
  const Buffer whole = conntrack_message(everything);
  for (size_t size = 0; size < whole.size(); size++) {
    Buffer cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    if (size >= 16) set_message_length(cut);
    if (size >= 6) DecodedExpectation(MESSAGE_EXPECTATION_NEW, cut);
  }
  Buffer flipped = whole;
  for (size_t bit = 0; bit < flipped.size() * 8; bit++) {
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    DecodedExpectation(MESSAGE_EXPECTATION_NEW, flipped);
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

TEST(noise) {
  std::mt19937 random(2);
  const Buffer whole = conntrack_message(everything);
  for (int round = 0; round < 20000; round++) {
    Buffer noisy = whole;
    for (uint32_t changes = 1 + random() % 8; changes != 0; changes--) {
      noisy[16 + random() % (noisy.size() - 16)] = static_cast<uint8_t>(random() % 30);
    }
    DecodedExpectation(MESSAGE_EXPECTATION_NEW, noisy);
  }
}

TEST(as_events) {
  for (const uint16_t type : {MESSAGE_EXPECTATION_NEW, MESSAGE_EXPECTATION_DELETE}) {
    Buffer message = conntrack_message(everything);
    memcpy(message.data() + 4, &type, sizeof type);
    const Exact bytes(message);
    MessageReader reader(bytes.bytes());
    Message first;
    CHECK(reader.next(first));
    EventRecord record;
    memset(static_cast<void*>(&record), 0, sizeof record);
    EventExtension extension;
    CHECK(decode_event(first, record, extension));
    CHECK(is_expectation(record));
    CHECK_EQUAL(record.kind, type == MESSAGE_EXPECTATION_NEW ? EVENT_EXPECTATION_NEW
                                                             : EVENT_EXPECTATION_DESTROY);
    CHECK_EQUAL(record.expectation.id, 99u);
  }
}

int main() { return check::run_tests(); }
