#include "wire/final_record.h"

#include "check.h"
#include "decoded.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

EntryRecord read_entry() {
  EntryRecord entry = {};
  entry.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS | ENTRY_MARK |
                  ENTRY_TIMEOUT | ENTRY_USE | ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_FLAGS |
                  ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS | ENTRY_START_TIME;
  entry.id = 5;
  entry.zone = 7;
  entry.status = 0xe;
  entry.mark = 9;
  entry.timeout = 60;
  entry.use = 2;
  entry.state = 3;
  entry.info.tcp.original_flags = 8;
  entry.original_packets = 1;
  entry.start_time = 1000;
  entry.original.source[0] = 10;
  return entry;
}

EntryRecord last_entry() {
  EntryRecord last = read_entry();
  last.present |= ENTRY_FINAL | ENTRY_STOP_TIME;
  last.present &= ~(ENTRY_USE | ENTRY_TCP_ORIGINAL_FLAGS);
  last.status = 0x20e;
  last.mark = 10;
  last.timeout = 50;
  last.state = 7;
  last.info.tcp.original_flags = 0;
  last.original_packets = 2;
  last.original_bytes = 3;
  last.reply_packets = 4;
  last.reply_bytes = 5;
  last.stop_time = 2000;
  return last;
}

}  // namespace

TEST(an_entry_takes_its_last_values) {
  EntryRecord entry = read_entry();
  take_last_values(entry, last_entry());
  CHECK_EQUAL(entry.present, read_entry().present | ENTRY_FINAL | ENTRY_STOP_TIME);
  CHECK_EQUAL(entry.status, 0x20eu);
  CHECK_EQUAL(entry.mark, 10u);
  CHECK_EQUAL(entry.timeout, 50u);
  CHECK_EQUAL(entry.state, 7u);
  CHECK_EQUAL(entry.original_packets, 2u);
  CHECK_EQUAL(entry.original_bytes, 3u);
  CHECK_EQUAL(entry.reply_packets, 4u);
  CHECK_EQUAL(entry.reply_bytes, 5u);
  CHECK_EQUAL(entry.start_time, 1000u);
  CHECK_EQUAL(entry.stop_time, 2000u);
  // The event has none of these.
  CHECK_EQUAL(entry.use, 2u);
  CHECK_EQUAL(entry.info.tcp.original_flags, 8u);
}

TEST(what_the_event_lacks) {
  EntryRecord entry = read_entry();
  EntryRecord last = last_entry();
  last.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS | ENTRY_FINAL;
  last.mark = 0;
  take_last_values(entry, last);
  // No mark is one of 0, and a state and a timeout stay; counters that it lacks are unknown.
  CHECK_EQUAL(entry.mark, 0u);
  CHECK_EQUAL(entry.state, 3u);
  CHECK_EQUAL(entry.timeout, 60u);
  CHECK_EQUAL(entry.present & (ENTRY_MARK | ENTRY_TIMEOUT | ENTRY_TCP_STATE | ENTRY_FINAL),
              ENTRY_MARK | ENTRY_TIMEOUT | ENTRY_TCP_STATE | ENTRY_FINAL);
  CHECK_EQUAL(entry.present & (ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS | ENTRY_START_TIME),
              0u);
}

TEST(the_same_entry_has_the_same_id_zone_and_tuple) {
  const EntryRecord entry = read_entry();
  CHECK(is_same_entry(entry, last_entry()));
  EntryRecord other = last_entry();
  other.id++;
  CHECK(!is_same_entry(entry, other));
  other = last_entry();
  other.zone++;
  CHECK(!is_same_entry(entry, other));
  other = last_entry();
  other.original.source[15]++;
  CHECK(!is_same_entry(entry, other));
}

int main() { return check::run_tests(); }
