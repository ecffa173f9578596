#include "wire/filter.h"

#include <algorithm>
#include <random>
#include <vector>

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

TEST(what_was_refused_lets_nothing_pass) {
  const FilterRecord record = zeroed_filter();
  EntryFilter filter;
  CHECK(filter.parse(bytes_of(&record, 1)));
  CHECK(filter.matches(ipv4_flow(1), {}));
  CHECK(!filter.parse({bytes_of(&record, 1).data, 1}));
  CHECK(!filter.matches(ipv4_flow(1), {}));
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

TEST(a_prefix_compares_each_of_its_bits_and_no_other) {
  for (const uint8_t family : {FAMILY_IPV4, FAMILY_IPV6}) {
    const unsigned bits = family == FAMILY_IPV4 ? 32 : 128;
    for (unsigned prefix = 0; prefix <= bits; prefix++) {
      FilterRecord record = zeroed_filter();
      record.original.present = TUPLE_FILTER_SOURCE;
      record.original.source.family = family;
      record.original.source.prefix = static_cast<uint8_t>(prefix);
      EntryFilter filter;
      CHECK(filter.parse(bytes_of(&record, 1)));
      for (unsigned bit = 0; bit < bits; bit++) {
        EntryRecord entry = zeroed_record();
        entry.original.family = family;
        entry.original.source[bit / 8] = static_cast<uint8_t>(0x80 >> bit % 8);
        CHECK_EQUAL(filter.matches(entry, {}), bit >= prefix);
      }
    }
  }
}

// A number of an entry that may be absent, the bit that tells, and a filter of it.
struct Bound {
  uint32_t present;
  void (*set)(EntryRecord& entry, uint64_t value);
  void (*want)(FilterRecord& filter, uint64_t value);
  bool equal, less, greater;  // which numbers match
};

static const Bound bounds[] = {
    {ENTRY_ID, [](EntryRecord& e, uint64_t v) { e.id = static_cast<uint32_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_ID;
       f.id = static_cast<uint32_t>(v);
     },
     true, false, false},
    {ENTRY_TIMEOUT, [](EntryRecord& e, uint64_t v) { e.timeout = static_cast<uint32_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_TIMEOUT;
       f.timeout_from = static_cast<uint32_t>(v);
       f.timeout_to = 0xffffffff;
     },
     true, false, true},
    {ENTRY_TIMEOUT, [](EntryRecord& e, uint64_t v) { e.timeout = static_cast<uint32_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_TIMEOUT;
       f.timeout_to = static_cast<uint32_t>(v);
     },
     true, true, false},
    {ENTRY_SCTP_ORIGINAL_TAG,
     [](EntryRecord& e, uint64_t v) { e.info.sctp.original_tag = static_cast<uint32_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_SCTP_ORIGINAL_TAG;
       f.sctp_original_tag = static_cast<uint32_t>(v);
     },
     true, false, false},
    {ENTRY_SCTP_REPLY_TAG,
     [](EntryRecord& e, uint64_t v) { e.info.sctp.reply_tag = static_cast<uint32_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_SCTP_REPLY_TAG;
       f.sctp_reply_tag = static_cast<uint32_t>(v);
     },
     true, false, false},
    {ENTRY_DCCP_ROLE, [](EntryRecord& e, uint64_t v) { e.dccp_role = static_cast<uint8_t>(v); },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_DCCP_ROLE;
       f.dccp_role = static_cast<uint8_t>(v);
     },
     true, false, false},
    {ENTRY_START_TIME, [](EntryRecord& e, uint64_t v) { e.start_time = v; },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_STARTED_AFTER;
       f.started_after = v;
     },
     true, false, true},
    {ENTRY_START_TIME, [](EntryRecord& e, uint64_t v) { e.start_time = v; },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_STARTED_BEFORE;
       f.started_before = v;
     },
     false, true, false},
    {ENTRY_ORIGINAL_COUNTERS, [](EntryRecord& e, uint64_t v) { e.original_packets = v; },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_ORIGINAL_COUNTERS;
       f.original_counters = {v, ~uint64_t{0}, 0, ~uint64_t{0}};
     },
     true, false, true},
    {ENTRY_REPLY_COUNTERS, [](EntryRecord& e, uint64_t v) { e.reply_bytes = v; },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_REPLY_COUNTERS;
       f.reply_counters = {0, ~uint64_t{0}, 0, v};
     },
     true, true, false},
    {ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS,
     [](EntryRecord& e, uint64_t v) {
       e.original_bytes = v - 1;
       e.reply_bytes = 1;
     },
     [](FilterRecord& f, uint64_t v) {
       f.present = FILTER_TOTAL_COUNTERS;
       f.total_counters = {0, ~uint64_t{0}, v, v};
     },
     true, false, false},
};

TEST(bounds_are_included_but_for_the_end_of_an_interval_of_time) {
  for (const Bound& bound : bounds) {
    FilterRecord record = zeroed_filter();
    bound.want(record, 100);
    EntryFilter filter;
    CHECK(filter.parse(bytes_of(&record, 1)));
    for (const uint64_t value : {99u, 100u, 101u}) {
      EntryRecord entry = ipv4_flow(1);
      bound.set(entry, value);
      // What the kernel did not send matches nothing.
      CHECK(!filter.matches(entry, {}));
      entry.present |= bound.present & (~bound.present + 1);
      CHECK_EQUAL(filter.matches(entry, {}),
                  (bound.present & (bound.present - 1)) == 0 && (value == 100  ? bound.equal
                                                                 : value < 100 ? bound.less
                                                                               : bound.greater));
      entry.present |= bound.present;
      CHECK_EQUAL(filter.matches(entry, {}), value == 100  ? bound.equal
                                             : value < 100 ? bound.less
                                                           : bound.greater);
    }
  }
}

TEST(a_sum_of_counters_that_does_not_fit_is_the_greatest_one) {
  FilterRecord record = zeroed_filter();
  record.present = FILTER_TOTAL_COUNTERS;
  record.total_counters = {0, ~uint64_t{0}, 1000, ~uint64_t{0}};
  EntryRecord entry = ipv4_flow(1);
  entry.present = ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS;
  entry.original_bytes = ~uint64_t{0};
  entry.reply_bytes = 2;
  EntryFilter filter;
  CHECK(filter.parse(bytes_of(&record, 1)));
  CHECK(filter.matches(entry, {}));
}

// One after the other, each with its negations: which is what several filters mean.
static bool any_matches(const std::vector<FilterRecord>& filters, const EntryRecord& entry,
                        const Extension& extension) {
  for (size_t i = 0; i < filters.size(); i += 1 + filters[i].negations) {
    bool match = matches(filters[i], entry, extension);
    for (size_t k = 1; k <= filters[i].negations; k++) {
      if (matches(filters[i + k], entry, extension)) match = false;
    }
    if (match) return true;
  }
  return false;
}

TEST(a_record_with_more_negations_than_there_are) {
  FilterRecord records[3] = {zeroed_filter(), one_address(1), one_address(2)};
  EntryFilter filter;
  for (const uint32_t negations : {3u, 4u, 0xffffffffu}) {
    records[0].negations = negations;
    CHECK(!filter.parse(bytes_of(records, 3)));
    CHECK(!filter.matches(ipv4_flow(1), {}));
  }
  records[0].negations = 1;
  records[2].negations = 1;
  CHECK(!filter.parse(bytes_of(records, 3)));
}

TEST(a_negation_has_none_of_its_own) {
  FilterRecord records[3] = {zeroed_filter(), one_address(1), one_address(2)};
  records[0].negations = 2;
  EntryFilter filter;
  CHECK(filter.parse(bytes_of(records, 3)));
  CHECK(!filter.matches(ipv4_flow(1), {}));
  CHECK(!filter.matches(ipv4_flow(2), {}));
  CHECK(filter.matches(ipv4_flow(3), {}));
  records[1].negations = 1;
  CHECK(!filter.parse(bytes_of(records, 3)));
}

// Values are few, so that filters and entries meet.
class Random {
 public:
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(numbers_()) % limit; }
  bool one_in(uint32_t limit) { return below(limit) == 0; }

  EntryRecord entry(Extension& extension) {
    EntryRecord entry = zeroed_record();
    const uint8_t family = this->family();
    for (TupleRecord* tuple : {&entry.original, &entry.reply}) {
      tuple->family = family;
      tuple->protocol = protocol();
      address(tuple->source, family);
      address(tuple->destination, family);
      tuple->present = below(256);
      tuple->source_port = port();
      tuple->destination_port = port();
      tuple->icmp_id = port();
      tuple->icmp_type = small();
      tuple->icmp_code = small();
      tuple->zone = small();
    }
    // Without NAT.
    if (!one_in(3)) {
      entry.reply = entry.original;
      memcpy(entry.reply.source, entry.original.destination, 16);
      memcpy(entry.reply.destination, entry.original.source, 16);
    }
    entry.present = below(2) == 0 ? ENTRY_TCP_STATE : ENTRY_SCTP_STATE;
    for (const uint32_t field :
         {ENTRY_ID, ENTRY_TIMEOUT, ENTRY_SCTP_ORIGINAL_TAG, ENTRY_SCTP_REPLY_TAG, ENTRY_DCCP_ROLE,
          ENTRY_START_TIME, ENTRY_ORIGINAL_COUNTERS, ENTRY_REPLY_COUNTERS}) {
      if (!one_in(3)) entry.present |= field;
    }
    entry.id = small();
    entry.timeout = small();
    entry.info.sctp = {small(), small()};
    entry.dccp_role = small();
    entry.start_time = small();
    entry.original_packets = one_in(20) ? ~uint64_t{0} : small();
    entry.original_bytes = small();
    entry.reply_packets = small();
    entry.reply_bytes = small();
    entry.state = small();
    entry.status = below(8);
    entry.mark = below(4);
    entry.zone = small();
    extension = {};
    if (one_in(2)) entry.extension_present = EXTENSION_LABELS;
    extension.record.labels[3] = small();
    return entry;
  }

  // Each condition is in one of a few filters: `often` is how few.
  FilterRecord filter(uint32_t often) {
    FilterRecord filter = zeroed_filter();
    const uint8_t family = this->family();
    for (const uint32_t field :
         {FILTER_FAMILY, FILTER_PROTOCOL, FILTER_ADDRESS, FILTER_PORT, FILTER_MARK, FILTER_ZONE,
          FILTER_STATE, FILTER_LABELS, FILTER_ID}) {
      if (one_in(often)) filter.present |= field;
    }
    for (uint32_t field = FILTER_PROTOCOLS; field <= FILTER_TOTAL_COUNTERS; field <<= 1) {
      if (one_in(20 * often)) filter.present |= field;
    }
    filter.protocols[6 / 8] = one_in(2) ? 1 << 6 : 0;
    filter.protocols[17 / 8] = one_in(2) ? 1 << 17 % 8 : 0;
    filter.id = small();
    filter.timeout_from = small();
    filter.timeout_to = filter.timeout_from + small();
    filter.sctp_original_tag = small();
    filter.sctp_reply_tag = small();
    filter.dccp_role = small();
    filter.started_after = small();
    filter.started_before = small();
    for (CounterRange* range :
         {&filter.original_counters, &filter.reply_counters, &filter.total_counters}) {
      *range = {below(2), 1 + below(6), below(2), 1 + below(6)};
      if (one_in(4)) range->packets_to = ~uint64_t{0};
    }
    filter.family = family;
    filter.protocol = protocol();
    range(filter.address, family);
    range(filter.port);
    filter.mark_mask = below(4);
    filter.mark = below(4) & filter.mark_mask;
    filter.zone = small();
    if (one_in(often)) filter.status_all = below(8);
    if (one_in(often)) filter.status_none = below(8) & ~filter.status_all;
    if (one_in(often)) filter.status_any = below(8);
    filter.tcp_states = below(16);
    filter.sctp_states = below(16);
    filter.labels_all[3] = small();
    filter.labels_none[3] = static_cast<uint8_t>(small() & ~filter.labels_all[3]);
    for (TupleFilterRecord* tuple : {&filter.original, &filter.reply}) {
      for (unsigned bit = 0; bit < 10; bit++) {
        // Ports or keys.
        if (bit >= 8 &&
            (tuple->present & (TUPLE_FILTER_SOURCE_PORT | TUPLE_FILTER_DESTINATION_PORT)) != 0) {
          break;
        }
        if (one_in(often)) tuple->present |= static_cast<uint16_t>(1 << bit);
      }
      range(tuple->source, family);
      range(tuple->destination, family);
      range(tuple->source_port);
      range(tuple->destination_port);
      tuple->icmp_id = port();
      tuple->icmp_type = small();
      tuple->icmp_code = small();
      tuple->zone = small();
    }
    return filter;
  }

 private:
  uint8_t small() { return static_cast<uint8_t>(below(4)); }
  uint8_t family() { return one_in(2) ? FAMILY_IPV4 : FAMILY_IPV6; }
  uint8_t protocol() { return one_in(2) ? 6 : 17; }
  uint16_t port() { return static_cast<uint16_t>(1000 + below(8)); }

  void address(uint8_t (&address)[16], uint8_t family) {
    address[0] = 10;
    address[family == FAMILY_IPV4 ? 3 : 15] = static_cast<uint8_t>(below(6));
  }

  void range(AddressRange& range, uint8_t family) {
    static const uint8_t less[] = {0, 0, 0, 1, 2, 24, 32};
    const uint8_t bits = family == FAMILY_IPV4 ? 32 : 128;
    address(range.address, family);
    range.family = family;
    range.prefix = static_cast<uint8_t>(bits - less[below(7)]);
    if (one_in(50)) range.prefix = static_cast<uint8_t>(below(256));
  }

  void range(PortRange& range) {
    range.from = port();
    range.to = one_in(2) ? range.from : static_cast<uint16_t>(range.from + below(4));
    if (one_in(50)) range.to = port();
  }

  std::mt19937 numbers_{11};
};

TEST(many_filters_match_what_one_of_them_matches) {
  Random random;
  size_t outcomes[2] = {};
  for (const size_t count : {1, 2, 3, 4, 5, 8, 40, 300, 3000}) {
    for (int round = 0; round < 40; round++) {
      std::vector<FilterRecord> records;
      const uint32_t often = 2 + random.below(8);
      while (records.size() < count) {
        const size_t at = records.size();
        records.push_back(random.filter(often));
        // Now and then so many that they have an index of their own.
        const uint32_t negations = random.one_in(3) ? random.below(random.one_in(9) ? 40 : 3) : 0;
        for (uint32_t i = 0; i < negations; i++) records.push_back(random.filter(often));
        records[at].negations = negations;
      }
      // So that not all entries match one of the last ones, which match the most.
      if (count >= 40) {
        for (FilterRecord& record : records) record.present |= FILTER_ADDRESS | FILTER_PROTOCOL;
      }
      EntryFilter filter;
      CHECK(filter.parse(bytes_of(records.data(), records.size())));
      for (int i = 0; i < 100; i++) {
        Extension extension;
        const EntryRecord entry = random.entry(extension);
        const bool expected = any_matches(records, entry, extension);
        CHECK_EQUAL(filter.matches(entry, extension), expected);
        outcomes[expected]++;
      }
    }
  }
  CHECK(outcomes[false] > 5000);
  CHECK(outcomes[true] > 5000);
}

// How many of the filters an entry is compared with.
static size_t visits(const FilterIndex& index, const EntryRecord& entry) {
  size_t count = 0;
  CHECK(!index.any(entry, [&count](uint32_t) {
    count++;
    return false;
  }));
  return count;
}

TEST(an_entry_is_compared_with_few_of_many_filters) {
  using Make = void (*)(FilterRecord&, uint32_t);
  const Make kinds[] = {
      [](FilterRecord& filter, uint32_t i) {
        filter = one_address(0);
        memcpy(filter.address.address, &i, sizeof i);
      },
      // The address is that of all; it may be at one end and the port at another.
      [](FilterRecord& filter, uint32_t i) {
        filter = one_address(0);
        memcpy(filter.address.address, ipv4_flow(1).original.source, 4);
        filter.present |= FILTER_PORT;
        filter.port = {static_cast<uint16_t>(i), static_cast<uint16_t>(i)};
      },
      [](FilterRecord& filter, uint32_t i) {
        filter.present = FILTER_ADDRESS;
        filter.address.family = FAMILY_IPV6;
        filter.address.prefix = 128;
        memcpy(filter.address.address + 12, &i, sizeof i);
      },
      [](FilterRecord& filter, uint32_t i) {
        filter.original.present = TUPLE_FILTER_SOURCE;
        filter.original.source.family = FAMILY_IPV4;
        filter.original.source.prefix = 24;
        memcpy(filter.original.source.address, &i, 3);
      },
      [](FilterRecord& filter, uint32_t i) {
        filter.reply.present = TUPLE_FILTER_SOURCE_PORT;
        filter.reply.source_port = {static_cast<uint16_t>(i), static_cast<uint16_t>(i)};
      },
      [](FilterRecord& filter, uint32_t i) {
        filter.present = FILTER_MARK | FILTER_STATE;
        filter.mark = i;
        filter.mark_mask = 0xffff;
      },
  };
  for (const Make make : kinds) {
    constexpr uint32_t count = 20000;
    FilterIndex index;
    CHECK(index.allocate(count));
    for (uint32_t i = 0; i < count; i++) {
      FilterRecord filter = zeroed_filter();
      make(filter, i);
      CHECK(index.add(filter, i));
    }
    EntryRecord entry = ipv4_flow(1);
    entry.mark = 5;
    entry.reply.present = TUPLE_SOURCE_PORT;
    entry.reply.source_port = 5;
    CHECK(visits(index, entry) <= 2);
  }
}

TEST(filters_of_too_many_shapes_are_tried_one_after_the_other) {
  FilterIndex index;
  CHECK(index.allocate(20000));
  uint32_t added = 0;
  for (uint32_t mask = 1; mask <= 20000; mask++) {
    FilterRecord filter = zeroed_filter();
    filter.present = FILTER_MARK;
    filter.mark_mask = mask;
    if (index.add(filter, mask)) added++;
  }
  CHECK_EQUAL(added, 256u);
}

// Addresses that differ in whichever two bytes, 65536 of them, spread over as many buckets:
// random numbers would fill some 41000.
TEST(each_bit_chooses_the_bucket) {
  const auto filled = [](auto key_of) {
    std::vector<bool> buckets(65536);
    for (uint64_t value = 0; value < 65536; value++) buckets[spread(key_of(value)) >> 48] = true;
    return std::count(buckets.begin(), buckets.end(), true);
  };
  for (unsigned shift = 0; shift <= 56; shift += 8) {
    const auto first = [=](uint64_t value) { return mixed(mixed(0, value << shift), 1); };
    const auto second = [=](uint64_t value) { return mixed(1, value << shift); };
    const auto both = [=](uint64_t value) {
      return mixed(mixed(0, (value >> 8) << shift), (value & 0xff) << shift);
    };
    if (shift <= 48) CHECK(filled(first) > 38000);
    if (shift <= 48) CHECK(filled(second) > 38000);
    CHECK(filled(both) > 38000);
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
