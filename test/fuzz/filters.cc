// Any filter and a few entries. EntryFilter, which finds most records by an index, agrees with the
// naive model. It refuses records that are no list.
#include "filter_input.h"
#include "filter_model.h"
#include "require.h"
#include "wire/filter.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

// Whether the records are such a list.
bool is_list(const std::vector<FilterRecord>& records) {
  for (size_t i = 0; i < records.size(); i += 1 + size_t{records[i].negations}) {
    if (records[i].negations >= records.size() - i) return false;
    for (size_t n = 1; n <= records[i].negations; n++) {
      if (records[i + n].negations != 0) return false;
    }
  }
  for (const FilterRecord& record : records) {
    if (record.helper_length > sizeof record.helper) return false;
  }
  return true;
}

// Replaces some bytes and some counts of negations.
void spoil(Input& input, std::vector<FilterRecord>& records) {
  for (uint32_t changes = input.below(8); changes > 0 && !input.empty(); changes--) {
    const size_t size = records.size() * sizeof(FilterRecord);
    const size_t at = input.integer<uint32_t>() % size;
    if (input.coin()) {
      input.fill(reinterpret_cast<uint8_t*>(records.data())[at]);
    } else {
      records[at % records.size()].negations = input.byte() % 8;
    }
  }
}

void require_parts(const EntryFilter& filter, const std::vector<FilterRecord>& records) {
  size_t count = 0;
  for (size_t i = 0; i < records.size(); i += 1 + records[i].negations) count++;
  REQUIRE(filter.list().indexed() + filter.list().compared() == count);
  REQUIRE((filter.list().indexed() == 0) == (filter.list().shapes() == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const bool hostile = input.below(4) == 0;
  std::vector<FilterRecord> records = any_filter(input);
  std::vector<ModelEntry> entries;
  for (int i = 0; i < 8; i++) entries.push_back(any_entry(input));
  if (hostile) spoil(input, records);
  const Bytes bytes = {reinterpret_cast<const uint8_t*>(records.data()),
                       records.size() * sizeof(FilterRecord)};
  EntryFilter filter;
  REQUIRE(!filter.parse({bytes.data, bytes.size - 1}));
  const bool parsed = filter.parse(bytes);
  REQUIRE(parsed == is_list(records));
  if (!parsed) records.clear();
  if (parsed) require_parts(filter, records);
  for (const ModelEntry& entry : entries) {
    REQUIRE(filter.matches(entry.record, entry.extension) ==
            model_passes(records, entry.record, entry.extension));
  }
  return 0;
}
