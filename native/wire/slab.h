// A slab is one buffer: records from the front, extensions from the back. It is
// what an entry that is kept keeps in memory: 64 KiB in a stream, no more than
// the entry itself needs when it was asked for alone.
#pragma once

#include "wire/byte_reader.h"
#include "wire/entry_record.h"

namespace conntrack {

constexpr size_t slab_size = 65536;

struct SlabHeader {
  uint32_t count;  // records in the slab
  uint32_t padding;
  uint64_t read_time;  // wall clock in ns when the slab was filled
};
static_assert(sizeof(SlabHeader) == 16);

// The strings point into the message until the slab has copied them.
struct Extension {
  ExtensionRecord record;
  Bytes helper;
  Bytes security_context;
};

class SlabWriter {
 public:
  // No slab that holds one entry is larger.
  static constexpr size_t largest_entry =
      sizeof(SlabHeader) + sizeof(EntryRecord) + sizeof(ExtensionRecord) + 2 * max_string + 8;

  SlabWriter() = default;

  // `memory`: `size` bytes (a multiple of 8), aligned to 8, that outlive the writer.
  explicit SlabWriter(uint8_t* memory, size_t size = slab_size) : memory_(memory), back_(size) {
    *header() = {};
  }

  // Room for one more record, zeroed; nullptr when the slab is full.
  EntryRecord* reserve() {
    if (!memory_ || front_ + sizeof(EntryRecord) > back_) return nullptr;
    auto* record = reinterpret_cast<EntryRecord*>(memory_ + front_);
    // The memory is cold; four records ahead is where the next page may begin.
    __builtin_prefetch(memory_ + front_ + 4 * sizeof *record, 1);
    __builtin_prefetch(memory_ + front_ + 4 * sizeof *record + 64, 1);
    __builtin_prefetch(memory_ + front_ + 4 * sizeof *record + 128, 1);
    // In three pieces: GCC clears 192 bytes with `rep stos`, which takes thrice as long.
    constexpr size_t piece = sizeof *record / 3;
    uint8_t* bytes = memory_ + front_;
    memset(bytes, 0, piece);
    memset(bytes + piece, 0, piece);
    memset(bytes + 2 * piece, 0, piece);
    return record;
  }

  // Whether the reserved record can be kept together with its extension.
  bool fits(const EntryRecord& record, const Extension& extension) const {
    return front_ + sizeof record + extension_size(record, extension) <= back_;
  }

  // Keeps the reserved record, which must fit.
  void commit(EntryRecord* record, const Extension& extension) {
    if (const size_t size = extension_size(*record, extension)) {
      back_ -= size;
      uint8_t* to = memory_ + back_;
      memcpy(to, &extension.record, sizeof extension.record);
      to += sizeof extension.record;
      to = copy(to, extension.helper);
      copy(to, extension.security_context);
      record->extension = static_cast<uint16_t>(back_ / 8);
    }
    front_ += sizeof *record;
    header()->count++;
  }

  // The size of a slab that holds this entry and no other.
  static size_t size_for(const EntryRecord& record, const Extension& extension) {
    return sizeof(SlabHeader) + sizeof record + extension_size(record, extension);
  }

  size_t count() const { return memory_ ? header()->count : 0; }
  void stamp(uint64_t read_time) { header()->read_time = read_time; }

 private:
  SlabHeader* header() const { return reinterpret_cast<SlabHeader*>(memory_); }

  static size_t extension_size(const EntryRecord& record, const Extension& extension) {
    if ((record.present & ENTRY_IN_EXTENSION) == 0) return 0;
    const size_t strings = extension.helper.size + extension.security_context.size;
    return (sizeof extension.record + strings + 7) & ~size_t{7};
  }

  static uint8_t* copy(uint8_t* to, Bytes from) {
    if (from.size) memcpy(to, from.data, from.size);
    return to + from.size;
  }

  uint8_t* memory_ = nullptr;
  size_t front_ = sizeof(SlabHeader);
  size_t back_ = 0;
};

// Reads the first entry of a slab that TypeScript wrote; the strings of
// `extension` point into it. False when the slab doesn't hold what it says.
inline bool read_first_entry(Bytes slab, EntryRecord& record, Extension& extension) {
  if (!read_host(slab, sizeof(SlabHeader), record)) return false;
  extension = {};
  if ((record.present & ENTRY_IN_EXTENSION) == 0) return true;
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

static_assert(SlabWriter::largest_entry <= slab_size,
              "the largest entry must fit into an empty slab");

}  // namespace conntrack
