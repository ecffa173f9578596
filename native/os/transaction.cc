#include "os/transaction.h"

#include <errno.h>

#include "os/clock.h"

namespace conntrack {

namespace {

constexpr int patience = 1000;  // milliseconds

enum class Step { more, end };

// Takes in the messages of one datagram.
Step take_datagram(Bytes datagram, const NetlinkSocket& socket, const Expected& expected,
                   bool& answered, Failure& failure) {
  MessageReader messages(datagram);
  Message message;
  while (messages.next(message)) {
    if (!socket.answers(message)) continue;
    if (message.type == uapi::NLMSG_ERROR) {
      Answer answer;
      const bool understood = read_answer(message, answer) && (answer.error != 0 || answered);
      failure = understood ? Failure::of_answer(answer) : Failure::of_protocol(EBADMSG);
      return Step::end;
    }
    if (message.type != expected.type) continue;
    if (!expected.take(message, expected.context)) {
      failure = Failure::of_protocol(EBADMSG);
      return Step::end;
    }
    answered = true;
  }
  if (!messages.malformed()) return Step::more;
  failure = Failure::of_protocol(EBADMSG);
  return Step::end;
}

}  // namespace

Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
                 const Expected& expected) {
  Failure failure = socket.send(request);
  bool answered = expected.type == 0;
  const int64_t deadline = steady_clock() + patience;
  for (Step step = Step::more; step == Step::more && !failure;) {
    const int64_t left = deadline - steady_clock();
    if (left < 0) return Failure::of_protocol(ETIMEDOUT);
    NetlinkSocket::Datagram datagram;
    failure = socket.receive(buffer, static_cast<int>(left), datagram);
    if (failure) break;
    if (datagram.kind == NetlinkSocket::Datagram::nothing) continue;
    if (datagram.kind == NetlinkSocket::Datagram::foreign) continue;
    step = take_datagram(datagram.bytes, socket, expected, answered, failure);
  }
  return failure;
}

}  // namespace conntrack
