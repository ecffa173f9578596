#pragma once

#include "wire/decode.h"
#include "wire/decode_expectation.h"
#include "wire/event_record.h"

namespace conntrack {

struct EventExtension {
  Extension entry;
  ExpectationExtension expectation;
};

// Decodes an event into a zeroed record. False when the message is none, or is
// malformed.
bool decode_event(const Message& message, EventRecord& record, EventExtension& extension);

inline bool is_expectation(const EventRecord& record) {
  return record.kind == EVENT_EXPECTATION_NEW || record.kind == EVENT_EXPECTATION_DESTROY;
}

inline uint16_t& offset_of_extension(EventRecord& record) {
  return is_expectation(record) ? record.expectation.extension : record.entry.extension;
}

}  // namespace conntrack
