#include "wire/encode_expectation.h"

#include "check.h"
#include "message_builder.h"
#include "wire/decode_expectation.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static TupleRecord tuple(uint8_t last, uint8_t family = FAMILY_IPV4) {
  TupleRecord record = {};
  record.family = family;
  record.protocol = 6;
  record.source[0] = 10;
  record.source[3] = last;
  record.destination_port = 21;
  record.present = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;
  return record;
}

static ExpectationRecord whole() {
  ExpectationRecord record = {};
  record.tuple = tuple(1);
  record.mask = tuple(255);
  record.master = tuple(2);
  record.id = 99;
  record.timeout = 300;
  record.flags = 3;
  record.helper_class = 1;
  record.nat_direction = 1;
  record.present = 0x7ff & ~EXPECTATION_ZONE;
  return record;
}

static ExpectationExtension extension() {
  static const Buffer helper = text("ftp");
  static const Buffer function = text("nat-follow-master");
  ExpectationExtension all = {};
  all.record.nat = tuple(7);
  all.record.helper_length = 3;
  all.record.function_length = 17;
  all.helper = {helper.data(), helper.size()};
  all.function = {function.data(), function.size()};
  return all;
}

static Message first_message(const RequestWriter& request) {
  CHECK(request.complete());
  Message message;
  MessageReader reader(request.request());
  CHECK(reader.next(message));
  return message;
}

TEST(what_is_created_is_what_was_asked_for) {
  const ExpectationRecord wanted = whole();
  RequestWriter request = encode_expectation_create(wanted, extension());
  CHECK_EQUAL(first_message(request).type, MESSAGE_EXPECTATION_NEW);
  request.integer(CTA_EXPECT_ID, wanted.id);  // which the kernel chooses
  ExpectationRecord read = {};
  ExpectationExtension strings = {};
  CHECK(decode_expectation(first_message(request), read, strings));
  CHECK(memcmp(&read, &wanted, sizeof read) == 0);
  CHECK_EQUAL(strings.helper.size, 3u);
  CHECK_EQUAL(strings.function.size, 17u);
  const TupleRecord nat = tuple(7);
  CHECK(memcmp(&strings.record.nat, &nat, sizeof nat) == 0);
}

TEST(an_update_creates_nothing) {
  const ExpectationRecord wanted = whole();
  RequestWriter request = encode_expectation_update(wanted);
  const Message message = first_message(request);
  CHECK_EQUAL(message.type, MESSAGE_EXPECTATION_NEW);
  CHECK_EQUAL(message.flags & (NLM_F_CREATE | NLM_F_EXCL | NLM_F_DUMP), 0u);
  request.integer(CTA_EXPECT_ID, wanted.id);
  ExpectationRecord read = {};
  ExpectationExtension none = {};
  CHECK(decode_expectation(first_message(request), read, none));
  CHECK_EQUAL(read.present, uint32_t{EXPECTATION_TUPLE | EXPECTATION_MASK | EXPECTATION_MASTER |
                                     EXPECTATION_ID | EXPECTATION_TIMEOUT});
  CHECK_EQUAL(read.timeout, wanted.timeout);
  CHECK(memcmp(&read.tuple, &wanted.tuple, sizeof read.tuple) == 0);
  CHECK(memcmp(&read.master, &wanted.master, sizeof read.master) == 0);
}

TEST(an_update_without_a_timeout_cannot_be_sent) {
  for (const uint32_t missing :
       {EXPECTATION_TUPLE, EXPECTATION_MASK, EXPECTATION_MASTER, EXPECTATION_TIMEOUT}) {
    ExpectationRecord record = whole();
    record.present &= ~missing;
    CHECK(!encode_expectation_update(record).complete());
  }
}

TEST(delete_names_the_tuple_and_the_id) {
  const RequestWriter request = encode_expectation_delete(whole());
  const Message message = first_message(request);
  CHECK_EQUAL(message.type, MESSAGE_EXPECTATION_DELETE);
  Bytes attributes;
  CHECK(read_attributes(message, attributes));
  AttributeReader reader(attributes);
  Attribute attribute;
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, CTA_EXPECT_TUPLE);
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, CTA_EXPECT_ID);
  CHECK(!reader.next(attribute));
}

// To the kernel a DELETE without a whole tuple means all of them.
TEST(delete_of_less_cannot_be_sent) {
  CHECK(!encode_expectation_delete(ExpectationRecord()).complete());
  ExpectationRecord record = whole();
  record.present &= ~EXPECTATION_TUPLE;
  CHECK(!encode_expectation_delete(record).complete());
  record = whole();
  record.tuple.family = 0;
  CHECK(!encode_expectation_delete(record).complete());
  CHECK(!encode_expectation_get(record).complete());
  CHECK(!encode_expectation_create(record, extension()).complete());
}

TEST(all_of_them) {
  const RequestWriter list = encode_expectation_list();
  CHECK_EQUAL(first_message(list).flags & NLM_F_DUMP, NLM_F_DUMP);
  const RequestWriter flush = encode_expectation_flush();
  CHECK_EQUAL(first_message(flush).type, MESSAGE_EXPECTATION_DELETE);
  CHECK_EQUAL(flush.request().size, 20u);
}

TEST(a_slab_that_lies) {
  Buffer slab(sizeof(SlabHeader) + sizeof(ExpectationRecord) + 64);
  ExpectationRecord record = whole();
  ExpectationExtension read = {};
  const auto reads = [&] {
    memcpy(slab.data() + sizeof(SlabHeader), &record, sizeof record);
    const Exact exact(slab);
    ExpectationRecord out;
    return read_first_expectation(exact.bytes(), out, read);
  };
  record.extension = (sizeof(SlabHeader) + sizeof record) / 8;
  CHECK(reads());
  slab[sizeof(SlabHeader) + sizeof record + sizeof(TupleRecord)] = 9;  // helper_length
  CHECK(!reads());
  record.extension = 0xffff;
  CHECK(!reads());
  const Exact none((Buffer()));
  ExpectationRecord out;
  CHECK(!read_first_expectation(none.bytes(), out, read));
}

TEST(a_flush_of_a_helper_has_its_name) {
  const auto flush_of = [](const char* name, size_t size) {
    return encode_expectation_flush_of({reinterpret_cast<const uint8_t*>(name), size});
  };
  const RequestWriter flush = flush_of("ftp", 3);
  CHECK(flush.complete());
  const Bytes bytes = flush.request();
  const Buffer expected = attribute(CTA_EXPECT_HELP_NAME, {'f', 't', 'p', 0});
  CHECK(bytes.size == 20 + expected.size());
  CHECK(memcmp(bytes.data + 20, expected.data(), expected.size()) == 0);
  // To the kernel an empty name, or one that ends before its end, is another one.
  CHECK(!flush_of("", 0).complete());
  CHECK(!flush_of("f\0p", 3).complete());
}

int main() { return check::run_tests(); }
