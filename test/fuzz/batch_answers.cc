// Any answers to requests, alone or in a batch, over the scripted kernel. transact() finds out of
// each request what a model finds that takes the datagrams one by one.
#include "clock.h"
#include "kernel_script.h"
#include "os/transaction.h"
#include "reference.h"
#include "require.h"
#include "wire/decode.h"
#include "wire/encode.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

constexpr uint32_t most_requests = 6;

// What became of requests.
struct Ends {
  int error = 0;  // of those without an answer
  BatchAnswers::State states[most_requests] = {};
  int errors[most_requests] = {};
  std::vector<std::pair<size_t, uint32_t>> entries;  // with the index of the request
  std::vector<uint32_t> echoes;
};

// The id of the entry in a message; false when it has none.
bool reference_id(const Message& message, uint32_t& id) {
  EntryRecord record;
  ExtensionRecord extension;
  Bytes helper;
  Bytes context;
  if (!reference_entry(message, record, extension, helper, context)) return false;
  id = record.id;
  return true;
}

// The model. `kinds`: the answers of a batch.
class Model {
 public:
  Model(std::vector<uint16_t> kinds, bool wants_echoes, uint32_t port_id)
      : kinds_(std::move(kinds)), wants_echoes_(wants_echoes), port_id_(port_id) {
    for (const uint16_t kind : kinds_) left_ += kind != RequestBatch::silence;
  }

  void run(const std::vector<ScriptStep>& steps) {
    if (left_ == 0) return;  // nothing is sent
    for (const ScriptStep& step : steps) {
      if (step.kind == ScriptStep::fault && step.error == ENOBUFS && !lost_) {
        lost_ = true;
      } else if (step.kind == ScriptStep::fault && step.error != EINTR) {
        return conclude(step.error);
      } else if (step.kind == ScriptStep::datagram) {
        int error = 0;
        if (take({step.bytes.data(), step.bytes.size()}, error)) return conclude(error);
      }
    }
    conclude(lost_ ? ENOBUFS : refused_ ? 0 : ETIMEDOUT);
  }

  Ends ends;

 private:
  // True at the end.
  bool take(Bytes datagram, int& error) {
    bool malformed = false;
    const std::vector<Message> messages = reference_messages(datagram, malformed);
    if (malformed) error = EBADMSG;
    for (size_t i = 0; i < messages.size() && !malformed && left_ > 0; i++) take(messages[i]);
    return malformed || left_ == 0;
  }

  void take(const Message& message) {
    if (message.port_id != port_id_) return;
    uint32_t id = 0;
    if (message.type == MESSAGE_DELETE) {
      if (wants_echoes_ && reference_id(message, id)) ends.echoes.push_back(id);
      return;
    }
    const size_t index = message.sequence - size_t{1};
    if (message.sequence == 0 || index >= kinds_.size()) return;
    const bool is_end = message.type == NLMSG_ERROR || message.type == NLMSG_DONE;
    if (ends.states[index] != BatchAnswers::none) return;
    if (!is_end && message.type != kinds_[index]) return;
    int error = 0;
    if (is_end) {
      const bool understood = script_error(message, error);
      if (!understood || (error == 0 && kinds_[index] != RequestBatch::ack)) error = EBADMSG;
      if (!understood || error != EPERM || index != 0) refused_ = false;
      if (understood && error == EPERM && index == 0) refused_ = true;
    } else {
      refused_ = false;
      if (reference_id(message, id)) {
        ends.entries.emplace_back(index, id);
      } else {
        error = EBADMSG;
      }
    }
    ends.states[index] = error == 0 ? BatchAnswers::done : BatchAnswers::failed;
    ends.errors[index] = error;
    if (kinds_[index] != RequestBatch::silence) left_--;
  }

  void conclude(int error) {
    ends.error = error;
    bool later = false;
    for (size_t i = kinds_.size(); i-- > 0;) {
      if (ends.states[i] != BatchAnswers::none) {
        later = true;
      } else if (refused_ && !lost_) {
        ends.states[i] = BatchAnswers::failed;
        ends.errors[i] = EPERM;
      } else if (later && kinds_[i] == RequestBatch::silence && !lost_) {
        ends.states[i] = BatchAnswers::done;
      }
    }
  }

  const std::vector<uint16_t> kinds_;
  const bool wants_echoes_;
  const uint32_t port_id_;
  size_t left_ = 0;
  bool lost_ = false;
  bool refused_ = false;
};

// The model of one request, whose answers are entries.
Ends end_of_one(const std::vector<ScriptStep>& steps, uint32_t port_id, Answers answers) {
  Ends ends;
  bool lost = false;
  const auto end = [&ends](int error) {
    ends.error = error;
    return ends;
  };
  for (const ScriptStep& step : steps) {
    if (step.kind == ScriptStep::fault) {
      if (step.error != EINTR && (step.error != ENOBUFS || lost)) return end(step.error);
      lost = lost || step.error == ENOBUFS;
    }
    if (step.kind != ScriptStep::datagram) continue;
    bool malformed = false;
    const auto messages = reference_messages({step.bytes.data(), step.bytes.size()}, malformed);
    if (malformed) return end(EBADMSG);
    for (const Message& message : messages) {
      if (message.sequence != 1 || message.port_id != port_id) continue;
      int error = 0;
      uint32_t id = 0;
      if (message.type == NLMSG_ERROR || message.type == NLMSG_DONE) {
        const bool complete = answers == Answers::many && message.type == NLMSG_DONE;
        const bool understood = script_error(message, error);
        return end(!understood || (error == 0 && !complete) ? EBADMSG : error);
      }
      if (message.type != MESSAGE_NEW) continue;
      if (!reference_id(message, id)) return end(EBADMSG);
      ends.entries.emplace_back(0, id);
      if (answers == Answers::one) return ends;
    }
  }
  return end(lost ? ENOBUFS : ETIMEDOUT);
}

// What transact() is given, and what it finds.
class Transacting {
 public:
  Transacting() {
    REQUIRE(!socket_.open());
    peer = kernel.accept();
    clock_.skip_waits();
  }
  ~Transacting() { socket_.close(); }

  Ends one(Answers answers) {
    static uint8_t buffer[receive_buffer_size];
    RequestWriter request = encode_flush(FAMILY_IPV4);
    Exchange exchange;
    Failure failure;
    while (!transact(exchange, socket_, request, buffer, MESSAGE_NEW, answers, {take, this},
                     failure)) {
    }
    ends_.error = failure.error;
    return ends_;
  }

  Ends batch(const std::vector<uint16_t>& kinds, bool wants_echoes) {
    static RequestBatch batch;
    static Inbox inbox;
    batch.clear();
    for (const uint16_t kind : kinds) REQUIRE(batch.add(encode_flush(FAMILY_IPV4), kind));
    const Expected expected = {take, this, wants_echoes ? take_echo : nullptr};
    Exchange exchange;
    BatchAnswers answers;
    Failure failure;
    while (!transact(exchange, socket_, batch, inbox, expected, answers, failure)) {
    }
    ends_.error = failure.error;
    for (size_t i = 0; i < kinds.size(); i++) {
      ends_.states[i] = answers.states[i];
      if (answers.states[i] == BatchAnswers::failed) ends_.errors[i] = answers.failures[i].error;
    }
    return ends_;
  }

  Kernel kernel;
  std::shared_ptr<KernelSocket> peer;

 private:
  static bool id_of(const Message& message, uint32_t& id) {
    auto record = zeroed<EntryRecord>();
    Extension extension;
    const bool decoded = decode_entry(message, record, extension);
    id = record.id;
    return decoded;
  }
  static int take(size_t request, const Message& message, void* context) {
    uint32_t id = 0;
    if (!id_of(message, id)) return EBADMSG;
    static_cast<Transacting*>(context)->ends_.entries.emplace_back(request, id);
    return 0;
  }
  static void take_echo(const Message& message, void* context) {
    uint32_t id = 0;
    if (id_of(message, id)) static_cast<Transacting*>(context)->ends_.echoes.push_back(id);
  }

  StoppedClock clock_;
  NetlinkSocket socket_;
  Ends ends_;
};

void require_same(const Ends& ends, const Ends& expected) {
  REQUIRE(ends.error == expected.error);
  REQUIRE(ends.entries == expected.entries);
  REQUIRE(ends.echoes == expected.echoes);
  for (size_t i = 0; i < most_requests; i++) {
    REQUIRE(ends.states[i] == expected.states[i]);
    REQUIRE(ends.errors[i] == expected.errors[i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  Transacting transacting;
  const uint32_t port_id = transacting.peer->port_id();
  const uint32_t count = input.below(most_requests + 2);
  if (count > most_requests || count == 0) {
    const Answers answers = count == 0 ? Answers::one : Answers::many;
    KernelScript script(input, port_id, 1);
    script.play(transacting.kernel, *transacting.peer, "recvmsg");
    const Ends expected = end_of_one(script.steps(), port_id, answers);
    require_same(transacting.one(answers), expected);
    return 0;
  }
  static constexpr uint16_t kinds_of_answers[] = {RequestBatch::ack, RequestBatch::ack, MESSAGE_NEW,
                                                  RequestBatch::silence};
  const bool wants_echoes = input.coin();
  std::vector<uint16_t> kinds;
  for (uint32_t i = 0; i < count; i++) kinds.push_back(kinds_of_answers[input.below(4)]);
  KernelScript script(input, port_id, count);
  script.play(transacting.kernel, *transacting.peer, "recvmmsg");
  Model model(kinds, wants_echoes, port_id);
  model.run(script.steps());
  require_same(transacting.batch(kinds, wants_echoes), model.ends);
  return 0;
}
