#include "os/queries.h"

#include "messages.h"
#include "wire/decode_expectation.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

struct Asking {
  Asking() {
    CHECK(!socket.open());
    kernel = all.accept();
  }

  template <typename Request>
  int run(Request& request) {
    return to_the_end([&](Failure& failure) { return request.run(socket, buffer.get(), failure); })
        .error;
  }

  // The type of the only request that was sent; 0 when none was.
  uint16_t asked() {
    const std::vector<KernelSocket::Request> requests = kernel->requests();
    return requests.size() == 1 ? requests[0].type : 0;
  }

  Kernel all;
  NetlinkSocket socket;
  std::shared_ptr<KernelSocket> kernel;
  std::unique_ptr<uint8_t[]> buffer = std::make_unique<uint8_t[]>(receive_buffer_size);
};

TEST(how_full_the_table_is) {
  Asking asking;
  GetUsage get;
  asking.kernel->send(
      {answer(1, MESSAGE_GET_STATS, join({nfgenmsg, u32(CTA_STATS_GLOBAL_ENTRIES, 9)}))});
  CHECK_EQUAL(asking.run(get), 0);
  CHECK_EQUAL(asking.asked(), MESSAGE_GET_STATS);
  CHECK_EQUAL(get.answer().usage().entries, 9u);
}

static Buffer cpu_stats(uint16_t type, uint16_t cpu, uint32_t value) {
  return answer(1, type, join({{0, 0}, network(cpu), u32(2, value)}));
}

template <typename Get>
static void check_cpu_stats(uint16_t request, uint16_t type) {
  Asking asking;
  Get get;
  asking.kernel->send({cpu_stats(type, 0, 10), cpu_stats(type, 3, 13)});
  // Of another type: no answer.
  asking.kernel->send({cpu_stats(MESSAGE_NEW, 1, 11), cpu_stats(type, 1, 11)});
  asking.kernel->send({done(1)});
  CHECK_EQUAL(asking.run(get), 0);
  CHECK_EQUAL(asking.asked(), request);
  std::vector<uint64_t> all;
  get.answer().cpus().each([&](const CpuStats& stats) {
    all.push_back(stats.cpu);
    all.push_back(stats.counters[0].value);
  });
  CHECK((all == std::vector<uint64_t>{0, 10, 3, 13, 1, 11}));
}

TEST(counters_of_processors_in_the_order_of_the_answer) {
  check_cpu_stats<GetCpuStats>(MESSAGE_GET_STATS_CPU, MESSAGE_GET_STATS_CPU);
  check_cpu_stats<GetExpectationCpuStats>(MESSAGE_EXPECTATION_GET_STATS_CPU,
                                          MESSAGE_EXPECTATION_STATS_CPU);
}

// The helper's name goes into the extension.
static const Buffer helper(40, 'x');

static Buffer expectation(uint32_t id) {
  return answer(1, MESSAGE_EXPECTATION_NEW,
                join({nfgenmsg, tuple(CTA_EXPECT_TUPLE, id), tuple(CTA_EXPECT_MASK, ~0u),
                      tuple(CTA_EXPECT_MASTER, 1), u32(CTA_EXPECT_ID, id),
                      attribute(CTA_EXPECT_HELP_NAME, helper)}));
}

template <typename Request>
static std::vector<std::vector<uint32_t>> expectations(const Request& request) {
  std::vector<std::vector<uint32_t>> slabs;
  request.answer().each_slab([&](Bytes slab) {
    std::vector<uint32_t>& all = slabs.emplace_back();
    SlabHeader header = {};
    read_host(slab, 0, header);
    ExpectationRecord record;
    for (size_t i = 0; i < header.count; i++) {
      CHECK(read_host(slab, sizeof header + i * sizeof record, record));
      all.push_back(record.id);
    }
    ExpectationRecord first;
    ExpectationExtension extension;
    CHECK(read_first_expectation(slab, first, extension));
    CHECK(extension.helper.size > 0);
  });
  return slabs;
}

TEST(one_expectation_or_none) {
  Asking asking;
  ListExpectations one;
  asking.kernel->send({expectation(6), done(1)});
  CHECK_EQUAL(asking.run(one), 0);
  CHECK_EQUAL(asking.asked(), MESSAGE_EXPECTATION_GET);
  CHECK(expectations(one) == std::vector<std::vector<uint32_t>>{{6}});
  ListExpectations none;
  asking.kernel->send({done(2)});
  CHECK_EQUAL(asking.run(none), 0);
  CHECK(expectations(none).empty());
}

TEST(expectations_fill_slabs_to_their_end) {
  Asking asking;
  ListExpectations list;
  constexpr uint32_t count = 800;
  for (uint32_t id = 1; id <= count;) {
    std::vector<Buffer> messages;
    for (; id <= count && messages.size() < 100; id++) messages.push_back(expectation(id));
    asking.kernel->send(messages);
  }
  asking.kernel->send({done(1)});
  CHECK_EQUAL(asking.run(list), 0);
  CHECK_EQUAL(asking.asked(), MESSAGE_EXPECTATION_GET);
  const std::vector<std::vector<uint32_t>> slabs = expectations(list);
  const size_t each =
      sizeof(ExpectationRecord) + sizeof(ExpectationExtensionRecord) + helper.size();
  const size_t full = (slab_size - sizeof(SlabHeader)) / each;
  // There is room for one more record, but not for its extension.
  CHECK((slab_size - sizeof(SlabHeader)) % each >= sizeof(ExpectationRecord));
  CHECK_EQUAL(slabs.size(), (count + full - 1) / full);
  uint32_t next = 1;
  for (const std::vector<uint32_t>& slab : slabs) {
    CHECK(slab.size() == full || slab.back() == count);
    for (const uint32_t id : slab) CHECK_EQUAL(id, next++);
  }
  CHECK_EQUAL(next, count + 1);
}

TEST(an_expectation_that_cannot_be_understood) {
  Asking asking;
  ListExpectations list;
  asking.kernel->send({expectation(1), answer(1, MESSAGE_EXPECTATION_NEW, {}), done(1)});
  CHECK_EQUAL(asking.run(list), EBADMSG);
}

static std::vector<std::vector<std::string>> policies(const ListTimeoutPolicies& list) {
  std::vector<std::vector<std::string>> slabs;
  list.answer().each_slab([&](Bytes slab) {
    std::vector<std::string>& names = slabs.emplace_back();
    SlabHeader header = {};
    read_host(slab, 0, header);
    TimeoutRecord record;
    for (size_t i = 0; i < header.count; i++) {
      CHECK(read_host(slab, sizeof header + i * sizeof record, record));
      names.emplace_back(record.name, record.name + record.name_length);
    }
  });
  return slabs;
}

TEST(timeout_policies_in_the_order_of_the_answer) {
  Asking asking;
  ListTimeoutPolicies list;
  constexpr size_t count = 800;
  for (size_t number = 0; number < count;) {
    std::vector<Buffer> messages;
    for (; number < count && messages.size() < 100; number++) {
      messages.push_back(timeouts(1, std::to_string(number)));
    }
    asking.kernel->send(messages);
  }
  asking.kernel->send({done(1)});
  CHECK_EQUAL(asking.run(list), 0);
  CHECK_EQUAL(asking.asked(), MESSAGE_TIMEOUT_GET);
  constexpr size_t full = (slab_size - sizeof(SlabHeader)) / sizeof(TimeoutRecord);
  const auto slabs = policies(list);
  CHECK_EQUAL(slabs.size(), (count + full - 1) / full);
  size_t next = 0;
  for (const auto& slab : slabs) {
    for (const std::string& name : slab) CHECK(name == std::to_string(next++));
  }
  CHECK_EQUAL(next, count);
}

TEST(no_timeout_policy_and_one_that_cannot_be_understood) {
  Asking asking;
  ListTimeoutPolicies none;
  asking.kernel->send({done(1)});
  CHECK_EQUAL(asking.run(none), 0);
  CHECK(policies(none).empty());
  ListTimeoutPolicies list;
  asking.kernel->send({timeouts(2, "one"), timeouts(2, std::string(32, 'x')), done(2)});
  CHECK_EQUAL(asking.run(list), EBADMSG);
}

template <typename Request>
static void check_no_memory(Request request, const Buffer& message) {
  Asking asking;
  asking.all.fail_next("malloc", ENOMEM);
  asking.kernel->send({message, ack(1)});
  CHECK_EQUAL(asking.run(request), ENOMEM);
}

TEST(no_memory_for_an_answer) {
  check_no_memory(ListExpectations(), expectation(1));
  check_no_memory(ListTimeoutPolicies(), timeouts(1, "web"));
  check_no_memory(GetCpuStats(), cpu_stats(MESSAGE_GET_STATS_CPU, 0, 10));
}

int main() { return check::run_tests(); }
