// The fixed layout of what is asked for when an entry is created or changed: an
// entry record, and what requests alone can say.
#pragma once

#include "wire/entry_record.h"

namespace conntrack {

struct SpecRecord {
  EntryRecord entry;
  uint32_t mark_mask;    // of an update: as labels_mask
  uint16_t present;      // SpecPresent
  uint16_t source_port;  // as source_address
  uint16_t destination_port;
  uint16_t padding[3];
  uint8_t source_address[16];  // what NAT makes of the source
  uint8_t destination_address[16];
  // Of an update: the labels that change. To the kernel a value outside the mask toggles a bit.
  uint8_t labels_mask[16];
};
static_assert(sizeof(SpecRecord) == 256);

inline constexpr LayoutField spec_fields[] = {
    {"size", sizeof(SpecRecord)},
    {"entry", offsetof(SpecRecord, entry)},
    {"markMask", offsetof(SpecRecord, mark_mask)},
    {"present", offsetof(SpecRecord, present)},
    {"sourcePort", offsetof(SpecRecord, source_port)},
    {"destinationPort", offsetof(SpecRecord, destination_port)},
    {"sourceAddress", offsetof(SpecRecord, source_address)},
    {"destinationAddress", offsetof(SpecRecord, destination_address)},
    {"labelsMask", offsetof(SpecRecord, labels_mask)},
};

enum SpecPresent : uint16_t {
  SPEC_SOURCE_NAT = 1 << 0,
  SPEC_SOURCE_PORT = 1 << 1,
  SPEC_DESTINATION_NAT = 1 << 2,
  SPEC_DESTINATION_PORT = 1 << 3,
};

inline constexpr LayoutField spec_present_bits[] = {
    {"sourceNat", SPEC_SOURCE_NAT},
    {"sourcePort", SPEC_SOURCE_PORT},
    {"destinationNat", SPEC_DESTINATION_NAT},
    {"destinationPort", SPEC_DESTINATION_PORT},
};

}  // namespace conntrack
