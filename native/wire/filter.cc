#include "wire/filter.h"

#include <new>

namespace conntrack {

namespace {

constexpr uint8_t bits_of(uint8_t family) { return family == uapi::FAMILY_IPV4 ? 32 : 128; }

bool is_in(const AddressRange& range, const uint8_t (&address)[16], uint8_t family) {
  if (range.family != family || range.prefix > bits_of(family)) return false;
  const auto differ = [&](size_t at) {
    uint64_t one;
    uint64_t other;
    memcpy(&one, range.address + at, sizeof one);
    memcpy(&other, address + at, sizeof other);
    return big_endian(one ^ other);
  };
  const unsigned prefix = range.prefix;
  if (prefix <= 64) return prefix == 0 || differ(0) >> (64 - prefix) == 0;
  return differ(0) == 0 && differ(8) >> (128 - prefix) == 0;
}

bool is_in(const PortRange& range, uint16_t port) { return range.from <= port && port <= range.to; }

bool source_port_is_in(const PortRange& range, const TupleRecord& tuple) {
  return (tuple.present & TUPLE_SOURCE_PORT) != 0 && is_in(range, tuple.source_port);
}

bool destination_port_is_in(const PortRange& range, const TupleRecord& tuple) {
  return (tuple.present & TUPLE_DESTINATION_PORT) != 0 && is_in(range, tuple.destination_port);
}

bool has_port(const PortRange& range, const TupleRecord& tuple) {
  return source_port_is_in(range, tuple) || destination_port_is_in(range, tuple);
}

bool has_address(const AddressRange& range, const TupleRecord& tuple) {
  return is_in(range, tuple.source, tuple.family) || is_in(range, tuple.destination, tuple.family);
}

template <typename Value>
bool equal(const TupleRecord& tuple, uint32_t present, Value value, Value wanted) {
  return (tuple.present & present) != 0 && value == wanted;
}

bool matches(const TupleFilterRecord& filter, const TupleRecord& tuple) {
  const auto asks = [&filter](uint16_t field) { return (filter.present & field) != 0; };
  if (filter.present == 0) return true;
  if (asks(TUPLE_FILTER_SOURCE) && !is_in(filter.source, tuple.source, tuple.family)) return false;
  if (asks(TUPLE_FILTER_DESTINATION) &&
      !is_in(filter.destination, tuple.destination, tuple.family)) {
    return false;
  }
  if (asks(TUPLE_FILTER_SOURCE_PORT) && !source_port_is_in(filter.source_port, tuple)) {
    return false;
  }
  if (asks(TUPLE_FILTER_DESTINATION_PORT) &&
      !destination_port_is_in(filter.destination_port, tuple)) {
    return false;
  }
  if (asks(TUPLE_FILTER_SOURCE_KEY) &&
      ((tuple.present & TUPLE_SOURCE_KEY) == 0 || !is_in(filter.source_port, tuple.source_port))) {
    return false;
  }
  if (asks(TUPLE_FILTER_DESTINATION_KEY) &&
      ((tuple.present & TUPLE_DESTINATION_KEY) == 0 ||
       !is_in(filter.destination_port, tuple.destination_port))) {
    return false;
  }
  if (asks(TUPLE_FILTER_ICMP_ID) && !equal(tuple, TUPLE_ICMP_ID, tuple.icmp_id, filter.icmp_id)) {
    return false;
  }
  if (asks(TUPLE_FILTER_ICMP_TYPE) &&
      !equal(tuple, TUPLE_ICMP_TYPE, tuple.icmp_type, filter.icmp_type)) {
    return false;
  }
  if (asks(TUPLE_FILTER_ICMP_CODE) &&
      !equal(tuple, TUPLE_ICMP_CODE, tuple.icmp_code, filter.icmp_code)) {
    return false;
  }
  return !asks(TUPLE_FILTER_ZONE) || equal(tuple, TUPLE_ZONE, tuple.zone, filter.zone);
}

bool has_state(const FilterRecord& filter, const EntryRecord& entry) {
  uint32_t states = 0;
  if ((entry.present & ENTRY_TCP_STATE) != 0) states = filter.tcp_states;
  if ((entry.present & ENTRY_SCTP_STATE) != 0) states = filter.sctp_states;
  if ((entry.present & ENTRY_DCCP_STATE) != 0) states = filter.dccp_states;
  return entry.state < 32 && (states >> entry.state & 1) != 0;
}

bool has_labels(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension) {
  const bool labelled = (entry.extension_present & EXTENSION_LABELS) != 0;
  for (size_t i = 0; i < sizeof filter.labels_all; i++) {
    const uint8_t labels = labelled ? extension.record.labels[i] : 0;
    if ((labels & filter.labels_all[i]) != filter.labels_all[i]) return false;
    if ((labels & filter.labels_none[i]) != 0) return false;
  }
  return true;
}

bool has_helper(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension) {
  return (entry.extension_present & EXTENSION_HELPER) != 0 &&
         extension.helper.size == filter.helper_length &&
         memcmp(extension.helper.data, filter.helper, filter.helper_length) == 0;
}

bool is_in(const CounterRange& range, uint64_t packets, uint64_t bytes) {
  return range.packets_from <= packets && packets <= range.packets_to &&
         range.bytes_from <= bytes && bytes <= range.bytes_to;
}

// Two numbers of the kernel, whose sum may not fit.
uint64_t sum(uint64_t a, uint64_t b) { return a + b < a ? ~uint64_t{0} : a + b; }

bool has_counters(const FilterRecord& filter, const EntryRecord& entry) {
  const auto asks = [&filter](uint32_t field) { return (filter.present & field) != 0; };
  const bool original = (entry.present & ENTRY_ORIGINAL_COUNTERS) != 0;
  const bool reply = (entry.present & ENTRY_REPLY_COUNTERS) != 0;
  if (asks(FILTER_ORIGINAL_COUNTERS) &&
      (!original ||
       !is_in(filter.original_counters, entry.original_packets, entry.original_bytes))) {
    return false;
  }
  if (asks(FILTER_REPLY_COUNTERS) &&
      (!reply || !is_in(filter.reply_counters, entry.reply_packets, entry.reply_bytes))) {
    return false;
  }
  return !asks(FILTER_TOTAL_COUNTERS) ||
         (original && reply &&
          is_in(filter.total_counters, sum(entry.original_packets, entry.reply_packets),
                sum(entry.original_bytes, entry.reply_bytes)));
}

// Conditions that few filters have.
constexpr uint32_t rarely_asked =
    FILTER_PROTOCOLS | FILTER_ID | FILTER_TIMEOUT | FILTER_SCTP_ORIGINAL_TAG |
    FILTER_SCTP_REPLY_TAG | FILTER_DCCP_ROLE | FILTER_STARTED_AFTER | FILTER_STARTED_BEFORE |
    FILTER_ORIGINAL_COUNTERS | FILTER_REPLY_COUNTERS | FILTER_TOTAL_COUNTERS;

bool has_the_rest(const FilterRecord& filter, const EntryRecord& entry) {
  const auto asks = [&filter](uint32_t field) { return (filter.present & field) != 0; };
  const auto has = [&entry](uint32_t field) { return (entry.present & field) != 0; };
  const uint8_t protocol = entry.original.protocol;
  if (asks(FILTER_PROTOCOLS) && (filter.protocols[protocol / 8] >> protocol % 8 & 1) == 0) {
    return false;
  }
  if (asks(FILTER_ID) && (!has(ENTRY_ID) || entry.id != filter.id)) return false;
  if (asks(FILTER_TIMEOUT) && (!has(ENTRY_TIMEOUT) || entry.timeout < filter.timeout_from ||
                               entry.timeout > filter.timeout_to)) {
    return false;
  }
  if (asks(FILTER_SCTP_ORIGINAL_TAG) &&
      (!has(ENTRY_SCTP_ORIGINAL_TAG) || entry.info.sctp.original_tag != filter.sctp_original_tag)) {
    return false;
  }
  if (asks(FILTER_SCTP_REPLY_TAG) &&
      (!has(ENTRY_SCTP_REPLY_TAG) || entry.info.sctp.reply_tag != filter.sctp_reply_tag)) {
    return false;
  }
  if (asks(FILTER_DCCP_ROLE) && (!has(ENTRY_DCCP_ROLE) || entry.dccp_role != filter.dccp_role)) {
    return false;
  }
  if (asks(FILTER_STARTED_AFTER) &&
      (!has(ENTRY_START_TIME) || entry.start_time < filter.started_after)) {
    return false;
  }
  if (asks(FILTER_STARTED_BEFORE) &&
      (!has(ENTRY_START_TIME) || entry.start_time >= filter.started_before)) {
    return false;
  }
  return has_counters(filter, entry);
}

}  // namespace

bool matches(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension) {
  const auto asks = [&filter](uint32_t field) { return (filter.present & field) != 0; };
  if (asks(FILTER_FAMILY) && entry.original.family != filter.family) return false;
  if (asks(FILTER_PROTOCOL) && entry.original.protocol != filter.protocol) return false;
  if ((entry.status & filter.status_all) != filter.status_all) return false;
  if ((entry.status & filter.status_none) != 0) return false;
  if (filter.status_any != 0 && (entry.status & filter.status_any) == 0) return false;
  // Events leave out a mark of 0, and every message a zone of 0: absent is 0.
  if (asks(FILTER_MARK) && (entry.mark & filter.mark_mask) != filter.mark) return false;
  if (asks(FILTER_ZONE) && entry.zone != filter.zone) return false;
  if (asks(FILTER_ADDRESS) && !has_address(filter.address, entry.original) &&
      !has_address(filter.address, entry.reply)) {
    return false;
  }
  if (asks(FILTER_PORT) && !has_port(filter.port, entry.original) &&
      !has_port(filter.port, entry.reply)) {
    return false;
  }
  return matches(filter.original, entry.original) && matches(filter.reply, entry.reply) &&
         (!asks(FILTER_STATE) || has_state(filter, entry)) &&
         (!asks(FILTER_LABELS) || has_labels(filter, entry, extension)) &&
         (!asks(FILTER_HELPER) || has_helper(filter, entry, extension)) &&
         ((filter.present & rarely_asked) == 0 || has_the_rest(filter, entry));
}

bool FilterList::allocate(size_t count) {
  records_.reset(new (std::nothrow) FilterRecord[count]);
  index_ = FilterIndex();
  count_ = tried_ = indexed_ = 0;
  if (!records_ || !index_.allocate(count)) return false;
  count_ = count;
  return true;
}

bool FilterList::add(const FilterRecord& record) {
  if (record.helper_length > sizeof record.helper || tried_ + indexed_ == count_) return false;
  const size_t place = count_ - 1 - indexed_;
  const bool found = index_.add(record, static_cast<uint32_t>(place));
  records_[found ? place : tried_] = record;
  (found ? indexed_ : tried_)++;
  return true;
}

namespace {

FilterRecord record_at(Bytes records, size_t i) {
  FilterRecord record;
  memcpy(&record, records.data + i * sizeof record, sizeof record);
  return record;
}

}  // namespace

bool EntryFilter::parse(Bytes records) {
  if (take(records)) return true;
  list_.allocate(0);
  return false;
}

bool EntryFilter::take(Bytes records) {
  if (records.size % sizeof(FilterRecord) != 0) return false;
  const size_t all = records.size / sizeof(FilterRecord);
  size_t count = 0;
  size_t negated = 0;  // records that have negations
  for (size_t i = 0; i < all; count++) {
    const size_t negations = record_at(records, i).negations;
    if (negations >= all - i) return false;
    if (negations > 0) negated++;
    i += 1 + negations;
  }
  negations_.reset(negated > 0 ? new (std::nothrow) FilterList[negated] : nullptr);
  if ((negated > 0 && !negations_) || !list_.allocate(count)) return false;
  uint32_t next = 0;  // of negations_
  for (size_t i = 0; i < all; i++) {
    FilterRecord record = record_at(records, i);
    if (size_t negations = record.negations; negations > 0) {
      FilterList& list = negations_[next];
      if (!list.allocate(negations)) return false;
      for (; negations > 0; negations--) {
        const FilterRecord negation = record_at(records, ++i);
        if (negation.negations != 0 || !list.add(negation)) return false;
      }
      record.negations = ++next;
    }
    if (!list_.add(record)) return false;
  }
  return true;
}

bool EntryFilter::matches(const EntryRecord& entry, const Extension& extension) const {
  const auto always = [](const FilterRecord&) { return true; };
  return list_.any(entry, extension, [&](const FilterRecord& record) {
    return record.negations == 0 || !negations_[record.negations - 1].any(entry, extension, always);
  });
}

}  // namespace conntrack
