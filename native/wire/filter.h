// Which entries pass: a list of filter records, of which one must match.
#pragma once

#include <memory>

#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack {

class EntryFilter {
 public:
  // What is made of no records lets nothing pass.
  EntryFilter() = default;

  // Copies the records, which are what TypeScript sent: false when they are no
  // whole number of records, or there is no memory.
  bool parse(Bytes records);

  bool matches(const EntryRecord& entry, const Extension& extension) const;

 private:
  // Records that ask for one single address and nothing else are looked up
  // together: a thousand of them cost about as much as one.
  class Addresses {
   public:
    bool allocate(size_t count);
    void add(const AddressRange& address);
    bool has(const TupleRecord& tuple) const;

   private:
    bool has(const uint8_t (&address)[16], uint8_t family) const;
    size_t slot(const uint8_t (&address)[16], uint8_t family) const;

    std::unique_ptr<AddressRange[]> slots_;  // family 0: free
    size_t capacity_ = 0;                    // a power of two, or 0
  };

  Addresses addresses_;
  std::unique_ptr<FilterRecord[]> records_;  // the other ones
  size_t count_ = 0;
};

// Whether one record matches.
bool matches(const FilterRecord& filter, const EntryRecord& entry, const Extension& extension);

}  // namespace conntrack
