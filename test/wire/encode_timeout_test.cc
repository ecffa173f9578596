#include "wire/encode_timeout.h"

#include "check.h"
#include "message_builder.h"
#include "wire/decode_timeout.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static TimeoutRecord whole() {
  TimeoutRecord record = {};
  record.present = TIMEOUT_NAME | TIMEOUT_FAMILY | TIMEOUT_PROTOCOL;
  record.family = FAMILY_IPV4;
  record.protocol = 6;
  record.name_length = 3;
  memcpy(record.name, "web", 3);
  record.states = 1u << 3 | 1u << 8 | 1u << 31;
  record.seconds[3] = 3600;
  record.seconds[8] = 0;
  record.seconds[31] = 9;
  return record;
}

static Message first_message(const RequestWriter& request) {
  CHECK(request.complete());
  Message message;
  MessageReader reader(request.request());
  CHECK(reader.next(message));
  return message;
}

static void check_written(const RequestWriter& request, uint16_t flags) {
  const Message message = first_message(request);
  CHECK_EQUAL(message.type, MESSAGE_TIMEOUT_NEW);
  CHECK_EQUAL(message.flags, NLM_F_REQUEST | flags);
  TimeoutRecord read = {};
  CHECK(decode_timeout_policy(message, read));
  TimeoutRecord wanted = whole();
  wanted.present |= TIMEOUT_SECONDS;
  CHECK(memcmp(&read, &wanted, sizeof read) == 0);
}

TEST(what_is_written_is_what_was_asked_for) {
  check_written(encode_timeout_create(whole()), NLM_F_CREATE | NLM_F_EXCL);
  check_written(encode_timeout_replace(whole()), NLM_F_REPLACE);
}

TEST(no_states_make_an_empty_nest) {
  TimeoutRecord record = whole();
  record.states = 0;
  TimeoutRecord read = {};
  CHECK(decode_timeout_policy(first_message(encode_timeout_create(record)), read));
  CHECK_EQUAL(read.states, 0u);
}

TEST(every_state_fits) {
  TimeoutRecord record = whole();
  record.states = ~0u;
  record.name_length = longest_policy_name;
  memset(record.name, 'x', longest_policy_name);
  TimeoutRecord read = {};
  CHECK(decode_timeout_policy(first_message(encode_timeout_create(record)), read));
  CHECK_EQUAL(read.states, ~1u);  // there is no state 0
  CHECK_EQUAL(read.name_length, longest_policy_name);
}

// Of a request: the number of its attributes, and the type of the first.
static size_t attributes_of(const RequestWriter& request, uint16_t& first) {
  Bytes attributes;
  CHECK(read_attributes(first_message(request), attributes));
  AttributeReader reader(attributes);
  Attribute attribute;
  size_t count = 0;
  while (reader.next(attribute)) {
    if (count++ == 0) first = attribute.type;
  }
  return count;
}

TEST(get_and_delete_have_the_name_alone) {
  uint16_t first = 0;
  CHECK_EQUAL(attributes_of(encode_timeout_get(whole()), first), 1u);
  CHECK_EQUAL(first, CTA_TIMEOUT_NAME);
  CHECK_EQUAL(first_message(encode_timeout_get(whole())).type, MESSAGE_TIMEOUT_GET);
  CHECK_EQUAL(attributes_of(encode_timeout_delete(whole()), first), 1u);
  CHECK_EQUAL(first, CTA_TIMEOUT_NAME);
  CHECK_EQUAL(first_message(encode_timeout_delete(whole())).type, MESSAGE_TIMEOUT_DELETE);
}

// To the kernel a DELETE without a name means all policies that no rule uses.
TEST(what_has_no_name_cannot_be_sent) {
  const auto check_refused = [](const TimeoutRecord& record) {
    CHECK(!encode_timeout_delete(record).complete());
    CHECK(!encode_timeout_get(record).complete());
    CHECK(!encode_timeout_create(record).complete());
    CHECK(!encode_timeout_replace(record).complete());
  };
  check_refused(TimeoutRecord());
  TimeoutRecord record = whole();
  record.present &= ~TIMEOUT_NAME;
  check_refused(record);
  record = whole();
  record.name_length = 0;
  check_refused(record);
  record.name_length = longest_policy_name + 1;
  memset(record.name, 'x', sizeof record.name);
  check_refused(record);
  record.name_length = 255;
  check_refused(record);
  record = whole();
  record.name[0] = 0;  // the kernel would read an empty name
  check_refused(record);
}

TEST(what_has_no_protocol_cannot_be_written) {
  for (const uint32_t missing : {TIMEOUT_FAMILY, TIMEOUT_PROTOCOL}) {
    TimeoutRecord record = whole();
    record.present &= ~missing;
    CHECK(!encode_timeout_create(record).complete());
    CHECK(!encode_timeout_replace(record).complete());
    CHECK(!encode_default_timeouts_get(record).complete());
    CHECK(!encode_default_timeouts_set(record).complete());
  }
}

TEST(defaults) {
  const RequestWriter asked = encode_default_timeouts_get(whole());
  const Message get = first_message(asked);
  CHECK_EQUAL(get.type, MESSAGE_TIMEOUT_DEFAULT_GET);
  const RequestWriter written = encode_default_timeouts_set(whole());
  const Message set = first_message(written);
  CHECK_EQUAL(set.type, MESSAGE_TIMEOUT_DEFAULT_SET);
  TimeoutRecord read = {};
  CHECK(decode_default_timeouts(set, read));
  CHECK_EQUAL(read.states, whole().states);
  CHECK_EQUAL(read.present & TIMEOUT_NAME, 0u);
  CHECK(!decode_default_timeouts(get, read = {}));
}

TEST(all_of_them) {
  const RequestWriter list = encode_timeout_list();
  CHECK_EQUAL(first_message(list).type, MESSAGE_TIMEOUT_GET);
  CHECK_EQUAL(first_message(list).flags & NLM_F_DUMP, NLM_F_DUMP);
  CHECK_EQUAL(list.request().size, 20u);
}

int main() { return check::run_tests(); }
