// Expectations in slabs, as slab.h has entries.
#pragma once

#include "wire/expectation_record.h"
#include "wire/slab.h"

namespace conntrack {

using ExpectationSlab = Slab<ExpectationRecord>;

// The strings point into the message until the slab has copied them.
struct ExpectationExtension {
  ExpectationExtensionRecord record;
  Bytes helper;
  Bytes function;
};

inline uint16_t& offset_of_extension(ExpectationRecord& record) { return record.extension; }

inline size_t extension_size(const ExpectationRecord& record,
                             const ExpectationExtension& extension) {
  if ((record.present & EXPECTATION_IN_EXTENSION) == 0) return 0;
  const size_t strings = extension.helper.size + extension.function.size;
  return (sizeof extension.record + strings + 7) & ~size_t{7};
}

inline void write_extension(uint8_t* to, const ExpectationExtension& extension) {
  memcpy(to, &extension.record, sizeof extension.record);
  to = write_bytes(to + sizeof extension.record, extension.helper);
  write_bytes(to, extension.function);
}

// Reads the first expectation of a slab that TypeScript wrote; the strings of
// `extension` point into it. False when the slab doesn't hold what it says.
inline bool read_first_expectation(Bytes slab, ExpectationRecord& record,
                                   ExpectationExtension& extension) {
  if (!read_host(slab, sizeof(SlabHeader), record)) return false;
  extension = {};
  if ((record.present & EXPECTATION_IN_EXTENSION) == 0) return true;
  size_t at = size_t{record.extension} * 8;
  if (!read_host(slab, at, extension.record)) return false;
  at += sizeof extension.record;
  const size_t helper = extension.record.helper_length;
  const size_t function = extension.record.function_length;
  if (helper + function > slab.size - at) return false;
  extension.helper = {slab.data + at, helper};
  extension.function = {slab.data + at + helper, function};
  return true;
}

}  // namespace conntrack
