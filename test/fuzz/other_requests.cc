// Any expectation and any timeouts. The requests about them carry all values that were written.
// Requests that name nothing are spoiled: the kernel would apply them to everything.
#include "message_builder.h"
#include "request_reading.h"
#include "wire/encode_expectation.h"
#include "wire/encode_timeout.h"
#include "wire/namespace_id.h"
#include "wire/stats.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

bool is_family(uint8_t family) { return family == FAMILY_IPV4 || family == FAMILY_IPV6; }

struct Expectation {
  ExpectationRecord record = zeroed<ExpectationRecord>();
  ExpectationExtension extension = {zeroed<ExpectationExtensionRecord>(), {}, {}};

  bool has(uint32_t present) const { return (record.present & present) == present; }
};

Expectation any_expectation(Input& input) {
  Expectation made;
  ExpectationRecord& record = made.record;
  const uint8_t family = any_family(input);
  record.present = input.integer<uint16_t>() & 0x7ff;
  if (input.coin()) record.present |= EXPECTATION_TUPLE | EXPECTATION_MASK | EXPECTATION_MASTER;
  record.tuple = whole_tuple(input, family);
  record.mask = whole_tuple(input, family);
  record.master = whole_tuple(input, family);
  made.extension.record.nat = whole_tuple(input, family);
  input.fill(record.timeout);
  input.fill(record.id);
  input.fill(record.flags);
  input.fill(record.helper_class);
  input.fill(record.nat_direction);
  input.fill(record.zone);
  made.extension.helper = input.take(input.below(24));
  made.extension.function = input.take(input.below(24));
  if (input.below(8) == 0) spoil_family(input, record.tuple);
  return made;
}

// Whether it names one expectation.
bool is_named(const Expectation& one) {
  return one.has(EXPECTATION_TUPLE) && is_family(one.record.tuple.family);
}
// Every request carries this.
void require_key(const RequestReading& request, const Expectation& one) {
  request.require_tuple(CTA_EXPECT_TUPLE, true, one.record.tuple);
  request.require(CTA_EXPECT_ZONE, one.has(EXPECTATION_ZONE), one.record.zone);
}

void require_create(const Expectation& one) {
  const ExpectationRecord& record = one.record;
  const RequestWriter writer = encode_expectation_create(record, one.extension);
  REQUIRE(writer.complete() == is_named(one));
  if (!writer.complete()) return;
  const RequestReading request(writer, MESSAGE_EXPECTATION_NEW, NLM_F_CREATE | NLM_F_EXCL,
                               record.tuple.family);
  require_key(request, one);
  request.require_tuple(CTA_EXPECT_MASK, true, record.mask);
  request.require_tuple(CTA_EXPECT_MASTER, true, record.master);
  request.require(CTA_EXPECT_TIMEOUT, one.has(EXPECTATION_TIMEOUT), record.timeout);
  request.require(CTA_EXPECT_FLAGS, one.has(EXPECTATION_FLAGS), record.flags);
  request.require(CTA_EXPECT_CLASS, one.has(EXPECTATION_CLASS), record.helper_class);
  request.require_text(CTA_EXPECT_HELP_NAME, one.has(EXPECTATION_HELPER), one.extension.helper);
  request.require_text(CTA_EXPECT_FN, one.has(EXPECTATION_FUNCTION), one.extension.function);
  REQUIRE(request.has(CTA_EXPECT_NAT) == one.has(EXPECTATION_NAT));
  REQUIRE(!request.has(CTA_EXPECT_ID));
  if (!one.has(EXPECTATION_NAT)) return;
  Reading reading;
  const Attributes nat(*request.all().last(CTA_EXPECT_NAT), reading);
  REQUIRE(nat.number<uint32_t>(*nat.last(CTA_EXPECT_NAT_DIR)) == record.nat_direction);
  const TupleRecord sent = reference_tuple(*nat.last(CTA_EXPECT_NAT_TUPLE), reading);
  REQUIRE(reading.ok && memcmp(&sent, &one.extension.record.nat, sizeof sent) == 0);
}

void require_update(const Expectation& one) {
  const bool whole =
      is_named(one) && one.has(EXPECTATION_MASK | EXPECTATION_MASTER | EXPECTATION_TIMEOUT);
  const RequestWriter writer = encode_expectation_update(one.record);
  REQUIRE(writer.complete() == whole);
  if (!whole) return;
  const RequestReading request(writer, MESSAGE_EXPECTATION_NEW, 0, one.record.tuple.family);
  require_key(request, one);
  request.require_tuple(CTA_EXPECT_MASK, true, one.record.mask);
  request.require_tuple(CTA_EXPECT_MASTER, true, one.record.master);
  request.require(CTA_EXPECT_TIMEOUT, true, one.record.timeout);
  REQUIRE(request.all().all().size() == (one.has(EXPECTATION_ZONE) ? 5 : 4));
}

void require_get_and_delete(const Expectation& one) {
  for (const bool get : {false, true}) {
    const RequestWriter writer =
        get ? encode_expectation_get(one.record) : encode_expectation_delete(one.record);
    REQUIRE(writer.complete() == is_named(one));
    if (!writer.complete()) continue;
    const RequestReading request(writer, get ? MESSAGE_EXPECTATION_GET : MESSAGE_EXPECTATION_DELETE,
                                 0, one.record.tuple.family);
    require_key(request, one);
    request.require(CTA_EXPECT_ID, one.has(EXPECTATION_ID), one.record.id);
  }
}

void require_flush_of(Bytes helper) {
  const RequestWriter writer = encode_expectation_flush_of(helper);
  bool named = helper.size > 0;
  for (size_t i = 0; i < helper.size; i++) named = named && helper.data[i] != 0;
  REQUIRE(writer.complete() == named);
  if (!named) return;
  const RequestReading request(writer, MESSAGE_EXPECTATION_DELETE, 0, 0);
  request.require_text(CTA_EXPECT_HELP_NAME, true, helper);
}

// Timeouts -------------------------------------------------------------------------

TimeoutRecord any_timeouts(Input& input) {
  auto record = zeroed<TimeoutRecord>();
  record.present = input.byte() & 0x1f;
  input.fill(record.states);
  input.fill(record.family);
  input.fill(record.protocol);
  record.name_length = static_cast<uint8_t>(input.below(36));
  input.fill(record.name);
  for (uint32_t& seconds : record.seconds) input.fill(seconds);
  return record;
}

struct Asked {
  RequestWriter writer;
  uint16_t type;
  uint16_t flags;
  bool name;
  bool protocol;
  bool seconds;
};

void require_timeouts(const TimeoutRecord& record, const Asked& asked) {
  const auto has = [&](uint32_t present) { return (record.present & present) == present; };
  bool named = has(TIMEOUT_NAME) && record.name_length > 0 && record.name_length <= 31;
  for (size_t i = 0; named && i < record.name_length; i++) named = record.name[i] != 0;
  const bool whole =
      (!asked.name || named) && (!asked.protocol || has(TIMEOUT_FAMILY | TIMEOUT_PROTOCOL));
  REQUIRE(asked.writer.complete() == whole);
  if (!whole) return;
  const RequestReading request(asked.writer, asked.type, asked.flags, 0);
  request.require_text(CTA_TIMEOUT_NAME, asked.name, {record.name, record.name_length});
  request.require(CTA_TIMEOUT_L3PROTO, asked.protocol, record.family);
  request.require(CTA_TIMEOUT_L4PROTO, asked.protocol, record.protocol);
  REQUIRE(request.has(CTA_TIMEOUT_DATA) == asked.seconds && !request.has(CTA_TIMEOUT_USE));
  if (!asked.seconds) return;
  Reading reading;
  const Attributes states(*request.all().last(CTA_TIMEOUT_DATA), reading);
  size_t count = 0;
  for (uint32_t state = 1; state < timeout_states; state++) {
    if ((record.states >> state & 1) == 0) continue;
    REQUIRE(states.last(state));
    REQUIRE(states.number<uint32_t>(*states.last(state)) == record.seconds[state]);
    count++;
  }
  REQUIRE(reading.ok && states.all().size() == count);
}

void require_timeouts(const TimeoutRecord& record) {
  constexpr uint16_t create = NLM_F_CREATE | NLM_F_EXCL;
  const Asked all[] = {
      {encode_timeout_get(record), MESSAGE_TIMEOUT_GET, 0, true, false, false},
      {encode_timeout_delete(record), MESSAGE_TIMEOUT_DELETE, 0, true, false, false},
      {encode_timeout_create(record), MESSAGE_TIMEOUT_NEW, create, true, true, true},
      {encode_timeout_replace(record), MESSAGE_TIMEOUT_NEW, NLM_F_REPLACE, true, true, true},
      {encode_default_timeouts_get(record), MESSAGE_TIMEOUT_DEFAULT_GET, 0, false, true, false},
      {encode_default_timeouts_set(record), MESSAGE_TIMEOUT_DEFAULT_SET, 0, false, true, true},
  };
  for (const Asked& asked : all) require_timeouts(record, asked);
}

// Requests without a record ----------------------------------------------------------

void require_questions(int fd) {
  const struct {
    RequestWriter writer;
    uint16_t type;
    uint16_t flags;
  } all[] = {
      {encode_expectation_list(), MESSAGE_EXPECTATION_GET, NLM_F_DUMP},
      {encode_expectation_flush(), MESSAGE_EXPECTATION_DELETE, 0},
      {encode_timeout_list(), MESSAGE_TIMEOUT_GET, NLM_F_DUMP},
      {encode_get_usage(), MESSAGE_GET_STATS, 0},
      {encode_get_cpu_stats(), MESSAGE_GET_STATS_CPU, NLM_F_DUMP},
      {encode_get_expectation_cpu_stats(), MESSAGE_EXPECTATION_GET_STATS_CPU, NLM_F_DUMP},
  };
  for (const auto& one : all) {
    REQUIRE(RequestReading(one.writer, one.type, one.flags, 0).all().all().empty());
  }
  const RequestWriter writer = encode_namespace_id_get(fd);
  const RequestReading request(writer, MESSAGE_NAMESPACE_ID_GET, 0, 0);
  REQUIRE(request.all().all().size() == 1 && request.all().last(NETNSA_FD)->size == sizeof fd);
  REQUIRE(memcmp(request.all().last(NETNSA_FD)->data, &fd, sizeof fd) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const Expectation one = any_expectation(input);
  require_create(one);
  require_update(one);
  require_get_and_delete(one);
  require_flush_of(one.extension.helper);
  require_questions(input.integer<int>());
  require_timeouts(any_timeouts(input));
  return 0;
}
