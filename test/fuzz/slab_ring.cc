// Any sequence of calls to the ring of slabs, beside a model of three lists: each slab goes round
// in order, none is lost, and none is in two places.
#include "os/slab_ring.h"

#include <deque>

#include "input.h"
#include "require.h"

using namespace conntrack;
using namespace conntrack::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  struct Supplied {
    uint8_t* memory;
    uint32_t slot;
  };
  static uint8_t memory[SlabRing::capacity * 2];
  SlabRing ring;
  std::deque<Supplied> empty;
  std::deque<Supplied> filled;
  uint32_t supplied = 0;
  for (Input input(data, size); !input.empty();) {
    switch (input.below(4)) {
      case 0:
      case 1: {
        if (ring.room() == 0) break;
        uint8_t* slab = memory + supplied++ % sizeof memory;
        empty.push_back({slab, ring.slot()});
        ring.supply(slab);
        break;
      }
      case 2:
        if (!ring.empty()) break;
        ring.fill();
        filled.push_back(empty.front());
        empty.pop_front();
        break;
      default:
        if (ring.filled() == 0) break;
        REQUIRE(ring.take() == filled.front().slot);
        filled.pop_front();
    }
    REQUIRE(ring.empty() == (empty.empty() ? nullptr : empty.front().memory));
    REQUIRE(ring.has_empty() == !empty.empty());
    REQUIRE(ring.filled() == filled.size());
    REQUIRE(ring.room() == SlabRing::capacity - empty.size() - filled.size());
    for (const Supplied& slab : empty) REQUIRE(ring.room() == 0 || slab.slot != ring.slot());
    for (const Supplied& slab : filled) REQUIRE(ring.room() == 0 || slab.slot != ring.slot());
  }
  return 0;
}
