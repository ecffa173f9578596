#include "messages.h"

#include <algorithm>

#include "report.h"

namespace conntrack::test {

using namespace uapi;

namespace {

Buffer tuple(uint16_t type, uint32_t address) {
  return nest(type,
              {nest(CTA_TUPLE_IP, {u32(CTA_IP_V4_SRC, address), u32(CTA_IP_V4_DST, 7)}),
               nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, IPPROTO_UDP), u16(CTA_PROTO_SRC_PORT, 1),
                                      u16(CTA_PROTO_DST_PORT, 2)})});
}

// The places of the numbers in a message.
struct Template {
  static constexpr uint32_t address = 0xa1b2c3d4;
  static constexpr uint32_t id = 0xb1c2d3e4;
  static constexpr uint32_t mark = 0xc1d2e3f4;
  static constexpr uint32_t use = 0xd1e2f3a4;

  Buffer bytes = message(0, 0,
                         join({{FAMILY_IPV4, 0, 0, 0},
                               tuple(CTA_TUPLE_ORIG, address),
                               tuple(CTA_TUPLE_REPLY, address),
                               u32(CTA_STATUS, 8),
                               u32(CTA_ID, id),
                               u32(CTA_MARK, mark),
                               u32(CTA_USE, use)}));
  std::vector<size_t> addresses = places(address);
  size_t id_at = places(id)[0];
  size_t mark_at = places(mark)[0];
  size_t use_at = places(use)[0];

  std::vector<size_t> places(uint32_t number) const {
    std::vector<size_t> all;
    const Buffer wanted = network(number);
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      if (std::equal(wanted.begin(), wanted.end(), bytes.begin() + static_cast<long>(at))) {
        all.push_back(at);
      }
    }
    return all;
  }
};

void put(uint8_t* at, uint32_t number) {
  const uint32_t bytes = __builtin_bswap32(number);
  const uint32_t ordered = host_is_little_endian ? bytes : number;
  memcpy(at, &ordered, sizeof ordered);
}

void put_header(uint8_t* at, uint16_t type, uint16_t flags, uint32_t sequence, uint32_t port_id) {
  memcpy(at + 4, &type, sizeof type);
  memcpy(at + 6, &flags, sizeof flags);
  memcpy(at + 8, &sequence, sizeof sequence);
  memcpy(at + 12, &port_id, sizeof port_id);
}

Buffer answer(uint16_t type, uint32_t sequence, uint32_t port_id, const Buffer& payload) {
  Buffer bytes = message(type, 0, payload);
  put_header(bytes.data(), type, 0, sequence, port_id);
  return bytes;
}

}  // namespace

uint32_t address_of(int table, uint32_t key) {
  return 10u << 24 | static_cast<uint32_t>(table) << 16 | key;
}

Place place_of(uint32_t address) {
  return {static_cast<int>(address >> 16 & 0xff), address & 0xffff};
}

Place place_of(const TupleRecord& tuple) {
  uint32_t address = 0;
  for (size_t i = 0; i < 4; i++) address = address << 8 | tuple.source[i];
  return place_of(address);
}

EntryRecord key_record(int table, uint32_t key) {
  EntryRecord record = {};
  record.present = ENTRY_ORIGINAL | ENTRY_REPLY;
  TupleRecord& tuple = record.original;
  put(tuple.source, address_of(table, key));
  tuple.destination[3] = 7;
  tuple.source_port = 1;
  tuple.destination_port = 2;
  tuple.protocol = IPPROTO_UDP;
  tuple.family = FAMILY_IPV4;
  tuple.present = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;
  record.reply = tuple;
  return record;
}

void append_entry(Buffer& out, uint16_t type, uint16_t flags, uint32_t sequence, uint32_t port_id,
                  int table, const Entry& entry, uint32_t use) {
  static const Template original;
  const size_t at = out.size();
  out.insert(out.end(), original.bytes.begin(), original.bytes.end());
  uint8_t* bytes = out.data() + at;
  put_header(bytes, type, flags, sequence, port_id);
  for (const size_t place : original.addresses) put(bytes + place, address_of(table, entry.key));
  put(bytes + original.id_at, entry.id);
  put(bytes + original.mark_at, entry.mark);
  put(bytes + original.use_at, use);
  HOLDS(original.bytes.size() <= entry_size);
}

Buffer error_message(uint32_t sequence, uint32_t port_id, int error) {
  return answer(NLMSG_ERROR, sequence, port_id, join({host(int32_t{-error}), Buffer(16, 0)}));
}

Buffer done_message(uint32_t sequence, uint32_t port_id) {
  return answer(NLMSG_DONE, sequence, port_id, host(int32_t{0}));
}

Buffer usage_message(uint32_t sequence, uint32_t port_id, uint32_t entries, uint32_t maximum) {
  return answer(MESSAGE_GET_STATS, sequence, port_id,
                join({{0, 0, 0, 0},
                      u32(CTA_STATS_GLOBAL_ENTRIES, entries),
                      u32(CTA_STATS_GLOBAL_MAX_ENTRIES, maximum)}));
}

Buffer stats_message(uint32_t sequence, uint32_t port_id, uint16_t cpu, uint32_t value) {
  return answer(MESSAGE_GET_STATS_CPU, sequence, port_id,
                join({{0, 0}, network(cpu), u32(2, value)}));
}

Bytes attribute_in(Bytes attributes, uint16_t type) {
  while (attributes.size >= 4) {
    uint16_t length = 0;
    uint16_t found = 0;
    memcpy(&length, attributes.data, 2);
    memcpy(&found, attributes.data + 2, 2);
    if (length < 4 || length > attributes.size) violated("an attribute of a request lies");
    if ((found & NLA_TYPE_MASK) == type) return {attributes.data + 4, size_t{length} - 4};
    const size_t step = std::min<size_t>((length + 3u) & ~3u, attributes.size);
    attributes = {attributes.data + step, attributes.size - step};
  }
  return {};
}

bool number_in(Bytes attributes, uint16_t type, uint32_t& out) {
  const Bytes found = attribute_in(attributes, type);
  if (found.size != 4) return false;
  uint32_t number = 0;
  for (size_t i = 0; i < 4; i++) number = number << 8 | found.data[i];
  out = number;
  return true;
}

}  // namespace conntrack::test
