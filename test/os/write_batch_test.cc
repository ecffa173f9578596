#include "os/write_batch.h"

#include "clock.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

// The requests for entry n are number 2n + 1, the write, and 2n + 2, the get.
static uint32_t write_of(uint32_t index) { return 2 * index + 1; }
static uint32_t get_of(uint32_t index) { return 2 * index + 2; }
static uint32_t id_of(uint32_t index) { return 100 + index; }

// The answers when all goes well.
static Buffer written(uint32_t index) { return ack(write_of(index)); }
static Buffer got(uint32_t index) {
  return join({entry(get_of(index), id_of(index)), ack(get_of(index))});
}

struct Writing {
  explicit Writing(uint32_t count) {
    CHECK(!socket.open());
    kernel = all.accept();
    for (uint32_t i = 0; i < count; i++) create(id_of(i));
  }

  void create(uint32_t id) {
    SpecRecord spec = {};
    spec.entry = entry_record(id);
    batch->create(spec, {});
  }

  Failure run() {
    return to_the_end(
        [this](Failure& failure) { return batch->run(socket, buffer.get(), failure); });
  }

  // What became of it, in a word.
  std::string word(size_t index) {
    const WriteBatch::Result result = batch->result(index);
    std::string word = result.written ? "written" : "refused";
    if (result.failure.unanswered) word = "perhaps";
    if (result.failure) return word + ' ' + std::to_string(result.failure.error);
    if (result.slab.size == 0) return word;
    const std::vector<uint32_t> entries = ids(result.slab);
    CHECK_EQUAL(entries.size(), 1u);
    return word + " and got " + std::to_string(entries[0]);
  }

  Kernel all;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> kernel;
  std::unique_ptr<WriteBatch> batch = std::make_unique<WriteBatch>();
  std::unique_ptr<uint8_t[]> buffer = std::make_unique<uint8_t[]>(receive_buffer_size);
};

TEST(each_write_is_followed_by_its_get_in_one_datagram) {
  Writing writing(2);
  writing.batch->update(entry_record(id_of(2)), SpecRecord{}, {});
  writing.kernel->send({written(0), got(0), written(1), got(1), written(2), got(2)});
  CHECK(!writing.run());
  const std::vector<KernelSocket::Request> requests = writing.kernel->requests();
  CHECK_EQUAL(requests.size(), 6u);
  for (uint32_t i = 0; i < requests.size(); i++) {
    CHECK_EQUAL(requests[i].type, i % 2 == 0 ? MESSAGE_NEW : MESSAGE_GET);
    CHECK_EQUAL(requests[i].sequence, i + 1);
  }
  CHECK(writing.kernel->requests().empty());
  CHECK_EQUAL(writing.batch->count(), 3u);
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQUAL(writing.word(i), "written and got " + std::to_string(id_of(i)));
  }
}

TEST(answers_in_any_order_and_in_many_datagrams) {
  Writing writing(3);
  writing.kernel->send({got(2)});
  writing.kernel->send({written(1), entry(get_of(0), id_of(0))});
  writing.kernel->send({written(0), ack(get_of(0)), written(2)});
  writing.kernel->send({got(1)});
  CHECK(!writing.run());
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQUAL(writing.word(i), "written and got " + std::to_string(id_of(i)));
  }
}

TEST(a_write_that_is_refused_and_one_that_is_not) {
  Writing writing(2);
  // The get finds the entry that was there before: it is no result of the write.
  writing.kernel->send({error(write_of(0), EEXIST), got(0), written(1), got(1)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "refused " + std::to_string(EEXIST));
  CHECK_EQUAL(writing.word(1), "written and got 101");
}

TEST(a_get_that_fails_after_a_write_that_was_done) {
  Writing writing(2);
  writing.kernel->send({written(0), error(get_of(0), ENOENT), written(1), got(1)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written " + std::to_string(ENOENT));
  CHECK_EQUAL(writing.word(1), "written and got 101");
}

TEST(a_get_that_fails_with_an_entry) {
  Writing writing(1);
  writing.kernel->send({written(0), entry(get_of(0), id_of(0)), error(get_of(0), ENOBUFS)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written " + std::to_string(ENOBUFS));
}

TEST(a_get_without_an_entry) {
  Writing writing(1);
  writing.kernel->send({written(0), ack(get_of(0))});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written");
}

TEST(a_socket_that_fails_in_the_middle) {
  Writing writing(5);
  writing.kernel->send({written(0), got(0), error(write_of(1), ENOSPC), written(2)});
  writing.kernel->send({written(3), entry(get_of(3), id_of(3))});
  writing.kernel->break_off(ECONNRESET);
  CHECK_EQUAL(writing.run().error, ECONNRESET);
  CHECK_EQUAL(writing.word(0), "written and got 100");
  CHECK_EQUAL(writing.word(1), "refused " + std::to_string(ENOSPC));
  CHECK_EQUAL(writing.word(2), "written " + std::to_string(ECONNRESET));
  CHECK_EQUAL(writing.word(3), "written and got 103");
  CHECK_EQUAL(writing.word(4), "perhaps " + std::to_string(ECONNRESET));
}

TEST(a_kernel_that_falls_silent) {
  Writing writing(2);
  writing.kernel->send({written(0), got(0)});
  StoppedClock clock;
  clock.skip_waits();
  CHECK_EQUAL(writing.run().error, ETIMEDOUT);
  CHECK_EQUAL(writing.word(0), "written and got 100");
  CHECK_EQUAL(writing.word(1), "perhaps " + std::to_string(ETIMEDOUT));
}

TEST(nobody_waits_for_a_silent_kernel_any_more) {
  Writing writing(2);
  writing.batch->give_up(Failure::of_cancel(writing.batch->may_be_done()));
  CHECK_EQUAL(writing.word(0), "refused " + std::to_string(ECANCELED));
  writing.kernel->send({written(0)});
  StoppedClock clock;
  clock.skip_waits();
  Failure failure;
  CHECK(!writing.batch->run(writing.socket, writing.buffer.get(), failure));
  writing.batch->give_up(Failure::of_cancel(writing.batch->may_be_done()));
  CHECK_EQUAL(writing.word(0), "written " + std::to_string(ECANCELED));
  CHECK_EQUAL(writing.word(1), "perhaps " + std::to_string(ECANCELED));
}

TEST(an_entry_that_cannot_be_understood) {
  Writing writing(2);
  writing.kernel->send({written(0), answer(get_of(0), MESSAGE_NEW, nfgenmsg), written(1), got(1)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written " + std::to_string(EBADMSG));
  CHECK_EQUAL(writing.word(1), "written and got 101");
}

TEST(an_entry_for_which_there_is_no_memory) {
  Writing writing(2);
  writing.kernel->send({written(0), got(0), written(1), got(1)});
  writing.all.fail_next("malloc", ENOMEM);
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written " + std::to_string(ENOMEM));
  CHECK_EQUAL(writing.word(1), "written and got 101");
}

TEST(answers_of_others) {
  Writing writing(1);
  writing.kernel->forge(77, {error(write_of(0), EPERM)});
  const Buffer to_another = answer(write_of(0), NLMSG_ERROR, host(int32_t{-EPERM}), 77);
  writing.kernel->send({error(write_of(0) - 1, EPERM), error(get_of(0) + 1, EPERM), to_another});
  // The first answer counts.
  writing.kernel->send({written(0), error(write_of(0), EPERM), got(0)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.word(0), "written and got 100");
}

TEST(a_full_batch) {
  Writing writing(WriteBatch::capacity);
  for (uint32_t i = 0; i < WriteBatch::capacity; i++) writing.kernel->send({written(i), got(i)});
  CHECK(!writing.run());
  CHECK_EQUAL(writing.kernel->requests().size(), RequestBatch::capacity);
  CHECK_EQUAL(writing.batch->count(), WriteBatch::capacity);
  for (uint32_t i = 0; i < WriteBatch::capacity; i++) {
    CHECK_EQUAL(writing.word(i), "written and got " + std::to_string(id_of(i)));
  }
}

TEST(one_more_than_fits_and_nothing_is_sent) {
  Writing writing(WriteBatch::capacity + 1);
  CHECK_EQUAL(writing.run().error, EMSGSIZE);
  CHECK(writing.kernel->requests().empty());
  CHECK_EQUAL(writing.word(0), "refused " + std::to_string(EMSGSIZE));
}

TEST(a_write_that_may_not_be_sent) {
  Writing writing(1);
  writing.batch->create(SpecRecord{}, {});  // it has no tuple
  writing.create(id_of(2));
  CHECK_EQUAL(writing.run().error, EMSGSIZE);
  CHECK(writing.kernel->requests().empty());
  CHECK_EQUAL(writing.batch->count(), 3u);
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQUAL(writing.word(i), "refused " + std::to_string(EMSGSIZE));
  }
}

int main() { return check::run_tests(); }
