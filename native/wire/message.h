// Netlink messages: the header, a walk over the messages of one datagram, and
// the answers that carry an error number.
#pragma once

#include "wire/byte_reader.h"

namespace conntrack {

struct Message {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0;
  uint32_t port_id = 0;
  Bytes payload;
};

class MessageReader {
 public:
  MessageReader() = default;
  explicit MessageReader(Bytes datagram) : rest_(datagram) {}

  // False at the end, and where a length lies: malformed() tells which.
  bool next(Message& out);
  bool malformed() const { return malformed_; }

  // Gives the message that next() gave last once more.
  void unread() { rest_ = last_; }

 private:
  Bytes rest_;
  Bytes last_;  // rest_ before the last message was taken from it
  bool malformed_ = false;
};

// What NLMSG_ERROR and NLMSG_DONE carry: an errno (positive here, 0 for an ack)
// and, where the kernel has one, its extended-ack text.
struct Answer {
  int error = 0;
  Bytes text;
};

// False when the message is too short for its error number.
bool read_answer(const Message& message, Answer& out);

// Skips the nfgenmsg that starts every nfnetlink payload. False when it is cut.
bool read_attributes(const Message& message, Bytes& attributes);

}  // namespace conntrack
