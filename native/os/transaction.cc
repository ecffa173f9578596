#include "os/transaction.h"

#include <errno.h>

namespace conntrack {

namespace {

constexpr int patience = 1000;  // milliseconds

}  // namespace

Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
                 const Expected& expected) {
  bool answered = expected.type == 0;
  if (Failure failure = socket.send(request)) return failure;
  for (;;) {
    NetlinkSocket::Datagram datagram;
    if (Failure failure = socket.receive(buffer, patience, datagram)) return failure;
    if (datagram.kind == NetlinkSocket::Datagram::nothing) return Failure::of_protocol(ETIMEDOUT);
    if (datagram.kind == NetlinkSocket::Datagram::foreign) continue;
    MessageReader messages(datagram.bytes);
    Message message;
    while (messages.next(message)) {
      if (!socket.answers(message)) continue;
      if (message.type == uapi::NLMSG_ERROR) {
        Answer answer;
        if (!read_answer(message, answer)) return Failure::of_protocol(EBADMSG);
        if (answer.error == 0 && !answered) return Failure::of_protocol(EBADMSG);
        return Failure::of_answer(answer);
      }
      if (message.type != expected.type) continue;
      if (!expected.take(message, expected.context)) return Failure::of_protocol(EBADMSG);
      answered = true;
    }
    if (messages.malformed()) return Failure::of_protocol(EBADMSG);
  }
}

}  // namespace conntrack
