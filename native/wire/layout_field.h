// A number of the layout that C++ and TypeScript share: an offset, a size, a bit.
// Each record has a list of them beside its struct; layout.h names the lists.
#pragma once

#include <cstdint>

namespace conntrack {

struct LayoutField {
  const char* name;  // in TypeScript
  uint32_t number;
};

}  // namespace conntrack
