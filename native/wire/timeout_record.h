// The fixed layout of the timeouts of a protocol: those of a policy, which has a name, or the
// defaults.
#pragma once

#include "wire/slab.h"

namespace conntrack {

// CTNL_TIMEOUT_NAME_MAX, with its NUL.
constexpr size_t longest_policy_name = 31;
// The states that a record has room for; the kernel (6.18) has 11 at most, those of TCP.
constexpr size_t timeout_states = 32;

struct TimeoutRecord {
  uint32_t present;  // TimeoutPresent
  uint32_t states;   // bit n: seconds[n] is there
  uint32_t use;
  uint16_t family;
  uint8_t protocol;
  uint8_t name_length;
  uint16_t unknown_attributes;
  uint16_t extension;                // none: 0
  uint32_t seconds[timeout_states];  // by the number of the attribute
  uint8_t name[longest_policy_name + 1];
  uint32_t padding;
};
static_assert(sizeof(TimeoutRecord) % 8 == 0);

inline constexpr LayoutField timeout_fields[] = {
    {"size", sizeof(TimeoutRecord)},
    {"present", offsetof(TimeoutRecord, present)},
    {"states", offsetof(TimeoutRecord, states)},
    {"use", offsetof(TimeoutRecord, use)},
    {"family", offsetof(TimeoutRecord, family)},
    {"protocol", offsetof(TimeoutRecord, protocol)},
    {"nameLength", offsetof(TimeoutRecord, name_length)},
    {"unknownAttributes", offsetof(TimeoutRecord, unknown_attributes)},
    {"seconds", offsetof(TimeoutRecord, seconds)},
    {"mostStates", timeout_states},
    {"name", offsetof(TimeoutRecord, name)},
    {"longestName", longest_policy_name},
};

enum TimeoutPresent : uint32_t {
  TIMEOUT_NAME = 1u << 0,
  TIMEOUT_FAMILY = 1u << 1,
  TIMEOUT_PROTOCOL = 1u << 2,
  TIMEOUT_SECONDS = 1u << 3,
  TIMEOUT_USE = 1u << 4,
};

inline constexpr LayoutField timeout_present_bits[] = {
    {"name", TIMEOUT_NAME},       {"family", TIMEOUT_FAMILY}, {"protocol", TIMEOUT_PROTOCOL},
    {"seconds", TIMEOUT_SECONDS}, {"use", TIMEOUT_USE},
};

using TimeoutSlab = Slab<TimeoutRecord>;

inline uint16_t& offset_of_extension(TimeoutRecord& record) { return record.extension; }

// Reads the first timeouts of a slab that TypeScript wrote.
inline bool read_first_timeouts(Bytes slab, TimeoutRecord& record) {
  return read_host(slab, sizeof(SlabHeader), record);
}

}  // namespace conntrack
