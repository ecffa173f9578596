// Slabs that hold one entry and no more.
#pragma once

#include "wire/slab.h"

namespace conntrack {

inline size_t exact_slab_size(const EntryRecord& record, const Extension& extension) {
  return sizeof(SlabHeader) + sizeof record + extension_size(record, extension);
}

}  // namespace conntrack
