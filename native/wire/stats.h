// The kernel's statistics of the table.
#pragma once

#include "wire/byte_writer.h"
#include "wire/message.h"

namespace conntrack {

// How full the table is (IPCTNL_MSG_CT_GET_STATS).
struct TableUsage {
  uint32_t entries = 0;      // of this network namespace
  uint32_t maximum = 0;      // nf_conntrack_max
  bool has_maximum = false;  // Linux 4.18
};

RequestWriter encode_get_usage();
// False when the message does not hold the number of entries.
bool decode_usage(const Message& message, TableUsage& usage);

// The counters of one processor (IPCTNL_MSG_CT_GET_STATS_CPU and
// IPCTNL_MSG_EXP_GET_STATS_CPU), those too that this version has no name for.
struct CpuStats {
  static constexpr size_t capacity = 64;
  struct Counter {
    uint16_t id;
    uint64_t value;
  };

  uint16_t cpu = 0;
  size_t count = 0;
  Counter counters[capacity];
};

RequestWriter encode_get_cpu_stats();
RequestWriter encode_get_expectation_cpu_stats();
// False when a length lies, or there is more than fits.
bool decode_cpu_stats(const Message& message, CpuStats& stats);

}  // namespace conntrack
