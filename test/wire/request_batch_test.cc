#include "wire/request_batch.h"

#include <memory>

#include "check.h"
#include "wire/message.h"

using namespace conntrack;

static RequestWriter request(size_t payload) {
  RequestWriter out(uapi::MESSAGE_GET, 0, 2);
  const std::vector<uint8_t> bytes(payload, 7);
  out.bytes(1, {bytes.data(), bytes.size()});
  return out;
}

TEST(requests_stand_behind_each_other_and_are_numbered) {
  auto batch = std::make_unique<RequestBatch>();
  for (size_t i = 0; i < 5; i++) CHECK(batch->add(request(i), RequestBatch::ack));
  batch->set_sequence(100);
  MessageReader reader(batch->bytes());
  Message message;
  for (uint32_t i = 0; i < 5; i++) {
    CHECK(reader.next(message));
    CHECK_EQUAL(message.sequence, 100 + i);
    CHECK_EQUAL(message.type, uapi::MESSAGE_GET);
  }
  CHECK(!reader.next(message) && !reader.malformed());
}

TEST(so_many_of_the_largest_fit) {
  auto batch = std::make_unique<RequestBatch>();
  const RequestWriter largest = request(RequestWriter::largest - 24);
  CHECK_EQUAL(largest.request().size, RequestWriter::largest);
  for (size_t i = 0; i < RequestBatch::capacity; i++) CHECK(batch->add(largest, RequestBatch::ack));
  CHECK(batch->full());
  CHECK(!batch->add(request(0), RequestBatch::ack));
  CHECK_EQUAL(batch->count(), RequestBatch::capacity);
  batch->clear();
  CHECK_EQUAL(batch->bytes().size, 0u);
  CHECK(batch->add(request(0), RequestBatch::ack));
}

TEST(a_request_that_is_not_complete_is_not_taken) {
  auto batch = std::make_unique<RequestBatch>();
  RequestWriter spoiled = request(0);
  spoiled.spoil();
  CHECK(!batch->add(spoiled, RequestBatch::ack));
  CHECK(!batch->add(request(RequestWriter::largest), RequestBatch::ack));
  CHECK_EQUAL(batch->count(), 0u);
}

TEST(an_ack_is_asked_for_where_it_is_the_answer) {
  auto batch = std::make_unique<RequestBatch>();
  const uint16_t answers[] = {RequestBatch::ack, uapi::MESSAGE_NEW, RequestBatch::silence};
  for (const uint16_t answer : answers) CHECK(batch->add(request(4), answer));
  CHECK_EQUAL(batch->answered(), 2u);
  MessageReader reader(batch->bytes());
  Message message;
  for (size_t i = 0; i < 3; i++) {
    CHECK(reader.next(message));
    CHECK_EQUAL(batch->answer(i), answers[i]);
    const uint16_t ack = i == 0 ? uapi::NLM_F_ACK : 0;
    CHECK_EQUAL(message.flags, uapi::NLM_F_REQUEST | ack);
  }
  batch->clear();
  CHECK_EQUAL(batch->answered(), 0u);
}

int main() { return check::run_tests(); }
