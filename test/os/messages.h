// The messages that the kernel sends in tests of native/os.
#pragma once

#include <algorithm>
#include <vector>

#include "check.h"
#include "kernel_socket.h"
#include "message_builder.h"
#include "os/failure.h"
#include "wire/decode.h"

namespace conntrack::test {

// A message of the kernel that answers the request with this number.
inline Buffer answer(uint32_t sequence, uint16_t type, const Buffer& payload,
                     uint32_t port_id = KernelSocket::receiver) {
  Buffer bytes = message(type, 0, payload);
  memcpy(bytes.data() + 8, &sequence, sizeof sequence);
  memcpy(bytes.data() + 12, &port_id, sizeof port_id);
  return bytes;
}

inline Buffer error(uint32_t sequence, int number) {
  return answer(sequence, uapi::NLMSG_ERROR, join({host(int32_t{-number}), Buffer(16, 0)}));
}
inline Buffer ack(uint32_t sequence) { return error(sequence, 0); }
inline Buffer done(uint32_t sequence) {
  return answer(sequence, uapi::NLMSG_DONE, host(int32_t{0}));
}

inline const Buffer nfgenmsg = {uapi::FAMILY_IPV4, 0, 0, 0};

inline Buffer tuple(uint16_t type, uint32_t source) {
  using namespace uapi;
  return nest(type, {nest(CTA_TUPLE_IP, {u32(CTA_IP_V4_SRC, source), u32(CTA_IP_V4_DST, 7)}),
                     nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 17), u16(CTA_PROTO_SRC_PORT, 1),
                                            u16(CTA_PROTO_DST_PORT, 2)})});
}

// Entries differ by their id, which is also the source address. Tests send them by the ten
// thousand, so they are copies of one.
inline Buffer entry(uint32_t sequence, uint32_t id) {
  using namespace uapi;
  static constexpr uint32_t any = 0xa1b2c3d4;
  static const Buffer original =
      answer(0, MESSAGE_NEW,
             join({nfgenmsg, tuple(CTA_TUPLE_ORIG, any), tuple(CTA_TUPLE_REPLY, any),
                   u32(CTA_ID, any), u32(CTA_STATUS, 8)}));
  static const std::vector<ptrdiff_t> places = [] {
    std::vector<ptrdiff_t> all;
    const Buffer number = network(any);
    for (auto at = original.begin();; at += 4) {
      at = std::search(at, original.end(), number.begin(), number.end());
      if (at == original.end()) return all;
      all.push_back(at - original.begin());
    }
  }();
  Buffer bytes = original;
  const Buffer number = network(id);
  for (const ptrdiff_t at : places) std::copy(number.begin(), number.end(), bytes.begin() + at);
  memcpy(bytes.data() + 8, &sequence, sizeof sequence);
  return bytes;
}

// A timeout policy, or with another type the defaults of a protocol.
inline Buffer timeouts(uint32_t sequence, std::string_view name,
                       uint16_t type = uapi::MESSAGE_TIMEOUT_NEW) {
  using namespace uapi;
  return answer(sequence, type,
                join({nfgenmsg, attribute(CTA_TIMEOUT_NAME, join({text(name), {0}})),
                      u16(CTA_TIMEOUT_L3PROTO, 2), u8(CTA_TIMEOUT_L4PROTO, 17),
                      nest(CTA_TIMEOUT_DATA, {u32(1, 30), u32(2, 120)})}));
}

// What `decode` makes of a message.
template <typename Record, typename Extension>
Record record_of(const Buffer& from, bool (*decode)(const Message&, Record&, Extension&)) {
  const Exact bytes(from);
  MessageReader reader(bytes.bytes());
  Message message;
  Record record = {};
  Extension extension;
  CHECK(reader.next(message) && decode(message, record, extension));
  return record;
}

inline EntryRecord entry_record(uint32_t id) { return record_of(entry(0, id), decode_entry); }

// The ids of the entries in a slab.
inline std::vector<uint32_t> ids(Bytes slab) {
  std::vector<uint32_t> all;
  EntryRecord record;
  SlabHeader header = {};
  read_host(slab, 0, header);
  for (size_t i = 0; i < header.count; i++) {
    CHECK(read_host(slab, sizeof header + i * sizeof record, record));
    all.push_back(record.id);
  }
  return all;
}

// Calls what works in turns until it has ended.
template <typename Turn>
Failure to_the_end(Turn turn) {
  Failure failure;
  while (!turn(failure)) {
  }
  return failure;
}

}  // namespace conntrack::test
