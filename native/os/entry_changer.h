// Deletes or changes entries that were read, each by its tuple (and, to delete it, by
// its id).
#pragma once

#include <atomic>
#include <memory>

#include "os/transaction.h"
#include "wire/slab.h"

namespace conntrack {

class EntryChanger {
 public:
  enum class Kind { remove, update };

  explicit EntryChanger(Kind kind) : kind_(kind) {}
  EntryChanger(const EntryChanger&) = delete;
  EntryChanger& operator=(const EntryChanger&) = delete;

  // What an update changes. False when the slab does not hold what it says.
  bool set_changes(Bytes slab);

  Failure open();
  void close();

  // Changes the entries of a slab. The first refusal that is not the absence of an entry
  // is returned; what went before it, and with it, has happened and is counted.
  Failure change(const uint8_t* slab);

  // From any thread: change() sends nothing more, and returns soon (ECANCELED).
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  // From any thread.
  uint64_t changed() const { return changed_.load(std::memory_order_relaxed); }
  uint64_t vanished() const { return vanished_.load(std::memory_order_relaxed); }

 private:
  struct Memory {
    Inbox inbox;
    RequestBatch batch;
    BatchAnswers answers;
  };

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  Failure add(const EntryRecord& entry);
  Failure send();
  // The answers to the batch.
  Failure exchange();

  const Kind kind_;
  std::unique_ptr<uint8_t[]> changes_slab_;
  SpecRecord changes_;
  Extension changes_extension_;  // points into the slab
  NetlinkSocket socket_;
  std::unique_ptr<Memory> memory_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> changed_{0};
  std::atomic<uint64_t> vanished_{0};  // gone before they could be changed
};

}  // namespace conntrack
