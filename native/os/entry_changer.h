// Deletes or changes entries that were read, each by its tuple (and, to delete it, by
// its id), and tells on demand which it has deleted.
#pragma once

#include <atomic>
#include <memory>

#include "os/transaction.h"
#include "wire/slab.h"

namespace conntrack {

class EntryChanger {
 public:
  // report: removes, and leaves in the slab what it has removed, with the values that the
  // kernel sent in that step (ENTRY_FINAL), or as it was read.
  enum class Kind { remove, report, update };

  explicit EntryChanger(Kind kind) : kind_(kind) {}
  EntryChanger(const EntryChanger&) = delete;
  EntryChanger& operator=(const EntryChanger&) = delete;

  // Sets the changes of an update. Returns 0, ENOMEM, or EINVAL when the slab lacks a part of them.
  int set_changes(Bytes slab);

  Failure open();
  void close();

  // Changes the entries of a slab. The first refusal that is not the absence of an entry
  // is returned; what went before it, and with it, has happened and is counted.
  Failure change(uint8_t* slab);

  // From any thread: change() sends nothing more, and returns soon (ECANCELED).
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  // From any thread.
  uint64_t changed() const { return changed_.load(std::memory_order_relaxed); }
  uint64_t vanished() const { return vanished_.load(std::memory_order_relaxed); }

 private:
  // Of those that are reported. The kernel answers a delete with the event of the entry, of 1,280
  // bytes of the receive buffer, or of 2,304 with a long security context (6.18).
  static constexpr size_t reported_at_once = 64;

  struct Memory {
    Inbox inbox;
    RequestBatch batch;
    BatchAnswers answers;
  };

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  Failure add(const EntryRecord& entry);
  Failure send();
  // The event of an entry of the batch.
  void take_event(const Message& message);
  // The answers to the batch.
  Failure exchange();

  const Kind kind_;
  std::unique_ptr<uint8_t[]> changes_slab_;
  SpecRecord changes_;
  Extension changes_extension_;  // points into the slab
  NetlinkSocket socket_;
  std::unique_ptr<Memory> memory_;
  EntryRecord* first_ = nullptr;  // of the batch
  EntryRecord* kept_ = nullptr;   // where the next entry that was removed goes
  size_t heard_ = 0;              // of the batch: events of those before it have come
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> changed_{0};
  std::atomic<uint64_t> vanished_{0};  // gone before they could be changed
};

}  // namespace conntrack
