// The naive model of filters: compares every condition of filter_record.h, one after the other,
// bit by bit.
#pragma once

#include <vector>

#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::test {

// Ignores the negations of the record.
bool model_matches(const FilterRecord& filter, const EntryRecord& entry,
                   const Extension& extension);

// Whether a list of records lets an entry pass.
bool model_passes(const std::vector<FilterRecord>& records, const EntryRecord& entry,
                  const Extension& extension);

}  // namespace conntrack::test
