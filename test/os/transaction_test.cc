#include "os/transaction.h"

#include "clock.h"
#include "messages.h"
#include "wire/encode.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

struct Transacting {
  Transacting() {
    CHECK(!socket.open());
    peer = kernel.accept();
  }

  // One request, whose answers are entries.
  Failure get(Answers kind = Answers::many) {
    RequestWriter request = encode_get(entry_record(5));
    const auto take = [](size_t, const Message& message, void* transacting) {
      EntryRecord record = {};
      Extension extension;
      if (!decode_entry(message, record, extension)) return EBADMSG;
      static_cast<Transacting*>(transacting)->taken.push_back(record.id);
      return 0;
    };
    return to_the_end([&, exchange = Exchange()](Failure& failure) mutable {
      turns++;
      return transact(exchange, socket, request, buffer.get(), MESSAGE_NEW, kind, {take, this},
                      failure);
    });
  }
  // The same in a batch, and requests that are answered by an ack, or by silence.
  Failure batch_of(const std::vector<uint16_t>& kinds) {
    RequestBatch batch;
    for (const uint16_t kind : kinds) CHECK(batch.add(encode_get(entry_record(5)), kind));
    const auto take = [](size_t index, const Message& message, void* transacting) {
      EntryRecord record = {};
      Extension extension;
      if (!decode_entry(message, record, extension)) return EBADMSG;
      static_cast<Transacting*>(transacting)->taken.push_back(static_cast<uint32_t>(index));
      return 0;
    };
    return to_the_end([&, exchange = Exchange()](Failure& failure) mutable {
      turns++;
      return transact(exchange, socket, batch, *inbox, {take, this}, *answers, failure);
    });
  }
  Failure commands(size_t count) {
    return batch_of(std::vector<uint16_t>(count, RequestBatch::ack));
  }
  Failure command() {
    const Failure failure = commands(1);
    return answers->states[0] == BatchAnswers::failed ? answers->failures[0] : failure;
  }

  // In a word for each request.
  std::string states(size_t count) const {
    std::string all;
    for (size_t i = 0; i < count; i++) {
      const Failure& failure = answers->failures[i];
      if (i > 0) all += ' ';
      all += answers->states[i] == BatchAnswers::none   ? "none"
             : answers->states[i] == BatchAnswers::done ? "done"
                                                        : std::to_string(failure.error);
    }
    return all;
  }

  Kernel kernel;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> peer;
  std::unique_ptr<uint8_t[]> buffer = std::make_unique<uint8_t[]>(receive_buffer_size);
  std::unique_ptr<Inbox> inbox = std::make_unique<Inbox>();
  std::unique_ptr<BatchAnswers> answers = std::make_unique<BatchAnswers>();
  std::vector<uint32_t> taken;
  size_t turns = 0;  // of the last one
};

using Ids = std::vector<uint32_t>;

TEST(an_answer_in_parts) {
  Transacting t;
  t.peer->send({entry(1, 5)});
  t.peer->send({entry(1, 6), entry(1, 7)});
  t.peer->send({});
  t.peer->send({done(1)});
  CHECK(!t.get());
  CHECK(t.taken == (Ids{5, 6, 7}));
}

// Each part comes 950 ms after the one before.
TEST(each_part_is_waited_for_anew) {
  Transacting t;
  StoppedClock clock;
  clock.skip_waits();
  uint32_t waits = 0;
  std::function<void()> wait = [&] {
    waits++;
    t.kernel.before("end of a wait", wait);
    if (waits % 19 == 0) t.peer->send({waits == 4 * 19 ? done(1) : entry(1, waits / 19)});
  };
  t.kernel.before("end of a wait", wait);
  CHECK(!t.get());
  CHECK(t.taken == (Ids{1, 2, 3}));
  CHECK_EQUAL(waits, 4u * 19);
}

// As in a process that was stopped, or that had no processor.
TEST(an_answer_that_is_there_is_taken_however_late_it_is) {
  Transacting t;
  StoppedClock clock;
  clock.skip_waits();
  std::function<void()> wait = [&] {
    clock.advance(60'000);
    t.peer->send({ack(1)});
  };
  t.kernel.before("end of a wait", wait);
  CHECK(!t.command());
  t.kernel.before("recvmmsg", [&] { clock.advance(60'000); });
  t.peer->send({ack(2)});
  CHECK(!t.command());
}

TEST(what_is_no_answer_is_silence) {
  for (const bool forged : {true, false}) {
    Transacting t;
    StoppedClock clock;
    clock.advance_at_each_reading(10);
    std::function<void()> wait = [&] {
      t.peer->forge(forged ? 77 : 0, {ack(99)});
      t.kernel.before("poll", wait);
    };
    t.kernel.before("poll", wait);
    const Failure failure = t.command();
    CHECK_EQUAL(failure.error, ETIMEDOUT);
    CHECK(failure.unanswered);
    CHECK_EQUAL(t.turns, 20u);
  }
}

TEST(what_an_exchange_without_an_answer_has_left_is_drained) {
  for (const int left : {ETIMEDOUT, ENOBUFS}) {
    Transacting t;
    StoppedClock clock;
    clock.skip_waits();
    if (left == ENOBUFS) t.peer->overrun(1);
    CHECK_EQUAL(t.command().error, left);
    t.peer->send({ack(1)});
    t.peer->overrun(1);
    t.kernel.before("sendto", [&] {
      CHECK_EQUAL(t.peer->queued(), 0u);
      t.peer->send({ack(2)});
    });
    CHECK(!t.command());
  }
}

// Other processes can send to it.
TEST(a_socket_that_is_not_connected_is_drained_before_each_request) {
  Transacting t;
  t.kernel.fail_next("connect", EPERM);
  NetlinkSocket socket;
  CHECK(!socket.open());
  const auto peer = t.kernel.accept();
  for (uint32_t number = 1; number <= 3; number++) {
    for (int i = 0; i < 5; i++) peer->forge(77, {ack(number)});
    t.kernel.before("sendto", [&] {
      CHECK_EQUAL(peer->queued(), 0u);
      peer->send({ack(number)});
    });
    RequestBatch batch;
    CHECK(batch.add(encode_flush(0), RequestBatch::ack));
    Exchange exchange;
    Failure failure;
    CHECK(transact(exchange, socket, batch, *t.inbox, {}, *t.answers, failure));
    CHECK(!failure);
  }
}

TEST(a_wait_ends_after_50_ms) {
  Transacting t;
  StoppedClock clock;
  clock.skip_waits();
  const int64_t start = clock.now();
  RequestBatch batch;
  CHECK(batch.add(encode_flush(0), RequestBatch::ack));
  Exchange exchange;
  Failure failure;
  CHECK(!transact(exchange, t.socket, batch, *t.inbox, {}, *t.answers, failure));
  CHECK_EQUAL(clock.now() - start, 50);
  CHECK(exchange.sent);
  t.peer->send({ack(1)});
  CHECK(transact(exchange, t.socket, batch, *t.inbox, {}, *t.answers, failure));
  CHECK(!failure);
  CHECK_EQUAL(t.peer->requests().size(), 1u);
  CHECK(t.peer->requests().empty());
}

// What has found room is taken.
TEST(answers_that_are_lost_are_those_that_are_missing) {
  Transacting t;
  t.peer->send({ack(1), error(2, EPERM)});
  t.peer->overrun(1);
  const Failure failure = t.commands(3);
  CHECK_EQUAL(failure.error, ENOBUFS);
  CHECK(failure.unanswered);
  CHECK_EQUAL(t.answers->states[0], BatchAnswers::done);
  CHECK_EQUAL(t.answers->states[1], BatchAnswers::failed);
  CHECK(!t.answers->failures[1].unanswered);
  CHECK_EQUAL(t.answers->states[2], BatchAnswers::none);
}

TEST(a_silent_kernel_is_given_a_second) {
  Transacting t;
  StoppedClock clock;
  clock.skip_waits();
  const int64_t start = clock.now();
  const Failure failure = t.command();
  CHECK_EQUAL(failure.error, ETIMEDOUT);
  CHECK_EQUAL(std::string(failure.syscall), "recvmsg");
  CHECK_EQUAL(clock.now() - start, 1000);
}

TEST(a_dump_ends_with_done_and_a_question_with_its_answer) {
  for (const Answers kind : {Answers::one, Answers::many}) {
    const bool one = kind == Answers::one;
    Transacting t;
    t.kernel.before("sendto", [&] { t.peer->send({done(1)}); });
    CHECK_EQUAL(t.get(kind).error, one ? EBADMSG : 0);
    t.kernel.before("sendto", [&] { t.peer->send({ack(2)}); });
    CHECK_EQUAL(t.get(kind).error, EBADMSG);
    t.kernel.before("sendto", [&] { t.peer->send({entry(3, 5), one ? entry(3, 6) : done(3)}); });
    CHECK(!t.get(kind));
    CHECK(t.taken == Ids{5});
  }
  Transacting t;
  t.peer->send({answer(1, MESSAGE_GET_STATS, nfgenmsg), ack(1)});
  CHECK_EQUAL(t.get().error, EBADMSG);
}

TEST(a_refusal_has_the_kernels_words) {
  Transacting t;
  const Buffer text_of_kernel = attribute(NLMSGERR_ATTR_MSG, join({text("no such thing"), {0}}));
  Buffer refused =
      answer(1, NLMSG_ERROR, join({host(int32_t{-EBUSY}), Buffer(16, 0), text_of_kernel}));
  const uint16_t flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
  memcpy(refused.data() + 6, &flags, sizeof flags);
  t.peer->send({refused});
  const Failure failure = t.command();
  CHECK_EQUAL(failure.error, EBUSY);
  CHECK(!failure.syscall);
  CHECK_EQUAL(std::string(failure.text), "no such thing");
}

TEST(answers_that_cannot_be_understood) {
  const Buffer no_number = answer(1, NLMSG_ERROR, {1});
  Buffer too_long = ack(1);
  too_long[0] = 200;
  for (const Buffer& wrong : {no_number, too_long, Buffer(7)}) {
    {
      Transacting t;
      t.peer->send({wrong});
      CHECK_EQUAL(t.command().error, EBADMSG);
    }
    Transacting t;
    t.peer->send({wrong});
    const Failure failure = t.commands(1);
    CHECK_EQUAL(failure ? failure.error : t.answers->failures[0].error, EBADMSG);
    CHECK(failure ? failure.unanswered : t.answers->failures[0].unanswered);
  }
  Transacting t;
  t.peer->send({answer(1, MESSAGE_NEW, nfgenmsg), ack(1)});
  CHECK_EQUAL(t.get().error, EBADMSG);
}

TEST(what_is_behind_the_end_is_not_looked_at) {
  Transacting t;
  t.peer->send({ack(1), error(1, EPERM)});
  CHECK(!t.command());
}

TEST(an_answer_of_before_is_none) {
  Transacting t;
  t.peer->send({ack(1)});
  CHECK(!t.command());
  t.peer->send({error(1, EPERM), error(3, EPERM), ack(2)});
  CHECK(!t.command());
}

TEST(a_request_that_is_spoiled_or_not_sent_waits_for_nothing) {
  Transacting t;
  RequestWriter spoiled = encode_delete(EntryRecord{});
  Exchange exchange;
  Failure failure;
  CHECK(transact(exchange, t.socket, spoiled, t.buffer.get(), MESSAGE_NEW, Answers::one, {},
                 failure));
  CHECK_EQUAL(failure.error, EMSGSIZE);
  for (const int error : {ENOBUFS, EPERM, ECONNREFUSED}) {
    t.kernel.fail_next("sendto", error);
    failure = t.command();
    CHECK_EQUAL(failure.error, error);
    CHECK(!failure.unanswered);
    CHECK_EQUAL(std::string(failure.syscall), "sendto");
    t.kernel.fail_next("sendto", error);
    CHECK_EQUAL(t.commands(2).error, error);
    CHECK_EQUAL(t.answers->states[0], BatchAnswers::none);
  }
  CHECK(t.peer->requests().empty());
}

TEST(a_socket_that_fails) {
  for (const int error : {ENOBUFS, ECONNRESET}) {
    Transacting t;
    t.peer->send({entry(1, 5)});
    t.peer->break_off(error);
    CHECK_EQUAL(t.get().error, error);
  }
}

TEST(no_requests_need_no_answer) {
  Transacting t;
  CHECK(!t.commands(0));
  CHECK(t.peer->requests().empty());
}

TEST(a_batch_is_done_when_each_has_its_end) {
  Transacting t;
  t.peer->send({error(3, EPERM)});
  t.peer->send({ack(1), ack(1), error(1, EPERM)});  // the first counts
  t.peer->send({ack(2)});
  CHECK(!t.commands(3));
  CHECK_EQUAL(t.answers->states[0], BatchAnswers::done);
  CHECK_EQUAL(t.answers->states[1], BatchAnswers::done);
  CHECK_EQUAL(t.answers->states[2], BatchAnswers::failed);
  CHECK_EQUAL(t.answers->failures[2].error, EPERM);
  // The next one knows nothing of it.
  StoppedClock clock;
  clock.skip_waits();
  CHECK_EQUAL(t.commands(3).error, ETIMEDOUT);
  for (int i = 0; i < 3; i++) CHECK_EQUAL(t.answers->states[i], BatchAnswers::none);
}

constexpr uint16_t silence = RequestBatch::silence;
constexpr uint16_t question = MESSAGE_NEW;

TEST(what_is_answered_by_silence_is_done_when_a_later_one_is_answered) {
  Transacting t;
  t.peer->send({entry(2, 5), error(3, EEXIST), error(4, ENOENT)});
  CHECK(!t.batch_of({silence, question, silence, question}));
  CHECK_EQUAL(t.states(4), "done done 17 2");
  CHECK(t.taken == Ids{1});
}

TEST(silence_says_nothing_when_an_answer_was_lost) {
  Transacting t;
  t.peer->send({entry(2, 5)});
  t.peer->overrun(1);
  const Failure failure = t.batch_of({silence, question, silence, question});
  CHECK_EQUAL(failure.error, ENOBUFS);
  CHECK(failure.unanswered);
  CHECK_EQUAL(t.states(4), "none done none none");
}

TEST(silence_of_a_kernel_that_answers_no_more_is_not_known) {
  Transacting t;
  StoppedClock clock;
  clock.skip_waits();
  t.peer->send({entry(2, 5)});
  CHECK_EQUAL(t.batch_of({silence, question, silence, question}).error, ETIMEDOUT);
  CHECK_EQUAL(t.states(4), "done done none none");
}

TEST(a_question_is_answered_by_its_message_alone) {
  Transacting t;
  t.peer->send({answer(1, MESSAGE_GET_STATS, nfgenmsg), ack(1), done(2), entry(3, 5), ack(3)});
  CHECK(!t.batch_of({question, question, question}));
  CHECK_EQUAL(t.states(3), "74 74 done");
  CHECK(t.answers->failures[0].unanswered);
}

// A process without CAP_NET_ADMIN.
TEST(one_refusal_for_all) {
  for (const uint16_t first : {silence, question, RequestBatch::ack}) {
    Transacting t;
    StoppedClock clock;
    clock.skip_waits();
    t.peer->send({error(1, EPERM)});
    CHECK(!t.batch_of({first, question, silence, question}));
    CHECK_EQUAL(t.states(4), "1 1 1 1");
    for (size_t i = 0; i < 4; i++) CHECK(!t.answers->failures[i].unanswered);
  }
}

TEST(a_refusal_of_the_first_alone) {
  Transacting t;
  t.peer->send({error(1, EPERM)});
  t.peer->send({entry(2, 5)});
  t.peer->send({error(4, EPERM)});
  t.peer->send({entry(5, 6)});
  CHECK(!t.batch_of({RequestBatch::ack, question, silence, RequestBatch::ack, question}));
  CHECK_EQUAL(t.states(5), "1 done done 1 done");
}

TEST(a_refusal_and_answers_that_were_lost) {
  Transacting t;
  t.peer->send({error(1, EPERM)});
  t.peer->overrun(1);
  CHECK_EQUAL(t.batch_of({RequestBatch::ack, silence, question}).error, ENOBUFS);
  CHECK_EQUAL(t.states(3), "1 none none");
}

int main() { return check::run_tests(); }
