// The fixed layout of an expectation, as entry_record.h has that of an entry.
#pragma once

#include "wire/entry_record.h"

namespace conntrack {

struct ExpectationRecord {
  uint32_t present;  // ExpectationPresent
  uint32_t timeout;
  uint32_t id;
  uint32_t flags;
  uint32_t helper_class;
  uint32_t nat_direction;
  uint16_t zone;
  uint16_t padding;
  uint16_t extension;  // as in EntryRecord
  uint16_t unknown_attributes;
  TupleRecord tuple;
  TupleRecord mask;    // which bits of the tuple count
  TupleRecord master;  // the original tuple of the flow that it belongs to
};
static_assert(sizeof(ExpectationRecord) <= sizeof(EntryRecord));

inline constexpr LayoutField expectation_fields[] = {
    {"size", sizeof(ExpectationRecord)},
    {"present", offsetof(ExpectationRecord, present)},
    {"timeout", offsetof(ExpectationRecord, timeout)},
    {"id", offsetof(ExpectationRecord, id)},
    {"flags", offsetof(ExpectationRecord, flags)},
    {"class", offsetof(ExpectationRecord, helper_class)},
    {"natDirection", offsetof(ExpectationRecord, nat_direction)},
    {"zone", offsetof(ExpectationRecord, zone)},
    {"extension", offsetof(ExpectationRecord, extension)},
    {"unknownAttributes", offsetof(ExpectationRecord, unknown_attributes)},
    {"tuple", offsetof(ExpectationRecord, tuple)},
    {"mask", offsetof(ExpectationRecord, mask)},
    {"master", offsetof(ExpectationRecord, master)},
};

enum ExpectationPresent : uint32_t {
  EXPECTATION_TIMEOUT = 1u << 0,
  EXPECTATION_ID = 1u << 1,
  EXPECTATION_FLAGS = 1u << 2,
  EXPECTATION_CLASS = 1u << 3,
  EXPECTATION_ZONE = 1u << 4,
  EXPECTATION_TUPLE = 1u << 5,
  EXPECTATION_MASK = 1u << 6,
  EXPECTATION_MASTER = 1u << 7,
  // These stand in the ExpectationExtensionRecord.
  EXPECTATION_NAT = 1u << 8,
  EXPECTATION_HELPER = 1u << 9,
  EXPECTATION_FUNCTION = 1u << 10,
};

inline constexpr LayoutField expectation_present_bits[] = {
    {"timeout", EXPECTATION_TIMEOUT},   {"id", EXPECTATION_ID},
    {"flags", EXPECTATION_FLAGS},       {"class", EXPECTATION_CLASS},
    {"zone", EXPECTATION_ZONE},         {"tuple", EXPECTATION_TUPLE},
    {"mask", EXPECTATION_MASK},         {"master", EXPECTATION_MASTER},
    {"nat", EXPECTATION_NAT},           {"helper", EXPECTATION_HELPER},
    {"function", EXPECTATION_FUNCTION},
};

constexpr uint32_t EXPECTATION_IN_EXTENSION =
    EXPECTATION_NAT | EXPECTATION_HELPER | EXPECTATION_FUNCTION;

// The two strings follow it: helper, function.
struct ExpectationExtensionRecord {
  TupleRecord nat;
  uint16_t helper_length;
  uint16_t function_length;
  uint32_t padding;
};
static_assert(sizeof(ExpectationExtensionRecord) == 56);

inline constexpr LayoutField expectation_extension_fields[] = {
    {"size", sizeof(ExpectationExtensionRecord)},
    {"nat", offsetof(ExpectationExtensionRecord, nat)},
    {"helperLength", offsetof(ExpectationExtensionRecord, helper_length)},
    {"functionLength", offsetof(ExpectationExtensionRecord, function_length)},
};

}  // namespace conntrack
