#include "wire/namespace_id.h"

#include "wire/decode_tuple.h"

namespace conntrack {

using namespace uapi;

// A message of rtnetlink begins (rtgenmsg) as one of netfilter does: with the family, and three
// bytes that are 0 here.
RequestWriter encode_namespace_id_get(int fd) {
  RequestWriter out(MESSAGE_NAMESPACE_ID_GET, 0, FAMILY_UNSPECIFIED);
  // In host byte order, unlike those of netfilter: swapped twice.
  out.integer(NETNSA_FD, big_endian(static_cast<uint32_t>(fd)));
  return out;
}

bool decode_namespace_id(const Message& message, int32_t& id) {
  Bytes attributes;
  if (!read_attributes(message, attributes)) return false;
  bool found = false;
  const bool complete = each_attribute(attributes, [&](const Attribute& attribute) {
    if (attribute.type != NETNSA_NSID) return true;
    found = true;
    return read_host(attribute.payload, 0, id);
  });
  return complete && found;
}

}  // namespace conntrack
