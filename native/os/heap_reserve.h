// Memory that malloc keeps for us between two collections of garbage.
#pragma once

#include <stdlib.h>

#include "wire/slab.h"

namespace conntrack {

// JavaScript's collector frees slabs by the hundred. malloc gives what is free at the end of
// its heap back to the kernel, which then makes every page anew: a tenth of the CPU time of
// a large dump. Below a block that stays, it is not at the end.
class HeapReserve {
 public:
  HeapReserve() = default;
  HeapReserve(const HeapReserve&) = delete;
  HeapReserve& operator=(const HeapReserve&) = delete;
  ~HeapReserve() { close(); }

  // Of the heap of the thread that allocates the slabs. No page is touched.
  void open() {
    if (top_) return;
    void* volatile slabs[capacity];  // volatile: or the compiler leaves it all out
    for (void* volatile& slab : slabs) slab = malloc(slab_size);
    top_ = malloc(slab_size);
    for (void* slab : slabs) free(slab);
  }
  // What is free goes back to the kernel.
  void close() {
    free(top_);
    top_ = nullptr;
  }

 private:
  // Slabs: what is freed at once, and is on its way meanwhile.
  static constexpr size_t capacity = 150;

  void* top_ = nullptr;
};

}  // namespace conntrack
