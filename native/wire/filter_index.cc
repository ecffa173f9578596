#include "wire/filter_index.h"

#include <limits>
#include <new>

namespace conntrack {

// The bits that a filter compares, and their values in each entry that matches.
class FilterIndex::Pattern {
 public:
  explicit Pattern(const FilterRecord& filter) {
    const auto asks = [&filter](uint32_t field) { return (filter.present & field) != 0; };
    EntryRecord& entry = mask.entry;
    EntryRecord& wanted = value.entry;
    if (asks(FILTER_FAMILY)) want(entry.original.family, wanted.original.family, filter.family);
    if (asks(FILTER_PROTOCOL)) {
      want(entry.original.protocol, wanted.original.protocol, filter.protocol);
    }
    want(entry.status, wanted.status, filter.status_all, filter.status_all | filter.status_none);
    if (asks(FILTER_MARK)) want(entry.mark, wanted.mark, filter.mark, filter.mark_mask);
    if (asks(FILTER_ZONE)) want(entry.zone, wanted.zone, filter.zone);
    if (asks(FILTER_ID)) {
      want(entry.present, wanted.present, uint32_t{ENTRY_ID}, uint32_t{ENTRY_ID});
      want(entry.id, wanted.id, filter.id);
    }
    tuple(entry.original, wanted.original, filter.original);
    tuple(entry.reply, wanted.reply, filter.reply);
    if (asks(FILTER_ADDRESS)) {
      address(mask.end.address, value.end.address, filter.address);
      want(mask.end.family, value.end.family, uint64_t{filter.address.family});
    }
    if (asks(FILTER_PORT)) {
      uint16_t bits = 0;
      uint16_t wanted_bits = 0;
      port(bits, wanted_bits, filter.port);
      want(mask.end.port, value.end.port, port_bits(wanted_bits), port_bits(bits));
    }
  }

  struct Bits {
    EntryRecord entry = {};
    End end = {};
  };
  Bits mask;   // bits that the filter compares
  Bits value;  // what it wants them to be

 private:
  template <typename Field>
  static void want(Field& mask, Field& value, Field wanted,
                   Field bits = std::numeric_limits<Field>::max()) {
    mask = static_cast<Field>(mask | bits);
    value = static_cast<Field>(value | (wanted & bits));
  }

  static void address(uint8_t (&mask)[16], uint8_t (&value)[16], const AddressRange& range) {
    for (unsigned i = 0; i < 16 && 8 * i < range.prefix; i++) {
      const unsigned bits = range.prefix - 8 * i;
      want(mask[i], value[i], range.address[i],
           static_cast<uint8_t>(bits < 8 ? ~(0xffu >> bits) : 0xff));
    }
  }

  // The bits that all ports of the range have in common.
  static void port(uint16_t& mask, uint16_t& value, const PortRange& range) {
    unsigned bits = 0xffff;
    for (unsigned differ = range.from ^ range.to; differ != 0; differ >>= 1) bits <<= 1;
    want(mask, value, range.from, static_cast<uint16_t>(bits));
  }

  static void tuple(TupleRecord& mask, TupleRecord& value, const TupleFilterRecord& filter) {
    const auto asks = [&filter](uint16_t field) { return (filter.present & field) != 0; };
    const auto need = [&](TuplePresent present) {
      want(mask.present, value.present, uint32_t{present}, uint32_t{present});
    };
    if (asks(TUPLE_FILTER_SOURCE)) {
      address(mask.source, value.source, filter.source);
      want(mask.family, value.family, filter.source.family);
    }
    if (asks(TUPLE_FILTER_DESTINATION)) {
      address(mask.destination, value.destination, filter.destination);
      want(mask.family, value.family, filter.destination.family);
    }
    if (asks(TUPLE_FILTER_SOURCE_PORT)) {
      need(TUPLE_SOURCE_PORT);
      port(mask.source_port, value.source_port, filter.source_port);
    }
    if (asks(TUPLE_FILTER_DESTINATION_PORT)) {
      need(TUPLE_DESTINATION_PORT);
      port(mask.destination_port, value.destination_port, filter.destination_port);
    }
    if (asks(TUPLE_FILTER_SOURCE_KEY)) {
      need(TUPLE_SOURCE_KEY);
      port(mask.source_port, value.source_port, filter.source_port);
    }
    if (asks(TUPLE_FILTER_DESTINATION_KEY)) {
      need(TUPLE_DESTINATION_KEY);
      port(mask.destination_port, value.destination_port, filter.destination_port);
    }
    if (asks(TUPLE_FILTER_ICMP_ID)) {
      need(TUPLE_ICMP_ID);
      want(mask.icmp_id, value.icmp_id, filter.icmp_id);
    }
    if (asks(TUPLE_FILTER_ICMP_TYPE)) {
      need(TUPLE_ICMP_TYPE);
      want(mask.icmp_type, value.icmp_type, filter.icmp_type);
    }
    if (asks(TUPLE_FILTER_ICMP_CODE)) {
      need(TUPLE_ICMP_CODE);
      want(mask.icmp_code, value.icmp_code, filter.icmp_code);
    }
    if (asks(TUPLE_FILTER_ZONE)) {
      need(TUPLE_ZONE);
      want(mask.zone, value.zone, filter.zone);
    }
  }
};

FilterIndex::Mask::Mask(const void* bytes, size_t size) {
  for (size_t i = 0; i < size / 8; i++) {
    uint64_t word;
    memcpy(&word, static_cast<const uint8_t*>(bytes) + 8 * i, sizeof word);
    if (word == 0) continue;
    bits[count] = word;
    at[count++] = static_cast<uint8_t>(i);
  }
}

bool FilterIndex::Mask::operator==(const Mask& other) const {
  return count == other.count && memcmp(at, other.at, count) == 0 &&
         memcmp(bits, other.bits, count * sizeof bits[0]) == 0;
}

FilterIndex::End FilterIndex::end_of(const TupleRecord& tuple, bool source) {
  End end;
  memcpy(end.address, source ? tuple.source : tuple.destination, sizeof end.address);
  const bool has_port =
      (tuple.present & (source ? TUPLE_SOURCE_PORT : TUPLE_DESTINATION_PORT)) != 0;
  const uint16_t port = source ? tuple.source_port : tuple.destination_port;
  end.family = tuple.family;
  end.port = has_port ? port_bits(port) : 0;
  return end;
}

size_t FilterIndex::ends_of(const EntryRecord& entry, End (&ends)[4]) {
  size_t count = 2;
  ends[0] = end_of(entry.original, true);
  ends[1] = end_of(entry.original, false);
  ends[count] = end_of(entry.reply, true);
  if (memcmp(&ends[count], &ends[1], sizeof(End)) != 0) count++;
  ends[count] = end_of(entry.reply, false);
  if (memcmp(&ends[count], &ends[0], sizeof(End)) != 0) count++;
  return count;
}

bool FilterIndex::allocate(size_t count) {
  // A look for a shape of a few filters costs more than to try them.
  most_shapes_ = count / 4 < most_shapes ? count / 4 : most_shapes;
  if (most_shapes_ == 0) return true;
  unsigned bits = 1;
  while (size_t{1} << bits < count) bits++;
  shift_ = 64 - bits;
  shapes_.reset(new (std::nothrow) Shape[most_shapes_]);
  nodes_.reset(new (std::nothrow) Node[count]);
  first_.reset(new (std::nothrow) uint32_t[size_t{1} << bits]);
  if (!shapes_ || !nodes_ || !first_) return false;
  memset(first_.get(), 0xff, (size_t{1} << bits) * sizeof first_[0]);
  return true;
}

bool FilterIndex::add(const FilterRecord& filter, uint32_t number) {
  const Pattern pattern(filter);
  const Shape shape = {{&pattern.mask.entry, compared_bytes},
                       {&pattern.mask.end, address_bytes},
                       pattern.mask.end.port};
  if (shape.entry.count + shape.address.count == 0 && shape.port == 0) return false;
  size_t at = 0;
  while (at < shape_count_ && !(shapes_[at] == shape)) at++;
  if (at == most_shapes_) return false;
  if (at == shape_count_) shapes_[shape_count_++] = shape;
  const uint64_t of_entry = shape.entry.key(first_key(at), &pattern.value.entry);
  const uint64_t of_end = shape.address.key(of_entry, &pattern.value.end);
  const uint64_t key = shape.port != 0 ? mixed(of_end, pattern.value.end.port) : of_end;
  uint32_t& first = first_[bucket(key)];
  nodes_[node_count_] = {key, number, first};
  first = node_count_++;
  return true;
}

}  // namespace conntrack
