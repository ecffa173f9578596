// The id by which one network namespace knows another (linux/net_namespace.h).
#pragma once

#include "wire/byte_writer.h"
#include "wire/message.h"

namespace conntrack {

// Asks for the id of the network namespace in an open file of the process that sends the request.
RequestWriter encode_namespace_id_get(int fd);

// Reads the id, -1 for a namespace that has none. Returns false for a message without a whole id.
bool decode_namespace_id(const Message& message, int32_t& id);

}  // namespace conntrack
