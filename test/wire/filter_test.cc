#include "wire/filter.h"

#include <random>

#include "check.h"
#include "decoded.h"

using namespace conntrack;
using namespace conntrack::uapi;
using namespace conntrack::test;

// What each field means is shown against the real kernel (test/kernel/filter.test.ts);
// here stands what records can do that TypeScript would never write.

static FilterRecord zeroed_filter() {
  FilterRecord filter;
  memset(static_cast<void*>(&filter), 0, sizeof filter);
  return filter;
}

static Bytes bytes_of(const FilterRecord* filters, size_t count) {
  return {reinterpret_cast<const uint8_t*>(filters), count * sizeof *filters};
}

static EntryRecord ipv4_flow(uint8_t last) {
  EntryRecord entry = zeroed_record();
  entry.original.family = entry.reply.family = FAMILY_IPV4;
  entry.original.source[0] = entry.reply.destination[0] = 10;
  entry.original.source[3] = entry.reply.destination[3] = last;
  entry.original.destination[0] = entry.reply.source[0] = 192;
  return entry;
}

static FilterRecord one_address(uint8_t last) {
  FilterRecord filter = zeroed_filter();
  filter.present = FILTER_ADDRESS;
  filter.address.family = FAMILY_IPV4;
  filter.address.prefix = 32;
  filter.address.address[0] = 10;
  filter.address.address[3] = last;
  return filter;
}

TEST(no_record_lets_nothing_pass) {
  EntryFilter filter;
  const Extension extension = {};
  CHECK(!filter.matches(ipv4_flow(1), extension));
  CHECK(filter.parse({}));
  CHECK(!filter.matches(ipv4_flow(1), extension));
}

TEST(a_record_that_asks_nothing_lets_everything_pass) {
  const FilterRecord record = zeroed_filter();
  EntryFilter filter;
  CHECK(filter.parse(bytes_of(&record, 1)));
  CHECK(filter.matches(zeroed_record(), {}));
  CHECK(filter.matches(ipv4_flow(1), {}));
}

TEST(half_a_record_is_refused) {
  const FilterRecord records[2] = {zeroed_filter(), zeroed_filter()};
  EntryFilter filter;
  for (size_t size = 1; size < 2 * sizeof records[0]; size++) {
    Bytes bytes = bytes_of(records, 2);
    bytes.size = size;
    CHECK_EQUAL(filter.parse(bytes), size == sizeof records[0]);
  }
}

TEST(single_addresses_are_found_in_every_place) {
  FilterRecord records[200];
  for (int i = 0; i < 200; i++) records[i] = one_address(static_cast<uint8_t>(i));
  EntryFilter filter;
  CHECK(filter.parse(bytes_of(records, 200)));
  for (int i = 0; i < 256; i++) {
    EntryRecord entry = ipv4_flow(static_cast<uint8_t>(i));
    CHECK_EQUAL(filter.matches(entry, {}), i < 200);
    entry.original = ipv4_flow(255).original;  // in the reply alone, as behind NAT
    CHECK_EQUAL(filter.matches(entry, {}), i < 200);
    entry = ipv4_flow(static_cast<uint8_t>(i));
    entry.original.family = entry.reply.family = FAMILY_IPV6;
    CHECK(!filter.matches(entry, {}));
  }
}

TEST(lengths_that_lie_are_no_harm) {
  FilterRecord record = zeroed_filter();
  record.helper_length = sizeof record.helper + 1;
  EntryFilter filter;
  CHECK(!filter.parse(bytes_of(&record, 1)));

  record = one_address(1);
  record.address.prefix = 255;
  CHECK(filter.parse(bytes_of(&record, 1)));
  CHECK(!filter.matches(ipv4_flow(1), {}));
  record.address.prefix = 33;
  CHECK(filter.parse(bytes_of(&record, 1)));
  CHECK(!filter.matches(ipv4_flow(1), {}));
}

TEST(prefixes_count_bits) {
  FilterRecord record = one_address(0x54);
  for (unsigned prefix = 0; prefix <= 32; prefix++) {
    record.address.prefix = static_cast<uint8_t>(prefix);
    EntryFilter filter;
    CHECK(filter.parse(bytes_of(&record, 1)));
    CHECK(filter.matches(ipv4_flow(0x54), {}));
    // 0x54 and 0x55 differ in the last of 32 bits.
    CHECK_EQUAL(filter.matches(ipv4_flow(0x55), {}), prefix < 32);
    // 0x54 and 0x14 differ in bit 26.
    CHECK_EQUAL(filter.matches(ipv4_flow(0x14), {}), prefix < 26);
  }
}

// Under the sanitizers: whatever stands in records and entries, nothing beyond them
// is read.
TEST(random_bytes) {
  std::mt19937 random(7);
  const Extension extension = {};
  for (int round = 0; round < 20000; round++) {
    FilterRecord records[3];
    auto* bytes = reinterpret_cast<uint8_t*>(records);
    for (size_t i = 0; i < sizeof records; i++) bytes[i] = static_cast<uint8_t>(random());
    for (FilterRecord& record : records) {
      record.present &= static_cast<uint32_t>(random());
      record.helper_length %= 33;
    }
    EntryRecord entry = zeroed_record();
    auto* into = reinterpret_cast<uint8_t*>(&entry);
    for (size_t i = 0; i < sizeof entry; i++) into[i] = static_cast<uint8_t>(random());
    EntryFilter filter;
    if (filter.parse(bytes_of(records, 3))) filter.matches(entry, extension);
  }
}

int main() { return check::run_tests(); }
