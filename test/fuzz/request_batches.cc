// Any sequence of calls to a batch of requests, beside a list of requests. Its bytes are the whole
// requests in order, each with its number and, where it was asked for, the flag for an ack: also of
// the last one, which silence would answer.
#include <memory>

#include "input.h"
#include "reference.h"
#include "require.h"
#include "wire/request_batch.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

struct Model {
  uint16_t type;
  uint16_t answer;
  bool asks;  // for an ack
  std::vector<uint8_t> value;
};

// A request with one attribute.
RequestWriter request_of(uint16_t type, const std::vector<uint8_t>& value) {
  RequestWriter request(type, 0, uapi::FAMILY_IPV4);
  request.bytes(1, {value.data(), value.size()});
  return request;
}

void require_same(const RequestBatch& batch, const std::vector<Model>& model, uint32_t first) {
  bool malformed = false;
  const std::vector<Message> messages = reference_messages(batch.bytes(), malformed);
  REQUIRE(!malformed && messages.size() == model.size() && batch.count() == model.size());
  REQUIRE(batch.full() == (model.size() == RequestBatch::capacity));
  size_t answered = 0;
  for (size_t i = 0; i < model.size(); i++) {
    const Message& message = messages[i];
    REQUIRE(message.type == model[i].type && batch.answer(i) == model[i].answer);
    const bool asks = (message.flags & uapi::NLM_F_ACK) != 0;
    REQUIRE(asks == model[i].asks);
    REQUIRE(message.sequence == static_cast<uint32_t>(first + i));
    Reading reading;
    const Attributes all({message.payload.data + 4, message.payload.size - 4}, reading);
    REQUIRE(reading.ok && all.all().size() == 1 &&
            all.all()[0].payload.size == model[i].value.size());
    REQUIRE(model[i].value.empty() ||
            memcmp(all.all()[0].payload.data, model[i].value.data(), model[i].value.size()) == 0);
    if (model[i].answer != RequestBatch::silence) answered++;
  }
  REQUIRE(batch.answered() == answered);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static RequestBatch batch;
  batch.clear();
  std::vector<Model> model;
  size_t bytes = 0;
  for (Input input(data, size); !input.empty();) {
    switch (input.below(8)) {
      case 0:
        batch.ask_last();
        if (model.empty() || model.back().answer != RequestBatch::silence) break;
        model.back().answer = RequestBatch::ack;
        model.back().asks = true;
        break;
      case 1:
        if (input.below(4) != 0) break;
        batch.clear();
        model.clear();
        bytes = 0;
        break;
      case 2: {
        const auto first = input.integer<uint32_t>();
        batch.set_sequence(first);
        require_same(batch, model, first);
        break;
      }
      default: {
        const auto type = input.integer<uint16_t>();
        const uint16_t answers[] = {RequestBatch::ack, RequestBatch::silence, uapi::MESSAGE_NEW};
        const uint16_t answer = answers[input.below(3)];
        std::vector<uint8_t> value(4 * input.byte(), input.byte());
        const RequestWriter request = request_of(type, value);
        const size_t whole = 24 + value.size();
        REQUIRE(request.complete() == (whole <= RequestWriter::largest));
        const bool fits = model.size() < RequestBatch::capacity &&
                          bytes + whole <= RequestBatch::capacity * RequestWriter::largest;
        const bool added = batch.add(request, answer);
        REQUIRE(added == (fits && request.complete()));
        if (!added) break;
        bytes += whole;
        model.push_back({type, answer, answer == RequestBatch::ack, value});
      }
    }
  }
  batch.set_sequence(7);
  require_same(batch, model, 7);
  return 0;
}
