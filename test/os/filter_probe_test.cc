#include "os/filter_probe.h"

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

// What the kernel answers to the three dumps.
struct Probing {
  Probing() {
    CHECK(!probe.open());
    for (auto& peer : peers) peer = kernel.accept();
  }
  Failure run(const Buffer& tuple, const Buffer& status, const Buffer& zone) {
    peers[0]->send({tuple});
    peers[1]->send({status});
    peers[2]->send({zone});
    return probe.run(support);
  }

  Kernel kernel;
  FilterProbe probe;
  std::shared_ptr<KernelSocket> peers[3];
  FilterSupport support;
};

static Buffer filtered_entry() {
  Buffer bytes = entry(1, 1);
  bytes[6] |= NLM_F_DUMP_FILTERED;
  return bytes;
}

TEST(every_call_of_open_can_fail) {
  const auto open = [] { return FilterProbe().open(); };
  fail_each_call(open, {"connect", "setsockopt"});
}

TEST(a_kernel_that_has_all) {
  Probing probing;
  CHECK(!probing.run(error(1, EOPNOTSUPP), error(1, EINVAL), filtered_entry()));
  CHECK_EQUAL(probing.support.tuple, FilterSupport::yes);
  CHECK_EQUAL(probing.support.status, FilterSupport::yes);
  CHECK_EQUAL(probing.support.zone, FilterSupport::yes);
  for (const auto& peer : probing.peers) {
    CHECK(peer->closed());
    CHECK_EQUAL(peer->requests().size(), 1u);
  }
}

TEST(a_kernel_that_has_none) {
  Probing probing;
  CHECK(!probing.run(entry(1, 1), done(1), entry(1, 1)));
  CHECK_EQUAL(probing.support.tuple, FilterSupport::no);
  CHECK_EQUAL(probing.support.status, FilterSupport::no);
  CHECK_EQUAL(probing.support.zone, FilterSupport::no);
}

TEST(an_empty_table_says_nothing_of_zones) {
  Probing probing;
  CHECK(!probing.run(done(1), error(1, EINVAL), done(1)));
  CHECK_EQUAL(probing.support.zone, FilterSupport::unknown);
}

TEST(what_a_kernel_refuses_is_told_apart_from_what_it_ignores) {
  {
    // Without CONFIG_NF_CONNTRACK_ZONES, however full the table is.
    Probing probing;
    CHECK(!probing.run(error(1, EOPNOTSUPP), error(1, EINVAL), error(1, EOPNOTSUPP)));
    CHECK_EQUAL(probing.support.tuple, FilterSupport::yes);
    CHECK_EQUAL(probing.support.status, FilterSupport::yes);
    CHECK_EQUAL(probing.support.zone, FilterSupport::refused);
  }
  Probing probing;
  CHECK(!probing.run(error(1, EINVAL), error(1, EOPNOTSUPP), entry(1, 1)));
  CHECK_EQUAL(probing.support.tuple, FilterSupport::refused);
  CHECK_EQUAL(probing.support.status, FilterSupport::refused);
  CHECK_EQUAL(probing.support.zone, FilterSupport::no);
}

TEST(a_kernel_without_ctnetlink_is_a_failure) {
  Probing probing;
  const Failure failure = probing.run(error(1, EINVAL), error(1, EINVAL), error(1, EINVAL));
  CHECK_EQUAL(failure.error, EINVAL);
  CHECK(!failure.syscall);
  CHECK_EQUAL(probing.support.status, FilterSupport::unknown);
}

TEST(a_kernel_without_memory_refuses_nothing) {
  const Buffer no = error(1, ENOMEM);
  const Buffer entries = entry(1, 1);
  CHECK_EQUAL(Probing().run(no, entries, entries).error, ENOMEM);
  CHECK_EQUAL(Probing().run(entries, no, entries).error, ENOMEM);
  CHECK_EQUAL(Probing().run(entries, entries, no).error, ENOMEM);
}

TEST(no_privileges_are_a_failure) {
  Probing probing;
  const Failure failure = probing.run(error(1, EPERM), done(1), done(1));
  CHECK_EQUAL(failure.error, EPERM);
  CHECK(!failure.syscall);
  CHECK_EQUAL(probing.support.tuple, FilterSupport::unknown);
}

TEST(a_silent_kernel_is_a_failure) {
  Probing probing;
  StoppedClock clock;
  clock.skip_waits();
  CHECK_EQUAL(probing.probe.run(probing.support).error, ETIMEDOUT);
}

TEST(what_others_send_is_no_answer) {
  Probing probing;
  for (const auto& peer : probing.peers) {
    peer->forge(77, {entry(1, 1)});
    peer->send({entry(9, 1)});
    peer->send({});
  }
  CHECK(!probing.run(error(1, EOPNOTSUPP), error(1, EINVAL), filtered_entry()));
  CHECK_EQUAL(probing.support.tuple, FilterSupport::yes);
}

TEST(every_other_failure) {
  {
    Probing probing;
    CHECK_EQUAL(probing.run(answer(1, NLMSG_ERROR, {1}), done(1), done(1)).error, EBADMSG);
  }
  for (const char* call : {"malloc", "sendto", "recvmsg", "poll"}) {
    Probing probing;
    probing.kernel.fail_next(call, ENOMEM);
    const Failure failure = probing.probe.run(probing.support);
    CHECK_EQUAL(failure.error, ENOMEM);
    CHECK_EQUAL(std::string(failure.syscall), call);
  }
}

int main() { return check::run_tests(); }
