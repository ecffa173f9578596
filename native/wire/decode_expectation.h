// A message about an expectation becomes a record.
#pragma once

#include "wire/expectation_slab.h"
#include "wire/message.h"

namespace conntrack {

// As decode_entry(). The kernel always sends the tuple, its mask, the master's
// tuple and an id.
bool decode_expectation(const Message& message, ExpectationRecord& record,
                        ExpectationExtension& extension);

}  // namespace conntrack
