// Fills slabs with a dump, ahead of the thread that takes them. It works in turns, on
// threads of a pool, and rings for a batch of slabs: waking a thread for each would cost
// more than filling it.
#pragma once

#include "os/dump_reader.h"
#include "os/slab_ring.h"

namespace conntrack {

class DumpPump {
 public:
  static constexpr uint32_t capacity = SlabRing::capacity;

  // As for DumpReader.
  DumpPump(const FilterRecord& ask, DumpKind kind) : reader_(ask, kind) {}
  DumpPump(const DumpPump&) = delete;
  DumpPump& operator=(const DumpPump&) = delete;
  Failure set_filter(Bytes records) { return reader_.set_filter(records); }
  Failure open() { return reader_.open(); }

  // The thread that takes -----------------------------------------------------

  // How many slabs may be supplied.
  uint32_t room() const { return ring_.room(); }
  // Adds an empty slab; there must be room. Returns its slot, below `capacity`, which it
  // has until it is taken.
  uint32_t supply(uint8_t* memory);
  // How many filled slabs are worth a ring; 1 at first.
  void set_batch(uint32_t batch) { batch_.store(batch, std::memory_order_relaxed); }

  // True when there is work and no turn is under way. Then turn() must be called, once, and
  // end_turn() when it has returned, or could not be called.
  bool start_turn();
  // False when the kernel was silent: then whoever waits must ask again.
  bool end_turn();

  // True when there is a batch, or nothing more will come before the next turn.
  bool ready() const { return ring_.filled() >= batch() || !running_ || ended(); }
  // Calls `visit` with the slot of each slab of a batch, or of fewer if no more are filled.
  // Returns how many.
  template <typename Visit>
  uint32_t take(Visit visit) {
    const uint32_t filled = ring_.filled();
    const uint32_t count = filled < batch() ? filled : batch();
    for (uint32_t i = 0; i < count; i++) visit(ring_.take());
    return count;
  }
  // How the dump has ended, once all filled slabs are taken; nullptr before.
  const Failure* end() const { return ended() && ring_.filled() == 0 ? &failure_ : nullptr; }

  // Cancels a turn that is under way; the socket is closed when it has ended.
  void close();
  bool is_open() const { return !closing_; }
  bool closed() const { return closing_ && !running_; }

  // The thread of the turn ----------------------------------------------------

  // Fills slabs until none is empty, the turn is over, the kernel is silent, or the dump
  // has ended. Calls `ring` for each batch but the last one, which the end of the turn
  // announces.
  void turn(void (*ring)(void*), void* context);

 private:
  uint32_t batch() const { return batch_.load(std::memory_order_relaxed); }
  bool ended() const { return ended_.load(std::memory_order_acquire); }

  DumpReader reader_;
  SlabRing ring_;
  std::atomic<uint32_t> batch_{1};
  bool running_ = false;  // from start_turn() to end_turn()
  bool closing_ = false;
  bool idle_ = false;  // what the last turn ended with

  // Written by turn(), and read once ended_ says so.
  Failure failure_;
  std::atomic<bool> ended_{false};
};

}  // namespace conntrack
