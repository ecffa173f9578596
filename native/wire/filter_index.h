// Finds, among many filters, the few that an entry can match.
//
// Most conditions of a filter compare bits of the entry's record: an address, a network,
// a port, a mark. Filters that compare the same bits have one shape, and what they want
// those bits to be is the key under which they are found: an entry is looked up once for
// each shape, however many filters have it. What is no such comparison (states, labels,
// helpers, most of a range of ports) is left to whoever looks.
#pragma once

#include <cstring>
#include <memory>

#include "wire/filter_record.h"

namespace conntrack {

inline uint64_t mixed(uint64_t key, uint64_t word) {
  key = (key ^ word) * 0x9e3779b97f4a7c15u;
  return key ^ key >> 32;
}

// Each bit of what was mixed changes the highest bits, which choose a bucket.
inline uint64_t spread(uint64_t key) { return key * 0xbf58476d1ce4e5b9u; }

class FilterIndex {
 public:
  // Makes room for so many filters, before the first one. False when there is no memory.
  bool allocate(size_t count);

  // False when the filter compares no bits, or there are too many shapes for another one:
  // then every entry must be tried. Whoever chooses addresses may give many filters one
  // key, which costs as much.
  bool add(const FilterRecord& filter, uint32_t number);

  // How many looks an entry takes, but for the ends of `address` and `port`: as many as it has.
  size_t shapes() const { return shape_count_; }

  // Calls `visit` with the numbers of filters until it returns true; those that match the
  // entry are among them. Returns whether it did.
  template <typename Visit>
  bool any(const EntryRecord& entry, Visit visit) const {
    if (shape_count_ == 0) return false;
    End ends[4];
    size_t end_count = 0;
    for (size_t i = 0; i < shape_count_; i++) {
      const Shape& shape = shapes_[i];
      const uint64_t of_entry = shape.entry.key(first_key(i), &entry);
      const bool of_address = shape.address.count != 0;
      const bool of_port = shape.port != 0;
      if ((of_address || of_port) && end_count == 0) end_count = ends_of(entry, ends);
      // The address may be at one end and the port at another.
      const size_t addresses = of_address ? end_count : 1;
      const size_t ports = of_port ? end_count : 1;
      for (size_t a = 0; a < addresses; a++) {
        const uint64_t of_end = shape.address.key(of_entry, &ends[a]);
        for (size_t p = 0; p < ports; p++) {
          const uint64_t key = of_port ? mixed(of_end, ends[p].port & shape.port) : of_end;
          for (uint32_t at = first_[bucket(key)]; at != none; at = nodes_[at].next) {
            if (nodes_[at].key == key && visit(nodes_[at].number)) return true;
          }
        }
      }
    }
    return false;
  }

 private:
  static constexpr uint32_t none = 0xffffffff;
  static constexpr size_t most_shapes = 256;
  // Of an entry: no filter compares its counters or what is behind them.
  static constexpr size_t compared_bytes = offsetof(EntryRecord, original_packets);

  // One of the four that a filter's `address` and `port` may mean.
  struct End {
    // These are read as words of 64 bits, and written as such.
    uint8_t address[16];
    uint64_t family;
    uint64_t port;
  };
  static constexpr size_t address_bytes = offsetof(End, port);
  static constexpr uint64_t port_bits(uint16_t port) { return 0x10000u | port; }

  // Which bits of a struct are compared, by words of 64.
  struct Mask {
    static constexpr size_t most = compared_bytes / 8;

    Mask() = default;
    Mask(const void* bytes, size_t size);
    bool operator==(const Mask& other) const;

    // The compared bits of `bytes`, mixed into `key`.
    uint64_t key(uint64_t key, const void* bytes) const {
      for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, static_cast<const uint8_t*>(bytes) + size_t{8} * at[i], sizeof word);
        key = mixed(key, word & bits[i]);
      }
      return key;
    }

    uint64_t bits[most];
    uint8_t at[most];
    uint8_t count = 0;
  };
  struct Shape {
    bool operator==(const Shape& other) const {
      return entry == other.entry && address == other.address && port == other.port;
    }

    Mask entry;
    Mask address;  // of an End, with its family
    uint64_t port = 0;
  };
  struct Node {
    uint64_t key;
    uint32_t number;
    uint32_t next;
  };
  class Pattern;

  static End end_of(const TupleRecord& tuple, bool source);
  // Without NAT the ends of the reply are those of the original. Returns how many differ.
  static size_t ends_of(const EntryRecord& entry, End (&ends)[4]);
  // Keys of different shapes differ.
  static uint64_t first_key(size_t shape) { return spread(shape); }
  size_t bucket(uint64_t key) const { return spread(key) >> shift_; }

  std::unique_ptr<Shape[]> shapes_;
  size_t shape_count_ = 0;
  size_t most_shapes_ = 0;
  // Those of a bucket are chained.
  std::unique_ptr<Node[]> nodes_;
  std::unique_ptr<uint32_t[]> first_;
  uint32_t node_count_ = 0;
  unsigned shift_ = 0;  // of what is spread
};

}  // namespace conntrack
