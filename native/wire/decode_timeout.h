// A message about timeouts becomes a record.
#pragma once

#include "wire/message.h"
#include "wire/timeout_record.h"

namespace conntrack {

// A policy. The kernel always sends its name, family and protocol, and a nest of its timeouts.
// False when one is missing, or a length lies.
bool decode_timeout_policy(const Message& message, TimeoutRecord& record);

// The defaults of a protocol, which have no name.
bool decode_default_timeouts(const Message& message, TimeoutRecord& record);

}  // namespace conntrack
