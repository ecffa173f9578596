// Which entries a dump gave last, so that none is given twice.
//
// Kernel fact (ctnetlink_dump_table, all versions up to 6.18): a dump that
// stopped in the middle of a hash bucket goes on at the entry where it stopped.
// When that entry was deleted meanwhile it starts the bucket anew and sends the
// bucket's entries again. A bucket holds at most 80 entries since Linux 5.15
// (nf_conntrack_core.c, MAX_CHAINLEN), so a window of the last 256 finds every
// repetition. NLM_F_DUMP_INTR is never set by ctnetlink and would not tell.
#pragma once

#include <cstring>

#include "wire/entry_record.h"

namespace conntrack {

class RecentTuples {
 public:
  // Remembers the flow of `record`. False when it is among the last 256 already.
  bool add(const EntryRecord& record) {
    const Key key = {record.original, record.zone};
    uint64_t& head = heads_[key.bucket()];
    // A chain runs from newer to older and ends where it leaves the window.
    for (uint64_t at = head; at != 0 && next_ - at <= size; at = older_[at % size]) {
      if (keys_[at % size].equals(key)) return false;
    }
    keys_[next_ % size] = key;
    older_[next_ % size] = head;
    head = next_++;
    return true;
  }

 private:
  static constexpr unsigned bits = 8;
  static constexpr uint32_t size = 1 << bits;

  struct Key {
    TupleRecord tuple;
    uint16_t zone;

    bool equals(const Key& other) const {
      return zone == other.zone && memcmp(&tuple, &other.tuple, sizeof tuple) == 0;
    }
    // Multiply-shift: the multiplications don't wait for each other.
    size_t bucket() const {
      constexpr uint64_t odd = 0x9e3779b97f4a7c15u;
      uint64_t words[sizeof tuple / sizeof(uint64_t)];
      memcpy(words, &tuple, sizeof tuple);
      uint64_t sum = zone * odd;
      uint64_t multiplier = odd;
      for (uint64_t word : words) {
        multiplier *= odd;
        sum += (word ^ (word >> 32)) * multiplier;
      }
      return sum >> (64 - bits);
    }
  };

  Key keys_[size] = {};
  uint64_t older_[size] = {};
  uint64_t heads_[size] = {};
  uint64_t next_ = 1;
};

}  // namespace conntrack
