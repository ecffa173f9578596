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

}  // namespace conntrack
