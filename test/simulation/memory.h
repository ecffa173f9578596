// The memory that the product has asked for with new (std::nothrow): all that can be large.
#pragma once

#include <cstddef>

namespace conntrack::test::memory {

size_t bytes();
size_t blocks();
// One in so many allocations fails; 0: none.
void fail_once_in(size_t times);
// How many have failed since the run began.
size_t failures();
void begin();

}  // namespace conntrack::test::memory
