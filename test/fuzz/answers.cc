// Any datagram. Decodes its messages as errors, usage, statistics, namespace ids and timeouts, and
// compares each result with the list of attributes.
#include <vector>

#include "datagrams.h"
#include "wire/decode_timeout.h"
#include "wire/namespace_id.h"
#include "wire/stats.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

void require_usage(const Message& message) {
  TableUsage usage;
  const bool decoded = decode_usage(message, usage);
  Reading reading;
  reading.ok = message.payload.size >= 4;
  const Bytes behind =
      reading.ok ? Bytes{message.payload.data + 4, message.payload.size - 4} : Bytes{};
  const Attributes all(behind, reading);
  const Bytes* entries = all.last(CTA_STATS_GLOBAL_ENTRIES);
  const Bytes* maximum = all.last(CTA_STATS_GLOBAL_MAX_ENTRIES);
  REQUIRE(decoded == (reading.ok && entries && entries->size >= 4));
  if (!decoded) return;
  REQUIRE(usage.entries == all.number<uint32_t>(*entries));
  REQUIRE(usage.has_maximum == (maximum && maximum->size >= 4));
  if (usage.has_maximum) REQUIRE(usage.maximum == all.number<uint32_t>(*maximum));
}

void require_cpu_stats(const Message& message) {
  CpuStats stats;
  const bool decoded = decode_cpu_stats(message, stats);
  REQUIRE(stats.count <= CpuStats::capacity);
  if (message.payload.size < 4) return REQUIRE(!decoded);
  Reading reading;
  const Attributes all({message.payload.data + 4, message.payload.size - 4}, reading);
  bool whole = reading.ok && all.all().size() <= CpuStats::capacity;
  for (const Attributes::One& one : all.all()) whole = whole && one.payload.size >= 4;
  REQUIRE(decoded == whole);
  if (!decoded) return;
  REQUIRE(stats.cpu == (message.payload.data[2] << 8 | message.payload.data[3]));
  REQUIRE(stats.count == all.all().size());
  for (size_t i = 0; i < stats.count; i++) {
    const Attributes::One& one = all.all()[i];
    REQUIRE(stats.counters[i].id == one.type);
    const uint64_t value = one.payload.size >= 8 ? all.number<uint64_t>(one.payload)
                                                 : all.number<uint32_t>(one.payload);
    REQUIRE(stats.counters[i].value == value);
  }
}

void require_namespace_id(const Message& message) {
  int32_t id = 0;
  const bool decoded = decode_namespace_id(message, id);
  if (message.payload.size < 4) return REQUIRE(!decoded);
  Reading reading;
  const Attributes all({message.payload.data + 4, message.payload.size - 4}, reading);
  all.each(NETNSA_NSID, [&](Bytes payload) { reading.ok = reading.ok && payload.size >= 4; });
  const Bytes* last = all.last(NETNSA_NSID);
  REQUIRE(decoded == (reading.ok && last));
  if (decoded) REQUIRE(memcmp(&id, last->data, sizeof id) == 0);
}

void require_timeouts(const Message& message) {
  constexpr uint32_t always = TIMEOUT_FAMILY | TIMEOUT_PROTOCOL | TIMEOUT_SECONDS;
  for (const bool named : {false, true}) {
    auto record = zeroed<TimeoutRecord>();
    TimeoutRecord expected;
    const bool decoded =
        named ? decode_timeout_policy(message, record) : decode_default_timeouts(message, record);
    const uint32_t needed = named ? always | TIMEOUT_NAME : always;
    REQUIRE(decoded == reference_timeouts(message, needed, expected));
    if (decoded) REQUIRE(same_record(record, expected));
  }
}

// An errno, then the request if it is quoted, then the attributes with the text.
void require_answer(const Message& message) {
  Answer answer;
  const bool decoded = read_answer(message, answer);
  const Bytes payload = message.payload;
  REQUIRE(decoded == (payload.size >= 4));
  if (!decoded) return;
  int32_t error = 0;
  memcpy(&error, payload.data, sizeof error);
  REQUIRE(answer.error == (error > -4096 && error < 0 ? -error : 0));
  uint64_t at = 4;
  if (message.type == NLMSG_ERROR) {
    uint32_t quoted = 0;
    if (payload.size >= 8) memcpy(&quoted, payload.data + 4, sizeof quoted);
    at += (message.flags & NLM_F_CAPPED) != 0 ? 16 : (uint64_t{quoted} + 3) / 4 * 4;
    if (payload.size < 8) at = payload.size + 1;
  }
  if ((message.flags & NLM_F_ACK_TLVS) == 0 || at > payload.size) {
    return REQUIRE(answer.text.size == 0);
  }
  Reading reading;
  const Attributes all({payload.data + at, payload.size - at}, reading);
  const Bytes* text = all.last(NLMSGERR_ATTR_MSG);
  REQUIRE(same_bytes(answer.text, text ? all.text(*text, text->size) : Bytes{}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  each_message({data, size}, [](const Message& message) {
    require_usage(message);
    require_cpu_stats(message);
    require_namespace_id(message);
    require_timeouts(message);
    require_answer(message);
  });
  return 0;
}
