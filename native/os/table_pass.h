// One pass over the table that deletes or changes what matches, entry by entry: a
// slab is read, and its entries are named by tuple (and, to delete them, by id).
#pragma once

#include "os/dump_reader.h"
#include "os/transaction.h"

namespace conntrack {

class TablePass {
 public:
  enum class Kind { look, remove, update };

  TablePass(const FilterRecord& ask, Kind kind) : kind_(kind), dump_(ask, false) {}
  TablePass(const TablePass&) = delete;
  TablePass& operator=(const TablePass&) = delete;

  // As DumpReader::set_filter().
  Failure set_filter(Bytes records) { return dump_.set_filter(records); }
  // What an update changes. False when the slab does not hold what it says.
  bool set_changes(Bytes slab);

  Failure open();

  // Works on some of the table, until a kernel that is silent or a slab's end. Runs on
  // one thread at a time, and not again after the end or a failure.
  DumpReader::Step run(Failure& failure);

  void cancel() { dump_.cancel(); }

  // Not while run() runs.
  void close();

  struct Totals {
    uint64_t matched = 0;
    uint64_t changed = 0;   // deleted or updated
    uint64_t vanished = 0;  // gone before that
  };
  const Totals& totals() const { return totals_; }

 private:
  struct Memory {
    alignas(8) uint8_t slab[slab_size];
    uint8_t buffer[receive_buffer_size];
    RequestBatch batch;
    BatchAnswers answers;
  };

  Failure change(const EntryRecord& entry);
  Failure send();

  const Kind kind_;
  std::unique_ptr<uint8_t[]> changes_slab_;
  SpecRecord changes_;
  Extension changes_extension_;  // points into the slab
  DumpReader dump_;
  NetlinkSocket socket_;
  std::unique_ptr<Memory> memory_;
  Totals totals_;
};

}  // namespace conntrack
