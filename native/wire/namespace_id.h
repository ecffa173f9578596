// The id by which one network namespace knows another (linux/net_namespace.h).
#pragma once

#include "wire/byte_writer.h"
#include "wire/message.h"

namespace conntrack {

// Of the namespace of an open file. `fd` is one of the process that sends the request.
RequestWriter encode_namespace_id_get(int fd);

// -1: there is none. False when the message has no whole id.
bool decode_namespace_id(const Message& message, int32_t& id);

}  // namespace conntrack
