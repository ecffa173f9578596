// Any filter and messages of entries, with their attributes in any order. The kernel accepts the
// BPF program, which lets pass exactly the messages that match the records without negations and
// without the conditions that filter_program.h excludes: in an interpreter, and attached to a
// socket.
#include "bpf.h"
#include "filter_input.h"
#include "filter_model.h"
#include "kernel_filter.h"
#include "require.h"
#include "wire/decode.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

constexpr uint16_t told_of_tuples = TUPLE_FILTER_SOURCE | TUPLE_FILTER_DESTINATION |
                                    TUPLE_FILTER_SOURCE_PORT | TUPLE_FILTER_DESTINATION_PORT;

// The records without their negations and without the excluded conditions.
std::vector<FilterRecord> told(const std::vector<FilterRecord>& records) {
  std::vector<FilterRecord> kept;
  for (size_t i = 0; i < records.size(); i += 1 + records[i].negations) {
    FilterRecord record = records[i];
    record.negations = 0;
    record.present &=
        FILTER_FAMILY | FILTER_PROTOCOL | FILTER_ADDRESS | FILTER_PORT | FILTER_MARK | FILTER_ZONE;
    record.original.present &= told_of_tuples;
    record.reply.present &= told_of_tuples;
    kept.push_back(record);
  }
  return kept;
}

// To the program keys look like ports.
EntryRecord with_ports(EntryRecord entry) {
  for (TupleRecord* tuple : {&entry.original, &entry.reply}) {
    if (tuple->present & TUPLE_SOURCE_KEY) tuple->present |= TUPLE_SOURCE_PORT;
    if (tuple->present & TUPLE_DESTINATION_KEY) tuple->present |= TUPLE_DESTINATION_PORT;
  }
  return entry;
}

bool asks_nothing(const FilterRecord& record) {
  return record.present == 0 && record.original.present == 0 && record.reply.present == 0 &&
         (record.status_all | record.status_none | record.status_any) == 0;
}

// What the kernel checks before it accepts a program (bpf_check_classic), where it says no more
// than EINVAL.
void require_valid(const FilterProgram& program) {
  REQUIRE(program.count <= FilterProgram::capacity);
  for (size_t i = 0; i < program.count; i++) {
    const FilterInstruction& instruction = program.instructions[i];
    const size_t left = program.count - i - 1;
    if (instruction.code == 0x05) REQUIRE(instruction.k < left);
    const bool jumps = (instruction.code & 7) == 5 && instruction.code != 0x05;
    if (jumps) REQUIRE(instruction.if_true < left && instruction.if_false < left);
  }
  REQUIRE(program.instructions[program.count - 1].code == 0x06);
}

// Messages -------------------------------------------------------------------------

void shuffle(Input& input, std::vector<Buffer>& parts) {
  for (size_t i = parts.size(); i > 1; i--) {
    std::swap(parts[i - 1], parts[input.below(static_cast<uint32_t>(i))]);
  }
}

Buffer nest_of(Input& input, uint16_t type, std::vector<Buffer> parts) {
  if (input.below(8) == 0) parts.push_back(attribute(40, {1, 2, 3}));
  if (input.coin()) shuffle(input, parts);
  Buffer all;
  for (const Buffer& part : parts) all = join({all, part});
  return nest(type, {all});
}

Buffer tuple_of(Input& input, uint16_t type, const TupleRecord& tuple) {
  const bool ipv4 = tuple.family == FAMILY_IPV4;
  const size_t size = ipv4 ? 4 : 16;
  const bool icmpv6 = tuple.protocol == IPPROTO_ICMPV6;
  const auto has = [&tuple](uint32_t present) { return (tuple.present & present) != 0; };
  std::vector<Buffer> transport = {u8(CTA_PROTO_NUM, tuple.protocol)};
  if (has(TUPLE_SOURCE_PORT | TUPLE_SOURCE_KEY)) {
    transport.push_back(u16(CTA_PROTO_SRC_PORT, tuple.source_port));
  }
  if (has(TUPLE_DESTINATION_PORT | TUPLE_DESTINATION_KEY)) {
    transport.push_back(u16(CTA_PROTO_DST_PORT, tuple.destination_port));
  }
  if (has(TUPLE_ICMP_ID)) {
    transport.push_back(u16(icmpv6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, tuple.icmp_id));
  }
  if (has(TUPLE_ICMP_TYPE)) {
    transport.push_back(u8(icmpv6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, tuple.icmp_type));
  }
  if (has(TUPLE_ICMP_CODE)) {
    transport.push_back(u8(icmpv6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, tuple.icmp_code));
  }
  const auto address = [&](uint16_t v4, uint16_t v6, const uint8_t(&bytes)[16]) {
    return attribute(ipv4 ? v4 : v6, Buffer(bytes, bytes + size));
  };
  std::vector<Buffer> parts = {nest_of(input, CTA_TUPLE_IP,
                                       {address(CTA_IP_V4_SRC, CTA_IP_V6_SRC, tuple.source),
                                        address(CTA_IP_V4_DST, CTA_IP_V6_DST, tuple.destination)}),
                               nest_of(input, CTA_TUPLE_PROTO, transport)};
  if (has(TUPLE_ZONE)) parts.push_back(u16(CTA_TUPLE_ZONE, tuple.zone));
  return nest_of(input, type, parts);
}

// An event about the entry, with the attributes that programs read.
Buffer message_of(Input& input, const EntryRecord& entry, uint16_t type) {
  std::vector<Buffer> parts = {tuple_of(input, CTA_TUPLE_ORIG, entry.original),
                               tuple_of(input, CTA_TUPLE_REPLY, entry.reply), u32(CTA_ID, entry.id),
                               u32(CTA_STATUS, entry.status)};
  if (entry.present & ENTRY_MARK) parts.push_back(u32(CTA_MARK, entry.mark));
  if (entry.present & ENTRY_ZONE) parts.push_back(u16(CTA_ZONE, entry.zone));
  if (entry.present & ENTRY_TIMEOUT) parts.push_back(u32(CTA_TIMEOUT, entry.timeout));
  if (input.coin()) shuffle(input, parts);
  Buffer bytes = {entry.original.family, 0, 0, 0};
  for (const Buffer& part : parts) bytes = join({bytes, part});
  return message(type, 0, bytes);
}

bool passes(const FilterProgram& program, KernelFilter* kernel, const Buffer& message) {
  Bpf machine(message);
  const uint32_t kept = machine.run(program);
  REQUIRE(machine.valid);
  REQUIRE(kept == 0 || kept >= message.size());
  if (kernel) REQUIRE(kernel->passes(message) == (kept != 0));
  return kept != 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  std::vector<FilterRecord> records = any_filter(input);
  // Most programs of many records are too long.
  if (input.coin()) records.resize(1 + records[0].negations);
  const std::vector<FilterRecord> relaxed = told(records);
  static FilterProgram program;
  make_filter_program(
      {reinterpret_cast<const uint8_t*>(records.data()), records.size() * sizeof(FilterRecord)},
      program);
  bool all_pass = false;
  for (const FilterRecord& record : relaxed) all_pass = all_pass || asks_nothing(record);
  if (all_pass) REQUIRE(program.count == 0);
  if (relaxed.size() == 1 && !all_pass) REQUIRE(program.count > 0);
  if (program.count == 0) return 0;
  require_valid(program);
  // The kernel takes most of the time: it gets the programs of one input in four.
  static KernelFilter attached;
  KernelFilter* kernel = size % 4 == 0 ? &attached : nullptr;
  if (kernel) kernel->attach(program);
  REQUIRE(passes(program, kernel, message(MESSAGE_EXPECTATION_NEW, 0, {FAMILY_IPV4, 0, 0, 0})));
  REQUIRE(passes(program, kernel, message(NLMSG_ERROR, 0, Buffer(20))));
  for (int i = 0; i < 8; i++) {
    const ModelEntry entry = any_entry(input);
    const Buffer bytes = message_of(input, entry.record, i % 2 ? MESSAGE_NEW : MESSAGE_DELETE);
    const bool passed = passes(program, kernel, bytes);
    REQUIRE(passed == model_passes(relaxed, with_ports(entry.record), {}));
    REQUIRE(passed || !model_passes(records, entry.record, entry.extension));
  }
  return 0;
}
