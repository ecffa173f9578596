// Requests about timeout policies, and about the default timeouts of a protocol.
#pragma once

#include "wire/byte_writer.h"
#include "wire/timeout_record.h"

namespace conntrack {

RequestWriter encode_timeout_list();

// The requests below name one policy. Without a name they are spoiled, and cannot be sent: to the
// kernel a DELETE without one means all policies that no rule uses.
RequestWriter encode_timeout_get(const TimeoutRecord& record);
// A new policy; the kernel refuses it when one with its name exists. States that the record lacks
// get the defaults of the protocol.
RequestWriter encode_timeout_create(const TimeoutRecord& record);
// All timeouts of one that exists: the kernel (6.18) sets states that the record lacks to the
// defaults, and creates a policy that does not exist.
RequestWriter encode_timeout_replace(const TimeoutRecord& record);
RequestWriter encode_timeout_delete(const TimeoutRecord& record);

RequestWriter encode_default_timeouts_get(const TimeoutRecord& record);
// States that the record lacks keep theirs.
RequestWriter encode_default_timeouts_set(const TimeoutRecord& record);

}  // namespace conntrack
