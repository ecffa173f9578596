// decode(encode(entry)) is the entry, as far as a request carries it.
#include <random>

#include "check.h"
#include "checked_decode.h"
#include "decoded.h"
#include "wire/encode.h"

using namespace conntrack;
using namespace conntrack::test;

constexpr uint32_t rounds = 30'000;

// All that encode_create sends of an entry, beside its two tuples.
constexpr uint32_t tcp_values = ENTRY_TCP_ORIGINAL_WINDOW_SCALE | ENTRY_TCP_REPLY_WINDOW_SCALE |
                                ENTRY_TCP_ORIGINAL_FLAGS | ENTRY_TCP_REPLY_FLAGS;
constexpr uint32_t sctp_values = ENTRY_SCTP_ORIGINAL_TAG | ENTRY_SCTP_REPLY_TAG;
constexpr uint32_t sent = ENTRY_MARK | ENTRY_TIMEOUT | ENTRY_ZONE | ENTRY_SYNPROXY;
constexpr uint32_t sent_of_extension = EXTENSION_LABELS | EXTENSION_HELPER | EXTENSION_MASTER |
                                       EXTENSION_ORIGINAL_SEQUENCE_ADJUST |
                                       EXTENSION_REPLY_SEQUENCE_ADJUST;
// What a dump has and a request must not.
constexpr uint32_t never_sent =
    ENTRY_USE | ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS | ENTRY_START_TIME | ENTRY_STOP_TIME;
constexpr uint32_t never_sent_of_extension = EXTENSION_EVENT_TIME | EXTENSION_SECURITY_CONTEXT;

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint32_t below(uint32_t limit) { return engine_() % limit; }
  bool coin() { return below(2) == 0; }

  // Any bits; often all zeros or all ones.
  template <typename Integer>
  void fill(Integer& value) {
    const uint32_t kind = below(8);
    auto* bytes = reinterpret_cast<uint8_t*>(&value);
    for (size_t i = 0; i < sizeof value; i++) {
      bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : static_cast<uint8_t>(engine_());
    }
  }

 private:
  std::mt19937 engine_;
};

struct Entry {
  EntryRecord record = zeroed_record();
  Extension extension = {};
  Buffer helper;
};

static TupleRecord random_tuple(Random& random) {
  constexpr uint8_t protocols[] = {1, 6, 17, 33, 47, 50, 58, 132, 136, 255};
  TupleRecord tuple = {};
  tuple.protocol = protocols[random.below(sizeof protocols)];
  tuple.family = random.coin() ? uapi::FAMILY_IPV4 : uapi::FAMILY_IPV6;
  random.fill(tuple.source);
  random.fill(tuple.destination);
  if (tuple.family == uapi::FAMILY_IPV4) {
    memset(tuple.source + 4, 0, 12);
    memset(tuple.destination + 4, 0, 12);
  }
  tuple.present = random.below(TUPLE_ZONE << 1);
  if (tuple.present & TUPLE_SOURCE_PORT) random.fill(tuple.source_port);
  if (tuple.present & TUPLE_DESTINATION_PORT) random.fill(tuple.destination_port);
  if (tuple.protocol == uapi::IPPROTO_GRE) {
    const uint32_t ports = tuple.present;
    tuple.present &= ~(TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT);
    if (ports & TUPLE_SOURCE_PORT) tuple.present |= TUPLE_SOURCE_KEY;
    if (ports & TUPLE_DESTINATION_PORT) tuple.present |= TUPLE_DESTINATION_KEY;
  }
  if (tuple.present & TUPLE_ICMP_ID) random.fill(tuple.icmp_id);
  if (tuple.present & TUPLE_ICMP_TYPE) random.fill(tuple.icmp_type);
  if (tuple.present & TUPLE_ICMP_CODE) random.fill(tuple.icmp_code);
  if (tuple.present & TUPLE_ZONE) random.fill(tuple.zone);
  return tuple;
}

static void random_protocol_info(Random& random, EntryRecord& record) {
  const uint32_t kind = random.below(3);
  if (kind == 0) {
    TcpRecord& tcp = record.info.tcp;
    record.present |= ENTRY_TCP_STATE | (random.below(UINT32_MAX) & tcp_values);
    if (record.present & ENTRY_TCP_ORIGINAL_WINDOW_SCALE) random.fill(tcp.original_window_scale);
    if (record.present & ENTRY_TCP_REPLY_WINDOW_SCALE) random.fill(tcp.reply_window_scale);
    if (record.present & ENTRY_TCP_ORIGINAL_FLAGS) {
      random.fill(tcp.original_flags);
      random.fill(tcp.original_flags_mask);
    }
    if (record.present & ENTRY_TCP_REPLY_FLAGS) {
      random.fill(tcp.reply_flags);
      random.fill(tcp.reply_flags_mask);
    }
  } else if (kind == 1) {  // the kernel takes an SCTP state with both tags only
    record.present |= ENTRY_SCTP_STATE | sctp_values;
    random.fill(record.info.sctp.original_tag);
    random.fill(record.info.sctp.reply_tag);
  }
  if (kind != 2) random.fill(record.state);
}

// An entry that a request carries wholly, but for its id.
static Entry random_entry(Random& random) {
  Entry entry;
  EntryRecord& record = entry.record;
  ExtensionRecord& extension = entry.extension.record;
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_STATUS | ENTRY_ID;
  record.present |= (random.below(UINT32_MAX) | random.below(UINT32_MAX)) & sent;
  record.extension_present =
      (random.below(UINT32_MAX) | random.below(UINT32_MAX)) & sent_of_extension;
  record.original = random_tuple(random);
  record.reply = random_tuple(random);
  random.fill(record.id);
  random.fill(record.status);
  random_protocol_info(random, record);
  const uint32_t present = record.present;
  if (present & ENTRY_MARK) random.fill(record.mark);
  if (present & ENTRY_TIMEOUT) random.fill(record.timeout);
  if (present & ENTRY_ZONE) random.fill(record.zone);
  const uint32_t extended = record.extension_present;
  if (extended & EXTENSION_LABELS) random.fill(extension.labels);
  if (extended & EXTENSION_MASTER) extension.master = random_tuple(random);
  if (extended & EXTENSION_ORIGINAL_SEQUENCE_ADJUST) {
    random.fill(extension.original_sequence_adjust);
  }
  if (extended & EXTENSION_REPLY_SEQUENCE_ADJUST) random.fill(extension.reply_sequence_adjust);
  if (present & ENTRY_SYNPROXY) {
    SynproxyRecord synproxy;
    random.fill(synproxy);
    if (synproxy.initial_sequence | synproxy.initial_timestamp | synproxy.timestamp_offset) {
      record.extension_present |= EXTENSION_SYNPROXY;
      extension.synproxy = synproxy;
    }
  }
  if (extended & EXTENSION_HELPER) {
    entry.helper.resize(random.below(200));
    for (uint8_t& byte : entry.helper) byte = static_cast<uint8_t>(1 + random.below(255));
    extension.helper_length = static_cast<uint16_t>(entry.helper.size());
    entry.extension.helper = {entry.helper.data(), entry.helper.size()};
  }
  return entry;
}

// The same entry with values that no request may carry.
static Entry with_unsent_values(const Entry& entry, Random& random) {
  Entry more = entry;
  more.extension.helper = {entry.helper.data(), entry.helper.size()};
  more.record.present |= never_sent;
  more.record.extension_present |= never_sent_of_extension;
  random.fill(more.record.use);
  random.fill(more.record.original_packets);
  random.fill(more.record.reply_bytes);
  random.fill(more.record.start_time);
  random.fill(more.record.stop_time);
  random.fill(more.extension.record.event_time);
  more.extension.record.security_context_length = 3;
  more.extension.security_context = {reinterpret_cast<const uint8_t*>("abc"), 3};
  return more;
}

// The request as the kernel would send it back: with an id.
static Buffer answer_of(const RequestWriter& request, uint32_t id) {
  const Bytes bytes = request.request();
  Buffer message = join({Buffer(bytes.data, bytes.data + bytes.size), u32(uapi::CTA_ID, id)});
  set_message_length(message);
  return message;
}

TEST(entries_that_are_created) {
  Random random(1);
  for (uint32_t round = 0; round < rounds && check::failures == 0; round++) {
    const Entry entry = random_entry(random);
    const Entry written = random.coin() ? with_unsent_values(entry, random) : entry;
    SpecRecord spec = {};
    spec.entry = written.record;
    const RequestWriter request = encode_create(spec, written.extension);
    CHECK(request.complete());
    const Decoded read(answer_of(request, entry.record.id));
    CHECK(read.ok);
    // CTA_LABELS_MASK goes with labels, and comes in no message that is read.
    const bool labels = (entry.record.extension_present & EXTENSION_LABELS) != 0;
    CHECK_EQUAL(read.record.unknown_attributes, labels ? 1 : 0);
    EntryRecord record = read.record;
    record.unknown_attributes = 0;
    CHECK(same_entry(record, read.extension, entry.record, entry.extension));
    if (check::failures) std::cerr << "round " << round << '\n';
  }
}

TEST(entries_through_a_slab) {
  Random random(2);
  for (uint32_t round = 0; round < rounds && check::failures == 0; round++) {
    const Entry entry = random_entry(random);
    TestSlab slab(exact_slab_size(entry.record, entry.extension));
    SlabWriter writer(slab.memory(), slab.bytes().size);
    EntryRecord* reserved = writer.reserve();
    *reserved = entry.record;
    CHECK(writer.fits(*reserved, entry.extension));
    writer.commit(reserved, entry.extension);
    EntryRecord record;
    Extension extension;
    CHECK(read_first_entry(slab.bytes(), record, extension));
    CHECK(same_entry(record, extension, entry.record, entry.extension));
  }
}

TEST(keys_of_entries_that_are_asked_for) {
  Random random(3);
  for (uint32_t round = 0; round < rounds && check::failures == 0; round++) {
    EntryRecord record = random_entry(random).record;
    const bool by_original = random.coin();
    if (!by_original) record.present &= ~ENTRY_ORIGINAL;
    const RequestWriter request = encode_get(record);
    CHECK(request.complete());

    // What the request lacks to be an entry: the other tuple, a status, an id.
    const Buffer whole = answer_of(request, record.id);
    const Buffer header(whole.begin(), whole.begin() + 20);
    const Buffer attributes(whole.begin() + 20, whole.end());
    const TupleRecord& asked = by_original ? record.original : record.reply;
    const Buffer other =
        nest(by_original ? uapi::CTA_TUPLE_REPLY : uapi::CTA_TUPLE_ORIG,
             {nest(uapi::CTA_TUPLE_IP, {attribute(1, Buffer(4)), attribute(2, Buffer(4))}),
              nest(uapi::CTA_TUPLE_PROTO, {u8(uapi::CTA_PROTO_NUM, 0)})});
    Buffer message = join({header, other, u32(uapi::CTA_STATUS, 0), attributes});
    set_message_length(message);
    const Decoded read(message);
    CHECK(read.ok);
    const TupleRecord& tuple = by_original ? read.record.original : read.record.reply;
    CHECK(memcmp(&tuple, &asked, sizeof tuple) == 0);
    CHECK_EQUAL(read.has(ENTRY_ZONE), (record.present & ENTRY_ZONE) != 0);
    CHECK_EQUAL(read.record.zone, record.zone);
    CHECK_EQUAL(read.record.unknown_attributes, 0);
  }
}

int main() { return check::run_tests(); }
