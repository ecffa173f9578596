#include "filter_model.h"

namespace conntrack::test {

using namespace uapi;

namespace {

bool bit_of(const uint8_t* bytes, size_t number) {
  return (bytes[number / 8] >> (7 - number % 8) & 1) != 0;
}

bool in_range(const AddressRange& range, const uint8_t (&address)[16], uint8_t family) {
  if (range.family != family) return false;
  if (range.prefix > (family == FAMILY_IPV4 ? 32 : 128)) return false;
  for (size_t bit = 0; bit < range.prefix; bit++) {
    if (bit_of(range.address, bit) != bit_of(address, bit)) return false;
  }
  return true;
}

bool in_range(const PortRange& range, uint16_t port) {
  return port >= range.from && port <= range.to;
}

bool model_matches(const TupleFilterRecord& filter, const TupleRecord& tuple) {
  const auto unless = [&](uint32_t asked, bool holds) {
    return (filter.present & asked) == 0 || holds;
  };
  const auto has = [&](uint32_t present) { return (tuple.present & present) != 0; };
  const bool source_in = in_range(filter.source_port, tuple.source_port);
  const bool destination_in = in_range(filter.destination_port, tuple.destination_port);
  return unless(TUPLE_FILTER_SOURCE, in_range(filter.source, tuple.source, tuple.family)) &&
         unless(TUPLE_FILTER_DESTINATION,
                in_range(filter.destination, tuple.destination, tuple.family)) &&
         unless(TUPLE_FILTER_SOURCE_PORT, has(TUPLE_SOURCE_PORT) && source_in) &&
         unless(TUPLE_FILTER_DESTINATION_PORT, has(TUPLE_DESTINATION_PORT) && destination_in) &&
         unless(TUPLE_FILTER_SOURCE_KEY, has(TUPLE_SOURCE_KEY) && source_in) &&
         unless(TUPLE_FILTER_DESTINATION_KEY, has(TUPLE_DESTINATION_KEY) && destination_in) &&
         unless(TUPLE_FILTER_ICMP_ID, has(TUPLE_ICMP_ID) && tuple.icmp_id == filter.icmp_id) &&
         unless(TUPLE_FILTER_ICMP_TYPE,
                has(TUPLE_ICMP_TYPE) && tuple.icmp_type == filter.icmp_type) &&
         unless(TUPLE_FILTER_ICMP_CODE,
                has(TUPLE_ICMP_CODE) && tuple.icmp_code == filter.icmp_code) &&
         unless(TUPLE_FILTER_ZONE, has(TUPLE_ZONE) && tuple.zone == filter.zone);
}

bool in_range(const CounterRange& range, __uint128_t packets, __uint128_t bytes) {
  constexpr __uint128_t most = ~uint64_t{0};
  const __uint128_t p = packets < most ? packets : most;
  const __uint128_t b = bytes < most ? bytes : most;
  return p >= range.packets_from && p <= range.packets_to && b >= range.bytes_from &&
         b <= range.bytes_to;
}

bool any_port_in(const PortRange& range, const TupleRecord& tuple) {
  const uint32_t present = tuple.present;
  return ((present & TUPLE_SOURCE_PORT) != 0 && in_range(range, tuple.source_port)) ||
         ((present & TUPLE_DESTINATION_PORT) != 0 && in_range(range, tuple.destination_port));
}

bool any_address_in(const AddressRange& range, const TupleRecord& tuple) {
  return in_range(range, tuple.source, tuple.family) ||
         in_range(range, tuple.destination, tuple.family);
}

}  // namespace

bool model_matches(const FilterRecord& filter, const EntryRecord& entry,
                   const Extension& extension) {
  const auto unless = [&](uint32_t asked, bool holds) {
    return (filter.present & asked) == 0 || holds;
  };
  const auto has = [&](uint32_t present) { return (entry.present & present) != 0; };
  const auto state = [&](uint32_t states) {
    return entry.state < 32 && (states >> entry.state & 1) != 0;
  };
  const uint32_t protocol = entry.original.protocol;
  bool labels = true;
  for (size_t i = 0; i < 128; i++) {
    const bool set = (entry.extension_present & EXTENSION_LABELS) != 0 &&
                     (extension.record.labels[i / 8] >> i % 8 & 1) != 0;
    if ((filter.labels_all[i / 8] >> i % 8 & 1) != 0 && !set) labels = false;
    if ((filter.labels_none[i / 8] >> i % 8 & 1) != 0 && set) labels = false;
  }
  bool helper = (entry.extension_present & EXTENSION_HELPER) != 0 &&
                extension.helper.size == filter.helper_length;
  for (size_t i = 0; helper && i < extension.helper.size; i++) {
    helper = extension.helper.data[i] == filter.helper[i];
  }
  return unless(FILTER_FAMILY, entry.original.family == filter.family) &&
         unless(FILTER_PROTOCOL, protocol == filter.protocol) &&
         unless(FILTER_PROTOCOLS, (filter.protocols[protocol / 8] >> protocol % 8 & 1) != 0) &&
         (entry.status & filter.status_all) == filter.status_all &&
         (entry.status & filter.status_none) == 0 &&
         (filter.status_any == 0 || (entry.status & filter.status_any) != 0) &&
         unless(FILTER_MARK, (entry.mark & filter.mark_mask) == filter.mark) &&
         unless(FILTER_ZONE, entry.zone == filter.zone) &&
         unless(FILTER_ADDRESS, any_address_in(filter.address, entry.original) ||
                                    any_address_in(filter.address, entry.reply)) &&
         unless(FILTER_PORT, any_port_in(filter.port, entry.original) ||
                                 any_port_in(filter.port, entry.reply)) &&
         model_matches(filter.original, entry.original) &&
         model_matches(filter.reply, entry.reply) &&
         unless(FILTER_STATE, (has(ENTRY_TCP_STATE) && state(filter.tcp_states)) ||
                                  (has(ENTRY_SCTP_STATE) && state(filter.sctp_states)) ||
                                  (has(ENTRY_DCCP_STATE) && state(filter.dccp_states))) &&
         unless(FILTER_LABELS, labels) && unless(FILTER_HELPER, helper) &&
         unless(FILTER_ID, has(ENTRY_ID) && entry.id == filter.id) &&
         unless(FILTER_TIMEOUT, has(ENTRY_TIMEOUT) && entry.timeout >= filter.timeout_from &&
                                    entry.timeout <= filter.timeout_to) &&
         unless(FILTER_SCTP_ORIGINAL_TAG,
                has(ENTRY_SCTP_ORIGINAL_TAG) &&
                    entry.info.sctp.original_tag == filter.sctp_original_tag) &&
         unless(FILTER_SCTP_REPLY_TAG,
                has(ENTRY_SCTP_REPLY_TAG) && entry.info.sctp.reply_tag == filter.sctp_reply_tag) &&
         unless(FILTER_DCCP_ROLE, has(ENTRY_DCCP_ROLE) && entry.dccp_role == filter.dccp_role) &&
         unless(FILTER_STARTED_AFTER,
                has(ENTRY_START_TIME) && entry.start_time >= filter.started_after) &&
         unless(FILTER_STARTED_BEFORE,
                has(ENTRY_START_TIME) && entry.start_time < filter.started_before) &&
         unless(FILTER_ORIGINAL_COUNTERS,
                has(ENTRY_ORIGINAL_COUNTERS) &&
                    in_range(filter.original_counters, entry.original_packets,
                             entry.original_bytes)) &&
         unless(FILTER_REPLY_COUNTERS,
                has(ENTRY_REPLY_COUNTERS) &&
                    in_range(filter.reply_counters, entry.reply_packets, entry.reply_bytes)) &&
         unless(FILTER_TOTAL_COUNTERS,
                has(ENTRY_ORIGINAL_COUNTERS) && has(ENTRY_REPLY_COUNTERS) &&
                    in_range(filter.total_counters,
                             __uint128_t{entry.original_packets} + entry.reply_packets,
                             __uint128_t{entry.original_bytes} + entry.reply_bytes));
}

bool model_passes(const std::vector<FilterRecord>& records, const EntryRecord& entry,
                  const Extension& extension) {
  for (size_t i = 0; i < records.size(); i += 1 + records[i].negations) {
    bool passes = model_matches(records[i], entry, extension);
    for (size_t n = 1; n <= records[i].negations; n++) {
      if (model_matches(records[i + n], entry, extension)) passes = false;
    }
    if (passes) return true;
  }
  return false;
}

}  // namespace conntrack::test
