// The fixed layout of an event: what happened, and to what. It shares the slabs'
// manner with entries.
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
  EVENT_MARK,               // number `count`: what came before it stands before it
};

inline constexpr LayoutField event_kinds[] = {
    {"new", EVENT_NEW},
    {"update", EVENT_UPDATE},
    {"destroy", EVENT_DESTROY},
    {"expectationNew", EVENT_EXPECTATION_NEW},
    {"expectationDestroy", EVENT_EXPECTATION_DESTROY},
    {"lostInKernel", EVENT_LOST_IN_KERNEL},
    {"lostInQueue", EVENT_LOST_IN_QUEUE},
    {"reliabilityEnded", EVENT_RELIABILITY_ENDED},
    {"mark", EVENT_MARK},
};

inline constexpr LayoutField event_groups[] = {
    {"new", uapi::GROUP_NEW},
    {"update", uapi::GROUP_UPDATE},
    {"destroy", uapi::GROUP_DESTROY},
    {"expectationNew", uapi::GROUP_EXPECTATION_NEW},
    {"expectationDestroy", uapi::GROUP_EXPECTATION_DESTROY},
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

inline constexpr LayoutField event_fields[] = {
    {"size", sizeof(EventRecord)},
    {"kind", offsetof(EventRecord, kind)},
    {"originPortId", offsetof(EventRecord, origin_port_id)},
    {"netns", offsetof(EventRecord, netns)},
    {"maximum", offsetof(EventRecord, maximum)},
    {"count", offsetof(EventRecord, count)},
    {"record", offsetof(EventRecord, entry)},
};

}  // namespace conntrack
