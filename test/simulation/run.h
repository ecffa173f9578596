#pragma once

#include <cstdint>

namespace conntrack::test {

// Runs a seed. It ends the program where an invariant does not hold. Returns a number that two
// runs of the seed have in common.
uint64_t run_seed(uint64_t seed, bool traced);

}  // namespace conntrack::test
