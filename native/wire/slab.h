// A slab is one buffer of 64 KiB: records from the front, extensions from the
// back. It is what an entry that is kept keeps in memory.
#pragma once

#include "wire/byte_reader.h"
#include "wire/entry_record.h"

namespace conntrack {

constexpr size_t slab_size = 65536;

struct SlabHeader {
  uint32_t count;      // records in the slab
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
  SlabWriter() = default;

  // `memory`: slab_size bytes, aligned to 8, that outlive the writer.
  explicit SlabWriter(uint8_t* memory) : memory_(memory) { *header() = {}; }

  // Room for one more record, zeroed; nullptr when the slab is full.
  EntryRecord* reserve() {
    if (!memory_ || front_ + sizeof(EntryRecord) > back_) return nullptr;
    auto* record = reinterpret_cast<EntryRecord*>(memory_ + front_);
    memset(static_cast<void*>(record), 0, sizeof *record);
    return record;
  }

  // Keeps the reserved record. False, and nothing kept, when its extension does
  // not fit any more.
  bool commit(EntryRecord* record, const Extension& extension) {
    const size_t front = front_ + sizeof *record;
    if ((record->present & ENTRY_IN_EXTENSION) != 0) {
      const size_t size = (sizeof extension.record + extension.helper.size +
                           extension.security_context.size + 7) & ~size_t{7};
      if (front + size > back_) return false;
      back_ -= size;
      uint8_t* to = memory_ + back_;
      memcpy(to, &extension.record, sizeof extension.record);
      to += sizeof extension.record;
      to = copy(to, extension.helper);
      copy(to, extension.security_context);
      record->extension = static_cast<uint16_t>(back_ / 8);
    }
    front_ = front;
    header()->count++;
    return true;
  }

  size_t count() const { return memory_ ? header()->count : 0; }
  void stamp(uint64_t read_time) { header()->read_time = read_time; }

 private:
  SlabHeader* header() const { return reinterpret_cast<SlabHeader*>(memory_); }

  static uint8_t* copy(uint8_t* to, Bytes from) {
    if (from.size) memcpy(to, from.data, from.size);
    return to + from.size;
  }

  uint8_t* memory_ = nullptr;
  size_t front_ = sizeof(SlabHeader);
  size_t back_ = slab_size;
};

// Reads the first entry of a slab that TypeScript wrote; the strings of
// `extension` point into it. False when the slab doesn't hold what it says.
inline bool read_first_entry(const uint8_t* memory, EntryRecord& record, Extension& extension) {
  const Bytes slab = {memory, slab_size};
  if (!read_host(slab, sizeof(SlabHeader), record)) return false;
  extension = {};
  if ((record.present & ENTRY_IN_EXTENSION) == 0) return true;
  size_t at = size_t{record.extension} * 8;
  if (!read_host(slab, at, extension.record)) return false;
  at += sizeof extension.record;
  const size_t helper = extension.record.helper_length;
  const size_t context = extension.record.security_context_length;
  if (helper + context > slab_size - at) return false;
  extension.helper = {memory + at, helper};
  extension.security_context = {memory + at + helper, context};
  return true;
}

static_assert(slab_size - sizeof(SlabHeader) >=
                  sizeof(EntryRecord) + sizeof(ExtensionRecord) + 2 * max_string + 8,
              "the largest entry must fit into an empty slab");

}  // namespace conntrack
