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
    // CTA_ID tells flows apart nearly always, and is a hash already (since Linux
    // 5.1; before, a pointer). The tuple decides.
    uint64_t& head = heads_[record.id * 0x9e3779b1u >> (32 - bits)];
    // A chain runs from newer to older and ends where it leaves the window.
    for (uint64_t at = head; at != 0 && next_ - at <= size; at = flows_[at % size].older) {
      if (flows_[at % size].equals(record)) return false;
    }
    flows_[next_ % size] = {record.original, head, record.id, record.zone};
    head = next_++;
    return true;
  }

 private:
  static constexpr unsigned bits = 8;
  static constexpr uint32_t size = 1 << bits;

  struct Flow {
    TupleRecord tuple;
    uint64_t older;
    uint32_t id;
    uint16_t zone;

    bool equals(const EntryRecord& other) const {
      return id == other.id && zone == other.zone &&
             memcmp(&tuple, &other.original, sizeof tuple) == 0;
    }
  };

  Flow flows_[size] = {};
  uint64_t heads_[size] = {};
  uint64_t next_ = 1;
};

}  // namespace conntrack
