#include "os/netlink_socket.h"

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Datagram = NetlinkSocket::Datagram;

struct Talking {
  Talking() {
    CHECK(!socket.open());
    peer = kernel.accept();
  }

  // What comes without waiting.
  Failure receive() { return socket.receive(buffer.get(), 0, datagram); }
  Datagram::Kind kind() {
    CHECK(!receive());
    return datagram.kind;
  }

  Kernel kernel;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> peer;
  std::unique_ptr<uint8_t[]> buffer = std::make_unique<uint8_t[]>(receive_buffer_size);
  Datagram datagram;
};

static RequestWriter request() { return RequestWriter(MESSAGE_GET, NLM_F_ACK, FAMILY_IPV4); }

TEST(every_call_of_open_can_fail) {
  const auto open = [] { return NetlinkSocket().open(); };
  fail_each_call(open, {"connect", "setsockopt"});
}

TEST(a_datagram_of_the_kernel) {
  Talking talking;
  CHECK_EQUAL(talking.kind(), Datagram::nothing);
  CHECK(!talking.datagram.bytes.data);
  talking.peer->send({ack(1)});
  CHECK_EQUAL(talking.kind(), Datagram::from_kernel);
  CHECK_EQUAL(talking.datagram.bytes.size, ack(1).size());
  CHECK_EQUAL(talking.kind(), Datagram::nothing);
  // Nothing is a datagram, too.
  talking.peer->send({});
  CHECK_EQUAL(talking.kind(), Datagram::from_kernel);
  CHECK_EQUAL(talking.datagram.bytes.size, 0u);
}

TEST(datagrams_of_others_have_no_bytes) {
  Talking talking;
  for (const uint32_t port_id : {1u, talking.peer->port_id(), 0xffffffffu}) {
    talking.peer->forge(port_id, {ack(1)});
  }
  talking.peer->send_from_nowhere({ack(1)});
  talking.peer->forge(1, {Buffer(receive_buffer_size + 1)});  // it does not fit, either
  for (int i = 0; i < 5; i++) {
    CHECK_EQUAL(talking.kind(), Datagram::foreign);
    CHECK_EQUAL(talking.datagram.bytes.size, 0u);
  }
  CHECK_EQUAL(talking.kind(), Datagram::nothing);
}

TEST(a_datagram_that_just_fits_and_one_that_does_not) {
  Talking talking;
  talking.peer->send({Buffer(receive_buffer_size)});
  CHECK_EQUAL(talking.kind(), Datagram::from_kernel);
  CHECK_EQUAL(talking.datagram.bytes.size, receive_buffer_size);
  talking.peer->send({Buffer(receive_buffer_size + 1)});
  const Failure failure = talking.receive();
  CHECK_EQUAL(failure.error, EMSGSIZE);
  CHECK_EQUAL(std::string(failure.syscall), "recvmsg");
}

TEST(an_inbox_takes_as_many_as_are_asked_for_in_one_call) {
  Talking talking;
  auto inbox = std::make_unique<Inbox>();
  constexpr uint32_t count = 3 * Inbox::capacity;
  for (uint32_t i = 0; i < count; i++) talking.peer->send({Buffer(i)});
  uint32_t size = 0;
  for (const uint32_t most : {1u, 5u, 100u}) {
    size_t calls = 0;
    std::function<void()> counted = [&] {
      calls++;
      talking.kernel.before("recvmmsg", counted);
    };
    talking.kernel.before("recvmmsg", counted);
    const uint32_t end = size + (most < Inbox::capacity ? most : Inbox::capacity);
    for (; size < end; size++) {
      CHECK(!talking.socket.receive(*inbox, most, 0, talking.datagram));
      CHECK_EQUAL(talking.datagram.kind, Datagram::from_kernel);
      CHECK_EQUAL(talking.datagram.bytes.size, size);
    }
    CHECK_EQUAL(calls, 1u);
  }
}

TEST(an_inbox_tells_each_datagram_from_the_others) {
  Talking talking;
  auto inbox = std::make_unique<Inbox>();
  const auto receive = [&] { return talking.socket.receive(*inbox, 16, 0, talking.datagram); };
  talking.peer->send({ack(1)});
  talking.peer->forge(7, {ack(2)});
  talking.peer->send({Buffer(sizeof Inbox::Slot::bytes)});
  talking.peer->send({Buffer(sizeof Inbox::Slot::bytes + 1)});
  talking.peer->send({ack(3)});
  CHECK(!receive());
  CHECK_EQUAL(talking.datagram.bytes.size, ack(1).size());
  CHECK(!receive());
  CHECK_EQUAL(talking.datagram.kind, Datagram::foreign);
  CHECK_EQUAL(talking.datagram.bytes.size, 0u);
  CHECK(!receive());
  CHECK_EQUAL(talking.datagram.bytes.size, sizeof Inbox::Slot::bytes);
  const Failure failure = receive();
  CHECK_EQUAL(failure.error, EMSGSIZE);
  CHECK_EQUAL(std::string(failure.syscall), "recvmmsg");
  CHECK(!receive());
  CHECK_EQUAL(talking.datagram.bytes.size, ack(3).size());
  for (const int error : {ENOBUFS, ECONNRESET, ENOMEM, EBADF}) {
    talking.kernel.fail_next("recvmmsg", error);
    CHECK_EQUAL(receive().error, error);
  }
  talking.kernel.fail_next("recvmmsg", EINTR, 3);
  CHECK(!receive());
  CHECK_EQUAL(talking.datagram.kind, Datagram::nothing);
}

TEST(every_error_of_receiving) {
  Talking talking;
  for (const int error : {ENOBUFS, ECONNRESET, ENOMEM, EBADF}) {
    talking.kernel.fail_next("recvmsg", error);
    CHECK_EQUAL(talking.receive().error, error);
    talking.kernel.fail_next("poll", error);
    const Failure failure = talking.socket.receive(talking.buffer.get(), 1, talking.datagram);
    CHECK_EQUAL(failure.error, error);
    CHECK_EQUAL(std::string(failure.syscall), "poll");
    talking.kernel.fail_next("sendto", error);
    RequestWriter out = request();
    CHECK_EQUAL(talking.socket.send(out).error, error);
  }
  // An answer that found no room.
  talking.peer->overrun(1);
  CHECK_EQUAL(talking.receive().error, ENOBUFS);
}

TEST(a_signal_interrupts_nothing) {
  Talking talking;
  RequestWriter out = request();
  talking.kernel.fail_next("sendto", EINTR, 3);
  CHECK(!talking.socket.send(out));
  CHECK_EQUAL(talking.peer->expect().size(), 1u);
  talking.kernel.fail_next("recvmsg", EINTR, 3);
  talking.kernel.fail_next("poll", EINTR, 3);
  CHECK_EQUAL(talking.kind(), Datagram::nothing);
  talking.kernel.fail_next("recvmsg", EINTR, 3);
  talking.peer->send({ack(1)});
  CHECK_EQUAL(talking.kind(), Datagram::from_kernel);
}

TEST(signals_without_end_do_not_extend_a_wait) {
  Talking talking;
  StoppedClock clock;
  clock.advance_at_each_reading(10);
  talking.kernel.fail_next("poll", EINTR, 1000);
  CHECK(!talking.socket.receive(talking.buffer.get(), 50, talking.datagram));
  CHECK_EQUAL(talking.datagram.kind, Datagram::nothing);
}

TEST(waits_so_long_and_no_longer) {
  Talking talking;
  StoppedClock clock;
  clock.skip_waits();
  const int64_t start = clock.now();
  CHECK(!talking.socket.receive(talking.buffer.get(), 70, talking.datagram));
  CHECK_EQUAL(talking.datagram.kind, Datagram::nothing);
  CHECK_EQUAL(clock.now() - start, 70);
}

TEST(what_comes_while_it_waits) {
  Talking talking;
  talking.kernel.before("poll", [&] { talking.peer->send({ack(1)}); });
  CHECK(!talking.socket.receive(talking.buffer.get(), 10'000, talking.datagram));
  CHECK_EQUAL(talking.datagram.kind, Datagram::from_kernel);
}

TEST(a_request_goes_to_the_kernel_under_a_number_of_its_own) {
  Talking talking;
  for (uint32_t number = 1; number <= 3; number++) {
    RequestWriter out = request();
    CHECK(!talking.socket.send(out));
    const auto sent = talking.peer->expect();
    CHECK_EQUAL(sent.size(), 1u);
    CHECK_EQUAL(sent[0].sequence, number);
    CHECK_EQUAL(sent[0].type, MESSAGE_GET);
    CHECK_EQUAL(sent[0].flags, NLM_F_REQUEST | NLM_F_ACK);
  }
  RequestBatch batch;
  for (int i = 0; i < 3; i++) CHECK(batch.add(request(), RequestBatch::ack));
  CHECK(!talking.socket.send(batch));
  const auto sent = talking.peer->expect();
  CHECK_EQUAL(sent.size(), 3u);
  CHECK_EQUAL(sent[0].sequence, 4u);
  CHECK_EQUAL(sent[2].sequence, 6u);
  RequestWriter after = request();
  CHECK(!talking.socket.send(after));
  CHECK_EQUAL(talking.peer->expect()[0].sequence, 7u);
}

TEST(which_messages_are_answers) {
  Talking talking;
  RequestBatch batch;
  for (int i = 0; i < 3; i++) CHECK(batch.add(request(), RequestBatch::ack));
  CHECK(!talking.socket.send(batch));
  const uint32_t own = talking.peer->port_id();
  const auto answers = [&](uint32_t sequence, uint32_t port_id) {
    Message message;
    message.sequence = sequence;
    message.port_id = port_id;
    return talking.socket.answers(message);
  };
  for (const uint32_t sequence : {1u, 2u, 3u}) CHECK(answers(sequence, own));
  for (const uint32_t sequence : {0u, 4u, 0xffffffffu}) CHECK(!answers(sequence, own));
  for (const uint32_t port_id : {0u, own + 1, own - 1}) CHECK(!answers(2, port_id));
  // The answer to a request of before is none.
  RequestWriter next = request();
  CHECK(!talking.socket.send(next));
  CHECK(!answers(3, own));
  CHECK(answers(4, own));
}

int main() { return check::run_tests(); }
