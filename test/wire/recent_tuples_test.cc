#include "wire/recent_tuples.h"

#include <deque>
#include <memory>
#include <random>

#include "check.h"

using namespace conntrack;

static EntryRecord flow(uint32_t number, uint16_t zone = 0) {
  EntryRecord record = {};
  memcpy(record.original.source, &number, sizeof number);
  record.zone = zone;
  return record;
}

TEST(a_flow_is_new_once) {
  RecentTuples recent;
  CHECK(recent.add(flow(1)));
  CHECK(recent.add(flow(2)));
  CHECK(!recent.add(flow(1)));
  CHECK(!recent.add(flow(2)));
  CHECK(!recent.add(flow(1)));
}

TEST(id_zone_and_original_tuple_make_the_flow) {
  RecentTuples recent;
  CHECK(recent.add(flow(1)));
  CHECK(recent.add(flow(1, 5)));
  EntryRecord other = flow(1);
  other.original.zone = 5;
  other.original.present = TUPLE_ZONE;
  CHECK(recent.add(other));
  other.original.protocol = 6;
  CHECK(recent.add(other));
  other.original.destination_port = 53;
  CHECK(recent.add(other));

  EntryRecord same = flow(1);
  same.reply.source_port = 99;
  same.status = 99;
  CHECK(!recent.add(same));

  EntryRecord newer = flow(1);
  newer.id = 99;
  CHECK(recent.add(newer));
  CHECK(!recent.add(newer));
  CHECK(!recent.add(flow(1)));
}

TEST(an_empty_flow_is_no_match_for_nothing) {
  RecentTuples recent;
  CHECK(recent.add(EntryRecord()));
  CHECK(!recent.add(EntryRecord()));
}

TEST(the_last_256_are_remembered) {
  RecentTuples recent;
  for (uint32_t number = 0; number < 256; number++) CHECK(recent.add(flow(number)));
  for (uint32_t number = 0; number < 256; number++) CHECK(!recent.add(flow(number)));
  CHECK(recent.add(flow(256)));
  CHECK(recent.add(flow(0)));  // pushed out by 256
  CHECK(!recent.add(flow(2)));
  CHECK(!recent.add(flow(256)));
}

// Against a list of the last 256 that is searched from end to end.
TEST(the_same_as_a_plain_list) {
  auto recent = std::make_unique<RecentTuples>();
  std::deque<uint32_t> list;
  std::mt19937 random(1);
  for (int round = 0; round < 100'000; round++) {
    const uint32_t number = random() % 400;
    bool listed = false;
    for (uint32_t at : list) listed = listed || at == number;
    CHECK_EQUAL(recent->add(flow(number)), !listed);
    if (listed) continue;
    list.push_back(number);
    if (list.size() > 256) list.pop_front();
  }
}

int main() { return check::run_tests(); }
