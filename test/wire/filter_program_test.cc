#include "wire/filter_program.h"

#include <random>

#include "bpf.h"
#include "check.h"
#include "decoded.h"
#include "wire/filter.h"

using namespace conntrack;
using namespace conntrack::uapi;
using namespace conntrack::test;

namespace {

class Source {
 public:
  explicit Source(uint32_t seed) : random_(seed) {}
  uint32_t below(uint32_t limit) { return random_() % limit; }
  bool maybe() { return below(2) == 0; }

 private:
  std::mt19937 random_;
};

// Few values for each, so that filters and events meet.
struct Values {
  static uint8_t octet(Source& source) { return static_cast<uint8_t>(source.below(3) * 0x41); }
  static uint16_t port(Source& source) { return static_cast<uint16_t>(50 + source.below(4)); }
  static uint32_t mark(Source& source) { return source.below(3) * 0x10; }
  static uint16_t zone(Source& source) { return static_cast<uint16_t>(source.below(3)); }
  static uint32_t status(Source& source) { return source.below(64); }
  static uint8_t protocol(Source& source) {
    constexpr uint8_t protocols[] = {6, 17, 1, 47};
    return protocols[source.below(4)];
  }
};

Buffer address(Source& source, bool ipv4) {
  Buffer bytes(ipv4 ? 4 : 16);
  for (uint8_t& byte : bytes) byte = source.maybe() ? 0 : Values::octet(source);
  return bytes;
}

Buffer tuple(Source& source, uint16_t type, bool ipv4, uint8_t protocol) {
  const uint16_t from = ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
  const uint16_t to = ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
  Buffer transport = u8(CTA_PROTO_NUM, protocol);
  if (protocol == 1) {
    transport = join({transport, u16(CTA_PROTO_ICMP_ID, 7), u8(CTA_PROTO_ICMP_TYPE, 8),
                      u8(CTA_PROTO_ICMP_CODE, 0)});
  } else {
    transport = join({transport, u16(CTA_PROTO_SRC_PORT, Values::port(source)),
                      u16(CTA_PROTO_DST_PORT, Values::port(source))});
  }
  return nest(type, {nest(CTA_TUPLE_IP, {attribute(from, address(source, ipv4)),
                                         attribute(to, address(source, ipv4))}),
                     nest(CTA_TUPLE_PROTO, {transport})});
}

Buffer event(Source& source) {
  const bool ipv4 = source.maybe();
  const uint8_t protocol = Values::protocol(source);
  Buffer attributes = join({tuple(source, CTA_TUPLE_ORIG, ipv4, protocol),
                            tuple(source, CTA_TUPLE_REPLY, ipv4, protocol), u32(CTA_ID, 1),
                            u32(CTA_STATUS, Values::status(source))});
  if (source.maybe()) attributes = join({attributes, u32(CTA_MARK, Values::mark(source))});
  if (source.maybe()) attributes = join({attributes, u16(CTA_ZONE, Values::zone(source))});
  Buffer bytes = conntrack_message(attributes);
  bytes[16] = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;  // nfgen_family
  return bytes;
}

AddressRange range(Source& source) {
  AddressRange range = {};
  const bool ipv4 = source.maybe();
  const Buffer bytes = address(source, ipv4);
  memcpy(range.address, bytes.data(), bytes.size());
  range.family = ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
  range.prefix = static_cast<uint8_t>(source.below(ipv4 ? 33 : 129));
  // TypeScript sends no bits beyond the length.
  for (unsigned bit = range.prefix; bit < 128; bit++) {
    range.address[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  }
  return range;
}

PortRange ports(Source& source) {
  const uint16_t from = Values::port(source);
  return {from, static_cast<uint16_t>(from + source.below(2))};
}

void tuple_filter(Source& source, TupleFilterRecord& filter) {
  constexpr uint16_t told = TUPLE_FILTER_SOURCE | TUPLE_FILTER_DESTINATION |
                            TUPLE_FILTER_SOURCE_PORT | TUPLE_FILTER_DESTINATION_PORT;
  filter.present = static_cast<uint16_t>(told & source.below(16) & source.below(16));
  filter.source = range(source);
  filter.destination = range(source);
  filter.source_port = ports(source);
  filter.destination_port = ports(source);
}

// Of fields that a program can tell; `more` adds those that it cannot.
FilterRecord filter_of(Source& source, bool more) {
  FilterRecord filter;
  memset(static_cast<void*>(&filter), 0, sizeof filter);
  filter.present = source.below(64) & source.below(64);
  filter.family = source.maybe() ? FAMILY_IPV4 : FAMILY_IPV6;
  filter.protocol = Values::protocol(source);
  filter.mark_mask = source.maybe() ? ~0u : 0x10;
  filter.mark = Values::mark(source) & filter.mark_mask;
  filter.zone = Values::zone(source);
  filter.address = range(source);
  filter.port = ports(source);
  if (source.below(3) == 0) filter.status_all = Values::status(source) & Values::status(source);
  if (source.below(3) == 0) filter.status_none = Values::status(source) & Values::status(source);
  if (source.below(3) == 0) filter.status_any = Values::status(source);
  if (source.maybe()) tuple_filter(source, filter.original);
  if (source.maybe()) tuple_filter(source, filter.reply);
  if (more && source.maybe()) {
    filter.present |= FILTER_STATE;
    filter.tcp_states = 8;
  }
  if (more && source.maybe()) {
    filter.original.present |= TUPLE_FILTER_ICMP_TYPE;
    filter.original.icmp_type = 8;
  }
  return filter;
}

}  // namespace

static void compare(uint32_t seed, bool more) {
  Source source(seed);
  size_t told = 0;
  size_t passed = 0;
  for (int round = 0; round < 15000; round++) {
    FilterRecord records[3];
    const size_t count = 1 + source.below(3);
    for (size_t i = 0; i < count; i++) records[i] = filter_of(source, more);
    // A program tells of no negation, and takes none for a record of its own.
    if (more && source.maybe()) records[0].negations = static_cast<uint32_t>(count - 1);
    const Bytes bytes = {reinterpret_cast<const uint8_t*>(records), count * sizeof records[0]};
    EntryFilter filter;
    CHECK(filter.parse(bytes));
    FilterProgram program;
    make_filter_program(bytes, program);

    const Buffer message = event(source);
    const Decoded decoded(message);
    CHECK(decoded.ok);
    const bool matches = filter.matches(decoded.record, decoded.extension);
    if (program.count == 0) continue;  // everything passes
    Bpf bpf(message);
    const bool passes = bpf.run(program) != 0;
    CHECK(bpf.valid);
    CHECK(passes || !matches);
    // The keys of GRE look like ports.
    const bool exact = !more && decoded.record.original.protocol != 47;
    if (exact) CHECK_EQUAL(passes, matches);
    told++;
    passed += passes ? 1 : 0;
  }
  CHECK(told > 5000);
  CHECK(passed > told / 50);
  CHECK(passed < told);
}

TEST(what_can_be_told_is_told_exactly) { compare(1, false); }

TEST(what_cannot_be_told_passes) { compare(2, true); }

TEST(what_is_no_event_about_an_entry_passes) {
  FilterRecord record;
  memset(static_cast<void*>(&record), 0, sizeof record);
  record.present = FILTER_MARK;
  record.mark = record.mark_mask = 1;
  FilterProgram program;
  make_filter_program({reinterpret_cast<const uint8_t*>(&record), sizeof record}, program);
  CHECK(program.count > 0);
  for (uint16_t type : {uint16_t{2}, uint16_t{0x0200}, uint16_t{0x0202}, uint16_t{0x0101}}) {
    const Buffer other = message(type, 0, Buffer(4, 0));
    Bpf bpf(other);
    CHECK(bpf.run(program) != 0);
    CHECK(bpf.valid);
  }
}

TEST(no_record_passes_nothing) {
  FilterProgram program;
  make_filter_program({}, program);
  Source source(3);
  const Buffer message = event(source);
  Bpf bpf(message);
  CHECK_EQUAL(bpf.run(program), 0u);
  CHECK(bpf.valid);
}

TEST(one_record_that_cannot_be_told_makes_all_pass) {
  FilterRecord records[2];
  memset(static_cast<void*>(records), 0, sizeof records);
  records[0].present = FILTER_MARK;
  records[0].mark = records[0].mark_mask = 1;
  records[1].present = FILTER_STATE;
  FilterProgram program;
  make_filter_program({reinterpret_cast<const uint8_t*>(records), sizeof records}, program);
  CHECK_EQUAL(program.count, size_t{0});
}

TEST(a_long_program_is_none) {
  std::vector<FilterRecord> records(1000);
  memset(static_cast<void*>(records.data()), 0, records.size() * sizeof records[0]);
  for (FilterRecord& record : records) {
    record.present = FILTER_ADDRESS;
    record.address.family = FAMILY_IPV6;
    record.address.prefix = 128;
  }
  FilterProgram program;
  make_filter_program(
      {reinterpret_cast<const uint8_t*>(records.data()), records.size() * sizeof records[0]},
      program);
  CHECK_EQUAL(program.count, size_t{0});
}

int main() { return check::run_tests(); }
