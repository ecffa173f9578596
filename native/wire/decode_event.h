#pragma once

#include "wire/decode.h"
#include "wire/event_record.h"

namespace conntrack {

// Decodes an event into a zeroed record. False when the message is none, or is
// malformed.
bool decode_event(const Message& message, EventRecord& record, Extension& extension);

}  // namespace conntrack
