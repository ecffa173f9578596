// Brings an entry that was read up to date with its DESTROY event.
#pragma once

#include "wire/entry_record.h"

namespace conntrack {

inline bool is_same_entry(const EntryRecord& a, const EntryRecord& b) {
  return a.id == b.id && a.zone == b.zone &&
         memcmp(&a.original, &b.original, sizeof a.original) == 0;
}

// Gives an entry that was read the values that it ended with. `last`: its DESTROY event, which
// lacks what cannot have changed since (6.18: helper, labels, master and others), and a mark of 0.
inline void take_last_values(EntryRecord& entry, const EntryRecord& last) {
  const uint32_t counters = ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS;
  const uint32_t times = ENTRY_START_TIME | ENTRY_STOP_TIME;
  const auto has = [&last](uint32_t present) { return (last.present & present) != 0; };
  entry.status = last.status;
  entry.mark = last.mark;
  if (has(ENTRY_TIMEOUT)) entry.timeout = last.timeout;
  if (has(ENTRY_TCP_STATE | ENTRY_SCTP_STATE | ENTRY_DCCP_STATE)) entry.state = last.state;
  entry.original_packets = last.original_packets;
  entry.original_bytes = last.original_bytes;
  entry.reply_packets = last.reply_packets;
  entry.reply_bytes = last.reply_bytes;
  entry.start_time = last.start_time;
  entry.stop_time = last.stop_time;
  const uint32_t taken = counters | times | ENTRY_FINAL | ENTRY_MARK | ENTRY_TIMEOUT |
                         ENTRY_TCP_STATE | ENTRY_SCTP_STATE | ENTRY_DCCP_STATE;
  entry.present = (entry.present & ~(counters | times)) | (last.present & taken);
}

}  // namespace conntrack
