// Entries that are created or changed by one datagram, each write followed by a get of
// what the kernel then has.
#pragma once

#include "os/answers.h"
#include "os/transaction.h"

namespace conntrack {

class WriteBatch {
 public:
  static constexpr size_t capacity = RequestBatch::capacity / 2;

  WriteBatch();

  // Up to `capacity` writes in all.
  void create(const SpecRecord& spec, const Extension& extension);
  void update(const EntryRecord& entry, const SpecRecord& changes, const Extension& extension);
  size_t count() const { return count_; }

  // In turns, as transact(). `failure` is that of all that have no answer.
  bool run(NetlinkSocket& socket, uint8_t* buffer, Failure& failure);
  bool may_be_done() const { return exchange_.sent; }
  // Before run() has ended: all that have no answer have failed.
  void give_up(const Failure& failure) { failure_ = failure; }

  // The result of one write.
  struct Result {
    bool written;
    Bytes slab;       // holds the entry alone, as the kernel has it now; or empty
    Failure failure;  // of the write, or of the get once it is written; or none
  };
  Result result(size_t index) const;

 private:
  void add(const RequestWriter& write, const EntryRecord& entry);
  Failure failure_of(size_t request) const;

  size_t count_ = 0;
  bool complete_ = true;
  RequestBatch requests_;  // a write and a get by turns
  Exchange exchange_;
  BatchAnswers answers_;
  EntryAnswer entries_[capacity];
  Failure failure_;
};

}  // namespace conntrack
