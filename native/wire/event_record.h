// The fixed layout of an event: what happened, and to what. It shares the slabs'
// manner with entries; src/record/layout.ts holds the same offsets.
#pragma once

#include "wire/entry_record.h"
#include "wire/expectation_record.h"

namespace conntrack {

enum EventKind : uint32_t {
  EVENT_NEW = 1,
  EVENT_UPDATE,
  EVENT_DESTROY,
  EVENT_EXPECTATION_NEW,
  EVENT_EXPECTATION_DESTROY,
  EVENT_LOST_IN_KERNEL,     // `count` events
  EVENT_LOST_IN_QUEUE,      // `count` events
  EVENT_RELIABILITY_ENDED,  // `count` of `maximum` entries in the table
};

struct EventRecord {
  uint32_t kind;            // EventKind
  uint32_t origin_port_id;  // 0: packets
  int32_t netns;            // the id that our namespace has for the event's; -1: our own
  uint32_t maximum;
  uint64_t count;
  union {
    EntryRecord entry;
    ExpectationRecord expectation;
  };
};
static_assert(sizeof(EventRecord) == 24 + sizeof(EntryRecord));

}  // namespace conntrack
