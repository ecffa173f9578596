// The kernel, played by a test of native/os: its end of a scripted socket, and the
// messages that it sends.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "check.h"
#include "message_builder.h"
#include "script.h"
#include "wire/decode.h"
#include "wire/request_batch.h"

namespace conntrack::test {

// Messages ------------------------------------------------------------------------------

// A message of the kernel that answers the request with this number.
inline Buffer answer(uint32_t sequence, uint16_t type, const Buffer& payload,
                     uint32_t port_id = Script::port_id) {
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

// Entries differ by their id, which is also the source address.
inline Buffer entry(uint32_t sequence, uint32_t id) {
  using namespace uapi;
  return answer(sequence, MESSAGE_NEW,
                join({nfgenmsg, tuple(CTA_TUPLE_ORIG, id), tuple(CTA_TUPLE_REPLY, id),
                      u32(CTA_ID, id), u32(CTA_STATUS, 8)}));
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

// The kernel's end -----------------------------------------------------------------------

class Kernel {
 public:
  // Of the socket that was opened first among those not taken yet.
  Kernel() : fd_(Script::current().take_peer()) {
    const int size = 1 << 20;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }

  // One datagram of these messages. There must be room for it.
  void send(const std::vector<Buffer>& messages, uint32_t sender = 0) {
    Buffer bytes = host(sender);
    for (const Buffer& message : messages)
      bytes.insert(bytes.end(), message.begin(), message.end());
    CHECK_EQUAL(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), bytes.size());
  }

  struct Request {
    uint16_t type;
    uint32_t sequence;
  };
  // The requests in the next datagram that has been sent; none when there is no datagram.
  std::vector<Request> requests() {
    static uint8_t bytes[RequestBatch::capacity * RequestWriter::largest];
    const ssize_t size = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    std::vector<Request> all;
    if (size <= 0) return all;
    MessageReader reader({bytes, static_cast<size_t>(size)});
    for (Message message; reader.next(message);) all.push_back({message.type, message.sequence});
    CHECK(!reader.malformed());
    return all;
  }

  // Whether the other end is closed; what it had sent must have been read.
  bool closed() {
    uint8_t byte = 0;
    const ssize_t size = ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno == ECONNRESET);
  }

  // The socket fails (ECONNRESET) once what was sent has been received.
  void break_off() { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  Fd fd_;
};

}  // namespace conntrack::test
