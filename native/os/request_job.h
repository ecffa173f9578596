// Requests that wait together go together: in the order of the calls, many in a datagram, each
// with an answer of its own.
#pragma once

#include <memory>

#include "os/answers.h"
#include "os/transaction.h"
#include "wire/request_record.h"

namespace conntrack {

// The memory that the jobs of a socket use one after another.
struct RequestMemory {
  // The part that a message of the batch plays in its request.
  enum class Role : uint8_t { command, question, write };
  struct Sent {
    uint32_t request;
    Role role;
  };

  uint8_t buffer[receive_buffer_size];  // of queries
  Inbox inbox;
  RequestBatch batch;
  Sent sent[RequestBatch::capacity];
  BatchAnswers answers;
};

class RequestJob {
 public:
  RequestJob() = default;
  RequestJob(const RequestJob&) = delete;
  RequestJob& operator=(const RequestJob&) = delete;

  // Copies the requests: see request_record.h. EINVAL when they are not such, ENOMEM.
  int take(Bytes requests);
  size_t count() const { return count_; }

  // In turns, as transact(). When a datagram fails, what follows fails in the same way, and is not
  // sent.
  bool run(NetlinkSocket& socket, RequestMemory& memory);
  // Instead of run(): all have failed in this way, and are not sent.
  void refuse(const Failure& failure);
  // Before run() has ended: all that have no answer have failed (ECANCELED).
  void give_up(RequestMemory& memory);
  // That of such a datagram.
  const Failure& failure() const { return failure_; }

  struct Result {
    AnswerRecord answer = {};
    Failure failure;
  };
  const Result& result(size_t request) const { return results_[request]; }

  // The slabs that the answers name, in order: `visit` gets a SlabWriter, an ExpectationSlab or a
  // TimeoutSlab.
  template <typename Visit>
  void each_slab(Visit visit) const {
    slabs_.each([&](const AnswerSlab& part) {
      if (part.entries.memory()) {
        visit(part.entries);
      } else if (part.expectation.memory()) {
        visit(part.expectation);
      } else {
        visit(part.timeouts);
      }
    });
  }

 private:
  using Role = RequestMemory::Role;

  struct AnswerSlab {
    std::unique_ptr<uint8_t[]> memory;
    SlabWriter entries;           // or
    ExpectationSlab expectation;  // or
    TimeoutSlab timeouts;
  };

  // Puts requests into the batch until it is full.
  void fill(RequestMemory& memory);
  bool add(RequestMemory& memory, size_t request);
  static bool add(RequestMemory& memory, size_t request, Role role, const RequestWriter& message,
                  uint16_t answer);
  static bool add_write(RequestMemory& memory, size_t request, const RequestWriter& write,
                        const RequestWriter& get, uint16_t answer);
  // Takes what became of the requests of the batch.
  void settle(const RequestMemory& memory, const Failure& failure);
  void fail(size_t from, size_t to, const Failure& failure);

  int take_answer(const RequestMemory& memory, size_t index, const Message& message);
  int take_entry(const Message& message, size_t request);
  int take_usage(const Message& message, size_t request);
  int take_expectation(const Message& message, size_t request);
  int take_timeouts(const Message& message, size_t request);
  AnswerSlab* add_slab(size_t size);

  std::unique_ptr<uint8_t[]> bytes_;
  std::unique_ptr<Bytes[]> requests_;
  std::unique_ptr<Result[]> results_;
  size_t count_ = 0;
  size_t next_ = 0;  // the first that is not in the batch yet
  Failure failure_;
  PartList<AnswerSlab> slabs_;
  uint32_t slab_count_ = 0;
  SlabWriter* entries_ = nullptr;  // that is filled
  uint32_t entries_slab_ = 0;      // its number
  Exchange exchange_;
};

}  // namespace conntrack
