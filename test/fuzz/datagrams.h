// The messages of a datagram, as the code under test walks them and as the reference does.
#pragma once

#include "reference.h"
#include "require.h"

namespace conntrack::test {

// Calls `take` for each message.
template <typename Take>
void each_message(Bytes datagram, Take take) {
  bool malformed = false;
  const std::vector<Message> expected = reference_messages(datagram, malformed);
  MessageReader reader(datagram);
  Message message;
  size_t count = 0;
  for (; reader.next(message); count++) {
    REQUIRE(count < expected.size());
    const Message& other = expected[count];
    REQUIRE(message.type == other.type && message.flags == other.flags);
    REQUIRE(message.sequence == other.sequence && message.port_id == other.port_id);
    REQUIRE(message.payload.data == other.payload.data);
    REQUIRE(message.payload.size == other.payload.size);
    if (message.sequence % 4 == 1) {
      reader.unread();
      REQUIRE(reader.next(message) && message.payload.data == other.payload.data);
    }
    take(message);
  }
  REQUIRE(count == expected.size());
  REQUIRE(reader.malformed() == malformed);
}

inline bool same_bytes(Bytes a, Bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

template <typename Record>
bool same_record(const Record& a, const Record& b) {
  return memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace conntrack::test
