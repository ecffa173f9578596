// Requests for ctnetlink, built from entry records.
#pragma once

#include "wire/byte_writer.h"
#include "wire/slab.h"

namespace conntrack {

// The whole table of one family, or of both. `zero_counters` sets the counters
// of every entry to zero in the step that reads them.
RequestWriter encode_dump(uint8_t family, bool zero_counters);

// The entry that has the tuple which record.present names: original, else reply.
RequestWriter encode_get(const EntryRecord& record);

// The number of entries.
RequestWriter encode_get_entry_count();

// A new entry; the kernel refuses it when one with its tuple exists.
RequestWriter encode_create(const EntryRecord& record, const Extension& extension);

}  // namespace conntrack
