// Requests that are nearly right: any bytes seldom are.
#pragma once

#include "input.h"
#include "message_builder.h"

namespace conntrack::test {

// A request of request_record.h with or without an extension. Some bytes of its record differ from
// a valid one, and its lengths may lie.
Buffer near_request(Input& input);

}  // namespace conntrack::test
