#include "wire/stats.h"

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::uapi;
using namespace conntrack::test;

static const Buffer newer = attribute(99, {1, 2, 3, 4});
static const Buffer liar = attribute_of_length(3, 2, {});

// How full the table is -------------------------------------------------------------------------

struct Usage {
  explicit Usage(std::initializer_list<Buffer> attributes) {
    const Exact bytes(conntrack_message(join(attributes)));
    MessageReader reader(bytes.bytes());
    Message message;
    ok = reader.next(message) && decode_usage(message, usage);
  }
  bool ok = false;
  TableUsage usage;
};

TEST(entries_and_maximum) {
  const Usage full({u32(CTA_STATS_GLOBAL_MAX_ENTRIES, 262144),
                    u32(CTA_STATS_GLOBAL_ENTRIES, 0x01020304), newer});
  CHECK(full.ok);
  CHECK_EQUAL(full.usage.entries, 0x01020304u);
  CHECK(full.usage.has_maximum);
  CHECK_EQUAL(full.usage.maximum, 262144u);
}

TEST(an_older_kernel_sends_no_maximum) {
  const Usage empty({u32(CTA_STATS_GLOBAL_ENTRIES, 0)});
  CHECK(empty.ok);
  CHECK_EQUAL(empty.usage.entries, 0u);
  CHECK(!empty.usage.has_maximum);
}

TEST(no_usage) {
  CHECK(!Usage({}).ok);
  CHECK(!Usage({u32(CTA_STATS_GLOBAL_MAX_ENTRIES, 262144)}).ok);
  CHECK(!Usage({attribute(CTA_STATS_GLOBAL_ENTRIES, {1, 2, 3})}).ok);
  CHECK(!Usage({u32(CTA_STATS_GLOBAL_ENTRIES, 1), liar}).ok);
  const Exact cut(message(MESSAGE_GET_STATS, 0, {0, 0, 0}));
  MessageReader reader(cut.bytes());
  Message message;
  TableUsage usage;
  CHECK(reader.next(message));
  CHECK(!decode_usage(message, usage));
}

// The counters of a processor -------------------------------------------------------------------

struct Cpu {
  Cpu(uint16_t number, const Buffer& attributes) {
    const Buffer nfgenmsg = join({{FAMILY_UNSPECIFIED, 0}, network(number)});
    const Exact bytes(message(MESSAGE_GET_STATS_CPU, 0, join({nfgenmsg, attributes})));
    MessageReader reader(bytes.bytes());
    Message message;
    ok = reader.next(message) && decode_cpu_stats(message, stats);
  }
  bool ok = false;
  CpuStats stats;
};

TEST(counters_of_a_processor_known_or_not) {
  const Cpu cpu(258, join({u32(2, 7), u32(10, 0xffffffff), newer, u64(100, 0x0102030405060708)}));
  CHECK(cpu.ok);
  CHECK_EQUAL(cpu.stats.cpu, 258);
  CHECK_EQUAL(cpu.stats.count, 4u);
  CHECK_EQUAL(cpu.stats.counters[0].id, 2);
  CHECK_EQUAL(cpu.stats.counters[0].value, 7u);
  CHECK_EQUAL(cpu.stats.counters[1].value, 0xffffffffu);
  CHECK_EQUAL(cpu.stats.counters[2].id, 99);
  CHECK_EQUAL(cpu.stats.counters[2].value, 0x01020304u);
  CHECK_EQUAL(cpu.stats.counters[3].value, 0x0102030405060708u);
}

TEST(a_processor_without_counters) {
  const Cpu cpu(0, {});
  CHECK(cpu.ok);
  CHECK_EQUAL(cpu.stats.count, 0u);
}

TEST(as_many_counters_as_fit_and_no_more) {
  Buffer counters;
  for (uint16_t id = 1; id <= CpuStats::capacity; id++) counters = join({counters, u32(id, id)});
  const Cpu most(1, counters);
  CHECK(most.ok);
  CHECK_EQUAL(most.stats.counters[CpuStats::capacity - 1].value, CpuStats::capacity);
  CHECK(!Cpu(1, join({counters, u32(65, 1)})).ok);
}

TEST(counters_that_lie) {
  CHECK(!Cpu(0, attribute(2, {1, 2, 3})).ok);
  CHECK(!Cpu(0, join({u32(2, 1), liar})).ok);
  for (size_t size = 0; size < 4; size++) {
    const Exact cut(message(MESSAGE_GET_STATS_CPU, 0, Buffer(size, 0)));
    MessageReader reader(cut.bytes());
    Message message;
    CpuStats stats;
    CHECK(reader.next(message));
    CHECK(!decode_cpu_stats(message, stats));
  }
}

// The requests ----------------------------------------------------------------------------------

static Buffer request(uint16_t type, uint16_t flags) {
  Buffer bytes = join({host(uint32_t{20}),
                       host(type),
                       host(static_cast<uint16_t>(flags | NLM_F_REQUEST)),
                       host(uint32_t{0}),
                       host(uint32_t{0}),
                       {FAMILY_UNSPECIFIED, 0, 0, 0}});
  return bytes;
}

static Buffer bytes_of(const RequestWriter& writer) {
  const Bytes bytes = writer.request();
  return Buffer(bytes.data, bytes.data + bytes.size);
}

TEST(requests) {
  CHECK(bytes_of(encode_get_usage()) == request(0x105, 0));
  CHECK(bytes_of(encode_get_cpu_stats()) == request(0x104, NLM_F_DUMP));
  CHECK(bytes_of(encode_get_expectation_cpu_stats()) == request(0x203, NLM_F_DUMP));
}

int main() { return check::run_tests(); }
