#include "os/answers.h"

#include "os/clock.h"
#include "wire/decode.h"
#include "wire/decode_expectation.h"

namespace conntrack {

int EntryAnswer::take(const Message& message) {
  EntryRecord decoded = {};
  Extension extension;
  if (!decode_entry(message, decoded, extension)) return EBADMSG;
  const size_t size = SlabWriter::size_for(decoded, extension);
  memory_.reset(new (std::nothrow) uint8_t[size]);
  size_ = memory_ ? size : 0;
  if (!memory_) return ENOMEM;
  SlabWriter slab(memory_.get(), size_);
  EntryRecord* record = slab.reserve();
  *record = decoded;
  slab.stamp(wall_clock());
  slab.commit(record, extension);
  return 0;
}

int ExpectationAnswer::take(const Message& message) {
  ExpectationRecord decoded = {};
  ExpectationExtension extension;
  if (!decode_expectation(message, decoded, extension)) return EBADMSG;
  const size_t size = extension_size(decoded, extension);
  ExpectationRecord* record = parts_.last() ? parts_.last()->slab.reserve() : nullptr;
  if (!record || !parts_.last()->slab.fits(size)) {
    Part* part = parts_.add();
    if (!part) return ENOMEM;
    record = part->slab.reserve();
  }
  ExpectationSlab& slab = parts_.last()->slab;
  *record = decoded;
  if (size > 0) write_extension(slab.extend(size, record->extension), extension);
  slab.commit();
  return 0;
}

}  // namespace conntrack
