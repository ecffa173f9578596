#include "wire/stats.h"

namespace conntrack {

using namespace uapi;

RequestWriter encode_get_usage() { return RequestWriter(MESSAGE_GET_STATS, 0, FAMILY_UNSPECIFIED); }

bool decode_usage(const Message& message, TableUsage& usage) {
  Bytes attributes;
  if (!read_attributes(message, attributes)) return false;
  AttributeReader reader(attributes);
  Attribute attribute;
  bool has_entries = false;
  while (reader.next(attribute)) {
    if (attribute.type == CTA_STATS_GLOBAL_ENTRIES) {
      has_entries = read_big_endian(attribute.payload, usage.entries);
    } else if (attribute.type == CTA_STATS_GLOBAL_MAX_ENTRIES) {
      usage.has_maximum = read_big_endian(attribute.payload, usage.maximum);
    }
  }
  return has_entries && !reader.malformed();
}

// Both are dumps: without NLM_F_DUMP the kernel (6.18) answers nothing at all.
RequestWriter encode_get_cpu_stats() {
  return RequestWriter(MESSAGE_GET_STATS_CPU, NLM_F_DUMP, FAMILY_UNSPECIFIED);
}

RequestWriter encode_get_expectation_cpu_stats() {
  return RequestWriter(MESSAGE_EXPECTATION_GET_STATS_CPU, NLM_F_DUMP, FAMILY_UNSPECIFIED);
}

bool decode_cpu_stats(const Message& message, CpuStats& stats) {
  stats.count = 0;
  Bytes attributes;
  // The number of the processor stands in nfgenmsg.res_id.
  if (!read_big_endian(message.payload, stats.cpu, 2)) return false;
  if (!read_attributes(message, attributes)) return false;
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute)) {
    if (stats.count == CpuStats::capacity) return false;
    CpuStats::Counter& counter = stats.counters[stats.count];
    counter.id = attribute.type;
    uint32_t value = 0;
    // All are 32 bits wide (6.18); a newer one may be 64.
    if (!read_big_endian(attribute.payload, counter.value)) {
      if (!read_big_endian(attribute.payload, value)) return false;
      counter.value = value;
    }
    stats.count++;
  }
  return !reader.malformed();
}

}  // namespace conntrack
