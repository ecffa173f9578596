// A ctnetlink message becomes an entry record.
#pragma once

#include "wire/message.h"
#include "wire/slab.h"

namespace conntrack {

// `record` comes zeroed. `extension` needs no preparation; only what
// record.present names in it is set. False when the message is malformed: a
// length that lies, an attribute shorter than its type, or none of what the
// kernel always sends: two tuples, an id, a status. What this version does not know is counted and
// skipped.
bool decode_entry(const Message& message, EntryRecord& record, Extension& extension);

}  // namespace conntrack
