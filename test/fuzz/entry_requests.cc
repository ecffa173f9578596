// Any specification of an entry. The reference decoder reads the requests about it: they carry all
// values that were written, and no others.
#include "message_builder.h"
#include "request_reading.h"
#include "wire/encode.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

constexpr uint32_t tcp_values = ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_WINDOW_SCALE |
                                ENTRY_TCP_REPLY_WINDOW_SCALE | ENTRY_TCP_ORIGINAL_FLAGS |
                                ENTRY_TCP_REPLY_FLAGS;
constexpr uint32_t dccp_values = ENTRY_DCCP_STATE | ENTRY_DCCP_ROLE | ENTRY_DCCP_HANDSHAKE_SEQUENCE;
constexpr uint32_t of_extension = EXTENSION_LABELS | EXTENSION_HELPER | EXTENSION_MASTER |
                                  EXTENSION_ORIGINAL_SEQUENCE_ADJUST |
                                  EXTENSION_REPLY_SEQUENCE_ADJUST;

// A specification that sets only what requests carry.
struct Spec {
  SpecRecord record = zeroed<SpecRecord>();
  Extension extension = {zeroed<ExtensionRecord>(), {}, {}};
};

void fill_tcp(Input& input, EntryRecord& entry) {
  TcpRecord& tcp = entry.info.tcp;
  entry.present |= input.integer<uint16_t>() & tcp_values;
  if (entry.present & ENTRY_TCP_STATE) input.fill(entry.state);
  if (entry.present & ENTRY_TCP_ORIGINAL_WINDOW_SCALE) input.fill(tcp.original_window_scale);
  if (entry.present & ENTRY_TCP_REPLY_WINDOW_SCALE) input.fill(tcp.reply_window_scale);
  if (entry.present & ENTRY_TCP_ORIGINAL_FLAGS) {
    input.fill(tcp.original_flags);
    input.fill(tcp.original_flags_mask);
  }
  if (entry.present & ENTRY_TCP_REPLY_FLAGS) {
    input.fill(tcp.reply_flags);
    input.fill(tcp.reply_flags_mask);
  }
}

void fill_protocol_info(Input& input, EntryRecord& entry) {
  switch (input.below(4)) {
    case 0:
      return fill_tcp(input, entry);
    case 1:  // the kernel takes the three together
      entry.present |= ENTRY_SCTP_STATE | ENTRY_SCTP_ORIGINAL_TAG | ENTRY_SCTP_REPLY_TAG;
      input.fill(entry.state);
      input.fill(entry.info.sctp);
      return;
    case 2:
      entry.present |= ENTRY_DCCP_STATE;
      entry.present |= input.integer<uint32_t>() & dccp_values;
      input.fill(entry.state);
      if (entry.present & ENTRY_DCCP_ROLE) input.fill(entry.dccp_role);
      if (entry.present & ENTRY_DCCP_HANDSHAKE_SEQUENCE) input.fill(entry.info.dccp);
      return;
    default:
      return;
  }
}

void fill_extension(Input& input, EntryRecord& entry, Extension& extension, uint8_t family) {
  ExtensionRecord& record = extension.record;
  entry.extension_present = input.byte() & of_extension;
  const uint32_t present = entry.extension_present;
  if (present & EXTENSION_LABELS) input.fill(record.labels);
  if (present & EXTENSION_MASTER) record.master = whole_tuple(input, family);
  if (present & EXTENSION_ORIGINAL_SEQUENCE_ADJUST) input.fill(record.original_sequence_adjust);
  if (present & EXTENSION_REPLY_SEQUENCE_ADJUST) input.fill(record.reply_sequence_adjust);
  if ((entry.present & ENTRY_SYNPROXY) != 0 && input.coin()) {
    input.fill(record.synproxy);
    record.synproxy.initial_sequence |= 1;  // not all zeros
    entry.extension_present |= EXTENSION_SYNPROXY;
  }
  if (present & EXTENSION_HELPER) {
    extension.helper = input.take(input.below(40));
    size_t size = 0;
    while (size < extension.helper.size && extension.helper.data[size] != 0) size++;
    extension.helper.size = size;
    record.helper_length = static_cast<uint16_t>(size);
  }
}

Spec any_spec(Input& input) {
  Spec spec;
  EntryRecord& entry = spec.record.entry;
  entry.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  entry.present |= input.integer<uint32_t>() &
                   (ENTRY_STATUS | ENTRY_MARK | ENTRY_TIMEOUT | ENTRY_ZONE | ENTRY_SYNPROXY);
  const uint8_t family = any_family(input);
  entry.original = whole_tuple(input, family);
  entry.reply = whole_tuple(input, family);
  if (entry.present & ENTRY_STATUS) input.fill(entry.status);
  if (entry.present & ENTRY_MARK) input.fill(entry.mark);
  if (entry.present & ENTRY_TIMEOUT) input.fill(entry.timeout);
  if (entry.present & ENTRY_ZONE) input.fill(entry.zone);
  fill_protocol_info(input, entry);
  fill_extension(input, entry, spec.extension, family);
  spec.record.present = input.byte() & 0xf;
  input.fill(spec.record.mark_mask);
  input.fill(spec.record.source_port);
  input.fill(spec.record.destination_port);
  input.fill(spec.record.source_address);
  input.fill(spec.record.destination_address);
  input.fill(spec.record.labels_mask);
  return spec;
}

// `more`: the attributes that an entry needs and the request lacks.
void require_values(const RequestReading& request, const Buffer& more, EntryRecord expected,
                    const Extension& extension) {
  const Buffer answer = request.with(more);
  bool malformed = false;
  const Message message = reference_messages({answer.data(), answer.size()}, malformed)[0];
  EntryRecord record;
  ExtensionRecord of_record;
  Bytes helper;
  Bytes context;
  REQUIRE(reference_entry(message, record, of_record, helper, context));
  expected.present |= ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_STATUS | ENTRY_ID;
  // Attributes that only requests have.
  record.unknown_attributes = 0;
  REQUIRE(memcmp(&record, &expected, sizeof record) == 0);
  REQUIRE(memcmp(&of_record, &extension.record, sizeof of_record) == 0);
  REQUIRE(helper.size == extension.helper.size && context.size == 0);
  REQUIRE(helper.size == 0 || memcmp(helper.data, extension.helper.data, helper.size) == 0);
}

void require_nat(const RequestReading& request, uint16_t type, bool there, uint8_t family,
                 const uint8_t (&address)[16], const uint16_t* port) {
  REQUIRE(request.has(type) == there);
  if (!there) return;
  Reading reading;
  Attributes all(*request.all().last(type), reading);
  const bool ipv4 = family == FAMILY_IPV4;
  for (const uint16_t end :
       {ipv4 ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, ipv4 ? CTA_NAT_V4_MAXIP : CTA_NAT_V6_MAXIP}) {
    const Bytes* sent = all.last(end);
    REQUIRE(sent && sent->size == (ipv4 ? 4 : 16));
    REQUIRE(memcmp(sent->data, address, sent->size) == 0);
  }
  REQUIRE(all.all().size() == (port ? 3 : 2));
  if (!port) return REQUIRE(reading.ok);
  const Attributes ports(*all.last(CTA_NAT_PROTO), reading);
  REQUIRE(ports.number<uint16_t>(*ports.last(CTA_PROTONAT_PORT_MIN)) == *port);
  REQUIRE(ports.number<uint16_t>(*ports.last(CTA_PROTONAT_PORT_MAX)) == *port);
  REQUIRE(reading.ok && ports.all().size() == 2);
}

void require_labels_mask(const RequestReading& request, const Spec& spec, bool all) {
  const bool labels = (spec.record.entry.extension_present & EXTENSION_LABELS) != 0;
  REQUIRE(request.has(CTA_LABELS_MASK) == labels && request.has(CTA_LABELS) == labels);
  if (!labels) return;
  const Bytes mask = *request.all().last(CTA_LABELS_MASK);
  REQUIRE(mask.size == 16 && request.all().last(CTA_LABELS)->size == 16);
  for (size_t i = 0; i < 16; i++) {
    const size_t word = i / sizeof(long) * sizeof(long);
    const size_t at = host_is_little_endian ? i : word + sizeof(long) - 1 - i % sizeof(long);
    REQUIRE(mask.data[i] == (all ? 0xff : spec.record.labels_mask[at]));
  }
}

void require_create(const Spec& spec) {
  const EntryRecord& entry = spec.record.entry;
  const uint8_t family = entry.original.family;
  const auto has = [&](uint16_t present) { return (spec.record.present & present) != 0; };
  const RequestWriter writer = encode_create(spec.record, spec.extension);
  const RequestReading request(writer, MESSAGE_NEW, NLM_F_CREATE | NLM_F_EXCL, family);
  Buffer more = u32(CTA_ID, 0);
  if ((entry.present & ENTRY_STATUS) == 0) more = join({more, u32(CTA_STATUS, 0)});
  require_values(request, more, entry, spec.extension);
  require_nat(request, CTA_NAT_SRC, has(SPEC_SOURCE_NAT), family, spec.record.source_address,
              has(SPEC_SOURCE_PORT) ? &spec.record.source_port : nullptr);
  require_nat(request, CTA_NAT_DST, has(SPEC_DESTINATION_NAT), family,
              spec.record.destination_address,
              has(SPEC_DESTINATION_PORT) ? &spec.record.destination_port : nullptr);
  require_labels_mask(request, spec, true);
  REQUIRE(!request.has(CTA_MARK_MASK) && !request.has(CTA_ID));
}

// A helper of this size makes the request larger by as much, or spoils it.
void require_room(Spec spec, size_t size) {
  static const std::vector<uint8_t> name(2 * RequestWriter::largest, 'x');
  spec.record.entry.extension_present |= EXTENSION_HELPER;
  spec.extension.helper = {name.data(), 3};
  const RequestWriter small = encode_create(spec.record, spec.extension);
  REQUIRE(small.complete());
  const size_t whole = small.request().size - 8 + (4 + size + 1 + 3) / 4 * 4;
  spec.extension.helper.size = size;
  const RequestWriter writer = encode_create(spec.record, spec.extension);
  REQUIRE(writer.complete() == (whole <= RequestWriter::largest));
  if (writer.complete()) REQUIRE(writer.request().size == whole);
}

// Updates another entry, `key`.
void require_update(const EntryRecord& key, const Spec& spec) {
  const RequestWriter writer = encode_update(key, spec.record, spec.extension);
  const RequestReading request(writer, MESSAGE_NEW, 0, key.original.family);
  EntryRecord expected = spec.record.entry;
  Extension extension = spec.extension;
  const uint32_t zone = ENTRY_ZONE;
  expected.original = expected.reply = key.original;
  expected.present = (expected.present & ~zone) | (key.present & zone);
  expected.zone = key.zone;
  expected.status |= (expected.present & ENTRY_STATUS) != 0 ? key.status : 0;
  expected.extension_present &= ~EXTENSION_MASTER;
  extension.record.master = zeroed<TupleRecord>();
  // The kernel wants no reply: the original tuple stands for it.
  Buffer reply(request.all().last(CTA_TUPLE_ORIG)->data,
               request.all().last(CTA_TUPLE_ORIG)->data + request.all().last(CTA_TUPLE_ORIG)->size);
  Buffer more = join({u32(CTA_ID, 0), attribute(CTA_TUPLE_REPLY, reply)});
  if ((expected.present & ENTRY_STATUS) == 0) more = join({more, u32(CTA_STATUS, 0)});
  require_values(request, more, expected, extension);
  require_labels_mask(request, spec, false);
  request.require(CTA_MARK_MASK, (expected.present & ENTRY_MARK) != 0, spec.record.mark_mask);
  REQUIRE(!request.has(CTA_TUPLE_REPLY) && !request.has(CTA_ID));
  REQUIRE(!request.has(CTA_NAT_SRC) && !request.has(CTA_NAT_DST));
}

void require_get(EntryRecord key, bool by_reply, bool zero) {
  if (by_reply) key.present &= ~ENTRY_ORIGINAL;
  const TupleRecord& tuple = by_reply ? key.reply : key.original;
  const RequestWriter writer = encode_get(key, zero);
  const RequestReading request(writer, zero ? MESSAGE_GET_CTRZERO : MESSAGE_GET, 0, tuple.family);
  const bool zone = (key.present & ENTRY_ZONE) != 0;
  request.require_tuple(CTA_TUPLE_ORIG, !by_reply, tuple);
  request.require_tuple(CTA_TUPLE_REPLY, by_reply, tuple);
  request.require(CTA_ZONE, zone, key.zone);
  REQUIRE(request.all().all().size() == (zone ? 2 : 1));
}

// It needs the whole original tuple and the id: with less it would empty the table.
void require_delete(EntryRecord key, bool echo) {
  const bool whole = (key.present & (ENTRY_ORIGINAL | ENTRY_ID)) == (ENTRY_ORIGINAL | ENTRY_ID) &&
                     (key.original.family == FAMILY_IPV4 || key.original.family == FAMILY_IPV6);
  const RequestWriter writer = encode_delete(key, echo);
  REQUIRE(writer.complete() == whole);
  if (!whole) return;
  const RequestReading request(writer, MESSAGE_DELETE, echo ? NLM_F_ECHO : uint16_t{0},
                               key.original.family);
  const bool zone = (key.present & ENTRY_ZONE) != 0;
  request.require_tuple(CTA_TUPLE_ORIG, true, key.original);
  request.require(CTA_ZONE, zone, key.zone);
  request.require(CTA_ID, true, key.id);
  REQUIRE(request.all().all().size() == (zone ? 3 : 2));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const Spec spec = any_spec(input);
  require_create(spec);
  require_room(spec, input.integer<uint16_t>() % RequestWriter::largest);
  EntryRecord key = any_spec(input).record.entry;
  require_update(key, spec);
  require_get(key, input.coin(), input.coin());
  if (input.coin()) key.present |= ENTRY_ID;
  input.fill(key.id);
  require_delete(key, input.coin());
  // Without its tuple or its family.
  if (input.coin()) key.present &= ~ENTRY_ORIGINAL;
  if (input.coin()) spoil_family(input, key.original);
  require_delete(key, false);
  const uint8_t family = input.byte();
  const RequestReading flush(encode_flush(family).request(), MESSAGE_DELETE, 0, family, 1);
  REQUIRE(flush.all().all().empty());
  if ((key.present & ENTRY_ORIGINAL) == 0) {
    REQUIRE(!encode_update(key, spec.record, spec.extension).complete());
  }
  return 0;
}
