// Filters and entries from the fuzzer's bytes, and the naive model of filters: every condition of
// filter_record.h, one after the other, bit by bit.
#pragma once

#include <vector>

#include "input.h"
#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::test {

// An entry as decode_entry leaves it: what is absent is zero.
struct ModelEntry {
  EntryRecord record;
  Extension extension;
};
// Its helper is one of a few that outlive it.
ModelEntry any_entry(Input& input);

// Records with their negations behind them, as EntryFilter::parse takes them. Their values are
// near those of any_entry(), and many differ from the one before in little.
std::vector<FilterRecord> any_filter(Input& input);

bool model_matches(const FilterRecord& filter, const EntryRecord& entry,
                   const Extension& extension);

// Whether a list of records lets an entry pass.
bool model_passes(const std::vector<FilterRecord>& records, const EntryRecord& entry,
                  const Extension& extension);

}  // namespace conntrack::test
