// Tuples in requests.
#pragma once

#include "wire/byte_writer.h"
#include "wire/entry_record.h"

namespace conntrack {

void put_tuple(RequestWriter& out, uint16_t type, const TupleRecord& tuple);

}  // namespace conntrack
