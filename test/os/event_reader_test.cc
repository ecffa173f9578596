#include "os/event_reader.h"

#include <sched.h>

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Heard = KernelSocket::Heard;
using Words = std::vector<std::string>;

static constexpr uint32_t all_groups =
    1u << (GROUP_NEW - 1) | 1u << (GROUP_UPDATE - 1) | 1u << (GROUP_DESTROY - 1);
static constexpr size_t in_a_slab =
    (EventQueue::slab_bytes - sizeof(SlabHeader)) / sizeof(EventRecord);

static EventReader::Options options_of(bool reliable, size_t slabs = 8) {
  EventReader::Options options;
  options.groups = all_groups;
  options.receive_buffer = 4 << 20;
  options.queue_bytes = slabs * EventQueue::slab_bytes;
  options.reliable_destroy = reliable;
  return options;
}

static Buffer created(uint32_t id) {
  Buffer bytes = entry(0, id);
  const uint16_t flags = NLM_F_CREATE | NLM_F_EXCL;
  memcpy(bytes.data() + 6, &flags, sizeof flags);
  return bytes;
}
static Buffer destroyed(uint32_t id) {
  Buffer bytes = entry(0, id);
  memcpy(bytes.data() + 4, &MESSAGE_DELETE, sizeof MESSAGE_DELETE);
  return bytes;
}

struct Reading {
  explicit Reading(const EventReader::Options& options = options_of(false)) {
    CHECK(!reader.open(options));
    if (options.reliable_destroy) {
      destroys = kernel.accept();
      table = kernel.accept();
    }
    peer = options.groups == 1u << (GROUP_DESTROY - 1) && options.reliable_destroy
               ? destroys
               : kernel.accept();
  }
  ~Reading() { reader.stop(); }

  void start() {
    const auto ring = [](void* reading) { static_cast<Reading*>(reading)->rings++; };
    CHECK(!reader.start(ring, this));
    kernel.await_idle(*peer);
  }

  void event(uint32_t id) { CHECK(peer->multicast(GROUP_NEW, {created(id)}) == Heard::yes); }
  void events(uint32_t first, uint32_t last) {
    for (uint32_t id = first; id <= last; id++) event(id);
  }
  Heard destroy(uint32_t id) {
    return (destroys ? destroys : peer)->multicast(GROUP_DESTROY, {destroyed(id)});
  }
  // Until the thread has taken all that was sent.
  void settle() { kernel.await_idle(*peer); }

  static std::string word(const EventRecord& record) {
    const std::string count = std::to_string(record.count);
    const std::string id = std::to_string(record.entry.id);
    const std::string at = record.netns == -1 ? "" : "@" + std::to_string(record.netns);
    switch (record.kind) {
      case EVENT_NEW:
        return "+" + id + at;
      case EVENT_UPDATE:
        return "~" + id + at;
      case EVENT_DESTROY:
        return "-" + id + at;
      case EVENT_LOST_IN_KERNEL:
        return "kernel " + count;
      case EVENT_LOST_IN_QUEUE:
        return "queue " + count;
      case EVENT_RELIABILITY_ENDED:
        return "unreliable " + count + "/" + std::to_string(record.maximum);
      case EVENT_MARK:
        return "mark " + count;
      default:
        return "expectation";
    }
  }

  // What is there now, in words.
  Words take(bool hold = false) {
    EventSlab slabs[64];
    const size_t count = reader.take(slabs, 64);
    Words all;
    for (size_t i = 0; i < count; i++) {
      const auto* records =
          reinterpret_cast<const EventRecord*>(slabs[i].memory() + sizeof(SlabHeader));
      for (size_t at = 0; at < slabs[i].count(); at++) all.push_back(word(records[at]));
      if (hold) held.push_back(slabs[i]);
    }
    if (!hold) reader.give_back(slabs, count);
    return all;
  }
  // So many words, however long they take to come.
  Words await(size_t count) {
    Words all;
    CHECK(Kernel::await([&] {
      for (const std::string& one : take()) all.push_back(one);
      return all.size() >= count;
    }));
    return all;
  }
  void give_back() {
    reader.give_back(held.data(), held.size());
    held.clear();
  }

  Kernel kernel;
  EventReader reader;
  std::shared_ptr<KernelSocket> peer;
  std::shared_ptr<KernelSocket> destroys;
  std::shared_ptr<KernelSocket> table;
  std::vector<EventSlab> held;
  std::atomic<int> rings{0};
};

// Opening ---------------------------------------------------------------------------------

// No other event comes, and nobody gives a slab back.
TEST(what_waits_for_memory_comes_when_there_is_some) {
  for (const bool lost : {true, false}) {
    Reading reading;
    reading.start();
    CHECK(!reading.reader.want());
    // An event, and the record that tells its loss; or a mark.
    reading.kernel.fail_next("malloc", ENOMEM, lost ? 3 : 2);
    if (lost) {
      reading.event(1);
    } else {
      reading.reader.mark();
    }
    CHECK(Kernel::await([&] { return reading.rings == 1; }));
    CHECK(reading.take() == Words{lost ? "queue 1" : "mark 1"});
  }
}

TEST(every_call_of_open_can_fail_and_leaves_nothing_open) {
  FilterRecord filter = {};
  filter.present = FILTER_PROTOCOL;
  filter.protocol = 17;
  for (const bool reliable : {false, true}) {
    EventReader::Options options = options_of(reliable);
    options.all_namespaces = true;
    options.filtered = true;
    options.filter = {reinterpret_cast<uint8_t*>(&filter), sizeof filter};
    std::unique_ptr<EventReader> last;
    const auto open = [&] {
      last = std::make_unique<EventReader>();
      const Failure failure = last->open(options);
      if (!failure) last->stop();
      return failure;
    };
    // SO_RCVBUFFORCE of each event socket, and the two options of the one for requests.
    const std::set<std::string> optional = {"connect", "setsockopt 1"};
    const std::set<std::string> optional_of_three = {"connect", "setsockopt 1", "setsockopt 7",
                                                     "setsockopt 8", "setsockopt 9"};
    fail_each_call(open, reliable ? optional_of_three : optional);
  }
}

TEST(a_filter_that_is_none) {
  Kernel kernel;
  EventReader reader;
  EventReader::Options options = options_of(false);
  const uint8_t half[sizeof(FilterRecord) / 2] = {};
  options.filtered = true;
  options.filter = {half, sizeof half};
  CHECK_EQUAL(reader.open(options).error, ENOMEM);
}

TEST(no_thread) {
  Reading reading;
  reading.kernel.fail_next("pthread_create", EAGAIN);
  const Failure failure = reading.reader.start([](void*) {}, nullptr);
  CHECK_EQUAL(failure.error, EAGAIN);
  CHECK_EQUAL(std::string(failure.syscall), "pthread_create");
}

TEST(listens_to_what_it_is_asked_for) {
  Reading plain;
  CHECK_EQUAL(plain.peer->groups(), all_groups);
  CHECK(!plain.peer->reliable());
  CHECK_EQUAL(plain.reader.receive_buffer(), uint32_t{4 << 20});
}

TEST(a_reliable_one_has_a_socket_for_destroys_alone) {
  Reading reading(options_of(true));
  CHECK_EQUAL(reading.destroys->groups(), 1u << (GROUP_DESTROY - 1));
  CHECK(reading.destroys->reliable());
  CHECK_EQUAL(reading.peer->groups(), all_groups & ~(1u << (GROUP_DESTROY - 1)));
  CHECK(!reading.peer->reliable());
}

// Reading -----------------------------------------------------------------------------------

TEST(events_in_their_order) {
  Reading reading;
  reading.start();
  reading.event(1);
  CHECK(reading.peer->multicast(GROUP_UPDATE, {entry(0, 1)}) == Heard::yes);
  CHECK(reading.destroy(1) == Heard::yes);
  CHECK(reading.await(3) == (Words{"+1", "~1", "-1"}));
  CHECK_EQUAL(reading.reader.counters().received, 3u);
}

TEST(expectations_and_what_their_extension_holds) {
  EventReader::Options options = options_of(false);
  options.groups = 1u << (GROUP_EXPECTATION_NEW - 1);
  Reading reading(options);
  reading.start();
  const Buffer helper(3000, 'x');
  for (int i = 0; i < 30; i++) {
    const Buffer expectation =
        answer(0, MESSAGE_EXPECTATION_NEW,
               join({nfgenmsg, tuple(CTA_EXPECT_TUPLE, 1), tuple(CTA_EXPECT_MASK, ~0u),
                     tuple(CTA_EXPECT_MASTER, 1), u32(CTA_EXPECT_ID, 1),
                     attribute(CTA_EXPECT_HELP_NAME, helper)}));
    CHECK(reading.peer->multicast(GROUP_EXPECTATION_NEW, {expectation}) == Heard::yes);
  }
  CHECK_EQUAL(reading.await(30).size(), 30u);
}

TEST(the_namespace_of_each) {
  EventReader::Options options = options_of(false);
  options.all_namespaces = true;
  Reading reading(options);
  reading.start();
  for (const int32_t netns : {-1, 0, 5}) {
    CHECK(reading.peer->multicast(GROUP_NEW, {created(1)}, netns) == Heard::yes);
  }
  CHECK(reading.await(3) == (Words{"+1", "+1@0", "+1@5"}));
}

TEST(what_is_foreign_truncated_or_malformed_is_counted_and_no_event) {
  Reading reading;
  reading.start();
  reading.peer->forge(77, {created(66)});
  reading.peer->send_from_nowhere({created(66)});
  reading.peer->send({Buffer(event_size + 1)});
  reading.peer->send({Buffer(7)});
  reading.peer->send({answer(0, 0x7f00, nfgenmsg)});
  reading.peer->send({created(1), answer(0, MESSAGE_NEW, nfgenmsg), created(2)});
  CHECK(reading.await(2) == (Words{"+1", "+2"}));
  reading.settle();
  const EventReader::Counters counters = reading.reader.counters();
  CHECK_EQUAL(counters.received, 2u);
  CHECK_EQUAL(counters.foreign, 2u);
  CHECK_EQUAL(counters.malformed, 4u);
  CHECK_EQUAL(counters.lost_in_kernel, 0u);
  CHECK_EQUAL(counters.lost_in_queue, 0u);
}

TEST(what_does_not_match_is_no_event) {
  FilterRecord filter = {};
  filter.present = FILTER_HELPER;  // what the kernel cannot leave out
  EventReader::Options options = options_of(false);
  options.filtered = true;
  options.filter = {reinterpret_cast<uint8_t*>(&filter), sizeof filter};
  Reading reading(options);
  reading.start();
  reading.events(1, 20);
  reading.settle();
  CHECK(reading.take().empty());
  CHECK_EQUAL(reading.reader.counters().received, 0u);
}

TEST(a_hole_is_told_in_its_place_and_counted) {
  Reading reading;
  reading.events(1, 2);
  reading.peer->overrun(7);
  const auto ring = [](void*) {};
  CHECK(!reading.reader.start(ring, nullptr));
  CHECK(reading.await(3) == (Words{"+1", "+2", "kernel 7"}));
  reading.settle();
  reading.event(3);
  reading.peer->out_of_memory();
  CHECK(reading.await(2) == (Words{"+3", "kernel 1"}));
  CHECK_EQUAL(reading.reader.counters().lost_in_kernel, 8u);
}

TEST(a_full_queue_loses_counts_and_tells) {
  Reading reading(options_of(false, 2));
  reading.start();
  reading.events(1, 3 * in_a_slab);
  reading.settle();
  CHECK_EQUAL(reading.reader.counters().lost_in_queue, in_a_slab);
  CHECK_EQUAL(reading.reader.counters().received, 3 * in_a_slab);
  CHECK_EQUAL(reading.take().size(), 2 * in_a_slab);
  // The hole is told without another event: giving back wakes the thread.
  CHECK(reading.await(1) == (Words{"queue " + std::to_string(in_a_slab)}));
}

TEST(a_failure_comes_behind_what_came_before_it) {
  Reading reading;
  reading.event(1);
  reading.peer->break_off(ECONNRESET);
  reading.reader.want();
  const auto ring = [](void* rings) { (*static_cast<std::atomic<int>*>(rings))++; };
  CHECK(!reading.reader.start(ring, &reading.rings));
  CHECK(Kernel::await([&] { return reading.reader.failed(); }));
  CHECK_EQUAL(reading.reader.failure().error, ECONNRESET);
  CHECK(reading.reader.want());
  CHECK(reading.take() == (Words{"+1"}));
  CHECK(Kernel::await([&] { return reading.rings == 1; }));
}

TEST(a_failure_of_either_socket_ends_it) {
  for (const bool of_destroys : {true, false}) {
    Reading reading(options_of(true));
    reading.start();
    CHECK(!reading.reader.want());
    (of_destroys ? reading.destroys : reading.peer)->break_off(ENOMEM);
    CHECK(Kernel::await([&] { return reading.rings == 1; }));
    CHECK(reading.reader.failed());
    CHECK_EQUAL(reading.reader.failure().error, ENOMEM);
  }
}

// The bell ------------------------------------------------------------------------------------

TEST(rings_once_for_each_want) {
  Reading reading;
  reading.start();
  for (uint32_t round = 1; round <= 20; round++) {
    CHECK(!reading.reader.want());
    reading.event(3 * round);
    CHECK(Kernel::await([&] { return reading.rings == static_cast<int>(round); }));
    reading.event(3 * round + 1);
    reading.settle();
    CHECK_EQUAL(reading.rings.load(), static_cast<int>(round));
    reading.await(2);
    // Nobody wants anything.
    reading.event(3 * round + 2);
    reading.settle();
    CHECK_EQUAL(reading.rings.load(), static_cast<int>(round));
    CHECK(reading.reader.want());  // it is there already
    reading.await(1);
    reading.settle();
    reading.rings = static_cast<int>(round);
  }
}

// An event that comes between the look and the wish is found by the second look, and one
// that comes behind that rings.
TEST(no_wake_up_is_lost_whenever_an_event_comes) {
  for (const size_t unlock : {1u, 2u}) {
    for (int round = 0; round < 10; round++) {
      Reading reading;
      reading.start();
      reading.kernel.after_unlock(
          unlock, [&] { reading.kernel.await_turn(*reading.peer, [&] { reading.event(1); }); });
      const bool there = reading.reader.want();
      CHECK(there || Kernel::await([&] { return reading.rings > 0; }));
      CHECK(reading.take() == (Words{"+1"}));
    }
  }
}

TEST(a_burst_rings_before_its_end) {
  Reading reading(options_of(false, 64));
  CHECK(!reading.reader.want());
  reading.events(1, 10 * in_a_slab);
  std::atomic<size_t> left_at_first_ring{0};
  struct Context {
    Reading& reading;
    std::atomic<size_t>& left;
  } context = {reading, left_at_first_ring};
  const auto ring = [](void* data) {
    auto* seen = static_cast<Context*>(data);
    seen->left = seen->reading.peer->queued();
    seen->reading.rings++;
  };
  CHECK(!reading.reader.start(ring, &context));
  CHECK(Kernel::await([&] { return reading.rings == 1; }));
  CHECK_EQUAL(reading.await(10 * in_a_slab).size(), 10 * in_a_slab);
  CHECK(left_at_first_ring > 0);
}

// Events gather for a moment after a burst, where there is room for what comes meanwhile.
TEST(naps_after_a_burst_in_a_roomy_buffer_alone) {
  for (const uint32_t bytes : {uint32_t{4 << 20}, uint32_t{1 << 20}}) {
    EventReader::Options options = options_of(false);
    options.receive_buffer = bytes;
    Reading reading(options);
    reading.kernel.record_calls();
    reading.events(1, 20);
    reading.start();
    size_t naps = 0;
    for (const std::string& call : reading.kernel.calls()) naps += call == "ppoll" ? 1 : 0;
    CHECK_EQUAL(naps, bytes >= 2 << 20 ? 1u : 0u);
  }
}

// maxDelay ---------------------------------------------------------------------------------------

static EventReader::Options delayed(uint32_t milliseconds, uint32_t receive_buffer = 4 << 20) {
  EventReader::Options options = options_of(false);
  options.max_delay = milliseconds;
  options.receive_buffer = receive_buffer;
  return options;
}

TEST(events_gather_as_long_as_they_may) {
  StoppedClock clock;
  clock.skip_waits();
  Reading reading(delayed(50));
  reading.start();
  CHECK(!reading.reader.want());
  const int64_t start = clock.now();
  uint32_t last = 1;
  std::function<void()> another = [&] {
    if (last < 5) reading.event(++last);
    if (clock.now() - start < 50) reading.kernel.before("end of a wait", another);
  };
  reading.kernel.before("end of a wait", another);
  reading.event(1);
  reading.settle();
  CHECK_EQUAL(clock.now() - start, 50);
  CHECK_EQUAL(reading.rings.load(), 1);
  CHECK(reading.take() == (Words{"+1", "+2", "+3", "+4", "+5"}));
  // What comes later waits anew.
  CHECK(!reading.reader.want());
  reading.event(6);
  reading.settle();
  CHECK_EQUAL(clock.now() - start, 100);
  CHECK_EQUAL(reading.rings.load(), 2);
}

TEST(events_gather_until_half_of_the_buffer_is_in_use) {
  StoppedClock clock;
  clock.skip_waits();
  Reading reading(delayed(10'000, 400'000));
  reading.start();
  const int64_t start = clock.now();
  uint32_t sent = 1;
  std::function<void()> more = [&] {
    for (int i = 0; i < 10; i++) reading.event(++sent);
    if (sent < 10'000) reading.kernel.before("end of a wait", more);
  };
  reading.kernel.before("end of a wait", more);
  reading.event(1);
  CHECK(Kernel::await([&] { return reading.reader.counters().received > 50; }));
  CHECK(clock.now() - start < 1000);
  CHECK_EQUAL(reading.reader.counters().lost_in_kernel, 0u);
}

TEST(events_that_gather_do_not_hold_up_the_end) {
  Reading reading(delayed(60'000));
  reading.kernel.record_calls();
  reading.start();
  reading.event(1);
  // It waits for the wake-up alone.
  CHECK(Kernel::await([&] {
    const auto calls = reading.kernel.calls();
    return std::count(calls.begin(), calls.end(), "poll") >= 2;
  }));
  reading.reader.stop();
  CHECK(reading.peer->closed());
}

// On one processor the thread sees an event and the end at once, mostly.
TEST(an_event_just_before_the_end_does_not_hold_it_up) {
  cpu_set_t all;
  cpu_set_t one;
  CHECK_EQUAL(::sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  CHECK_EQUAL(::sched_setaffinity(0, sizeof one, &one), 0);
  for (int round = 0; round < 20; round++) {
    Reading reading(delayed(60'000));
    reading.start();
    reading.event(1);
    reading.reader.stop();  // in a minute, if it gathers
  }
  CHECK_EQUAL(::sched_setaffinity(0, sizeof all, &all), 0);
}

TEST(a_hole_is_where_it_was_when_events_gather) {
  StoppedClock clock;
  clock.skip_waits();
  Reading reading(delayed(50));
  reading.start();
  reading.kernel.before("end of a wait", [&] {
    reading.event(2);
    reading.peer->overrun(3);
  });
  reading.event(1);
  CHECK(reading.await(3) == (Words{"+1", "+2", "kernel 3"}));
}

// Reliable DESTROY ------------------------------------------------------------------------------

// A DESTROY was sent after the other events of its flow.
TEST(older_events_come_before_a_reliable_destroy) {
  for (int round = 0; round < 5; round++) {
    Reading reading(options_of(true));
    // Both are there when it looks.
    reading.event(1);
    CHECK(reading.destroy(1) == Heard::yes);
    reading.event(2);
    CHECK(reading.destroy(2) == Heard::yes);
    reading.start();
    CHECK(reading.await(4) == (Words{"+1", "+2", "-1", "-2"}));
    // It comes while the destroys are being received: the other events are older.
    reading.kernel.before("recvmmsg", [&] {
      reading.event(3);
      CHECK(reading.destroy(3) == Heard::yes);
    });
    reading.event(4);
    const Words all = reading.await(3);
    CHECK_EQUAL(all.back(), "-3");
  }
}

TEST(a_destroy_without_room_stays_in_the_kernel_and_no_other_event_takes_its_place) {
  Reading reading(options_of(true, 3));
  reading.start();
  // The others fill the queue but for what is kept back for destroys.
  reading.events(1, 5 * in_a_slab);
  reading.settle();
  const uint64_t lost = reading.reader.counters().lost_in_queue;
  CHECK(lost > 0);
  Words all = reading.take(true);
  // What is taken and not given back takes room, too: nothing is free.
  for (uint32_t id = 9001; id <= 9003; id++) CHECK(reading.destroy(id) == Heard::yes);
  StoppedClock clock;  // it looks at the table every 20 ms
  CHECK_EQUAL(reading.destroys->queued(), 3u);
  reading.give_back();
  all = reading.await(4);
  CHECK_EQUAL(all[0], "queue " + std::to_string(lost));
  CHECK_EQUAL(all[1], "-9001");
  CHECK_EQUAL(all[3], "-9003");
  CHECK_EQUAL(reading.reader.counters().lost_in_queue, lost);
}

TEST(a_destroy_gets_the_slab_that_is_kept_back) {
  Reading reading(options_of(true, 3));
  reading.start();
  // Two slabs are full to the last record.
  reading.events(1, 2 * in_a_slab);
  reading.settle();
  CHECK(reading.destroy(1) == Heard::yes);
  CHECK(Kernel::await([&] { return reading.destroys->queued() == 0; }));
  const Words all = reading.await(2 * in_a_slab + 1);
  CHECK_EQUAL(all[2 * in_a_slab], "-1");
  CHECK_EQUAL(reading.reader.counters().lost_in_queue, 0u);
}

// Marks -----------------------------------------------------------------------------------

TEST(a_mark_stands_behind_what_was_sent_before) {
  Reading reading;
  reading.start();
  CHECK_EQUAL(reading.reader.mark(), 1u);
  CHECK(reading.await(1) == (Words{"mark 1"}));
  for (uint32_t round = 2; round <= 100; round++) {
    reading.event(2 * round);
    reading.event(2 * round + 1);
    CHECK_EQUAL(reading.reader.mark(), round);
    const Words expected = {"+" + std::to_string(2 * round), "+" + std::to_string(2 * round + 1),
                            "mark " + std::to_string(round)};
    CHECK(reading.await(3) == expected);
  }
}

TEST(several_marks_may_be_one) {
  Reading reading;
  reading.event(1);
  for (int i = 0; i < 5; i++) reading.reader.mark();
  reading.start();
  CHECK(reading.await(2) == (Words{"+1", "mark 5"}));
}

TEST(a_mark_ends_the_gathering) {
  EventReader::Options options = options_of(false);
  options.max_delay = 60'000;
  Reading reading(options);
  reading.start();
  reading.event(1);
  reading.reader.mark();
  CHECK(reading.await(2) == (Words{"+1", "mark 1"}));
}

TEST(a_mark_waits_for_a_destroy_that_has_no_room) {
  Reading reading(options_of(true, 3));
  reading.start();
  reading.events(1, 5 * in_a_slab);
  reading.settle();
  reading.take(true);
  CHECK(reading.destroy(9001) == Heard::yes);
  StoppedClock clock;  // it looks at the table every 20 ms
  reading.reader.mark();
  CHECK_EQUAL(reading.destroys->queued(), 1u);
  CHECK(reading.take().empty());
  reading.give_back();
  const Words all = reading.await(3);
  CHECK_EQUAL(all[1], "-9001");
  CHECK_EQUAL(all[2], "mark 1");
}

// What it asks, and is told, of the table while destroys wait for room.
static void answer_usage(Reading& reading, uint32_t entries, uint32_t maximum) {
  const auto asked = reading.table->expect();
  CHECK_EQUAL(asked.size(), 1u);
  CHECK_EQUAL(asked[0].type, MESSAGE_GET_STATS);
  reading.table->send({answer(asked[0].sequence, MESSAGE_GET_STATS,
                              join({nfgenmsg, u32(CTA_STATS_GLOBAL_ENTRIES, entries),
                                    u32(CTA_STATS_GLOBAL_MAX_ENTRIES, maximum)})),
                       ack(asked[0].sequence)});
}

// A reader whose queue is full, and a destroy that waits for room.
static void fill(Reading& reading) {
  reading.start();
  reading.events(1, 5 * in_a_slab);
  reading.settle();
  reading.take(true);
  CHECK(reading.destroy(9001) == Heard::yes);
}

TEST(a_table_that_fills_up_ends_reliability) {
  Reading reading(options_of(true, 3));
  fill(reading);
  answer_usage(reading, 79, 100);
  answer_usage(reading, 79, 100);
  CHECK(reading.destroys->reliable());
  answer_usage(reading, 80, 100);
  CHECK(Kernel::await([&] { return !reading.destroys->reliable(); }));
  const uint64_t lost = reading.reader.counters().lost_in_queue;
  reading.give_back();
  const Words all = reading.await(2);
  CHECK_EQUAL(all[0].substr(0, 6), "queue ");
  CHECK_EQUAL(all[1], "unreliable 80/100");
  CHECK(lost > 0);
  // From then on a DESTROY is an event as others are.
  reading.settle();
  reading.take();
  reading.destroys->overrun(3);
  CHECK(reading.await(1) == (Words{"kernel 3"}));
  CHECK(reading.destroy(5) == Heard::yes);
  CHECK(reading.await(1) == (Words{"-5"}));
}

TEST(a_table_that_cannot_be_watched_ends_reliability) {
  for (const bool refused : {true, false}) {
    Reading reading(options_of(true, 3));
    fill(reading);
    const auto asked = reading.table->expect();
    const uint32_t sequence = asked[0].sequence;
    if (refused) {
      reading.table->send({error(sequence, EPERM)});
    } else {
      // Linux before 5.8 does not tell the maximum.
      reading.table->send(
          {answer(sequence, MESSAGE_GET_STATS, join({nfgenmsg, u32(CTA_STATS_GLOBAL_ENTRIES, 7)})),
           ack(sequence)});
    }
    CHECK(Kernel::await([&] { return !reading.destroys->reliable(); }));
    reading.give_back();
    CHECK_EQUAL(reading.await(2)[1], refused ? "unreliable 0/0" : "unreliable 7/0");
  }
}

TEST(destroys_alone_need_one_event_socket) {
  EventReader::Options options = options_of(true);
  options.groups = 1u << (GROUP_DESTROY - 1);
  Reading reading(options);
  reading.start();
  CHECK_EQUAL(reading.kernel.waiting(), 0u);
  CHECK(reading.destroy(1) == Heard::yes);
  CHECK(reading.await(1) == (Words{"-1"}));
}

// Ending ------------------------------------------------------------------------------------------

TEST(stops_at_any_moment) {
  for (const bool reliable : {true, false}) {
    for (const uint32_t events : {0u, 5u, 2000u}) {
      Reading reading(options_of(reliable, 2));
      if (events > 0) reading.events(1, events);
      const auto ring = [](void*) {};
      if (events != 5) CHECK(!reading.reader.start(ring, nullptr));
      if (events == 0) reading.settle();
      reading.reader.stop();
      CHECK(reading.peer->closed());
      CHECK_EQUAL(reading.kernel.descriptors(), 0u);
      reading.reader.stop();
    }
  }
}

TEST(slabs_that_were_taken_outlive_the_end) {
  Reading reading;
  reading.start();
  reading.events(1, 2 * in_a_slab);
  reading.settle();
  CHECK_EQUAL(reading.take(true).size(), 2 * in_a_slab);
  reading.event(1);
  reading.settle();
  reading.reader.stop();
  reading.give_back();
}

int main() { return check::run_tests(); }
