#include "os/event_socket.h"

#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Datagram = EventBatch::Datagram;

struct Hearing {
  explicit Hearing(EventSocket::Options options = {}) {
    options.groups |= 1;
    if (options.receive_buffer == 0) options.receive_buffer = 1 << 16;
    CHECK(batch.allocate());
    CHECK(!socket.open(options));
    peer = kernel.accept();
  }

  EventSocket::Step receive(size_t most = EventBatch::capacity) {
    return socket.receive(batch, most, failure);
  }

  Kernel kernel;
  EventSocket socket;
  EventBatch batch;
  std::shared_ptr<KernelSocket> peer;
  Failure failure;
};

TEST(every_call_of_open_can_fail) {
  FilterProgram program;
  program.instructions[0] = {0x06, 0, 0, 1};  // let everything pass
  program.count = 1;
  EventSocket::Options options;
  options.groups = 5;
  options.all_namespaces = true;
  options.reliable = true;
  options.program = &program;
  options.receive_buffer = 1 << 20;
  // A buffer that may not be forced can still be asked for.
  fail_each_call([&] { return EventSocket().open(options); }, {"connect", "setsockopt 1"});
}

TEST(subscribes_to_what_it_is_asked_for) {
  EventSocket::Options options;
  options.groups = 1u << 2 | 1u << 31;
  Hearing plain(options);
  CHECK_EQUAL(plain.peer->groups(), options.groups | 1);
  CHECK(!plain.peer->reliable());
  CHECK(!plain.peer->hears_all_namespaces());
  CHECK(!plain.peer->filtered());
}

TEST(sets_what_it_is_asked_for) {
  FilterProgram program;
  program.instructions[0] = {0x06, 0, 0, 0};  // let nothing pass
  program.count = 1;
  EventSocket::Options options;
  options.all_namespaces = true;
  options.reliable = true;
  options.program = &program;
  options.receive_buffer = 1 << 22;
  Hearing hearing(options);
  CHECK(hearing.peer->reliable());
  CHECK(hearing.peer->hears_all_namespaces());
  CHECK(hearing.peer->filtered());
  CHECK_EQUAL(hearing.peer->receive_buffer(), options.receive_buffer);
  CHECK_EQUAL(hearing.socket.receive_buffer(), options.receive_buffer);
  CHECK(hearing.peer->multicast(1, {entry(0, 1)}) == KernelSocket::Heard::no);
  CHECK(hearing.socket.set_reliable(false));
  CHECK(!hearing.peer->reliable());
}

TEST(an_ordinary_user_gets_what_rmem_max_allows) {
  Kernel kernel;
  EventSocket::Options options;
  options.groups = 1;
  options.receive_buffer = 1 << 22;
  kernel.fail_call(3, EPERM);  // SO_RCVBUFFORCE
  EventSocket socket;
  CHECK(!socket.open(options));
  CHECK_EQUAL(socket.receive_buffer(), 2 * 212992u);
}

TEST(a_batch_and_no_more_than_was_asked_for) {
  Hearing hearing;
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 0u);
  for (uint32_t id = 1; id <= 5; id++) hearing.peer->send({entry(0, id)});
  CHECK(hearing.receive(2) == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 2u);
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 3u);
  CHECK_EQUAL(hearing.batch[2].kind, Datagram::from_kernel);
  CHECK_EQUAL(hearing.batch[2].bytes.size, entry(0, 5).size());
  CHECK_EQUAL(hearing.batch[2].netns, -1);
}

TEST(foreign_and_truncated_ones_are_told_apart) {
  Hearing hearing;
  hearing.peer->forge(1, {entry(0, 1)});
  hearing.peer->forge(0xffffffff, {Buffer(event_size + 1)});
  hearing.peer->send_from_nowhere({entry(0, 1)});
  hearing.peer->send({Buffer(event_size + 1)});
  hearing.peer->send({Buffer(event_size)});
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 5u);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(hearing.batch[i].kind, Datagram::foreign);
  CHECK_EQUAL(hearing.batch[3].kind, Datagram::truncated);
  CHECK_EQUAL(hearing.batch[4].kind, Datagram::from_kernel);
}

TEST(the_namespace_of_each) {
  EventSocket::Options options;
  options.all_namespaces = true;
  Hearing hearing(options);
  for (const int32_t netns : {-1, 0, 1, 7, 0x7fffffff}) {
    CHECK(hearing.peer->multicast(1, {entry(0, 1)}, netns) == KernelSocket::Heard::yes);
  }
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 5u);
  size_t at = 0;
  for (const int32_t netns : {-1, 0, 1, 7, 0x7fffffff}) {
    CHECK_EQUAL(hearing.batch[at].kind, Datagram::from_kernel);
    CHECK_EQUAL(hearing.batch[at++].netns, netns);
  }
  // The slots are used again.
  CHECK(hearing.peer->multicast(1, {entry(0, 1)}) == KernelSocket::Heard::yes);
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch[0].netns, -1);
}

TEST(an_overrun_is_told_before_what_is_queued) {
  Hearing hearing;
  hearing.peer->send({entry(0, 1)});
  hearing.peer->overrun(3);
  CHECK(hearing.socket.has_overrun());
  CHECK(hearing.socket.is_readable());
  CHECK_EQUAL(hearing.socket.memory().drops, 3u);
  CHECK(hearing.socket.memory().queued > 0);
  CHECK(hearing.receive() == EventSocket::Step::overrun);
  CHECK_EQUAL(hearing.batch.count(), 0u);
  CHECK(!hearing.socket.has_overrun());
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 1u);
  CHECK(!hearing.socket.is_readable());
  CHECK_EQUAL(hearing.socket.memory().queued, 0u);
}

TEST(every_error_of_receiving_and_signals) {
  Hearing hearing;
  for (const int error : {ENOMEM, ECONNRESET, EBADF}) {
    hearing.kernel.fail_next("recvmmsg", error);
    CHECK(hearing.receive() == EventSocket::Step::failed);
    CHECK_EQUAL(hearing.failure.error, error);
    CHECK_EQUAL(std::string(hearing.failure.syscall), "recvmmsg");
  }
  hearing.peer->send({entry(0, 1)});
  hearing.kernel.fail_next("recvmmsg", EINTR, 3);
  CHECK(hearing.receive() == EventSocket::Step::received);
  CHECK_EQUAL(hearing.batch.count(), 1u);
}

TEST(no_memory_for_a_batch) {
  Kernel kernel;
  kernel.fail_next("malloc", ENOMEM);
  EventBatch batch;
  CHECK(!batch.allocate());
}

int main() { return check::run_tests(); }
