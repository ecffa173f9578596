#include "os/dump_reader.h"

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Step = DumpReader::Step;
using Ids = std::vector<uint32_t>;

static constexpr uint32_t in_a_slab = (slab_size - sizeof(SlabHeader)) / sizeof(EntryRecord);

static FilterRecord family_and(uint32_t present) {
  FilterRecord ask = {};
  ask.present = present;
  ask.family = FAMILY_IPV6;
  ask.protocol = 17;
  return ask;
}

struct Reading {
  explicit Reading(const FilterRecord& ask = {}, DumpKind kind = DumpKind::entries)
      : reader(ask, kind) {
    CHECK(!reader.open());
    peer = kernel.accept();
  }
  ~Reading() { reader.close(); }

  Ids read() {
    outcome = reader.read(slab);
    const Ids all = ids({slab, slab_size});
    CHECK_EQUAL(outcome.filled, !all.empty());
    return all;
  }
  // The family that is asked for in the next request.
  int family() {
    const auto requests = peer->requests();
    CHECK_EQUAL(requests.size(), 1u);
    return requests.empty() ? -1 : requests[0].bytes[16];
  }

  Kernel kernel;
  DumpReader reader;
  std::shared_ptr<KernelSocket> peer;
  DumpReader::Outcome outcome;
  alignas(8) uint8_t slab[slab_size];
};

TEST(every_call_of_open_can_fail) {
  const auto open = [] {
    DumpReader reader(FilterRecord{}, DumpKind::entries);
    return reader.open();
  };
  fail_each_call(open, {"connect", "setsockopt"});
}

TEST(a_table) {
  Reading reading;
  reading.peer->send({entry(1, 1), entry(1, 2)});
  reading.peer->send({entry(1, 3), done(1)});
  CHECK(reading.read() == (Ids{1, 2, 3}));
  CHECK(reading.outcome.step == Step::done);
  CHECK_EQUAL(reading.family(), FAMILY_UNSPECIFIED);
}

TEST(a_request_that_zeroes_counters) {
  for (const bool zero : {false, true}) {
    Reading reading({}, zero ? DumpKind::zeroing : DumpKind::entries);
    reading.peer->send({done(1)});
    reading.read();
    const auto requests = reading.peer->requests();
    CHECK_EQUAL(requests[0].type, zero ? MESSAGE_GET_CTRZERO : MESSAGE_GET);
    CHECK_EQUAL(requests[0].flags, NLM_F_REQUEST | NLM_F_DUMP);
  }
}

// The kernel compares the family alone: one request for both, whatever the filter is, and a
// refusal is one.
TEST(those_that_are_dying) {
  FilterRecord ask = {};
  ask.present = FILTER_PROTOCOL | FILTER_MARK;
  ask.protocol = 6;
  for (const bool refused : {false, true}) {
    Reading reading(ask, DumpKind::dying);
    if (refused) {
      reading.peer->send({error(1, EOPNOTSUPP)});
    } else {
      reading.peer->send({entry(1, 1), entry(1, 2), done(1)});
    }
    CHECK(reading.read() == (refused ? Ids{} : Ids{1, 2}));
    CHECK(reading.outcome.step == (refused ? Step::failed : Step::done));
    const auto requests = reading.peer->requests();
    CHECK_EQUAL(requests.size(), 1u);
    CHECK_EQUAL(requests[0].type, MESSAGE_GET_DYING);
    CHECK_EQUAL(requests[0].bytes.size(), 20u);
  }
}

// While a table grows, a bucket comes twice; with zeroed counters both are news.
TEST(an_entry_that_comes_twice) {
  for (const bool zero : {false, true}) {
    Reading reading({}, zero ? DumpKind::zeroing : DumpKind::entries);
    reading.peer->send({entry(1, 1), entry(1, 2), entry(1, 1), entry(1, 2), done(1)});
    CHECK(reading.read() == (zero ? Ids{1, 2, 1, 2} : Ids{1, 2}));
  }
}

TEST(an_entry_that_finds_no_room_is_the_first_of_the_next_slab) {
  Reading reading;
  std::vector<Buffer> messages;
  for (uint32_t id = 1; id <= in_a_slab + 2; id++) messages.push_back(entry(1, id));
  reading.peer->send(messages);
  reading.peer->send({done(1)});
  CHECK_EQUAL(reading.read().size(), in_a_slab);
  CHECK(reading.outcome.step == Step::more);
  CHECK(reading.read() == (Ids{in_a_slab + 1, in_a_slab + 2}));
  CHECK(reading.outcome.step == Step::done);
}

TEST(an_extension_that_finds_no_room) {
  Reading reading;
  const auto labelled = [](uint32_t id) {
    return answer(1, MESSAGE_NEW,
                  join({nfgenmsg, tuple(CTA_TUPLE_ORIG, id), tuple(CTA_TUPLE_REPLY, id),
                        u32(CTA_ID, id), u32(CTA_STATUS, 8),
                        nest(CTA_SECCTX, {attribute(CTA_SECCTX_NAME, Buffer(3000, 'x'))})}));
  };
  std::vector<Buffer> messages;
  uint32_t sent = 0;
  for (int datagram = 0; datagram < 3; datagram++) {
    messages.clear();
    for (int i = 0; i < 10; i++) messages.push_back(labelled(++sent));
    reading.peer->send(messages);
  }
  reading.peer->send({done(1)});
  Ids all;
  do {
    for (const uint32_t id : reading.read()) all.push_back(id);
  } while (reading.outcome.step == Step::more);
  CHECK(reading.outcome.step == Step::done);
  CHECK_EQUAL(all.size(), sent);
  for (uint32_t i = 0; i < all.size(); i++) CHECK_EQUAL(all[i], i + 1);
}

TEST(comes_back_from_a_silent_kernel_after_50_ms) {
  Reading reading;
  reading.peer->send({entry(1, 1)});
  StoppedClock clock;
  clock.skip_waits();
  const int64_t start = clock.now();
  CHECK(reading.read() == (Ids{1}));
  CHECK(reading.outcome.step == Step::idle);
  CHECK_EQUAL(clock.now() - start, 50);
  reading.peer->send({done(1)});
  CHECK(reading.read().empty());
  CHECK(reading.outcome.step == Step::done);
}

TEST(gives_a_silent_kernel_a_second) {
  Reading reading;
  StoppedClock clock;
  clock.skip_waits();
  for (int round = 0; round < 2; round++) {
    // The read that gives the entry waits as well.
    for (int wait = 1 + round; wait < 20; wait++) {
      CHECK(reading.read().empty());
      CHECK(reading.outcome.step == Step::idle);
    }
    if (round == 0) reading.peer->send({entry(1, 1)});
    CHECK_EQUAL(reading.read().size(), round == 0 ? 1u : 0u);
  }
  CHECK(reading.outcome.step == Step::failed);
  CHECK_EQUAL(reading.outcome.failure.error, ETIMEDOUT);
}

// Time does not count while nobody reads, nor while the process is stopped.
TEST(waits_as_long_as_it_is_not_asked) {
  Reading reading;
  StoppedClock clock;
  clock.skip_waits();
  CHECK(reading.read().empty());
  clock.advance(1'000'000);
  reading.peer->send({entry(1, 1), done(1)});
  CHECK(reading.read() == (Ids{1}));
  CHECK(reading.outcome.step == Step::done);
}

static void take_none(Reading& reading) {
  FilterRecord none = {};
  none.present = FILTER_MARK;
  none.mark = 5;
  none.mark_mask = 0xffffffff;
  CHECK(!reading.reader.set_filter({reinterpret_cast<uint8_t*>(&none), sizeof none}));
}

// Each match may take long.
TEST(looks_at_the_clock_and_for_a_cancel_among_16_matches) {
  for (const bool cancels : {true, false}) {
    Reading reading;
    take_none(reading);
    std::vector<Buffer> messages;
    for (uint32_t id = 1; id <= 100; id++) messages.push_back(entry(1, id));
    reading.peer->send(messages);
    reading.peer->send({done(1)});
    StoppedClock clock;
    if (cancels) {
      reading.kernel.before("recvmsg", [&] { reading.reader.cancel(); });
      CHECK(reading.read().empty());
      CHECK(reading.outcome.step == Step::idle);
      CHECK_EQUAL(reading.peer->queued(), 1u);
      continue;
    }
    const Turn turn;
    clock.advance(Turn::length);
    int reads = 0;
    alignas(8) uint8_t slab[slab_size];
    do {
      reading.outcome = reading.reader.read(slab, turn);
      reads++;
    } while (reading.outcome.step == Step::more);
    CHECK_EQUAL(reads, 100 / 15 + 1);
    CHECK(reading.outcome.step == Step::done);
  }
}

TEST(comes_back_when_little_matches) {
  Reading reading;
  take_none(reading);
  for (uint32_t id = 1; id <= 200; id++) reading.peer->send({entry(1, id)});
  reading.peer->send({done(1)});
  int reads = 0;
  do {
    const size_t before = reading.peer->queued();
    CHECK(reading.read().empty());
    CHECK(before - reading.peer->queued() <= 64);
    reads++;
  } while (reading.outcome.step == Step::more);
  CHECK_EQUAL(reads, 4);
  CHECK(reading.outcome.step == Step::done);
}

TEST(comes_back_when_it_is_cancelled) {
  Reading reading;
  reading.peer->send({entry(1, 1)});
  reading.peer->send({entry(1, 2)});
  reading.reader.cancel();
  reading.read();
  CHECK(reading.outcome.step == Step::idle);
  CHECK_EQUAL(reading.peer->queued(), 2u);
}

TEST(what_others_send_and_old_answers_are_dropped) {
  Reading reading;
  reading.peer->forge(77, {entry(1, 66), done(1)});
  reading.peer->send({entry(2, 66), done(2), entry(0, 66), error(0, EPERM)});
  reading.peer->send({answer(1, MESSAGE_NEW, entry(1, 66), 77)});
  reading.peer->send({answer(1, MESSAGE_DELETE, nfgenmsg), entry(1, 1), done(1)});
  CHECK(reading.read() == (Ids{1}));
  CHECK(reading.outcome.step == Step::done);
}

TEST(every_failure) {
  const auto with_error = [](int number) { return answer(1, NLMSG_DONE, host(int32_t{-number})); };
  const std::pair<Buffer, int> endings[] = {
      {error(1, ENOMEM), ENOMEM},
      {with_error(ENOBUFS), ENOBUFS},
      {Buffer(9), EBADMSG},
      {answer(1, MESSAGE_NEW, nfgenmsg), EBADMSG},
      {answer(1, NLMSG_DONE, {}), EBADMSG},
      {error(1, EINVAL), EINVAL},  // nothing was left out of what was asked for
  };
  for (const auto& [ending, number] : endings) {
    Reading reading;
    reading.peer->send({entry(1, 1), ending});
    CHECK(reading.read() == (Ids{1}));
    CHECK(reading.outcome.step == Step::failed);
    CHECK_EQUAL(reading.outcome.failure.error, number);
  }
  for (const char* call : {"sendto", "recvmsg", "poll"}) {
    Reading reading;
    reading.kernel.fail_next(call, EBADF);
    reading.read();
    CHECK(reading.outcome.step == Step::failed);
    CHECK_EQUAL(std::string(reading.outcome.failure.syscall), call);
  }
}

TEST(a_tuple_is_asked_for_in_one_family_after_the_other) {
  Reading reading(family_and(FILTER_PROTOCOL));
  reading.peer->send({entry(1, 1), done(1), entry(2, 2), done(2)});
  CHECK(reading.read() == (Ids{1, 2}));
  CHECK(reading.outcome.step == Step::done);
  CHECK_EQUAL(reading.family(), FAMILY_IPV4);
  CHECK_EQUAL(reading.family(), FAMILY_IPV6);
  CHECK(reading.peer->requests().empty());
}

TEST(one_family_is_asked_for_once) {
  Reading reading(family_and(FILTER_FAMILY | FILTER_PROTOCOL));
  reading.peer->send({done(1)});
  reading.read();
  CHECK(reading.outcome.step == Step::done);
  CHECK_EQUAL(reading.family(), FAMILY_IPV6);
  CHECK(reading.peer->requests().empty());
}

TEST(a_kernel_that_cannot_leave_anything_out_is_asked_for_all) {
  for (const int refusal : {EINVAL, EOPNOTSUPP}) {
    for (const bool one_family : {true, false}) {
      Reading reading(family_and(one_family ? FILTER_PROTOCOL | FILTER_FAMILY : FILTER_PROTOCOL));
      reading.peer->send({error(1, refusal), entry(2, 1), done(2), done(3)});
      CHECK(reading.read() == (Ids{1}));
      CHECK(reading.outcome.step == Step::done);
      const auto first = reading.peer->requests();
      const auto second = reading.peer->requests();
      CHECK(second[0].bytes.size() < first[0].bytes.size());
      CHECK_EQUAL(second[0].bytes[16], one_family ? FAMILY_IPV6 : FAMILY_IPV4);
    }
  }
}

static Buffer requested(Reading& reading) {
  const Buffer bytes = reading.peer->requests()[0].bytes;
  return Buffer(bytes.begin() + sizeof(uint32_t) * 4, bytes.end());
}

TEST(a_kernel_without_zones_is_asked_for_the_rest) {
  FilterRecord ask = family_and(FILTER_PROTOCOL | FILTER_FAMILY);
  Buffer rest;
  {
    Reading reading(ask);
    reading.peer->send({done(1)});
    reading.read();
    rest = requested(reading);
  }
  ask.present |= FILTER_ZONE;
  ask.zone = 3;
  Reading reading(ask);
  reading.peer->send({error(1, EOPNOTSUPP), entry(2, 1), done(2)});
  CHECK(reading.read() == (Ids{1}));
  CHECK(reading.outcome.step == Step::done);
  CHECK(requested(reading) != rest);
  CHECK(requested(reading) == rest);
}

TEST(and_for_all_when_it_refuses_that_too) {
  FilterRecord ask = family_and(FILTER_PROTOCOL | FILTER_FAMILY | FILTER_ZONE);
  ask.zone = 3;
  Reading reading(ask);
  reading.peer->send({error(1, EINVAL), error(2, EINVAL), entry(3, 1), done(3)});
  CHECK(reading.read() == (Ids{1}));
  CHECK(reading.outcome.step == Step::done);
}

TEST(but_not_when_it_has_answered_or_for_another_reason) {
  for (const bool answered : {true, false}) {
    Reading reading(family_and(FILTER_PROTOCOL | FILTER_FAMILY));
    if (answered) reading.peer->send({entry(1, 1)});
    reading.peer->send({error(1, answered ? EINVAL : EPERM)});
    reading.read();
    CHECK(reading.outcome.step == Step::failed);
    reading.peer->requests();
    CHECK(reading.peer->requests().empty());
  }
}

// Datagrams of a table that is worth a second thread.
TEST(a_large_table_is_received_ahead) {
  Reading reading;
  reading.kernel.record_calls();
  uint32_t sent = 0;
  Ids all;
  for (int datagram = 0; datagram < 40; datagram++) {
    std::vector<Buffer> messages;
    for (int i = 0; i < 140; i++) messages.push_back(entry(1, ++sent));
    reading.peer->send(messages);
    if (datagram % 10 != 9) continue;
    do {
      for (const uint32_t id : reading.read()) all.push_back(id);
    } while (reading.outcome.step == Step::more);
    CHECK(reading.outcome.step == Step::idle);
  }
  reading.peer->send({done(1)});
  reading.read();
  CHECK(reading.outcome.step == Step::done);
  CHECK_EQUAL(all.size(), sent);
  for (uint32_t i = 0; i < all.size(); i++) CHECK_EQUAL(all[i], i + 1);
}

TEST(no_memory_for_a_filter) {
  Reading reading;
  FilterRecord any = {};
  const Bytes records = {reinterpret_cast<uint8_t*>(&any), sizeof any};
  reading.kernel.fail_next("malloc", ENOMEM);
  CHECK_EQUAL(reading.reader.set_filter(records).error, ENOMEM);
  CHECK_EQUAL(reading.reader.set_filter({records.data, records.size - 1}).error, ENOMEM);
}

TEST(a_message_of_another_type_is_skipped) {
  const Buffer payloads[] = {{}, host(int32_t{-EPERM})};
  for (const uint16_t type : {NLMSG_NOOP, MESSAGE_DELETE}) {
    for (const Buffer& payload : payloads) {
      Reading reading;
      reading.peer->send({entry(1, 1), answer(1, type, payload), entry(1, 2), done(1)});
      CHECK(reading.read() == (Ids{1, 2}));
      CHECK(reading.outcome.step == Step::done);
    }
  }
}

TEST(no_memory_for_one_part_of_a_filter) {
  Reading reading;
  for (const size_t negated : {0, 1, 2}) {
    std::vector<FilterRecord> filters;
    for (uint16_t i = 0; i < 8; i++) {  // enough for an index
      FilterRecord filter = {};
      filter.present = FILTER_ZONE;
      filter.zone = i;
      filter.negations = i < negated ? 1 : 0;
      filters.push_back(filter);
      if (i < negated) filters.push_back(FilterRecord{});
    }
    const Bytes records = {reinterpret_cast<const uint8_t*>(filters.data()),
                           filters.size() * sizeof filters[0]};
    reading.kernel.record_calls();
    CHECK(!reading.reader.set_filter(records));
    const size_t calls = reading.kernel.calls().size();
    CHECK(calls >= 4);
    for (size_t number = 0; number < calls; number++) {
      reading.kernel.fail_call(number, ENOMEM);
      CHECK_EQUAL(reading.reader.set_filter(records).error, ENOMEM);
    }
  }
}

int main() { return check::run_tests(); }
