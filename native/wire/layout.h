// What C++ and TypeScript must agree on: the constants of src/record/layout.ts, which
// "npm run generate" writes from here, and one hash of them that is compared when the
// addon loads.
#pragma once

#include "wire/encode.h"
#include "wire/event_record.h"
#include "wire/filter_record.h"
#include "wire/layout_field.h"
#include "wire/request_record.h"
#include "wire/slab.h"
#include "wire/timeout_record.h"

namespace conntrack {

struct LayoutTable {
  template <size_t n>
  constexpr LayoutTable(const char* name, const char* comment, const LayoutField (&fields)[n])
      : name(name), comment(comment), fields(fields), count(n) {}

  constexpr const LayoutField* begin() const { return fields; }
  constexpr const LayoutField* end() const { return fields + count; }

  const char* name;  // of the constant in TypeScript
  const char* comment;
  const LayoutField* fields;
  size_t count;
};

inline constexpr LayoutTable layout[] = {
    {"SLAB", "native/wire/slab.h", slab_fields},
    {"ENTRY", "native/wire/entry_record.h", entry_fields},
    {"ENTRY_PRESENT", "Bits of `ENTRY.present`: which values the kernel sent.", entry_present_bits},
    {"EXTENSION", "Offsets in the extension of an entry.", extension_fields},
    {"EXTENSION_PRESENT", "Bits of `ENTRY.extensionPresent`: which values of `EXTENSION` are set.",
     extension_present_bits},
    {"TUPLE", "Offsets in a tuple.", tuple_fields},
    {"TUPLE_PRESENT", "Bits of `TUPLE.present`.", tuple_present_bits},
    {"FAMILY_NUMBERS", "AF_INET and AF_INET6.", family_numbers},
    {"EXPECTATION", "native/wire/expectation_record.h", expectation_fields},
    {"EXPECTATION_PRESENT", "Bits of `EXPECTATION.present`: which values the kernel sent.",
     expectation_present_bits},
    {"EXPECTATION_EXTENSION", "Offsets in the extension of an expectation.",
     expectation_extension_fields},
    {"TIMEOUTS", "native/wire/timeout_record.h", timeout_fields},
    {"TIMEOUTS_PRESENT", "Bits of `TIMEOUTS.present`: which values the kernel sent.",
     timeout_present_bits},
    {"EVENT", "native/wire/event_record.h", event_fields},
    {"EVENT_KINDS", "Values of `EVENT.kind`.", event_kinds},
    {"EVENT_GROUPS", "Multicast groups of ctnetlink.", event_groups},
    {"SPEC", "native/wire/spec_record.h", spec_fields},
    {"SPEC_PRESENT", "Bits of `SPEC.present`.", spec_present_bits},
    {"REQUEST", "native/wire/request_record.h", request_fields},
    {"REQUEST_KINDS", "Values of `REQUEST.kind`.", request_kinds},
    {"ANSWER", "Offsets in what became of a request.", answer_fields},
    {"ANSWER_PRESENT", "Bits of `ANSWER.present`.", answer_present_bits},
    {"FILTER", "native/wire/filter_record.h", filter_fields},
    {"FILTER_PRESENT", "Bits of `FILTER.present`.", filter_present_bits},
    {"ADDRESS_RANGE", "Offsets in an address range of a filter.", address_range_fields},
    {"COUNTER_RANGE", "Offsets in a range of counters of a filter.", counter_range_fields},
    {"TUPLE_FILTER", "Offsets in a filter of one tuple.", tuple_filter_fields},
    {"TUPLE_FILTER_PRESENT", "Bits of `TUPLE_FILTER.present`.", tuple_filter_present_bits},
    {"ASKED_FIELDS", "Bits that askedFields() returns: native/wire/encode.h", asked_field_bits},
};

// FNV-1a of 64 bits.
class LayoutHash {
 public:
  constexpr void add(const char* text) {
    for (; *text; text++) add_byte(static_cast<uint8_t>(*text));
    add_byte(0);
  }
  constexpr void add(uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) add_byte(static_cast<uint8_t>(number >> shift));
  }
  constexpr uint64_t value() const { return value_; }

 private:
  constexpr void add_byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }

  uint64_t value_ = 0xcbf29ce484222325;
};

// Of all names and numbers of the tables.
template <size_t n>
constexpr uint64_t hash_of(const LayoutTable (&tables)[n]) {
  LayoutHash hash;
  for (const LayoutTable& table : tables) {
    hash.add(table.name);
    for (const LayoutField& field : table) {
      hash.add(field.name);
      hash.add(field.number);
    }
  }
  return hash.value();
}

struct HexText {
  constexpr explicit HexText(uint64_t number) {
    for (int i = 0; i < 16; i++) text[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 0xf];
  }

  char text[17] = {};
};

inline constexpr HexText layout_hash{hash_of(layout)};

}  // namespace conntrack
