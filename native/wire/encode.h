// Requests for ctnetlink, built from entry records.
#pragma once

#include "wire/byte_writer.h"
#include "wire/filter_record.h"
#include "wire/slab.h"
#include "wire/spec_record.h"

namespace conntrack {

// zeroing: sets the counters of every entry to zero in the step that reads them.
// dying: the entries that have ended, whose event is still to be delivered.
enum class DumpKind : uint8_t { entries, zeroing, dying };

// The table of one family, or of both.
//
// The kernel is asked to leave out what does not match `ask`. One that does not know
// a part of that sends more: what it sends must be compared again. Of those that are dying it
// compares the family alone, and is asked for nothing else.
RequestWriter encode_dump(uint8_t family, const FilterRecord& ask, DumpKind kind);

// The parts of `ask` that the kernel is asked for: the flags of CTA_FILTER, and these.
enum AskedFields : uint32_t {
  ASKED_MARK = 1u << 16,
  ASKED_STATUS = 1u << 17,
  ASKED_ZONE = 1u << 18,
};

inline constexpr LayoutField asked_field_bits[] = {
    {"source", uapi::CTA_FILTER_IP_SRC},
    {"destination", uapi::CTA_FILTER_IP_DST},
    {"protocol", uapi::CTA_FILTER_PROTO_NUM},
    {"sourcePort", uapi::CTA_FILTER_PROTO_SRC_PORT},
    {"destinationPort", uapi::CTA_FILTER_PROTO_DST_PORT},
    {"icmpType", uapi::CTA_FILTER_ICMP_TYPE | uapi::CTA_FILTER_ICMPV6_TYPE},
    {"icmpCode", uapi::CTA_FILTER_ICMP_CODE | uapi::CTA_FILTER_ICMPV6_CODE},
    {"icmpId", uapi::CTA_FILTER_ICMP_ID | uapi::CTA_FILTER_ICMPV6_ID},
    {"mark", ASKED_MARK},
    {"status", ASKED_STATUS},
    {"zone", ASKED_ZONE},
};

constexpr uint32_t ASKED_TUPLE = 0xfff;
uint32_t asked_fields(const FilterRecord& ask);

// Dumps that a kernel refuses if it compares tuples (EOPNOTSUPP) or status bits
// (EINVAL), and one whose messages say NLM_F_DUMP_FILTERED if it compares zones.
RequestWriter encode_tuple_probe();
RequestWriter encode_status_probe();
RequestWriter encode_zone_probe();

// The entry that has the tuple which record.present names: original, else reply. `zero_counters`
// sets its counters to zero, whichever entry that is.
RequestWriter encode_get(const EntryRecord& record, bool zero_counters = false);

// The requests below name entries by their whole original tuple. Given less they
// are spoiled, and cannot be sent: to the kernel a DELETE without a tuple means the
// whole table.

// A new entry; the kernel refuses it when one with its tuple exists.
RequestWriter encode_create(const SpecRecord& spec, const Extension& extension);

// Gives an entry that exists the values that are present in `changes`; status bits
// are added to those of `entry`.
RequestWriter encode_update(const EntryRecord& entry, const SpecRecord& changes,
                            const Extension& extension);

// Deletes an entry with this tuple and this id; it needs both.
//
// `echo`: the kernel (6.18) sends the DESTROY event of an entry that has events to the socket that
// asks, ahead of the answer: with the counters that it ended with, and without a sequence number.
RequestWriter encode_delete(const EntryRecord& entry, bool echo = false);

// Empties the table of one family, or of both (0).
RequestWriter encode_flush(uint8_t family);

}  // namespace conntrack
