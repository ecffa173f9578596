// Slabs on their way between two threads: empty ones to the one that fills them,
// filled ones back, in the same order.
#pragma once

#include <atomic>
#include <cstdint>

namespace conntrack {

class SlabRing {
 public:
  static constexpr uint32_t capacity = 32;  // slabs, so 2 MiB

  // The thread that supplies --------------------------------------------------

  uint32_t room() const { return capacity - (supplied_.load(std::memory_order_relaxed) - taken_); }
  // Where the next slab stands, and from then on until it is taken.
  uint32_t slot() const { return supplied_.load(std::memory_order_relaxed) % capacity; }
  // There must be room.
  void supply(uint8_t* memory) {
    slabs_[slot()] = memory;
    supplied_.store(supplied_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  uint32_t filled() const { return filled_.load(std::memory_order_acquire) - taken_; }
  bool has_empty() const {
    return supplied_.load(std::memory_order_relaxed) != filled_.load(std::memory_order_acquire);
  }
  // Takes the first of those that are filled, and tells where it stood.
  uint32_t take() { return taken_++ % capacity; }

  // The thread that fills -----------------------------------------------------

  // The next empty slab; nullptr when there is none.
  uint8_t* empty() const {
    const uint32_t next = filled_.load(std::memory_order_relaxed);
    return next == supplied_.load(std::memory_order_acquire) ? nullptr : slabs_[next % capacity];
  }
  void fill() {
    filled_.store(filled_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  uint8_t* slabs_[capacity] = {};
  std::atomic<uint32_t> supplied_{0};
  std::atomic<uint32_t> filled_{0};
  uint32_t taken_ = 0;
};

}  // namespace conntrack
