// Goes over the table once, and deletes, changes or counts what matches, and reports it on demand.
// A second thread works on what was read, while the kernel looks for more.
#pragma once

#include "os/dump_reader.h"
#include "os/entry_changer.h"
#include "os/semaphore.h"
#include "os/thread.h"

namespace conntrack {

class TableWalk {
 public:
  enum class Action { count, remove, update };

  // `reports`: what it has counted or removed is to be taken.
  TableWalk(const FilterRecord& ask, Action action, bool reports = false)
      : dump_(ask, DumpKind::entries),
        action_(action),
        reports_(reports),
        changer_(kind_of(action, reports)) {}
  TableWalk(const TableWalk&) = delete;
  TableWalk& operator=(const TableWalk&) = delete;
  ~TableWalk() { close(); }

  // As those of DumpReader and EntryChanger.
  Failure set_filter(Bytes records) { return dump_.set_filter(records); }
  int set_changes(Bytes slab) { return changer_.set_changes(slab); }

  // Opens its sockets in the network namespace of the calling thread. Nothing is open when it
  // fails.
  Failure open();

  // Works until the turn is over or the kernel is silent, or so many slabs are to be taken. True
  // at the end of the table. Runs on one thread at a time, and not again after the end or a
  // failure; then nothing is under way any more.
  bool turn(Failure& failure, size_t slabs = parts);

  // From any thread: nothing more is begun, and turn() returns soon.
  void cancel();

  // Not while turn() runs ------------------------------------------------------

  // Calls `visit` with each slab that is finished and was not taken, in order. A slab can be
  // empty, and is filled anew by the next turn.
  template <typename Visit>
  void take(Visit visit) {
    for (; to_take_ > handed_over_; to_take_--) {
      visit(memory_->slabs[(next_ + parts - to_take_) % parts]);
    }
  }
  // True when the second thread has finished all slabs.
  bool is_idle();
  // When something is: cancels it. The second thread calls `ended` soon, as the last that it
  // does.
  void stop(void (*ended)(void*), void* context);
  // Waits for what is under way; then it can be taken.
  void join();
  void close();

  uint64_t matched() const { return matched_; }
  uint64_t changed() const { return changer_.changed(); }
  uint64_t vanished() const { return changer_.vanished(); }

  // Slabs.
  static constexpr size_t parts = 4;

 private:
  static EntryChanger::Kind kind_of(Action action, bool reports) {
    if (action != Action::remove) return EntryChanger::Kind::update;
    return reports ? EntryChanger::Kind::report : EntryChanger::Kind::remove;
  }

  // Reads a slab, and hands it over.
  DumpReader::Step step(const Turn& turn);
  // Waits until no more than so many slabs are being worked on. False when that lasts.
  bool wait_for_work(size_t most);

  static void work(void* walk) { static_cast<TableWalk*>(walk)->work(); }
  // The second thread.
  void work();
  Failure start();
  Failure hand_over();
  // To the next slab.
  void advance();
  Failure failure() const { return failed_.load(std::memory_order_acquire) ? failure_ : Failure{}; }

  struct Memory {
    alignas(8) uint8_t slabs[parts][slab_size];
  };

  DumpReader dump_;
  const Action action_;
  const bool reports_;
  EntryChanger changer_;
  std::unique_ptr<Memory> memory_;
  uint64_t matched_ = 0;
  size_t next_ = 0;         // the slab that is read into
  size_t handed_over_ = 0;  // slabs whose end has not been waited for
  size_t to_take_ = 0;      // slabs that are to be taken, once their end has been waited for
  bool ended_ = false;      // nothing more is read
  Failure last_;            // why

  Thread thread_;
  bool started_ = false;
  Semaphore handed_;
  Semaphore done_;
  std::atomic<bool> stopping_{false};
  void (*stopped_)(void*) = nullptr;
  void* stopped_context_ = nullptr;
  // Written by the second thread once, and read once failed_ says so.
  Failure failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace conntrack
