#include "os/table_walk.h"

#include <algorithm>
#include <deque>

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static constexpr uint32_t in_a_slab = (slab_size - sizeof(SlabHeader)) / sizeof(EntryRecord);

struct Walking {
  explicit Walking(TableWalk::Action action, bool reports = false)
      : walk(FilterRecord{}, action, reports) {
    CHECK(!walk.open());
    dump = all.accept();
    writes = all.accept();
  }

  void send(uint32_t entries, const Buffer& last = {}) {
    std::vector<Buffer> messages;
    for (uint32_t i = 0; i < entries; i++) messages.push_back(entry(1, next_id++));
    messages.push_back(last);
    dump->send(messages);
  }

  // What is to be taken: an id for each entry, and the packets of one that is final.
  std::vector<std::pair<uint32_t, uint64_t>> take() {
    std::vector<std::pair<uint32_t, uint64_t>> all;
    walk.take([&all](uint8_t* memory) {
      const auto slab = Slab<EntryRecord>::of(memory);
      const auto* record = reinterpret_cast<const EntryRecord*>(memory + sizeof(SlabHeader));
      for (size_t left = slab.count(); left > 0; left--, record++) {
        const bool final = (record->present & ENTRY_FINAL) != 0;
        all.emplace_back(record->id, final ? record->original_packets : 0);
      }
    });
    return all;
  }

  // Answers each datagram of requests when it has come, the first of these first.
  void answer_each(std::deque<std::vector<Buffer>> answers) {
    all.before("recvmmsg", [this, answers]() mutable {
      writes->send(answers.front());
      answers.pop_front();
      if (!answers.empty()) answer_each(answers);
    });
  }
  // Those of a slab: what is granted, without an event.
  static std::deque<std::vector<Buffer>> grants() {
    std::deque<std::vector<Buffer>> all;
    for (uint32_t number = 64; number < in_a_slab; number += 64) all.push_back({ack(number)});
    all.push_back({ack(in_a_slab)});
    return all;
  }

  // Whether turns come to the end of the table, however slow the second thread is.
  bool ends(size_t slabs = TableWalk::parts) {
    for (int turns = 0; turns < 100 && !failure; turns++) {
      if (walk.turn(failure, slabs)) return true;
    }
    return false;
  }

  Kernel all;
  TableWalk walk;
  std::shared_ptr<KernelSocket> dump;
  std::shared_ptr<KernelSocket> writes;
  uint32_t next_id = 1;
  Failure failure;
};

TEST(counts) {
  Walking walking(TableWalk::Action::count);
  walking.send(in_a_slab);
  walking.send(3, done(1));
  CHECK(walking.ends());
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), in_a_slab + 3);
  CHECK_EQUAL(walking.walk.changed(), 0u);
  CHECK(walking.writes->requests().empty());
}

TEST(removes) {
  Walking walking(TableWalk::Action::remove);
  walking.send(3, done(1));
  walking.writes->send({ack(3), error(2, ENOENT), ack(1)});
  CHECK(walking.ends());
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), 3u);
  CHECK_EQUAL(walking.walk.changed(), 2u);
  CHECK_EQUAL(walking.walk.vanished(), 1u);
  const std::vector<KernelSocket::Request> requests = walking.writes->requests();
  CHECK_EQUAL(requests.size(), 3u);
  for (const KernelSocket::Request& request : requests) CHECK_EQUAL(request.type, MESSAGE_DELETE);
}

TEST(updates) {
  Walking walking(TableWalk::Action::update);
  alignas(8) uint8_t slab[sizeof(SlabHeader) + sizeof(SpecRecord)] = {};
  SpecRecord changes = {};
  changes.entry.present = ENTRY_MARK;
  memcpy(slab + sizeof(SlabHeader), &changes, sizeof changes);
  CHECK_EQUAL(walking.walk.set_changes({slab, sizeof slab - 1}), EINVAL);
  CHECK_EQUAL(walking.walk.set_changes({slab, sizeof slab}), 0);
  walking.send(1, done(1));
  walking.writes->send({ack(1)});
  CHECK(walking.ends());
  CHECK_EQUAL(walking.walk.changed(), 1u);
  const std::vector<KernelSocket::Request> requests = walking.writes->requests();
  CHECK_EQUAL(requests.size(), 1u);
  CHECK_EQUAL(requests[0].type, MESSAGE_NEW);
}

TEST(a_large_table_is_worked_on_by_a_second_thread) {
  Walking walking(TableWalk::Action::remove);
  walking.send(in_a_slab);
  walking.send(1, done(1));
  // Batches of 128, of which each is numbered behind the one before it.
  for (uint32_t number = 1; number <= in_a_slab + 1; number++) walking.writes->send({ack(number)});
  CHECK(walking.ends());
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), in_a_slab + 1);
  CHECK_EQUAL(walking.walk.changed(), in_a_slab + 1);
}

TEST(without_poll_the_second_thread_is_waited_for) {
  Walking walking(TableWalk::Action::remove);
  walking.send(in_a_slab);
  walking.send(1, done(1));
  for (uint32_t number = 1; number <= in_a_slab + 1; number++) walking.writes->send({ack(number)});
  walking.all.fail_next("poll", ENOMEM, 1'000'000);
  CHECK(walking.ends());
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.changed(), in_a_slab + 1);
}

TEST(a_turn_ends_after_30_ms) {
  Walking walking(TableWalk::Action::count);
  walking.send(in_a_slab);
  walking.send(in_a_slab);
  walking.send(in_a_slab);
  walking.send(in_a_slab, done(1));
  StoppedClock clock;
  clock.advance_at_each_reading(10);
  CHECK(!walking.walk.turn(walking.failure));
  // After the first and the second slab there was time.
  CHECK_EQUAL(walking.walk.matched(), 3 * in_a_slab);
  CHECK(walking.walk.turn(walking.failure));
  CHECK_EQUAL(walking.walk.matched(), 4 * in_a_slab);
  CHECK(!walking.failure);
}

TEST(a_turn_ends_on_a_silent_kernel) {
  Walking walking(TableWalk::Action::count);
  walking.send(2);
  CHECK(!walking.walk.turn(walking.failure));
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), 2u);
  walking.send(1, done(1));
  CHECK(walking.ends());
  CHECK_EQUAL(walking.walk.matched(), 3u);
}

TEST(a_refusal_ends_the_walk_and_what_was_done_is_counted) {
  Walking walking(TableWalk::Action::remove);
  walking.send(3, done(1));
  walking.writes->send({ack(1), error(2, EPERM), ack(3)});
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, EPERM);
  CHECK_EQUAL(walking.walk.changed(), 2u);
}

TEST(a_refusal_on_the_second_thread) {
  Walking walking(TableWalk::Action::remove);
  walking.send(in_a_slab);
  walking.send(in_a_slab);
  walking.send(1, done(1));
  std::vector<Buffer> answers;
  for (uint32_t number = 1; number <= 128; number++) answers.push_back(error(number, EPERM));
  walking.writes->send(answers);
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, EPERM);
  CHECK_EQUAL(walking.walk.changed(), 0u);
  // Nothing more was sent.
  CHECK_EQUAL(walking.writes->requests().size(), 128u);
  CHECK(walking.writes->requests().empty());
}

TEST(a_refusal_of_the_last_entry) {
  Walking walking(TableWalk::Action::remove);
  walking.send(in_a_slab);
  walking.send(1, done(1));
  for (uint32_t number = 1; number <= in_a_slab; number++) walking.writes->send({ack(number)});
  walking.writes->send({error(in_a_slab + 1, EPERM)});
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, EPERM);
  CHECK_EQUAL(walking.walk.changed(), in_a_slab);
}

TEST(a_dump_that_fails) {
  Walking walking(TableWalk::Action::remove);
  walking.send(0, error(1, EPERM));
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, EPERM);
  CHECK(walking.writes->requests().empty());
}

TEST(every_call_of_open_can_fail_and_leaves_nothing_open) {
  std::unique_ptr<TableWalk> last;  // as JavaScript holds it until it is collected
  const auto open = [&] {
    last = std::make_unique<TableWalk>(FilterRecord{}, TableWalk::Action::remove);
    const Failure failure = last->open();
    if (!failure) last->close();
    return failure;
  };
  fail_each_call(open, {"connect", "setsockopt"});
}

TEST(what_a_second_thread_needs) {
  const char* const calls[] = {"eventfd", "eventfd", "pthread_create"};
  for (size_t number = 0; number < 3; number++) {
    Walking walking(TableWalk::Action::remove);
    walking.send(in_a_slab);
    walking.send(1, done(1));
    // The first time that it is needed is behind the two receives of the dump.
    walking.all.before("eventfd", [&] { walking.all.fail_call(number, EMFILE); });
    CHECK(!walking.ends());
    CHECK_EQUAL(walking.failure.error, EMFILE);
    CHECK_EQUAL(std::string(walking.failure.syscall), calls[number]);
    CHECK(walking.writes->requests().empty());
  }
}

TEST(no_memory_for_changes) {
  Walking walking(TableWalk::Action::update);
  alignas(8) uint8_t slab[sizeof(SlabHeader) + sizeof(SpecRecord)] = {};
  walking.all.fail_next("malloc", ENOMEM);
  CHECK_EQUAL(walking.walk.set_changes({slab, sizeof slab}), ENOMEM);
}

// More than one datagram of requests for one slab.
TEST(each_entry_is_deleted_by_its_tuple_and_id) {
  Walking walking(TableWalk::Action::remove);
  constexpr uint32_t entries = 300;
  walking.send(entries, done(1));
  for (uint32_t number = 1; number <= entries; number++) walking.writes->send({ack(number)});
  CHECK(walking.ends());
  CHECK_EQUAL(walking.walk.changed(), entries);
  uint32_t id = 0;
  for (auto requests = walking.writes->requests(); !requests.empty();
       requests = walking.writes->requests()) {
    for (const KernelSocket::Request& request : requests) {
      CHECK_EQUAL(request.type, MESSAGE_DELETE);
      CHECK_EQUAL(request.flags, NLM_F_REQUEST | NLM_F_ACK);
      const Buffer number = u32(CTA_ID, ++id);
      CHECK(std::search(request.bytes.begin(), request.bytes.end(), number.begin(), number.end()) !=
            request.bytes.end());
      const Buffer original = tuple(CTA_TUPLE_ORIG, id);
      CHECK(std::search(request.bytes.begin(), request.bytes.end(), original.begin(),
                        original.end()) != request.bytes.end());
    }
  }
  CHECK_EQUAL(id, entries);
}

TEST(a_socket_of_the_changes_that_fails) {
  for (const uint32_t entries : {3u, in_a_slab}) {
    Walking walking(TableWalk::Action::remove);
    walking.send(entries);
    walking.send(1, done(1));
    // The dump's own request has been sent by then.
    walking.all.before("recvmsg", [&] { walking.all.fail_next("sendto", EPERM); });
    CHECK(!walking.ends());
    CHECK_EQUAL(walking.failure.error, EPERM);
    CHECK_EQUAL(walking.walk.changed(), 0u);
  }
}

TEST(closes_both_sockets) {
  Walking walking(TableWalk::Action::remove);
  walking.walk.close();
  CHECK(walking.dump->closed());
  CHECK(walking.writes->closed());
}

// The event of an entry that ends, as the kernel sends it to the socket that has asked.
static Buffer last_of(uint32_t id, uint64_t packets) {
  return answer(0, MESSAGE_DELETE,
                join({nfgenmsg, tuple(CTA_TUPLE_ORIG, id), tuple(CTA_TUPLE_REPLY, id),
                      u32(CTA_ID, id), u32(CTA_STATUS, 0x208),
                      nest(CTA_COUNTERS_ORIG,
                           {u64(CTA_COUNTERS_PACKETS, packets), u64(CTA_COUNTERS_BYTES, 0)})}));
}

using Taken = std::vector<std::pair<uint32_t, uint64_t>>;

TEST(reports_what_it_has_removed_with_its_last_counters) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(4, done(1));
  // The third has no events, the second has ended.
  walking.writes->send({last_of(1, 11), error(2, ENOENT), last_of(4, 44), ack(4)});
  CHECK(walking.ends());
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), 4u);
  CHECK_EQUAL(walking.walk.changed(), 3u);
  CHECK_EQUAL(walking.walk.vanished(), 1u);
  CHECK((walking.take() == Taken{{1, 11}, {3, 0}, {4, 44}}));
  CHECK(walking.take().empty());
  const std::vector<KernelSocket::Request> requests = walking.writes->requests();
  CHECK_EQUAL(requests.size(), 4u);
  for (size_t i = 0; i < requests.size(); i++) {
    CHECK_EQUAL(requests[i].flags, NLM_F_REQUEST | NLM_F_ECHO | (i == 3 ? NLM_F_ACK : 0));
  }
}

TEST(an_event_of_no_entry_that_was_asked_for_is_none) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(2, done(1));
  Buffer foreign = last_of(1, 11);
  const uint32_t port_id = 4711;
  memcpy(foreign.data() + 12, &port_id, sizeof port_id);
  walking.writes->send({foreign, last_of(7, 77), last_of(2, 22), ack(2)});
  CHECK(walking.ends());
  CHECK((walking.take() == Taken{{1, 0}, {2, 22}}));
}

TEST(asks_for_64_events_at_a_time) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(100, done(1));
  walking.answer_each({{ack(64)}, {ack(100)}});
  CHECK(walking.ends());
  CHECK_EQUAL(walking.take().size(), 100u);
  CHECK_EQUAL(walking.writes->requests().size(), 64u);
  CHECK_EQUAL(walking.writes->requests().size(), 36u);
}

TEST(reports_no_more_slabs_than_are_wanted) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(in_a_slab);
  walking.send(3, done(1));
  walking.answer_each(Walking::grants());
  CHECK(!walking.ends(1));
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.take().size(), in_a_slab);
  CHECK_EQUAL(walking.walk.matched(), in_a_slab);
  walking.writes->send({ack(in_a_slab + 3)});
  CHECK(walking.ends(1));
  CHECK_EQUAL(walking.take().size(), 3u);
}

TEST(what_was_not_removed_because_of_a_refusal_is_not_reported) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(in_a_slab);
  walking.send(in_a_slab);
  walking.send(1, done(1));
  std::vector<Buffer> refusals;
  for (uint32_t number = 65; number <= 128; number++) refusals.push_back(error(number, EPERM));
  walking.answer_each({{last_of(1, 11), ack(64)}, refusals});
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, EPERM);
  const Taken taken = walking.take();
  CHECK_EQUAL(taken.size(), 64u);
  CHECK((taken.front() == Taken::value_type{1, 11}));
  CHECK_EQUAL(walking.walk.changed(), 64u);
}

// Of the others nothing is known.
TEST(an_event_tells_of_a_delete_whose_answer_was_lost) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(3, done(1));
  walking.writes->send({last_of(2, 22)});
  walking.writes->overrun(1);
  CHECK(!walking.ends());
  CHECK_EQUAL(walking.failure.error, ENOBUFS);
  CHECK(walking.failure.unanswered);
  CHECK((walking.take() == Taken{{2, 22}}));
  CHECK_EQUAL(walking.walk.changed(), 1u);
}

TEST(what_was_removed_before_a_stop_can_be_taken) {
  Walking walking(TableWalk::Action::remove, true);
  walking.send(in_a_slab);
  walking.writes->send({last_of(1, 11), ack(64)});
  // The kernel answers no more. A turn may be over before the answer is read.
  while (walking.walk.changed() == 0) CHECK(!walking.walk.turn(walking.failure));
  CHECK(!walking.failure);
  CHECK(walking.take().empty());
  walking.walk.stop([](void*) {}, nullptr);
  walking.walk.join();
  const Taken taken = walking.take();
  CHECK_EQUAL(taken.size(), 64u);
  CHECK((taken.front() == Taken::value_type{1, 11}));
}

TEST(reports_what_it_would_remove) {
  Walking walking(TableWalk::Action::count, true);
  walking.send(in_a_slab);
  walking.send(2, done(1));
  CHECK(walking.ends());
  CHECK_EQUAL(walking.take().size(), in_a_slab + 2);
  CHECK(walking.writes->requests().empty());
}

int main() { return check::run_tests(); }
