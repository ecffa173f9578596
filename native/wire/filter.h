// Which entries pass: a list of filter records, of which one must match, and none of its negations.
#pragma once

#include <memory>

#include "wire/filter_index.h"
#include "wire/slab.h"

namespace conntrack {

// Compares an entry with one record, and ignores the negations of the record.
bool matches(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension);

// Records of which any may match.
class FilterList {
 public:
  // Makes room for so many records, and forgets all. False when there is no memory.
  bool allocate(size_t count);
  // False when it is no record.
  bool add(const FilterRecord& record);

  // Whether `accept` takes a record that matches.
  template <typename Accept>
  bool any(const EntryRecord& entry, const Extension& extension, Accept accept) const {
    const auto match = [&](size_t i) {
      return matches(records_[i], entry, extension) && accept(records_[i]);
    };
    if (index_.any(entry, match)) return true;
    for (size_t i = 0; i < tried_; i++) {
      if (match(i)) return true;
    }
    return false;
  }

  // How the records of an entry are found.
  size_t indexed() const { return indexed_; }
  size_t shapes() const { return index_.shapes(); }
  size_t compared() const { return tried_; }

 private:
  std::unique_ptr<FilterRecord[]> records_;
  size_t count_ = 0;    // that have room
  size_t tried_ = 0;    // the first ones are compared with each entry
  size_t indexed_ = 0;  // the last ones are in the index
  FilterIndex index_;
};

class EntryFilter {
 public:
  // What is made of no records lets nothing pass.
  EntryFilter() = default;

  // Copies the records, which are what TypeScript sent: false when they are no
  // whole number of records, when one wants more negations than follow it, or
  // when there is no memory.
  bool parse(Bytes records);

  bool matches(const EntryRecord& entry, const Extension& extension) const;

  const FilterList& list() const { return list_; }

 private:
  bool take(Bytes records);

  FilterList list_;
  // Of each record that has some; its `negations` is the place here, from 1.
  std::unique_ptr<FilterList[]> negations_;
};

}  // namespace conntrack
