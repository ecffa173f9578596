// Which entries pass: a list of filter records, of which one must match.
#pragma once

#include <memory>

#include "wire/filter_index.h"
#include "wire/slab.h"

namespace conntrack {

class EntryFilter {
 public:
  // What is made of no records lets nothing pass.
  EntryFilter() = default;

  // Copies the records, which are what TypeScript sent: false when they are no
  // whole number of records, when one wants more negations than follow it, or
  // when there is no memory.
  bool parse(Bytes records);

  bool matches(const EntryRecord& entry, const Extension& extension) const;

  // How the records of an entry are found.
  size_t indexed() const { return count_ - tried_; }
  size_t shapes() const { return index_.shapes(); }
  size_t compared() const { return tried_; }

 private:
  bool matches(size_t record, const EntryRecord& entry, const Extension& extension) const;

  std::unique_ptr<FilterRecord[]> records_;
  size_t count_ = 0;
  // Of each record that has some; its `negations` is the place here, from 1.
  std::unique_ptr<EntryFilter[]> negations_;
  size_t tried_ = 0;   // that many records are compared with each entry
  FilterIndex index_;  // of the other ones
};

// Whether one record matches, but for its negations.
bool matches(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension);

}  // namespace conntrack
