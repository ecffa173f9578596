// A slab is one buffer: records from the front, extensions from the back. It is
// what an entry that is kept keeps in memory: 64 KiB of a stream, and no more than the
// entry itself needs when it was asked for alone.
#pragma once

#include "wire/byte_reader.h"
#include "wire/spec_record.h"

namespace conntrack {

constexpr size_t slab_size = 65536;

struct SlabHeader {
  uint32_t count;  // records in the slab
  uint32_t padding;
  uint64_t read_time;  // wall clock in ns when the slab was filled
};
static_assert(sizeof(SlabHeader) == 16);

inline constexpr LayoutField slab_fields[] = {
    {"size", slab_size},
    {"count", offsetof(SlabHeader, count)},
    {"readTime", offsetof(SlabHeader, read_time)},
    {"firstEntry", sizeof(SlabHeader)},
};

// The strings point into the message until the slab has copied them.
struct Extension {
  ExtensionRecord record;
  Bytes helper;
  Bytes security_context;
};

inline size_t extension_size(const EntryRecord& record, const Extension& extension) {
  if (record.extension_present == 0) return 0;
  const size_t strings = extension.helper.size + extension.security_context.size;
  return (sizeof extension.record + strings + 7) & ~size_t{7};
}

inline uint8_t* write_bytes(uint8_t* to, Bytes from) {
  if (from.size) memcpy(to, from.data, from.size);
  return to + from.size;
}

inline void write_extension(uint8_t* to, const Extension& extension) {
  memcpy(to, &extension.record, sizeof extension.record);
  to = write_bytes(to + sizeof extension.record, extension.helper);
  write_bytes(to, extension.security_context);
}

// The room in a slab.
template <typename Record>
class Slab {
 public:
  Slab() = default;

  // `memory`: `size` bytes (a multiple of 8), aligned to 8, that outlive this.
  explicit Slab(uint8_t* memory, size_t size = slab_size)
      : memory_(memory), back_(size), size_(size) {
    *header() = {};
  }

  // Room for one more record, zeroed; nullptr when the slab is full.
  Record* reserve() {
    if (!memory_ || front_ + sizeof(Record) > back_) return nullptr;
    uint8_t* bytes = memory_ + front_;
    // The memory is cold, and four records ahead the next page may begin.
    __builtin_prefetch(bytes + 4 * sizeof(Record), 1);
    __builtin_prefetch(bytes + 4 * sizeof(Record) + 64, 1);
    __builtin_prefetch(bytes + 4 * sizeof(Record) + 128, 1);
    // In three pieces: GCC clears 192 bytes with `rep stos`, which takes thrice as long.
    constexpr size_t piece = sizeof(Record) / 3;
    memset(bytes, 0, piece);
    memset(bytes + piece, 0, piece);
    memset(bytes + 2 * piece, 0, sizeof(Record) - 2 * piece);
    return reinterpret_cast<Record*>(bytes);
  }

  // Whether the reserved record can be kept together with an extension of this size.
  bool fits(size_t extension) const { return front_ + sizeof(Record) + extension <= back_; }

  // One that was filled, as it is now.
  static Slab of(uint8_t* memory) {
    Slab slab;
    slab.memory_ = memory;
    slab.back_ = slab.size_ = slab_size;
    slab.front_ += slab.count() * sizeof(Record);
    auto* record = reinterpret_cast<Record*>(memory + sizeof(SlabHeader));
    for (size_t left = slab.count(); left > 0; left--, record++) {
      const size_t extension = size_t{offset_of_extension(*record)} * 8;
      if (extension != 0 && extension < slab.back_) slab.back_ = extension;
    }
    return slab;
  }

  // Keeps the reserved record.
  void commit() {
    front_ += sizeof(Record);
    header()->count++;
  }

  // Room for the extension of the reserved record, a multiple of 8 and not 0, before the
  // record is kept; it must fit.
  uint8_t* extend(size_t extension, uint16_t& offset) {
    memset(memory_ + back_ - 8, 0, 8);  // what pads it
    back_ -= extension;
    offset = static_cast<uint16_t>(back_ / 8);
    return memory_ + back_;
  }

  size_t count() const { return memory_ ? header()->count : 0; }
  void stamp(uint64_t read_time) { header()->read_time = read_time; }
  // Once it is filled: no byte reaches JavaScript that was there before.
  void clear_rest() { memset(memory_ + front_, 0, back_ - front_); }
  // The bytes between records and extensions.
  size_t front() const { return front_; }
  size_t back() const { return back_; }
  uint8_t* memory() const { return memory_; }

  // The size of a buffer that holds what is in the slab and no more, and its copy into one.
  size_t compact_size() const { return front_ + (size_ - back_); }
  void copy_compact(uint8_t* to) const {
    memcpy(to, memory_, front_);
    if (back_ == size_) return;
    memcpy(to + front_, memory_ + back_, size_ - back_);
    const auto gap = static_cast<uint16_t>((back_ - front_) / 8);
    auto* record = reinterpret_cast<Record*>(to + sizeof(SlabHeader));
    for (size_t left = count(); left > 0; left--, record++) {
      uint16_t& offset = offset_of_extension(*record);
      if (offset != 0) offset = static_cast<uint16_t>(offset - gap);
    }
  }

 private:
  SlabHeader* header() const { return reinterpret_cast<SlabHeader*>(memory_); }

  uint8_t* memory_ = nullptr;
  size_t front_ = sizeof(SlabHeader);
  size_t back_ = 0;
  size_t size_ = 0;
};

inline uint16_t& offset_of_extension(EntryRecord& record) { return record.extension; }

class SlabWriter : public Slab<EntryRecord> {
 public:
  using Slab::Slab;

  // No slab that holds one entry is larger.
  static constexpr size_t largest_entry =
      sizeof(SlabHeader) + sizeof(EntryRecord) + sizeof(ExtensionRecord) + 2 * max_string + 8;

  // Whether the reserved record can be kept together with its extension.
  bool fits(const EntryRecord& record, const Extension& extension) const {
    return Slab::fits(extension_size(record, extension));
  }

  // Keeps the reserved record, which must fit.
  void commit(EntryRecord* record, const Extension& extension) {
    if (const size_t size = extension_size(*record, extension)) {
      write_extension(extend(size, record->extension), extension);
    }
    Slab::commit();
  }
};

// Reads the extension of a record of a slab that TypeScript wrote; the strings point
// into it. False when the slab doesn't hold what it says.
inline bool read_extension(Bytes slab, const EntryRecord& record, Extension& extension) {
  extension = {};
  if (record.extension_present == 0) return true;
  size_t at = size_t{record.extension} * 8;
  if (!read_host(slab, at, extension.record)) return false;
  at += sizeof extension.record;
  const size_t helper = extension.record.helper_length;
  const size_t context = extension.record.security_context_length;
  if (helper + context > slab.size - at) return false;
  extension.helper = {slab.data + at, helper};
  extension.security_context = {slab.data + at + helper, context};
  return true;
}

// Reads the first entry of a slab that TypeScript wrote.
inline bool read_first_entry(Bytes slab, EntryRecord& record, Extension& extension) {
  return read_host(slab, sizeof(SlabHeader), record) && read_extension(slab, record, extension);
}

// Reads one specification of a slab that TypeScript wrote.
inline bool read_spec(Bytes slab, size_t index, SpecRecord& spec, Extension& extension) {
  return read_host(slab, sizeof(SlabHeader) + index * sizeof spec, spec) &&
         read_extension(slab, spec.entry, extension);
}

static_assert(SlabWriter::largest_entry <= slab_size,
              "the largest entry must fit into an empty slab");

}  // namespace conntrack
