#include "wire/request_batch.h"

#include <memory>

#include "check.h"
#include "wire/message.h"

using namespace conntrack;

static RequestWriter request(size_t payload) {
  RequestWriter out(uapi::MESSAGE_GET, uapi::NLM_F_ACK, 2);
  const std::vector<uint8_t> bytes(payload, 7);
  out.bytes(1, {bytes.data(), bytes.size()});
  return out;
}

TEST(requests_stand_behind_each_other_and_are_numbered) {
  auto batch = std::make_unique<RequestBatch>();
  for (size_t i = 0; i < 5; i++) CHECK(batch->add(request(i)));
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
  for (size_t i = 0; i < RequestBatch::capacity; i++) CHECK(batch->add(largest));
  CHECK(batch->full());
  CHECK(!batch->add(request(0)));
  CHECK_EQUAL(batch->count(), RequestBatch::capacity);
  batch->clear();
  CHECK_EQUAL(batch->bytes().size, 0u);
  CHECK(batch->add(request(0)));
}

TEST(a_request_that_is_not_complete_is_not_taken) {
  auto batch = std::make_unique<RequestBatch>();
  RequestWriter spoiled = request(0);
  spoiled.spoil();
  CHECK(!batch->add(spoiled));
  CHECK(!batch->add(request(RequestWriter::largest)));
  CHECK_EQUAL(batch->count(), 0u);
}

int main() { return check::run_tests(); }
