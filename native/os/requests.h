// Requests that go out alone, each with what becomes of its answer. run() sends the
// request and reads the answer to its end, in turns, as transact() does.
#pragma once

#include "os/answers.h"
#include "os/transaction.h"
#include "wire/encode.h"
#include "wire/encode_expectation.h"

namespace conntrack {

// Changes something. The answer is an ack alone.
class Command {
 public:
  explicit Command(const RequestWriter& request) : request_(request) {}

  bool run(NetlinkSocket& socket, uint8_t* buffer, Failure& failure) {
    return transact(exchange_, socket, request_, buffer, {0, nullptr, nullptr}, failure);
  }
  // True when the kernel may have done it, before run() has ended.
  bool may_be_done() const { return exchange_.sent; }

 private:
  RequestWriter request_;
  Exchange exchange_;
};

// Changes nothing. The answer is messages of one type.
template <typename Answer>
class Query {
 public:
  Query(const RequestWriter& request, uint16_t type) : request_(request), type_(type) {}

  bool run(NetlinkSocket& socket, uint8_t* buffer, Failure& failure) {
    const auto take = [](size_t, const Message& message, void* answer) {
      return static_cast<Answer*>(answer)->take(message);
    };
    const bool ended =
        transact(exchange_, socket, request_, buffer, {type_, take, &answer_}, failure);
    failure.unanswered = false;
    return ended;
  }
  static constexpr bool may_be_done() { return false; }
  const Answer& answer() const { return answer_; }

 private:
  RequestWriter request_;
  Exchange exchange_;
  const uint16_t type_;
  Answer answer_;
};

struct GetEntry : Query<EntryAnswer> {
  explicit GetEntry(const EntryRecord& key) : Query(encode_get(key), uapi::MESSAGE_NEW) {}
};

struct GetUsage : Query<UsageAnswer> {
  GetUsage() : Query(encode_get_usage(), uapi::MESSAGE_GET_STATS) {}
};

struct GetCpuStats : Query<CpuStatsAnswer> {
  GetCpuStats() : Query(encode_get_cpu_stats(), uapi::MESSAGE_GET_STATS_CPU) {}
};

struct GetExpectationCpuStats : Query<CpuStatsAnswer> {
  GetExpectationCpuStats()
      : Query(encode_get_expectation_cpu_stats(), uapi::MESSAGE_EXPECTATION_STATS_CPU) {}
};

struct ListExpectations : Query<ExpectationAnswer> {
  ListExpectations() : Query(encode_expectation_list(), uapi::MESSAGE_EXPECTATION_NEW) {}
};

struct GetExpectation : Query<ExpectationAnswer> {
  explicit GetExpectation(const ExpectationRecord& key)
      : Query(encode_expectation_get(key), uapi::MESSAGE_EXPECTATION_NEW) {}
};

}  // namespace conntrack
