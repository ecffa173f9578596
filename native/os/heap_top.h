// Memory that malloc keeps for us between two collections of garbage.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "wire/slab.h"

namespace conntrack {

// JavaScript's collector frees slabs by the hundred. malloc gives what is free at the end of
// its heap back to the kernel, which then makes every page anew: a twentieth of the CPU time
// of a large dump. Below a block that stays, it is not at the end.
class HeapTop {
 public:
  HeapTop() = default;
  HeapTop(const HeapTop&) = delete;
  HeapTop& operator=(const HeapTop&) = delete;
  ~HeapTop() { release(); }

  // Stands above what has been allocated, while the heap grows.
  void raise() {
    void* block = malloc(slab_size);
    const bool higher = reinterpret_cast<uintptr_t>(block) > reinterpret_cast<uintptr_t>(block_);
    free(higher ? block_ : block);
    if (higher) block_ = block;
  }
  // What is free goes back to the kernel.
  void release() {
    free(block_);
    block_ = nullptr;
  }

 private:
  void* block_ = nullptr;
};

}  // namespace conntrack
