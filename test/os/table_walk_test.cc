#include "os/table_walk.h"

#include <algorithm>

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static constexpr uint32_t in_a_slab = (slab_size - sizeof(SlabHeader)) / sizeof(EntryRecord);

struct Walking {
  explicit Walking(TableWalk::Action action) : walk(FilterRecord{}, action) {
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
  CHECK(walking.walk.turn(walking.failure));
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), in_a_slab + 3);
  CHECK_EQUAL(walking.walk.changed(), 0u);
  CHECK(walking.writes->requests().empty());
}

TEST(removes) {
  Walking walking(TableWalk::Action::remove);
  walking.send(3, done(1));
  walking.writes->send({ack(3), error(2, ENOENT), ack(1)});
  CHECK(walking.walk.turn(walking.failure));
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
  CHECK(!walking.walk.set_changes({slab, sizeof slab - 1}));
  CHECK(walking.walk.set_changes({slab, sizeof slab}));
  walking.send(1, done(1));
  walking.writes->send({ack(1)});
  CHECK(walking.walk.turn(walking.failure));
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
  CHECK(walking.walk.turn(walking.failure));
  CHECK(!walking.failure);
  CHECK_EQUAL(walking.walk.matched(), in_a_slab + 1);
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
  CHECK(walking.walk.turn(walking.failure));
  CHECK_EQUAL(walking.walk.matched(), 3u);
}

TEST(a_refusal_ends_the_walk_and_what_was_done_is_counted) {
  Walking walking(TableWalk::Action::remove);
  walking.send(3, done(1));
  walking.writes->send({ack(1), error(2, EPERM), ack(3)});
  CHECK(!walking.walk.turn(walking.failure));
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
  CHECK(!walking.walk.turn(walking.failure));
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
  CHECK(!walking.walk.turn(walking.failure));
  CHECK_EQUAL(walking.failure.error, EPERM);
  CHECK_EQUAL(walking.walk.changed(), in_a_slab);
}

TEST(a_dump_that_fails) {
  Walking walking(TableWalk::Action::remove);
  walking.send(0, error(1, EPERM));
  CHECK(!walking.walk.turn(walking.failure));
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
    CHECK(!walking.walk.turn(walking.failure));
    CHECK_EQUAL(walking.failure.error, EMFILE);
    CHECK_EQUAL(std::string(walking.failure.syscall), calls[number]);
    CHECK(walking.writes->requests().empty());
  }
}

TEST(no_memory_for_changes) {
  Walking walking(TableWalk::Action::update);
  alignas(8) uint8_t slab[sizeof(SlabHeader) + sizeof(SpecRecord)] = {};
  walking.all.fail_next("malloc", ENOMEM);
  CHECK(!walking.walk.set_changes({slab, sizeof slab}));
}

// More than one datagram of requests for one slab.
TEST(each_entry_is_deleted_by_its_tuple_and_id) {
  Walking walking(TableWalk::Action::remove);
  constexpr uint32_t entries = 300;
  walking.send(entries, done(1));
  for (uint32_t number = 1; number <= entries; number++) walking.writes->send({ack(number)});
  CHECK(walking.walk.turn(walking.failure));
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
    CHECK(!walking.walk.turn(walking.failure));
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

int main() { return check::run_tests(); }
