#include "os/answers.h"

#include "wire/decode_expectation.h"

namespace conntrack {

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
