// Questions that are sent alone. run() sends the request and reads the answer to its end, in
// turns, as transact() does.
#pragma once

#include "os/answers.h"
#include "os/transaction.h"
#include "wire/encode_expectation.h"
#include "wire/encode_timeout.h"

namespace conntrack {

template <typename Answer, Answers answers = Answers::many>
class Query {
 public:
  Query(const RequestWriter& request, uint16_t type) : request_(request), type_(type) {}

  bool run(NetlinkSocket& socket, uint8_t* buffer, Failure& failure) {
    const auto take = [](size_t, const Message& message, void* answer) {
      return static_cast<Answer*>(answer)->take(message);
    };
    const bool ended =
        transact(exchange_, socket, request_, buffer, type_, answers, {take, &answer_}, failure);
    failure.unanswered = false;  // it would change nothing
    return ended;
  }
  const Answer& answer() const { return answer_; }

 private:
  RequestWriter request_;
  Exchange exchange_;
  const uint16_t type_;
  Answer answer_;
};

struct GetUsage : Query<UsageAnswer, Answers::one> {
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

struct ListTimeoutPolicies : Query<TimeoutAnswer> {
  ListTimeoutPolicies() : Query(encode_timeout_list(), uapi::MESSAGE_TIMEOUT_NEW) {}
};

}  // namespace conntrack
