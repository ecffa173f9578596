// Filters and entries made of the fuzzer's bytes.
#pragma once

#include <vector>

#include "input.h"
#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::test {

struct ModelEntry {
  EntryRecord record;
  Extension extension;
};
// An entry as decode_entry leaves it: absent values are zero. Its helper is a constant.
ModelEntry any_entry(Input& input);

// Records with their negations behind them, as EntryFilter::parse takes them. Their values are
// near those of any_entry(), and most records differ little from the one before.
std::vector<FilterRecord> any_filter(Input& input);

}  // namespace conntrack::test
