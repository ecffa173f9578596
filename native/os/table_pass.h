// One pass over the table that deletes or changes what matches. What is read in large
// tables is worked on by a second thread, so that the kernel looks for more meanwhile.
#pragma once

#include "os/dump_reader.h"
#include "os/entry_changer.h"
#include "os/semaphore.h"
#include "os/thread.h"

namespace conntrack {

class TablePass {
 public:
  // Without a changer it only counts.
  TablePass(const FilterRecord& ask, EntryChanger* changer)
      : dump_(ask, false), changer_(changer) {}
  TablePass(const TablePass&) = delete;
  TablePass& operator=(const TablePass&) = delete;
  ~TablePass() { close(); }

  // As DumpReader::set_filter().
  Failure set_filter(Bytes records) { return dump_.set_filter(records); }

  // Opens its socket in the network namespace of the calling thread.
  Failure open();

  // Works on a part of the table. Runs on one thread at a time, and not again after the
  // end or a failure; then nothing is under way any more.
  DumpReader::Step run(Failure& failure);

  // Not while run() runs. Waits for what is under way.
  void close();

  uint64_t matched() const { return matched_; }

 private:
  static constexpr size_t parts = 4;

  static void work(void* pass) { static_cast<TablePass*>(pass)->work(); }
  // The second thread.
  void work();
  Failure start();
  // Hands a slab over; waits until there is room for the next one.
  Failure hand_over();
  Failure failure() const { return failed_.load(std::memory_order_acquire) ? failure_ : Failure{}; }
  // Waits until all that was handed over is done.
  Failure finish();

  struct Memory {
    alignas(8) uint8_t slabs[parts][slab_size];
  };

  DumpReader dump_;
  EntryChanger* const changer_;
  std::unique_ptr<Memory> memory_;
  uint64_t matched_ = 0;
  size_t next_ = 0;  // the slab that is read into

  Thread thread_;
  bool started_ = false;
  Semaphore empty_;
  Semaphore filled_;
  std::atomic<bool> stopping_{false};
  // Written by the second thread once, and read once failed_ says so.
  Failure failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace conntrack
