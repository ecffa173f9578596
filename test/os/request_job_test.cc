#include "os/request_job.h"

#include "clock.h"
#include "messages.h"
#include "wire/decode_expectation.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static uint32_t id_of(uint32_t index) { return 100 + index; }

// Requests as TypeScript writes them.
class Requests {
 public:
  template <typename Record>
  Requests& add(RequestKind kind, const Record& record) {
    return append(kind, Bytes{reinterpret_cast<const uint8_t*>(&record), sizeof record});
  }
  Requests& add(RequestKind kind) { return append(kind, {}); }

  Requests& update(const SpecRecord& changes, const EntryRecord& entry) {
    Buffer both(sizeof changes + sizeof entry);
    memcpy(both.data(), &changes, sizeof changes);
    memcpy(both.data() + sizeof changes, &entry, sizeof entry);
    return append(REQUEST_UPDATE, {both.data(), both.size()},
                  sizeof(RequestHeader) + sizeof changes);
  }
  Requests& create(uint32_t id) {
    SpecRecord spec = {};
    spec.entry = entry_record(id);
    return add(REQUEST_CREATE, spec);
  }
  Requests& get(uint32_t id) { return add(REQUEST_GET, entry_record(id)); }
  Requests& remove(uint32_t id) { return add(REQUEST_DELETE, entry_record(id)); }

  Bytes bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  Requests& append(RequestKind kind, Bytes record, size_t entry = 0) {
    RequestHeader header = {};
    header.size = static_cast<uint32_t>((sizeof header + record.size + 7) & ~size_t{7});
    header.kind = kind;
    header.entry = static_cast<uint32_t>(entry);
    const size_t at = bytes_.size();
    bytes_.resize(at + header.size);
    memcpy(bytes_.data() + at, &header, sizeof header);
    if (record.size) memcpy(bytes_.data() + at + sizeof header, record.data, record.size);
    return *this;
  }

  Buffer bytes_;
};

struct Sending {
  Sending() {
    CHECK(!socket.open());
    kernel = all.accept();
  }

  void take(const Requests& requests) {
    job = std::make_unique<RequestJob>();
    CHECK_EQUAL(job->take(requests.bytes()), 0);
  }
  void run() {
    while (!job->run(socket, *memory)) turns++;
  }
  void run(const Requests& requests) {
    take(requests);
    run();
  }

  // What became of it, in a word.
  std::string word(size_t index) const {
    const RequestJob::Result& result = job->result(index);
    std::string word = result.answer.present & ANSWER_DONE ? "done" : "refused";
    if (result.failure.unanswered) word = "perhaps";
    if (result.failure) word += ' ' + std::to_string(result.failure.error);
    if (result.answer.present & ANSWER_RECORD) word += " and got " + std::to_string(id(index));
    return word;
  }
  std::string words() const {
    std::string all;
    for (size_t i = 0; i < job->count(); i++) all += (i > 0 ? ", " : "") + word(i);
    return all;
  }

  // The id of the record of an answer, of a copy as JavaScript gets it.
  uint32_t id(size_t index) const {
    const AnswerRecord& answer = job->result(index).answer;
    uint32_t number = 0;
    uint32_t id = 0;
    job->each_slab([&](const auto& slab) {
      Buffer copy(slab.compact_size());
      slab.copy_compact(copy.data());
      const Bytes bytes = {copy.data(), copy.size()};
      EntryRecord entry;
      ExpectationRecord expectation;
      TimeoutRecord timeout;
      if (number++ != answer.slab) return;
      if constexpr (std::is_same_v<decltype(slab), const SlabWriter&>) {
        Extension extension;
        CHECK(read_host(bytes, answer.at, entry) && read_extension(bytes, entry, extension));
        id = entry.id;
      } else if constexpr (std::is_same_v<decltype(slab), const ExpectationSlab&>) {
        CHECK(read_host(bytes, answer.at, expectation));
        id = expectation.id;
      } else {
        CHECK(read_host(bytes, answer.at, timeout));
        id = timeout.seconds[2];
      }
    });
    CHECK(answer.slab < number);
    return id;
  }

  // The types of the requests that were sent.
  std::vector<uint16_t> sent() {
    std::vector<uint16_t> types;
    for (;;) {
      const auto requests = kernel->requests();
      if (requests.empty()) return types;
      for (const auto& request : requests) types.push_back(request.type);
    }
  }

  Kernel all;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> kernel;
  std::unique_ptr<RequestMemory> memory = std::make_unique<RequestMemory>();
  std::unique_ptr<RequestJob> job;
  size_t turns = 0;
};

static Buffer usage(uint32_t sequence, uint32_t entries) {
  return answer(sequence, MESSAGE_GET_STATS,
                join({nfgenmsg, u32(CTA_STATS_GLOBAL_ENTRIES, entries)}));
}

static Buffer expectation(uint32_t sequence, uint32_t id) {
  return answer(sequence, MESSAGE_EXPECTATION_NEW,
                join({nfgenmsg, tuple(CTA_EXPECT_TUPLE, id), tuple(CTA_EXPECT_MASK, ~0u),
                      tuple(CTA_EXPECT_MASTER, 1), u32(CTA_EXPECT_ID, id),
                      attribute(CTA_EXPECT_HELP_NAME, Buffer(5, 'x'))}));
}

static ExpectationRecord expectation_record(uint32_t id) {
  ExpectationRecord record = record_of(expectation(0, id), decode_expectation);
  record.present &= ~EXPECTATION_IN_EXTENSION;
  return record;
}

TEST(requests_of_every_kind_in_one_datagram_in_their_order) {
  Sending sending;
  SpecRecord changes = {};
  Requests requests;
  requests.get(1).add(REQUEST_USAGE).create(3).update(changes, entry_record(4)).remove(5);
  requests.add(REQUEST_GET_EXPECTATION, expectation_record(6));
  requests.add(REQUEST_CREATE_EXPECTATION, expectation_record(7));
  ExpectationRecord later = expectation_record(7);
  later.present |= EXPECTATION_TIMEOUT;
  requests.add(REQUEST_UPDATE_EXPECTATION, later);
  requests.add(REQUEST_DELETE_EXPECTATION, expectation_record(8));
  requests.add(REQUEST_FLUSH_EXPECTATIONS).add(REQUEST_FLUSH);
  sending.kernel->send({entry(1, 1), usage(2, 77), entry(4, 3), entry(6, 4)});
  sending.kernel->send({expectation(8, 6), ack(9), ack(10), ack(11), ack(12), ack(13)});
  sending.run(requests);
  CHECK((sending.sent() == std::vector<uint16_t>{MESSAGE_GET, MESSAGE_GET_STATS, MESSAGE_NEW,
                                                 MESSAGE_GET, MESSAGE_NEW, MESSAGE_GET,
                                                 MESSAGE_DELETE, MESSAGE_EXPECTATION_GET,
                                                 MESSAGE_EXPECTATION_NEW, MESSAGE_EXPECTATION_NEW,
                                                 MESSAGE_EXPECTATION_DELETE,
                                                 MESSAGE_EXPECTATION_DELETE, MESSAGE_DELETE}));
  CHECK_EQUAL(sending.words(),
              "done and got 1, done, done and got 3, done and got 4, done, done and got 6, "
              "done, done, done, done, done");
  CHECK_EQUAL(sending.job->result(1).answer.slab, 77u);
  CHECK_EQUAL(sending.job->result(1).answer.present, ANSWER_DONE | ANSWER_ENTRIES);
}

static TimeoutRecord timeout_record() {
  TimeoutRecord record = {};
  record.present = TIMEOUT_NAME | TIMEOUT_FAMILY | TIMEOUT_PROTOCOL;
  record.name_length = 1;
  record.name[0] = 'a';
  return record;
}

TEST(requests_about_timeouts) {
  Sending sending;
  const TimeoutRecord record = timeout_record();
  Requests requests;
  requests.add(REQUEST_GET_TIMEOUTS, record).add(REQUEST_CREATE_TIMEOUTS, record);
  requests.add(REQUEST_REPLACE_TIMEOUTS, record).add(REQUEST_DELETE_TIMEOUTS, record);
  requests.add(REQUEST_GET_DEFAULT_TIMEOUTS, record).add(REQUEST_SET_DEFAULT_TIMEOUTS, record);
  const uint16_t defaults = MESSAGE_TIMEOUT_DEFAULT_SET;
  sending.kernel->send({timeouts(1, "a"), timeouts(3, "a"), timeouts(5, "a"), ack(6)});
  sending.kernel->send({timeouts(7, "", defaults), timeouts(9, "", defaults)});
  sending.run(requests);
  CHECK((sending.sent() ==
         std::vector<uint16_t>{MESSAGE_TIMEOUT_GET, MESSAGE_TIMEOUT_NEW, MESSAGE_TIMEOUT_GET,
                               MESSAGE_TIMEOUT_NEW, MESSAGE_TIMEOUT_GET, MESSAGE_TIMEOUT_DELETE,
                               MESSAGE_TIMEOUT_DEFAULT_GET, MESSAGE_TIMEOUT_DEFAULT_SET,
                               MESSAGE_TIMEOUT_DEFAULT_GET}));
  CHECK_EQUAL(sending.words(),
              "done and got 120, done and got 120, done and got 120, done, done and got 120, "
              "done and got 120");
}

TEST(timeouts_that_are_refused) {
  Sending sending;
  const TimeoutRecord record = timeout_record();
  Requests requests;
  requests.add(REQUEST_CREATE_TIMEOUTS, record).add(REQUEST_CREATE_TIMEOUTS, record);
  requests.add(REQUEST_DELETE_TIMEOUTS, record).add(REQUEST_GET_DEFAULT_TIMEOUTS, record);
  // The get behind a refused creation finds the policy that was there before.
  sending.kernel->send({error(1, EEXIST), timeouts(2, "a"), error(4, ENOENT)});
  sending.kernel->send({error(5, EBUSY), answer(6, MESSAGE_TIMEOUT_DEFAULT_SET, nfgenmsg)});
  sending.run(requests);
  CHECK_EQUAL(sending.words(),
              "refused 17, done 2, refused 16, refused " + std::to_string(EBADMSG));
}

// To the kernel a DELETE without a name means all policies that no rule uses.
TEST(no_timeouts_without_a_name_are_sent) {
  Sending sending;
  TimeoutRecord record = timeout_record();
  record.present &= ~TIMEOUT_NAME;
  Requests requests;
  for (const RequestKind kind : {REQUEST_GET_TIMEOUTS, REQUEST_CREATE_TIMEOUTS,
                                 REQUEST_REPLACE_TIMEOUTS, REQUEST_DELETE_TIMEOUTS}) {
    requests.add(kind, record).add(kind);
  }
  sending.run(requests);
  for (size_t i = 0; i < 8; i++) CHECK(sending.word(i) == "refused " + std::to_string(EMSGSIZE));
  CHECK(sending.sent().empty());
}

TEST(answers_in_any_order_and_in_many_datagrams) {
  Sending sending;
  sending.kernel->send({entry(6, 103)});
  sending.kernel->send({entry(2, 101)});
  sending.kernel->send({entry(4, 102)});
  sending.run(Requests().create(101).create(102).create(103));
  CHECK_EQUAL(sending.words(), "done and got 101, done and got 102, done and got 103");
}

TEST(an_error_of_one_touches_no_other) {
  Sending sending;
  sending.kernel->send({error(1, ENOENT), error(2, EEXIST), entry(3, 2), error(4, ENOSPC)});
  sending.kernel->send({error(5, ENOENT), entry(6, 4)});
  sending.run(Requests().get(1).create(2).create(3).get(4));
  // The get of 2 finds the entry that was there before: it is no result of the write. That of 3
  // finds none.
  CHECK_EQUAL(sending.words(), "refused 2, refused 17, refused 28, done and got 4");
}

TEST(a_get_that_fails_after_a_write_that_was_done) {
  Sending sending;
  sending.kernel->send({error(2, ENOENT), entry(4, 102)});
  sending.run(Requests().create(101).create(102));
  CHECK_EQUAL(sending.words(), "done 2, done and got 102");
}

TEST(an_entry_that_has_the_tuple_in_the_other_direction_is_not_it) {
  Sending sending;
  EntryRecord by_reply = entry_record(5);
  by_reply.present = ENTRY_REPLY;
  EntryRecord other_port = by_reply;
  other_port.reply.destination_port++;
  EntryRecord other_protocol = entry_record(5);
  other_protocol.original.protocol++;
  Requests requests;
  requests.get(5).get(6).add(REQUEST_GET, by_reply).add(REQUEST_GET, other_port);
  requests.add(REQUEST_GET, other_protocol);
  requests.add(REQUEST_GET_ZERO, entry_record(5)).add(REQUEST_GET_ZERO, other_protocol);
  for (uint32_t number = 1; number <= 7; number++) sending.kernel->send({entry(number, 5)});
  sending.run(requests);
  CHECK_EQUAL(sending.words(),
              "done and got 5, refused 2, done and got 5, refused 2, refused 2, done and got 5, "
              "done 2");  // the counters of the other one are zero now
}

TEST(ports_that_the_kernel_does_not_send_are_not_compared) {
  const auto tuple_of = [](uint16_t type, uint32_t source) {
    return nest(type, {nest(CTA_TUPLE_IP, {u32(CTA_IP_V4_SRC, source), u32(CTA_IP_V4_DST, 7)}),
                       nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 17)})});
  };
  const auto entry_of = [&](uint32_t sequence, uint32_t source) {
    return answer(
        sequence, MESSAGE_NEW,
        join({nfgenmsg, tuple_of(CTA_TUPLE_ORIG, source), tuple_of(CTA_TUPLE_REPLY, source + 1),
              u32(CTA_ID, 5), u32(CTA_STATUS, 8)}));
  };
  EntryRecord by_reply = entry_record(5);
  by_reply.present = ENTRY_REPLY;
  Sending sending;
  sending.kernel->send({entry_of(1, 5), entry_of(2, 4), entry_of(3, 4)});
  sending.kernel->send(
      {answer(4, MESSAGE_EXPECTATION_NEW,
              join({nfgenmsg, tuple_of(CTA_EXPECT_TUPLE, 6), tuple_of(CTA_EXPECT_MASK, ~0u),
                    tuple_of(CTA_EXPECT_MASTER, 1), u32(CTA_EXPECT_ID, 6)}))});
  sending.run(Requests()
                  .get(5)
                  .get(5)
                  .add(REQUEST_GET, by_reply)
                  .add(REQUEST_GET_EXPECTATION, expectation_record(6)));
  CHECK_EQUAL(sending.words(), "done and got 5, refused 2, done and got 5, done and got 6");
}

TEST(an_expectation_whose_tuple_is_another_under_the_mask) {
  Sending sending;
  sending.kernel->send({expectation(1, 6), expectation(2, 6)});
  sending.run(Requests()
                  .add(REQUEST_GET_EXPECTATION, expectation_record(6))
                  .add(REQUEST_GET_EXPECTATION, expectation_record(7)));
  CHECK_EQUAL(sending.words(), "done and got 6, refused 2");
}

// The kernel acks the last of a datagram, and answers those that fail.
TEST(deletes_are_done_when_a_later_one_is_answered) {
  Sending sending;
  Requests requests;
  for (uint32_t i = 0; i < 200; i++) requests.remove(id_of(i));
  requests.get(1);
  std::function<void()> second = [&] { sending.kernel->send({error(129, ENOENT), entry(201, 1)}); };
  sending.all.before("sendto", [&] { sending.all.before("sendto", second); });
  for (uint32_t number = 2; number < 100; number++) sending.kernel->send({error(number, ENOENT)});
  sending.kernel->send({ack(128)});
  sending.take(requests);
  sending.run();
  for (uint32_t i = 0; i < 200; i++) {
    const bool failed = (i > 0 && i < 99) || i == 128;
    CHECK_EQUAL(sending.word(i), failed ? "refused 2" : "done");
  }
  CHECK_EQUAL(sending.word(200), "done and got 1");
  size_t acked = 0;
  for (auto datagram = sending.kernel->requests(); !datagram.empty();
       datagram = sending.kernel->requests()) {
    for (const auto& request : datagram) acked += (request.flags & NLM_F_ACK) != 0;
  }
  CHECK_EQUAL(acked, 1u);
}

TEST(one_refusal_of_all_deletes) {
  Sending sending;
  sending.kernel->send({error(1, EPERM)});
  sending.run(Requests().remove(1).remove(2).remove(3));
  CHECK_EQUAL(sending.words(), "refused 1, refused 1, refused 1");
}

TEST(more_than_a_datagram_takes) {
  Sending sending;
  Requests requests;
  constexpr uint32_t count = 300;
  for (uint32_t i = 0; i < count; i++) requests.create(id_of(i));
  for (uint32_t i = 0; i < count; i++) sending.kernel->send({entry(2 * i + 2, id_of(i))});
  sending.run(requests);
  CHECK_EQUAL(sending.sent().size(), 2u * count);
  for (uint32_t i = 0; i < count; i++) {
    CHECK_EQUAL(sending.word(i), "done and got " + std::to_string(id_of(i)));
  }
}

// A write and its get go together.
TEST(writes_where_one_message_has_room) {
  for (const bool creates : {true, false}) {
    Sending sending;
    Requests requests;
    for (uint32_t i = 0; i < 127; i++) requests.remove(id_of(i));
    if (creates) {
      requests.create(500);
    } else {
      requests.update(SpecRecord{}, entry_record(500));
    }
    sending.kernel->send({ack(127)});
    std::function<void()> second = [&] { sending.kernel->send({entry(129, 500)}); };
    sending.all.before("sendto", [&] { sending.all.before("sendto", second); });
    sending.run(requests);
    CHECK_EQUAL(sending.word(126), "done");
    CHECK_EQUAL(sending.word(127), "done and got 500");
    CHECK_EQUAL(sending.sent().size(), 129u);
  }
}

// Each needs an extension of 4 KiB: fifteen fill a slab.
TEST(answers_fill_slab_after_slab) {
  Sending sending;
  Requests requests;
  constexpr uint32_t count = 100;
  const Buffer context = nest(CTA_SECCTX, {attribute(CTA_SECCTX_NAME, Buffer(4000, 'c'))});
  for (uint32_t i = 0; i < count; i++) {
    requests.get(id_of(i));
    Buffer large = entry(i + 1, id_of(i));
    large.insert(large.end(), context.begin(), context.end());
    const auto size = static_cast<uint32_t>(large.size());
    memcpy(large.data(), &size, sizeof size);
    sending.kernel->send({large});
  }
  sending.run(requests);
  size_t slabs = 0;
  sending.job->each_slab([&](const auto&) { slabs++; });
  CHECK_EQUAL(slabs, (count + 14) / 15u);
  for (uint32_t i = 0; i < count; i++) {
    CHECK_EQUAL(sending.word(i), "done and got " + std::to_string(id_of(i)));
  }
}

TEST(an_answer_that_cannot_be_understood) {
  Sending sending;
  const Buffer empty = answer(1, MESSAGE_NEW, nfgenmsg);
  Buffer no_entries = usage(2, 1);
  no_entries.resize(20);
  const uint32_t size = 20;
  memcpy(no_entries.data(), &size, sizeof size);
  sending.kernel->send({empty, no_entries, entry(3, 3), answer(5, MESSAGE_NEW, nfgenmsg)});
  sending.run(Requests().get(1).add(REQUEST_USAGE).get(3).create(4));
  CHECK_EQUAL(sending.words(), "refused 74, refused 74, done and got 3, done 74");
}

TEST(an_answer_for_which_there_is_no_memory) {
  Sending sending;
  sending.take(Requests().create(101).create(102));
  sending.kernel->send({entry(2, 101), entry(4, 102)});
  sending.all.fail_next("malloc", ENOMEM);
  sending.run();
  CHECK_EQUAL(sending.words(), "done 12, done and got 102");
}

TEST(requests_for_which_there_is_no_memory) {
  Kernel kernel;
  const Requests requests = Requests().get(1);
  for (size_t allocation = 0; allocation < 3; allocation++) {
    kernel.fail_call(allocation, ENOMEM);
    CHECK_EQUAL(RequestJob().take(requests.bytes()), ENOMEM);
  }
}

TEST(a_kernel_that_dies_in_the_middle) {
  Sending sending;
  Requests requests;
  for (uint32_t i = 0; i < 5; i++) requests.create(id_of(i));
  for (uint32_t i = 0; i < 200; i++) requests.get(1);
  sending.kernel->send({entry(2, 100), error(3, ENOSPC), error(4, ENOENT)});
  sending.kernel->send({entry(8, 103)});
  sending.kernel->break_off(ECONNRESET);
  sending.run(requests);
  const std::string reset = std::to_string(ECONNRESET);
  CHECK_EQUAL(sending.word(0), "done and got 100");
  CHECK_EQUAL(sending.word(1), "refused " + std::to_string(ENOSPC));
  // A later answer came, and none was lost: it was done, but what it made is not known.
  CHECK_EQUAL(sending.word(2), "done " + reset);
  CHECK_EQUAL(sending.word(3), "done and got 103");
  CHECK_EQUAL(sending.word(4), "perhaps " + reset);
  CHECK_EQUAL(sending.word(204), "refused " + reset);
  CHECK_EQUAL(sending.sent().size(), RequestBatch::capacity);
  CHECK_EQUAL(sending.job->failure().error, ECONNRESET);
}

TEST(a_kernel_that_falls_silent) {
  Sending sending;
  Requests requests;
  for (uint32_t i = 0; i < 200; i++) requests.remove(id_of(i));
  sending.kernel->send({error(2, ENOENT)});
  StoppedClock clock;
  clock.skip_waits();
  const int64_t start = clock.now();
  sending.run(requests);
  // The turn in which its one answer came ends with a wait, too.
  CHECK_EQUAL(clock.now() - start, 1050);
  const std::string silence = std::to_string(ETIMEDOUT);
  // A later one has an answer.
  CHECK_EQUAL(sending.word(0), "done");
  CHECK_EQUAL(sending.word(1), "refused 2");
  CHECK_EQUAL(sending.word(2), "perhaps " + silence);
  CHECK_EQUAL(sending.word(127), "perhaps " + silence);
  CHECK_EQUAL(sending.word(128), "refused " + silence);
  CHECK_EQUAL(sending.sent().size(), RequestBatch::capacity);
  CHECK(!sending.job->failure().unanswered);
}

TEST(answers_that_were_lost_say_nothing_of_the_next_datagram) {
  Sending sending;
  Requests requests;
  for (uint32_t i = 0; i < 129; i++) requests.remove(id_of(i));
  sending.kernel->send({error(2, ENOENT)});
  sending.kernel->overrun(1);
  std::function<void()> second = [&] { sending.kernel->send({ack(129)}); };
  sending.all.before("sendto", [&] { sending.all.before("sendto", second); });
  sending.run(requests);
  // The answer that was lost may be an error of the first one.
  CHECK_EQUAL(sending.word(0), "perhaps " + std::to_string(ENOBUFS));
  CHECK_EQUAL(sending.word(1), "refused 2");
  CHECK_EQUAL(sending.word(127), "perhaps " + std::to_string(ENOBUFS));
  CHECK_EQUAL(sending.word(128), "done");
  CHECK(!sending.job->failure());
}

TEST(what_cannot_be_sent_was_not_done) {
  Sending sending;
  sending.all.fail_next("sendto", ENOBUFS);
  sending.run(Requests().create(1).remove(2).get(3));
  CHECK_EQUAL(sending.words(), "refused 105, refused 105, refused 105");
}

TEST(a_request_that_must_not_be_sent_fails_alone) {
  Sending sending;
  EntryRecord without_id = entry_record(2);
  without_id.present &= ~ENTRY_ID;
  SpecRecord without_tuple = {};
  sending.kernel->send({entry(1, 1), ack(2)});
  sending.run(Requests()
                  .get(1)
                  .add(REQUEST_DELETE, without_id)
                  .add(REQUEST_DELETE, EntryRecord{})
                  .add(REQUEST_CREATE, without_tuple)
                  .update(without_tuple, EntryRecord{})
                  .add(REQUEST_DELETE_EXPECTATION, ExpectationRecord{})
                  .add(static_cast<RequestKind>(99))
                  .remove(7));
  CHECK_EQUAL(sending.words(),
              "done and got 1, refused 90, refused 90, refused 90, refused 90, refused 90, "
              "refused 90, done");
  CHECK((sending.sent() == std::vector<uint16_t>{MESSAGE_GET, MESSAGE_DELETE}));
}

TEST(requests_none_of_which_may_be_sent) {
  Sending sending;
  sending.run(Requests().add(REQUEST_DELETE, EntryRecord{}).add(REQUEST_GET));
  CHECK_EQUAL(sending.words(), "refused 90, refused 90");
  CHECK(sending.sent().empty());
}

TEST(what_lies_about_its_length_is_not_taken) {
  const Requests right = Requests().get(1).get(2);
  for (const uint32_t size : {0u, 8u, 15u, 17u, 20u, 209u, 1000u, 0xffffffffu, 0xfffffff8u}) {
    Buffer bytes(right.bytes().data, right.bytes().data + right.bytes().size);
    memcpy(bytes.data() + bytes.size() / 2, &size, sizeof size);
    const Exact wrong(bytes);
    CHECK_EQUAL(RequestJob().take(wrong.bytes()), EINVAL);
  }
  for (size_t size = 1; size < right.bytes().size; size++) {
    const Exact part(Buffer(right.bytes().data, right.bytes().data + size));
    CHECK_EQUAL(RequestJob().take(part.bytes()), size == right.bytes().size / 2 ? 0 : EINVAL);
  }
}

// Too short for their records, or with an extension outside: they are not sent.
TEST(records_that_lie_are_not_read) {
  Sending sending;
  SpecRecord spec = {};
  spec.entry = entry_record(1);
  spec.entry.extension_present = EXTENSION_HELPER;
  for (const uint16_t extension : {31, 33, 0x7fff, 0xffff}) {
    spec.entry.extension = extension;
    sending.run(Requests().add(REQUEST_CREATE, spec));
    CHECK_EQUAL(sending.words(), "refused 90");
  }
  for (const RequestKind kind :
       {REQUEST_GET, REQUEST_GET_ZERO, REQUEST_CREATE, REQUEST_UPDATE, REQUEST_DELETE,
        REQUEST_GET_EXPECTATION, REQUEST_DELETE_EXPECTATION}) {
    sending.run(Requests().add(kind, uint64_t{0}));
    CHECK_EQUAL(sending.words(), "refused 90");
  }
  CHECK(sending.sent().empty());
}

TEST(nobody_waits_any_more) {
  Sending sending;
  Requests requests;
  requests.create(101).create(102).create(103).get(5).remove(6);
  for (uint32_t i = 0; i < 130; i++) requests.remove(id_of(i));
  sending.take(requests);
  StoppedClock clock;
  clock.skip_waits();
  sending.kernel->send({entry(4, 102)});
  CHECK(!sending.job->run(sending.socket, *sending.memory));
  sending.job->give_up(*sending.memory);
  const std::string cancelled = std::to_string(ECANCELED);
  CHECK_EQUAL(sending.word(0), "done " + cancelled);
  CHECK_EQUAL(sending.word(1), "done and got 102");
  CHECK_EQUAL(sending.word(2), "perhaps " + cancelled);
  CHECK_EQUAL(sending.word(3), "refused " + cancelled);
  CHECK_EQUAL(sending.word(4), "perhaps " + cancelled);
  CHECK_EQUAL(sending.word(134), "refused " + cancelled);
  // It has ended.
  sending.run();
  CHECK_EQUAL(sending.sent().size(), RequestBatch::capacity);
}

TEST(nobody_waited_at_all) {
  Sending sending;
  sending.take(Requests().create(1));
  sending.job->give_up(*sending.memory);
  CHECK_EQUAL(sending.words(), "refused " + std::to_string(ECANCELED));
  CHECK(sending.sent().empty());
}

TEST(a_turn_ends_between_two_datagrams) {
  Sending sending;
  Requests requests;
  for (uint32_t i = 0; i < 1280; i++) requests.remove(id_of(i));
  uint32_t number = 1;
  std::function<void()> answer_all = [&] {
    number += 128;
    sending.kernel->send({ack(number - 1)});
    sending.all.before("sendto", answer_all);
  };
  sending.all.before("sendto", answer_all);
  StoppedClock clock;
  clock.advance_at_each_reading(10);
  sending.run(requests);
  CHECK(sending.turns >= 3);
  for (uint32_t i = 0; i < 1280; i++) CHECK_EQUAL(sending.word(i), "done");
}

TEST(answers_of_others) {
  Sending sending;
  sending.kernel->forge(77, {error(1, EPERM)});
  const Buffer to_another = answer(1, NLMSG_ERROR, host(int32_t{-EPERM}), 77);
  sending.kernel->send({error(0, EPERM), error(3, EPERM), to_another});
  // The first answer counts.
  sending.kernel->send({entry(1, 5), error(1, EPERM), ack(2), error(2, EPERM)});
  sending.run(Requests().get(5).remove(1));
  CHECK_EQUAL(sending.words(), "done and got 5, done");
}

int main() { return check::run_tests(); }
