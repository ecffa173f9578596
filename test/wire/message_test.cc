#include "wire/message.h"

#include <cerrno>
#include <string>

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::test;

TEST(messages_of_one_datagram) {
  const Exact datagram(join({message(0x0100, 2, {1, 2, 3, 4}), message(0x0102, 0x0600, {}),
                             message(uapi::NLMSG_DONE, 2, host(int32_t{0}))}));
  MessageReader reader(datagram.bytes());
  Message first;
  CHECK(reader.next(first));
  CHECK_EQUAL(first.type, 0x0100);
  CHECK_EQUAL(first.flags, 2);
  CHECK_EQUAL(first.sequence, 7u);
  CHECK_EQUAL(first.port_id, 8u);
  CHECK_EQUAL(first.payload.size, 4u);
  CHECK_EQUAL(first.payload.data[3], 4);
  Message second;
  CHECK(reader.next(second));
  CHECK_EQUAL(second.type, 0x0102);
  CHECK_EQUAL(second.flags, 0x0600);
  CHECK_EQUAL(second.payload.size, 0u);
  Message done;
  CHECK(reader.next(done));
  CHECK_EQUAL(done.type, uapi::NLMSG_DONE);
  CHECK(!reader.next(done));
  CHECK(!reader.malformed());
}

TEST(a_message_that_is_unread_comes_again) {
  const Exact datagram(join({message(1, 0, {1, 2, 3, 4}), message(2, 0, {5})}));
  MessageReader reader(datagram.bytes());
  Message message;
  CHECK(reader.next(message));
  reader.unread();
  CHECK(reader.next(message));
  CHECK_EQUAL(message.type, 1);
  CHECK_EQUAL(message.payload.size, 4u);
  CHECK(reader.next(message));
  reader.unread();
  CHECK(reader.next(message));
  CHECK_EQUAL(message.type, 2);
  CHECK_EQUAL(message.payload.size, 1u);
  CHECK(!reader.next(message));
  CHECK(!reader.malformed());
}

TEST(messages_are_aligned_to_four) {
  Buffer padded = message(1, 0, {1, 2, 3, 4, 5});
  padded.resize(24);
  Buffer last = message(2, 0, {6});  // 17 bytes, and the datagram ends there
  const Exact datagram(join({padded, last}));
  MessageReader reader(datagram.bytes());
  Message message;
  CHECK(reader.next(message));
  CHECK_EQUAL(message.payload.size, 5u);
  CHECK(reader.next(message));
  CHECK_EQUAL(message.type, 2);
  CHECK_EQUAL(message.payload.size, 1u);
  CHECK(!reader.next(message));
  CHECK(!reader.malformed());
}

TEST(nothing_is_the_end) {
  Message message;
  MessageReader nothing;
  CHECK(!nothing.next(message));
  CHECK(!nothing.malformed());
}

TEST(a_length_that_lies_ends_the_datagram) {
  for (uint32_t length : {0u, 1u, 15u, 21u, 0x7fffffffu, 0xfffffffdu, 0xffffffffu}) {
    Buffer bytes = join({message(1, 0, {1, 2, 3, 4}), message(2, 0, {1, 2, 3, 4})});
    memcpy(bytes.data() + 20, &length, sizeof length);
    const Exact datagram(bytes);
    MessageReader reader(datagram.bytes());
    Message message;
    CHECK(reader.next(message));
    CHECK(!reader.next(message));
    CHECK(reader.malformed());
    CHECK(!reader.next(message));
  }
}

TEST(less_than_a_header_is_malformed) {
  for (size_t size = 1; size < 16; size++) {
    Buffer bytes(16, 0);
    set_message_length(bytes);
    bytes.resize(size);
    const Exact datagram(bytes);
    MessageReader reader(datagram.bytes());
    Message message;
    CHECK(!reader.next(message));
    CHECK(reader.malformed());
  }
}

// Answers -------------------------------------------------------------------------

struct ReadAnswer {
  explicit ReadAnswer(const Buffer& from) : bytes(from) {
    MessageReader reader(bytes.bytes());
    Message message;
    ok = reader.next(message) && read_answer(message, answer);
  }
  std::string text() const { return {answer.text.data, answer.text.data + answer.text.size}; }

  Exact bytes;
  Answer answer;
  bool ok = false;
};

static const Buffer said =
    join({u32(uapi::NLMSGERR_ATTR_OFFS, 12), attribute(uapi::NLMSGERR_ATTR_MSG, text("not so"))});

static Buffer request_quote(size_t payload) { return message(0x0100, 5, Buffer(payload, 0xee)); }

TEST(an_ack_is_no_error) {
  const ReadAnswer ack(
      message(uapi::NLMSG_ERROR, uapi::NLM_F_CAPPED, join({host(int32_t{0}), Buffer(16, 0)})));
  CHECK(ack.ok);
  CHECK_EQUAL(ack.answer.error, 0);
  CHECK_EQUAL(ack.text(), "");
}

TEST(errors_are_positive_here) {
  for (int32_t error : {EPERM, ENOENT, EOPNOTSUPP, 4095}) {
    const ReadAnswer answer(
        message(uapi::NLMSG_ERROR, 0, join({host(int32_t{-error}), request_quote(4)})));
    CHECK(answer.ok);
    CHECK_EQUAL(answer.answer.error, error);
  }
}

TEST(what_is_no_errno_is_none) {
  for (int32_t number : {1, EPERM, INT32_MAX, -4096, INT32_MIN}) {
    const ReadAnswer answer(message(uapi::NLMSG_ERROR, 0, host(number)));
    CHECK(answer.ok);
    CHECK_EQUAL(answer.answer.error, 0);
  }
}

TEST(an_answer_needs_its_number) {
  for (size_t size = 0; size < 4; size++) {
    CHECK(!ReadAnswer(message(uapi::NLMSG_ERROR, 0, Buffer(size, 0xff))).ok);
  }
}

TEST(extended_ack_behind_the_whole_request) {
  for (size_t payload : {0, 4, 5, 7, 100}) {  // quoted with its padding
    Buffer quote = request_quote(payload);
    quote.resize((quote.size() + 3) & ~size_t{3});
    const ReadAnswer answer(message(uapi::NLMSG_ERROR, uapi::NLM_F_ACK_TLVS,
                                    join({host(int32_t{-EINVAL}), quote, said})));
    CHECK(answer.ok);
    CHECK_EQUAL(answer.answer.error, EINVAL);
    CHECK_EQUAL(answer.text(), "not so");
  }
}

TEST(extended_ack_behind_the_header_alone) {
  Buffer header = request_quote(100);  // its length is the whole request's
  header.resize(16);
  const ReadAnswer answer(message(uapi::NLMSG_ERROR, uapi::NLM_F_ACK_TLVS | uapi::NLM_F_CAPPED,
                                  join({host(int32_t{-EINVAL}), header, said})));
  CHECK(answer.ok);
  CHECK_EQUAL(answer.answer.error, EINVAL);
  CHECK_EQUAL(answer.text(), "not so");
}

TEST(extended_ack_of_a_dump_that_ends) {
  const ReadAnswer done(
      message(uapi::NLMSG_DONE, 2 | uapi::NLM_F_ACK_TLVS, join({host(int32_t{-ENOSPC}), said})));
  CHECK(done.ok);
  CHECK_EQUAL(done.answer.error, ENOSPC);
  CHECK_EQUAL(done.text(), "not so");
}

TEST(extended_ack_only_where_the_flag_says_so) {
  const ReadAnswer done(message(uapi::NLMSG_DONE, 2, join({host(int32_t{-ENOSPC}), said})));
  CHECK(done.ok);
  CHECK_EQUAL(done.text(), "");
}

TEST(the_text_ends_at_its_nul) {
  const Buffer with_nul = attribute(uapi::NLMSGERR_ATTR_MSG, {'n', 'o', 0});
  const ReadAnswer done(
      message(uapi::NLMSG_DONE, uapi::NLM_F_ACK_TLVS, join({host(int32_t{-EINVAL}), with_nul})));
  CHECK_EQUAL(done.text(), "no");
}

TEST(an_extended_ack_that_lies_leaves_the_error) {
  const Buffer short_quote = host(uint16_t{0});  // too short for the quoted length
  Buffer long_quote = request_quote(0);
  const uint32_t far = 0xffffffff;
  memcpy(long_quote.data(), &far, sizeof far);
  const Buffer lying_attribute = attribute_of_length(200, uapi::NLMSGERR_ATTR_MSG, text("not so"));
  for (const Buffer& tail :
       {Buffer(), short_quote, long_quote, join({request_quote(0), lying_attribute})}) {
    const ReadAnswer answer(
        message(uapi::NLMSG_ERROR, uapi::NLM_F_ACK_TLVS, join({host(int32_t{-EBUSY}), tail})));
    CHECK(answer.ok);
    CHECK_EQUAL(answer.answer.error, EBUSY);
    CHECK_EQUAL(answer.text(), "");
  }
}

TEST(attributes_stand_behind_nfgenmsg) {
  const Exact bytes(conntrack_message(u8(1, 2)));
  MessageReader reader(bytes.bytes());
  Message message;
  Bytes attributes;
  CHECK(reader.next(message));
  CHECK(read_attributes(message, attributes));
  CHECK_EQUAL(attributes.size, 8u);
  CHECK(attributes.data == message.payload.data + 4);
  message.payload.size = 4;
  CHECK(read_attributes(message, attributes));
  CHECK_EQUAL(attributes.size, 0u);
  message.payload.size = 3;
  CHECK(!read_attributes(message, attributes));
}

int main() { return check::run_tests(); }
