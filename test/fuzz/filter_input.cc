#include "filter_input.h"

#include <string_view>

namespace conntrack::test {

using namespace uapi;

namespace {

constexpr std::string_view helpers[] = {"ftp", "sip", "", "a-name-of-thirty-one-characters"};
constexpr uint8_t protocols[] = {1, 6, 17, 33, 47, 58, 132, 255};

Bytes helper_of(uint32_t number) {
  const std::string_view& name = helpers[number % std::size(helpers)];
  return {reinterpret_cast<const uint8_t*>(name.data()), name.size()};
}

// One of a few addresses, which differ in one bit at any place.
void fill_address(Input& input, uint8_t (&address)[16], uint8_t family) {
  memset(address, 0, sizeof address);
  const size_t size = family == FAMILY_IPV4 ? 4 : 16;
  for (size_t i = 0; i < size; i++) address[i] = static_cast<uint8_t>(i + 1);
  const uint8_t bit = input.byte();
  if (bit < 8 * size) address[bit / 8] ^= static_cast<uint8_t>(0x80 >> bit % 8);
}

uint16_t any_port(Input& input) {
  const uint8_t choice = input.byte();
  return choice < 250 ? choice % 8 : input.integer<uint16_t>();
}

uint8_t any_family(Input& input) { return input.below(4) == 0 ? FAMILY_IPV6 : FAMILY_IPV4; }

TupleRecord any_tuple(Input& input, uint8_t family, uint8_t protocol) {
  TupleRecord tuple = {};
  tuple.family = family;
  tuple.protocol = protocol;
  fill_address(input, tuple.source, family);
  fill_address(input, tuple.destination, family);
  tuple.present = input.byte() & (2 * TUPLE_ZONE - 1);
  if (tuple.present & TUPLE_SOURCE_PORT) tuple.source_port = any_port(input);
  if (tuple.present & TUPLE_DESTINATION_PORT) tuple.destination_port = any_port(input);
  if (tuple.present & TUPLE_ICMP_ID) tuple.icmp_id = any_port(input);
  if (tuple.present & TUPLE_ICMP_TYPE) tuple.icmp_type = input.byte() % 4;
  if (tuple.present & TUPLE_ICMP_CODE) tuple.icmp_code = input.byte() % 4;
  if (tuple.present & TUPLE_ZONE) tuple.zone = input.byte() % 4;
  if (protocol == IPPROTO_GRE) {
    const uint32_t ports = tuple.present & (TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT);
    tuple.present = (tuple.present & ~ports) | ports * TUPLE_SOURCE_KEY;
  }
  return tuple;
}

AddressRange any_range(Input& input) {
  AddressRange range = {};
  range.family = any_family(input);
  fill_address(input, range.address, range.family);
  const uint32_t bits = range.family == FAMILY_IPV4 ? 32 : 128;
  range.prefix = static_cast<uint8_t>(input.coin() ? bits : input.below(bits + 1));
  return range;
}

PortRange any_ports(Input& input) {
  const uint16_t from = any_port(input);
  const uint8_t choice = input.byte();
  const uint32_t more = choice < 128 ? 0 : choice < 240 ? choice % 8 : input.byte();
  return {from, static_cast<uint16_t>(from + more)};
}

// Mostly none or one of so many bits: filters of many conditions match nothing.
uint32_t few_of(Input& input, uint32_t bits) {
  const uint32_t choice = input.below(16);
  if (choice < 8) return 0;
  if (choice < 14) return 1u << input.below(bits);
  const auto many = input.integer<uint32_t>() & ((1u << bits) - 1);
  return choice == 14 ? many & input.integer<uint32_t>() : many;
}

TupleFilterRecord any_tuple_filter(Input& input) {
  TupleFilterRecord filter = {};
  filter.present = static_cast<uint16_t>(few_of(input, 10));
  filter.source = any_range(input);
  filter.destination = any_range(input);
  filter.source_port = any_ports(input);
  filter.destination_port = any_ports(input);
  filter.icmp_id = any_port(input);
  filter.icmp_type = input.byte() % 4;
  filter.icmp_code = input.byte() % 4;
  filter.zone = input.byte() % 4;
  return filter;
}

uint64_t any_number(Input& input) {
  const uint8_t choice = input.byte();
  return choice < 200 ? choice % 4 : choice < 240 ? ~uint64_t{0} : input.integer<uint64_t>();
}

CounterRange any_counters(Input& input) {
  return {any_number(input), any_number(input), any_number(input), any_number(input)};
}

FilterRecord any_record(Input& input) {
  FilterRecord filter = {};
  filter.present = few_of(input, 20);
  filter.mark_mask = input.coin() ? 0xffffffff : input.byte();
  filter.mark = (input.byte() % 4) & filter.mark_mask;
  filter.status_all = few_of(input, 8);
  filter.status_none = few_of(input, 8);
  filter.status_any = few_of(input, 8);
  filter.tcp_states = input.integer<uint32_t>();
  filter.sctp_states = input.integer<uint32_t>();
  filter.dccp_states = input.integer<uint32_t>();
  filter.zone = input.byte() % 4;
  filter.family = any_family(input);
  filter.protocol = protocols[input.below(std::size(protocols))];
  filter.port = any_ports(input);
  filter.address = any_range(input);
  filter.original = any_tuple_filter(input);
  filter.reply = any_tuple_filter(input);
  filter.labels_all[input.byte() % 16] = input.byte() & input.byte();
  filter.labels_none[input.byte() % 16] = input.byte() & input.byte();
  const Bytes helper = helper_of(input.byte());
  filter.helper_length = static_cast<uint8_t>(helper.size);
  if (helper.size > 0) memcpy(filter.helper, helper.data, helper.size);
  for (uint8_t& bits : filter.protocols) bits = 0x55;
  input.fill(filter.protocols[input.byte() % 32]);
  filter.id = input.byte() % 4;
  filter.timeout_from = input.byte() % 4;
  filter.timeout_to = input.byte() % 4;
  filter.sctp_original_tag = input.byte() % 4;
  filter.sctp_reply_tag = input.byte() % 4;
  filter.dccp_role = input.byte() % 4;
  filter.started_after = any_number(input);
  filter.started_before = any_number(input);
  filter.original_counters = any_counters(input);
  filter.reply_counters = any_counters(input);
  filter.total_counters = any_counters(input);
  return filter;
}

// Keeps the shape of the filter, with other addresses, ports or marks.
void vary(Input& input, FilterRecord& filter) {
  switch (input.below(6)) {
    case 0:
      return fill_address(input, filter.address.address, filter.address.family);
    case 1:
      return fill_address(input, filter.original.source.address, filter.original.source.family);
    case 2:
      filter.port = any_ports(input);
      return;
    case 3:
      filter.original.destination_port = any_ports(input);
      return;
    case 4:
      filter.mark = input.byte() & filter.mark_mask;
      return;
    default:
      filter.reply.zone = filter.zone = filter.original.zone = input.byte() % 4;
  }
}

}  // namespace

ModelEntry any_entry(Input& input) {
  ModelEntry made;
  EntryRecord& entry = made.record;
  memset(static_cast<void*>(&entry), 0, sizeof entry);
  made.extension = {};
  entry.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_STATUS | ENTRY_ID;
  const uint8_t family = any_family(input);
  const uint8_t protocol = protocols[input.below(std::size(protocols))];
  entry.original = any_tuple(input, family, protocol);
  entry.reply = any_tuple(input, family, protocol);
  entry.id = input.byte() % 4;
  entry.status = input.byte();
  const auto some = [&](uint32_t present) {
    const bool chosen = input.coin();
    if (chosen) entry.present |= present;
    return chosen;
  };
  if (some(ENTRY_MARK)) entry.mark = input.byte() % 4;
  if (some(ENTRY_TIMEOUT)) entry.timeout = input.byte() % 4;
  if (some(ENTRY_ZONE)) entry.zone = input.byte() % 4;
  if (some(ENTRY_ORIGINAL_COUNTERS)) {
    entry.original_packets = any_number(input);
    entry.original_bytes = any_number(input);
  }
  if (some(ENTRY_REPLY_COUNTERS)) {
    entry.reply_packets = any_number(input);
    entry.reply_bytes = any_number(input);
  }
  if (some(ENTRY_START_TIME)) entry.start_time = any_number(input);
  switch (input.below(4)) {
    case 0:
      entry.present |= ENTRY_TCP_STATE;
      entry.state = input.byte() % 40;
      break;
    case 1:
      if (some(ENTRY_SCTP_STATE)) entry.state = input.byte() % 40;
      if (some(ENTRY_SCTP_ORIGINAL_TAG)) entry.info.sctp.original_tag = input.byte() % 4;
      if (some(ENTRY_SCTP_REPLY_TAG)) entry.info.sctp.reply_tag = input.byte() % 4;
      break;
    case 2:
      if (some(ENTRY_DCCP_STATE)) entry.state = input.byte() % 40;
      if (some(ENTRY_DCCP_ROLE)) entry.dccp_role = input.byte() % 4;
      break;
    default:
      break;
  }
  if (input.coin()) {
    entry.extension_present |= EXTENSION_LABELS;
    made.extension.record.labels[input.byte() % 16] = input.byte();
  }
  if (input.coin()) {
    entry.extension_present |= EXTENSION_HELPER;
    made.extension.helper = helper_of(input.byte());
    made.extension.record.helper_length = static_cast<uint16_t>(made.extension.helper.size);
  }
  return made;
}

std::vector<FilterRecord> any_filter(Input& input) {
  std::vector<FilterRecord> records;
  for (uint32_t count = 1 + input.below(24); count > 0; count--) {
    const bool alike = !records.empty() && input.below(4) != 0;
    FilterRecord record = alike ? records.back() : any_record(input);
    record.negations = 0;
    if (alike) vary(input, record);
    if (input.below(6) == 0) record.negations = 1 + input.below(6);
    records.push_back(record);
    for (uint32_t negations = record.negations; negations > 0; negations--) {
      FilterRecord negation = input.coin() ? record : any_record(input);
      negation.negations = 0;
      vary(input, negation);
      records.push_back(negation);
    }
  }
  return records;
}

}  // namespace conntrack::test
