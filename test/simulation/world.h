// All that a run is made of.
#pragma once

#include "kernel.h"
#include "node.h"
#include "random.h"
#include "threads.h"

namespace conntrack::test {

struct World {
  World(uint64_t seed, const Kernel::Plan& plan, const Threads::Pace& pace, size_t pool);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  static World* current();

  Random random;
  Threads threads;
  Kernel kernel;
  Node node;
};

}  // namespace conntrack::test
