#include "wire/decode_timeout.h"

#include <random>

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static const Buffer name = attribute(CTA_TIMEOUT_NAME, text({"web\0", 4}));
static const Buffer protocol =
    join({u16(CTA_TIMEOUT_L3PROTO, FAMILY_IPV6), u8(CTA_TIMEOUT_L4PROTO, 6)});
static const Buffer seconds = nest(CTA_TIMEOUT_DATA, {u32(1, 120), u32(3, 432000), u32(11, 0)});
static const Buffer everything = join({name, protocol, u32(CTA_TIMEOUT_USE, 2), seconds});

struct DecodedTimeouts {
  explicit DecodedTimeouts(const Buffer& attributes,
                           bool (*decode)(const Message&, TimeoutRecord&) = decode_timeout_policy)
      : DecodedTimeouts(decode, conntrack_message(attributes)) {}

  DecodedTimeouts(bool (*decode)(const Message&, TimeoutRecord&), const Buffer& message)
      : bytes(message) {
    Message first;
    MessageReader reader(bytes.bytes());
    ok = reader.next(first) && decode(first, record);
  }

  Exact bytes;
  TimeoutRecord record = {};
  bool ok = false;
};

TEST(every_attribute) {
  const DecodedTimeouts decoded(everything);
  CHECK(decoded.ok);
  const TimeoutRecord& record = decoded.record;
  CHECK_EQUAL(record.present, 0x1fu);
  CHECK_EQUAL(record.family, FAMILY_IPV6);
  CHECK_EQUAL(record.protocol, 6);
  CHECK_EQUAL(record.use, 2u);
  CHECK_EQUAL(record.name_length, 3);
  CHECK(memcmp(record.name, "web", 4) == 0);
  CHECK_EQUAL(record.states, 1u << 1 | 1u << 3 | 1u << 11);
  CHECK_EQUAL(record.seconds[1], 120u);
  CHECK_EQUAL(record.seconds[2], 0u);
  CHECK_EQUAL(record.seconds[3], 432000u);
  CHECK_EQUAL(record.unknown_attributes, 0);
}

TEST(defaults_have_no_name) {
  const Buffer defaults = join({protocol, seconds});
  CHECK(DecodedTimeouts(defaults, decode_default_timeouts).ok);
  CHECK(!DecodedTimeouts(defaults).ok);
}

TEST(without_one_of_what_is_always_sent_it_is_malformed) {
  const Buffer parts[] = {name, u16(CTA_TIMEOUT_L3PROTO, 2), u8(CTA_TIMEOUT_L4PROTO, 6), seconds};
  for (size_t missing = 0; missing < 4; missing++) {
    Buffer attributes;
    for (size_t i = 0; i < 4; i++) {
      if (i != missing) attributes.insert(attributes.end(), parts[i].begin(), parts[i].end());
    }
    CHECK(!DecodedTimeouts(attributes).ok);
    CHECK_EQUAL(DecodedTimeouts(attributes, decode_default_timeouts).ok, missing == 0);
  }
}

TEST(no_use_is_not_a_use_of_0) {
  const DecodedTimeouts decoded(join({name, protocol, seconds}));
  CHECK(decoded.ok);
  CHECK_EQUAL(decoded.record.present & TIMEOUT_USE, 0u);
}

TEST(a_policy_without_a_timeout) {
  const DecodedTimeouts decoded(join({name, protocol, nest(CTA_TIMEOUT_DATA, {})}));
  CHECK(decoded.ok);
  CHECK_EQUAL(decoded.record.states, 0u);
}

TEST(unknown_attributes_and_states_without_room_are_counted) {
  const Buffer more = nest(CTA_TIMEOUT_DATA, {u32(0, 1), u32(31, 7), u32(32, 1), u32(0x3fff, 1)});
  const DecodedTimeouts decoded(join({name, protocol, more, u32(77, 1)}));
  CHECK(decoded.ok);
  CHECK_EQUAL(decoded.record.unknown_attributes, 4);
  CHECK_EQUAL(decoded.record.states, 1u << 31);
  CHECK_EQUAL(decoded.record.seconds[31], 7u);
}

TEST(a_name_fits_or_is_malformed) {
  const auto named = [](const Buffer& text) {
    return DecodedTimeouts(join({attribute(CTA_TIMEOUT_NAME, text), protocol, seconds}));
  };
  const DecodedTimeouts longest = named(Buffer(31, 'x'));
  CHECK(longest.ok);
  CHECK_EQUAL(longest.record.name_length, 31);
  CHECK_EQUAL(longest.record.name[31], 0);
  CHECK(!named(Buffer(32, 'x')).ok);
  CHECK(!named(Buffer(5000, 'x')).ok);
  const DecodedTimeouts empty = named(Buffer(1, 0));
  CHECK(empty.ok);
  CHECK_EQUAL(empty.record.name_length, 0);
}

TEST(of_two_attributes_the_last_counts) {
  const DecodedTimeouts decoded(join({everything, attribute(CTA_TIMEOUT_NAME, text({"a\0", 2})),
                                      nest(CTA_TIMEOUT_DATA, {u32(2, 7)})}));
  CHECK(decoded.ok);
  const TimeoutRecord& record = decoded.record;
  CHECK_EQUAL(record.name_length, 1);
  CHECK(memcmp(record.name, "a\0\0", 4) == 0);
  CHECK_EQUAL(record.states, 1u << 2);
  CHECK_EQUAL(record.seconds[1], 0u);
  CHECK_EQUAL(record.seconds[2], 7u);
}

TEST(values_that_are_too_short) {
  CHECK(!DecodedTimeouts(join({name, protocol, nest(CTA_TIMEOUT_DATA, {u16(1, 5)})})).ok);
  CHECK(!DecodedTimeouts(join({everything, u16(CTA_TIMEOUT_USE, 5)})).ok);
  CHECK(!DecodedTimeouts(join({everything, u8(CTA_TIMEOUT_L3PROTO, 5)})).ok);
  CHECK(!DecodedTimeouts(join({everything, attribute(CTA_TIMEOUT_L4PROTO, {})})).ok);
}

TEST(every_truncation_and_every_bit) {
  const Buffer whole = conntrack_message(everything);
  for (size_t size = 0; size < whole.size(); size++) {
    Buffer cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    if (size >= 16) set_message_length(cut);
    DecodedTimeouts(decode_timeout_policy, cut);
  }
  Buffer flipped = whole;
  for (size_t bit = 0; bit < flipped.size() * 8; bit++) {
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    DecodedTimeouts(decode_timeout_policy, flipped);
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

TEST(noise) {
  std::mt19937 random(3);
  const Buffer whole = conntrack_message(everything);
  for (int round = 0; round < 20000; round++) {
    Buffer noisy = whole;
    for (uint32_t changes = 1 + random() % 8; changes != 0; changes--) {
      noisy[16 + random() % (noisy.size() - 16)] = static_cast<uint8_t>(random() % 40);
    }
    const DecodedTimeouts decoded(decode_timeout_policy, noisy);
    CHECK(!decoded.ok || decoded.record.name_length <= longest_policy_name);
  }
}

int main() { return check::run_tests(); }
