#include "os/dump_pump.h"

#include <atomic>
#include <thread>

#include "clock.h"
#include "messages.h"
#include "os/semaphore.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static constexpr uint32_t in_a_slab = (slab_size - sizeof(SlabHeader)) / sizeof(EntryRecord);

// A pump, the thread that takes from it, and the kernel.
struct Pumping {
  explicit Pumping(uint32_t batch, uint32_t slabs) {
    clock.skip_waits();
    CHECK(!pump.open());
    kernel = all.accept();
    pump.set_batch(batch);
    supply(slabs);
  }

  void supply(uint32_t slabs) {
    for (uint32_t i = 0; i < slabs; i++) {
      auto memory = std::make_unique<Memory>();
      const uint32_t slot = pump.supply(memory->bytes);
      CHECK(slot < DumpPump::capacity && !supplied[slot]);
      supplied[slot] = std::move(memory);
    }
  }

  // One datagram of so many entries, and what comes behind them.
  void send(uint32_t entries, const Buffer& last = {}) {
    std::vector<Buffer> messages;
    for (uint32_t i = 0; i < entries; i++) messages.push_back(entry(1, next_id++));
    messages.push_back(last);
    kernel->send(messages);
  }
  // What fills so many slabs. Small datagrams stand between the large ones, of which
  // many in a row would start a thread.
  void send_slabs(uint32_t slabs) {
    for (uint32_t i = 0; i < slabs; i++) {
      send(in_a_slab - 1);
      send(1);
    }
  }

  // A whole turn on this thread; what the bell finds is taken.
  bool turn() {
    if (!pump.start_turn()) return false;
    run();
    return true;
  }
  void run() {
    pump.turn([](void* pumping) { static_cast<Pumping*>(pumping)->answer(); }, this);
    more = pump.end_turn();
  }

  void answer() {
    CHECK(pump.ready());
    rings.push_back(take());
  }

  uint32_t take() {
    return pump.take([this](uint32_t slot) {
      CHECK(slot < DumpPump::capacity && supplied[slot]);
      for (const uint32_t id : ids({supplied[slot]->bytes, slab_size})) {
        CHECK_EQUAL(id, taken + 1);
        taken = id;
      }
      supplied[slot].reset();
    });
  }

  struct Memory {
    alignas(8) uint8_t bytes[slab_size];
  };

  StoppedClock clock;  // a turn ends by what it does, whatever the machine is busy with
  Kernel all;
  DumpPump pump{FilterRecord{}, DumpKind::entries};
  std::shared_ptr<KernelSocket> kernel;
  std::unique_ptr<Memory> supplied[DumpPump::capacity];
  uint32_t next_id = 1;
  uint32_t taken = 0;           // the id that was taken last: none is missing or comes twice
  std::vector<uint32_t> rings;  // how many slabs each found
  bool more = false;            // what the last turn ended with
};

using Rings = std::vector<uint32_t>;

TEST(rings_once_a_batch) {
  Pumping pumping(2, 5);
  pumping.send_slabs(5);
  CHECK(pumping.turn());
  CHECK(pumping.rings == (Rings{2, 2}));
  // The last slab is announced by the end of the turn.
  CHECK(pumping.pump.ready());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.take(), 0u);
  CHECK_EQUAL(pumping.taken, 5 * in_a_slab);
}

TEST(a_batch_is_taken_at_once_and_never_more) {
  Pumping pumping(3, 4);
  pumping.send_slabs(4);
  CHECK(pumping.pump.start_turn());
  CHECK(!pumping.pump.ready());
  pumping.pump.turn([](void*) {}, nullptr);
  CHECK(pumping.pump.ready());
  CHECK_EQUAL(pumping.take(), 3u);
  // The turn is not over as far as this thread knows, and there is no batch.
  CHECK(!pumping.pump.ready());
  CHECK(pumping.pump.end_turn());
  CHECK(pumping.pump.ready());
  CHECK_EQUAL(pumping.take(), 1u);
}

TEST(slabs_that_come_during_a_turn_are_filled_by_it) {
  Pumping pumping(1, 1);
  pumping.send_slabs(3);
  const auto supply_another = [](void* context) {
    auto* one = static_cast<Pumping*>(context);
    one->answer();
    if (one->rings.size() < 3) one->supply(1);
  };
  CHECK(pumping.pump.start_turn());
  pumping.pump.turn(supply_another, &pumping);
  CHECK(pumping.pump.end_turn());
  CHECK(pumping.rings == (Rings{1, 1, 1}));
  CHECK_EQUAL(pumping.taken, 3 * in_a_slab);
}

TEST(a_turn_ends_after_30_ms) {
  Pumping pumping(1, 6);
  pumping.send_slabs(5);
  StoppedClock& clock = pumping.clock;
  clock.advance_at_each_reading(10);
  CHECK(pumping.turn());
  // At 10 and at 20 ms there was time.
  CHECK(pumping.rings == (Rings{1}));
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.take(), 0u);
  CHECK(pumping.more);
  // The next one goes on where it stopped.
  CHECK(pumping.turn());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.taken, 4 * in_a_slab);
}

TEST(a_turn_does_not_end_in_the_middle_of_a_batch) {
  Pumping pumping(4, 6);
  pumping.send_slabs(6);
  StoppedClock& clock = pumping.clock;
  clock.advance_at_each_reading(10);
  CHECK(pumping.turn());
  CHECK(pumping.rings.empty());
  CHECK_EQUAL(pumping.taken, 0u);
  CHECK_EQUAL(pumping.take(), 4u);
  CHECK_EQUAL(pumping.take(), 0u);
}

TEST(but_it_ends_after_45_ms) {
  Pumping pumping(4, 6);
  pumping.send_slabs(3);
  StoppedClock& clock = pumping.clock;
  clock.advance_at_each_reading(20);
  CHECK(pumping.turn());
  // At 20 and at 40 ms there was time.
  CHECK_EQUAL(pumping.take(), 2u);
}

TEST(idle_on_a_silent_kernel) {
  Pumping pumping(2, 4);
  pumping.send(5);
  CHECK(pumping.turn());
  CHECK(!pumping.more);
  CHECK(pumping.rings.empty());
  // What has come is given.
  CHECK(pumping.pump.ready());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.taken, 5u);
  CHECK(!pumping.pump.end());
  // Whoever waits asks again: nothing, then more.
  CHECK(pumping.turn());
  CHECK(!pumping.more);
  CHECK_EQUAL(pumping.take(), 0u);
  pumping.send(3, done(1));
  CHECK(pumping.turn());
  CHECK(pumping.more);
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.taken, 8u);
  CHECK(pumping.pump.end() && !*pumping.pump.end());
}

TEST(the_end_is_told_once_all_slabs_are_taken) {
  Pumping pumping(1, 4);
  pumping.send_slabs(1);
  pumping.send(1, done(1));
  CHECK(pumping.pump.start_turn());
  pumping.pump.turn([](void*) {}, nullptr);
  CHECK(!pumping.pump.end());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK(pumping.pump.ready());
  CHECK(!pumping.pump.end());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK(pumping.pump.end() && !*pumping.pump.end());
  pumping.pump.end_turn();
  CHECK(!pumping.pump.start_turn());
  CHECK_EQUAL(pumping.taken, in_a_slab + 1);
}

TEST(an_empty_table) {
  Pumping pumping(2, 4);
  pumping.send(0, done(1));
  CHECK(pumping.pump.start_turn());
  pumping.pump.turn([](void*) { CHECK(false); }, nullptr);
  CHECK(pumping.pump.ready());
  CHECK_EQUAL(pumping.take(), 0u);
  CHECK(pumping.pump.end() && !*pumping.pump.end());
}

TEST(a_failure_is_told_after_what_came_before_it) {
  Pumping pumping(1, 4);
  pumping.send(4);
  pumping.send(0, error(1, ENOBUFS));
  CHECK(pumping.turn());
  CHECK(!pumping.pump.end());
  CHECK_EQUAL(pumping.take(), 1u);
  CHECK_EQUAL(pumping.taken, 4u);
  CHECK(pumping.pump.end());
  CHECK_EQUAL(pumping.pump.end()->error, ENOBUFS);
  CHECK(!pumping.pump.start_turn());
}

TEST(one_turn_at_a_time_and_none_without_an_empty_slab) {
  Pumping pumping(1, 0);
  CHECK(!pumping.pump.start_turn());
  CHECK(pumping.pump.ready());
  pumping.supply(1);
  CHECK(pumping.pump.start_turn());
  CHECK(!pumping.pump.ready());
  CHECK(!pumping.pump.start_turn());
  // As when there was no memory for a job.
  CHECK(pumping.pump.end_turn());
  CHECK(pumping.pump.ready());
  CHECK(pumping.pump.start_turn());
  pumping.send_slabs(1);
  pumping.run();
  CHECK(!pumping.pump.start_turn());
}

TEST(room_for_so_many_slabs) {
  Pumping pumping(1, 0);
  CHECK_EQUAL(pumping.pump.room(), DumpPump::capacity);
  pumping.supply(DumpPump::capacity);
  CHECK_EQUAL(pumping.pump.room(), 0u);
  pumping.send(1, done(1));
  CHECK(pumping.turn());
  CHECK_EQUAL(pumping.pump.room(), 0u);
  pumping.take();
  CHECK_EQUAL(pumping.pump.room(), 1u);
}

TEST(closed_between_turns) {
  Pumping pumping(1, 2);
  CHECK(pumping.pump.is_open() && !pumping.pump.closed());
  CHECK(!pumping.kernel->closed());
  pumping.pump.close();
  CHECK(!pumping.pump.is_open() && pumping.pump.closed());
  CHECK(pumping.kernel->closed());
  CHECK(!pumping.pump.start_turn());
}

TEST(closed_during_a_turn) {
  Pumping pumping(1, 4);
  pumping.send_slabs(2);
  const auto close = [](void* context) {
    auto* one = static_cast<Pumping*>(context);
    one->rings.push_back(1);
    one->pump.close();
  };
  CHECK(pumping.pump.start_turn());
  pumping.pump.turn(close, &pumping);
  CHECK_EQUAL(pumping.rings.size(), 1u);
  CHECK(!pumping.pump.closed());
  CHECK_EQUAL(pumping.kernel->requests().size(), 1u);
  CHECK(!pumping.kernel->closed());
  pumping.pump.end_turn();
  CHECK(pumping.pump.closed());
  CHECK(pumping.kernel->closed());
}

// The bell rings on one thread, and another answers, as JavaScript does: whatever is filled
// is found by a ring, or at the end of a turn.
TEST(no_slab_is_lost_between_two_threads) {
  constexpr uint32_t slabs = 40;
  Pumping pumping(2, 4);
  Semaphore bell;
  CHECK(!bell.open(0));
  uint32_t sent = 0;
  const auto feed = [&] {
    for (; sent < slabs && sent < pumping.taken / in_a_slab + 4; sent++) {
      pumping.send_slabs(1);
      if (sent + 1 == slabs) pumping.send(0, done(1));
    }
  };
  while (!pumping.pump.end()) {
    feed();
    if (!pumping.pump.start_turn()) break;
    std::atomic<bool> over{false};
    std::thread pool([&] {
      pumping.pump.turn([](void* at) { static_cast<Semaphore*>(at)->post(); }, &bell);
      over = true;
      bell.post();
    });
    while (!over) {
      bell.wait();
      if (pumping.pump.ready()) pumping.supply(pumping.take());
      feed();
    }
    pool.join();
    pumping.pump.end_turn();
    while (const uint32_t count = pumping.take()) pumping.supply(count);
  }
  CHECK_EQUAL(pumping.taken, slabs * in_a_slab);
}

int main() { return check::run_tests(); }
