// Requests about expectations.
#pragma once

#include "wire/byte_writer.h"
#include "wire/expectation_slab.h"

namespace conntrack {

// All of both families.
RequestWriter encode_expectation_list();

// The one whose tuple, as far as its mask says, is this one.
RequestWriter encode_expectation_get(const ExpectationRecord& record);

// A new one; the kernel refuses it when there is one like it.
RequestWriter encode_expectation_create(const ExpectationRecord& record,
                                        const ExpectationExtension& extension);

// Gives the expectation with this tuple a new timeout, which is all that the kernel changes.
// Without such an expectation the kernel refuses the request; without a timeout the request is
// incomplete.
RequestWriter encode_expectation_update(const ExpectationRecord& record);

// Deletes this one. Without a whole tuple and an id it is spoiled, and cannot be sent: to
// the kernel a DELETE without a tuple means all of them.
RequestWriter encode_expectation_delete(const ExpectationRecord& record);

// Deletes all.
RequestWriter encode_expectation_flush();

// Deletes those of a helper. Without its name it is spoiled: to the kernel it means all.
RequestWriter encode_expectation_flush_of(Bytes helper);

}  // namespace conntrack
