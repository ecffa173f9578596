#include "os/receive_ahead.h"

#include "clock.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Datagram = NetlinkSocket::Datagram;

struct Ahead {
  Ahead() {
    CHECK(!socket.open());
    peer = kernel.accept();
  }
  ~Ahead() { ahead.stop(); }

  void start() {
    ahead.start(socket);
    CHECK(ahead.started());
  }
  void send(uint32_t first, uint32_t last) {
    for (uint32_t number = first; number <= last; number++) peer->send({ack(number)});
  }
  // The number of the next message; 0 when none comes in that time.
  uint32_t next(int milliseconds = 10'000) {
    failure = ahead.next(milliseconds, datagram);
    if (datagram.kind != Datagram::from_kernel) return 0;
    MessageReader reader(datagram.bytes);
    Message message;
    CHECK(reader.next(message));
    return message.sequence;
  }
  // So many that the thread does not take the next one.
  static constexpr uint32_t slots = 16;

  Kernel kernel;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> peer;
  ReceiveAhead ahead;
  Datagram datagram;
  Failure failure;
};

TEST(gives_all_in_order) {
  Ahead ahead;
  ahead.send(1, 3);
  ahead.start();
  for (uint32_t number = 1; number <= 200; number++) {
    ahead.send(number + 3, number + 3);
    CHECK_EQUAL(ahead.next(), number);
  }
}

TEST(takes_so_many_and_waits_for_room) {
  Ahead ahead;
  ahead.send(1, 40);
  ahead.start();
  CHECK(Kernel::await([&] { return ahead.peer->queued() == 40 - Ahead::slots; }));
  CHECK_EQUAL(ahead.next(), 1u);
  // One is still being read, and the next ones go to what is free.
  for (uint32_t number = 2; number <= 40; number++) CHECK_EQUAL(ahead.next(), number);
  CHECK_EQUAL(ahead.peer->queued(), 0u);
}

// The bytes of a datagram are good until the next call, whatever comes meanwhile.
TEST(what_is_being_read_is_not_written_over) {
  Ahead ahead;
  ahead.send(1, 3 * Ahead::slots);
  ahead.start();
  for (uint32_t number = 1; number <= 2000; number++) {
    CHECK_EQUAL(ahead.next(), number);
    ahead.send(number + 3 * Ahead::slots, number + 3 * Ahead::slots);
    std::this_thread::yield();
    MessageReader reader(ahead.datagram.bytes);
    Message message;
    CHECK(reader.next(message));
    CHECK_EQUAL(message.sequence, number);
  }
}

TEST(nothing_comes_in_that_time) {
  Ahead ahead;
  ahead.start();
  ahead.kernel.await_idle(*ahead.peer);
  StoppedClock clock;
  clock.skip_waits();
  CHECK_EQUAL(ahead.next(50), 0u);
  CHECK(!ahead.failure);
  CHECK_EQUAL(ahead.datagram.kind, Datagram::nothing);
  ahead.send(1, 1);
  CHECK(Kernel::await([&] { return ahead.next(1) == 1; }));
}

// Whoever gave up waiting takes back that it waits, or what was posted for it meanwhile: the
// next wait is a whole one.
TEST(what_comes_when_the_wait_is_over_is_neither_lost_nor_told_twice) {
  Ahead ahead;
  ahead.start();
  ahead.kernel.await_idle(*ahead.peer);
  StoppedClock clock;
  clock.skip_waits();
  for (uint32_t number = 1; number <= 20; number++) {
    ahead.kernel.before("end of a wait", [&, number] {
      ahead.kernel.await_turn(*ahead.peer, [&, number] { ahead.send(number, number); });
    });
    CHECK_EQUAL(ahead.next(50), number);
    const int64_t start = clock.now();
    CHECK_EQUAL(ahead.next(50), 0u);
    CHECK_EQUAL(clock.now() - start, 50);
  }
}

TEST(a_poll_that_fails_is_no_silence) {
  Ahead ahead;
  ahead.start();
  ahead.kernel.await_idle(*ahead.peer);
  ahead.kernel.fail_next("poll", ENOMEM);
  CHECK_EQUAL(ahead.next(50), 0u);
  CHECK_EQUAL(ahead.failure.error, ENOMEM);
  CHECK_EQUAL(std::string(ahead.failure.syscall), "poll");
  ahead.send(1, 1);
  CHECK_EQUAL(ahead.next(), 1u);
}

TEST(a_signal_neither_ends_a_wait_nor_extends_it) {
  Ahead ahead;
  ahead.start();
  ahead.kernel.await_idle(*ahead.peer);
  StoppedClock clock;
  clock.skip_waits();
  ahead.kernel.fail_next("poll", EINTR, 3);
  const int64_t start = clock.now();
  CHECK_EQUAL(ahead.next(50), 0u);
  CHECK(!ahead.failure);
  CHECK_EQUAL(clock.now() - start, 50);
  clock.advance_at_each_reading(10);
  ahead.kernel.fail_next("poll", EINTR, 1000);
  CHECK_EQUAL(ahead.next(50), 0u);
  CHECK(!ahead.failure);
}

TEST(a_failure_is_told_behind_what_came_before_it) {
  Ahead ahead;
  ahead.send(1, 3);
  ahead.peer->break_off(ECONNRESET);
  ahead.start();
  for (uint32_t number = 1; number <= 3; number++) CHECK_EQUAL(ahead.next(), number);
  ahead.next();
  CHECK_EQUAL(ahead.failure.error, ECONNRESET);
}

TEST(what_others_send_is_told_apart) {
  Ahead ahead;
  ahead.peer->forge(77, {ack(1)});
  ahead.send(2, 2);
  ahead.start();
  CHECK_EQUAL(ahead.next(), 0u);
  CHECK_EQUAL(ahead.datagram.kind, Datagram::foreign);
  CHECK_EQUAL(ahead.next(), 2u);
}

TEST(stops_at_any_moment) {
  for (const uint32_t sent : {0u, 3u, Ahead::slots, 40u}) {
    for (const uint32_t taken : {0u, 1u, 3u}) {
      Ahead ahead;
      if (sent > 0) ahead.send(1, sent);
      ahead.start();
      for (uint32_t number = 1; number <= taken && number <= sent; number++) {
        CHECK_EQUAL(ahead.next(), number);
      }
      if (sent == 0) ahead.kernel.await_idle(*ahead.peer);
      ahead.ahead.stop();
      CHECK(!ahead.ahead.started());
      ahead.ahead.stop();
    }
  }
}

TEST(does_not_start_without_memory_descriptors_or_a_thread) {
  const std::vector<std::string> calls = {"malloc", "eventfd", "eventfd", "pthread_create"};
  for (size_t number = 0; number < calls.size(); number++) {
    Ahead ahead;
    ahead.kernel.record_calls();
    ahead.kernel.fail_call(number, EAGAIN);
    ahead.ahead.start(ahead.socket);
    CHECK(!ahead.ahead.started());
    CHECK_EQUAL(ahead.kernel.calls().back(), calls[number]);
    // It can be tried again.
    ahead.start();
    ahead.send(1, 1);
    CHECK_EQUAL(ahead.next(), 1u);
  }
}

int main() { return check::run_tests(); }
