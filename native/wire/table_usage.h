// How full the table is (IPCTNL_MSG_CT_GET_STATS).
#pragma once

#include "wire/message.h"

namespace conntrack {

struct TableUsage {
  uint32_t entries = 0;  // of this network namespace
  uint32_t maximum = 0;  // nf_conntrack_max: for each namespace the same (Linux 4.18)
};

// False when the message does not hold both.
inline bool decode_table_usage(const Message& message, TableUsage& usage) {
  Bytes attributes;
  if (!read_attributes(message, attributes)) return false;
  AttributeReader reader(attributes);
  Attribute attribute;
  bool entries = false;
  bool maximum = false;
  while (reader.next(attribute)) {
    if (attribute.type == uapi::CTA_STATS_GLOBAL_ENTRIES) {
      entries = read_big_endian(attribute.payload, usage.entries);
    } else if (attribute.type == uapi::CTA_STATS_GLOBAL_MAX_ENTRIES) {
      maximum = read_big_endian(attribute.payload, usage.maximum);
    }
  }
  return entries && maximum && !reader.malformed();
}

}  // namespace conntrack
