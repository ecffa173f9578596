#include "os/transaction.h"

#include "os/turn.h"

namespace conntrack {

namespace {

enum class Heard { nothing, no_answer, answer, end };

bool is_malformed(Bytes datagram) {
  MessageReader messages(datagram);
  Message message;
  while (messages.next(message)) {
  }
  return messages.malformed();
}

// Gives each message of one datagram that answers to `take`, which returns true for the last.
template <typename Receive, typename Take>
Heard receive_answers(Exchange& exchange, NetlinkSocket& socket, Failure& failure, Receive& receive,
                      Take& take) {
  NetlinkSocket::Datagram datagram;
  const int wait = exchange.lost || exchange.refused ? 0 : Silence::wait;
  failure = receive(wait, datagram);
  // The socket reports it once, before the datagrams that have found room.
  if (failure.error == ENOBUFS && !exchange.lost) {
    exchange.lost = true;
    failure = {};
    return Heard::no_answer;
  }
  if (failure) return Heard::end;
  if (datagram.kind == NetlinkSocket::Datagram::nothing) {
    if (exchange.lost) failure = Failure::of_protocol(ENOBUFS);
    return exchange.lost || exchange.refused ? Heard::end : Heard::nothing;
  }
  if (datagram.kind != NetlinkSocket::Datagram::from_kernel) return Heard::no_answer;
  // Nothing is taken of a datagram in which a length lies.
  if (is_malformed(datagram.bytes)) {
    failure = Failure::of_protocol(EBADMSG);
    return Heard::end;
  }
  MessageReader messages(datagram.bytes);
  Message message;
  Heard heard = Heard::no_answer;
  while (messages.next(message)) {
    if (!socket.answers(message) && !socket.is_echo(message)) continue;
    heard = Heard::answer;
    if (take(message)) return Heard::end;
  }
  return failure ? Heard::end : heard;
}

template <typename Receive, typename Take>
bool receive_turn(Exchange& exchange, NetlinkSocket& socket, Failure& failure, Receive receive,
                  Take take) {
  const Turn turn;
  Heard heard = Heard::nothing;
  bool silent = true;
  do {
    heard = receive_answers(exchange, socket, failure, receive, take);
    silent = silent && heard != Heard::answer;
  } while (heard != Heard::nothing && heard != Heard::end && !turn.is_over());
  if (!silent) exchange.silence.interrupt();
  if (silent && heard != Heard::end && exchange.silence.is_over()) {
    failure = Failure::of_protocol(ETIMEDOUT);
    heard = Heard::end;
  }
  // Of an answer that was understood the failure is the kernel's.
  if (failure.syscall) failure.unanswered = true;
  if (heard == Heard::end && !failure.unanswered) socket.end_exchange();
  return heard == Heard::end;
}

bool is_end(const Message& message) {
  return message.type == uapi::NLMSG_ERROR || message.type == uapi::NLMSG_DONE;
}

Failure unanswered(Failure failure) {
  failure.unanswered = true;
  return failure;
}

Failure take_end(const Message& message, bool complete) {
  Answer answer;
  if (read_answer(message, answer) && (answer.error != 0 || complete)) {
    return Failure::of_answer(answer);
  }
  return unanswered(Failure::of_protocol(EBADMSG));
}

// The kernel (6.18) answers a process without CAP_NET_ADMIN once for a whole datagram, as if it
// were the first request that it refuses (nfnetlink_rcv).
bool refuses_all(const Failure& failure, size_t index) {
  return index == 0 && failure.error == EPERM && !failure.syscall;
}

}  // namespace

void conclude(const Exchange& exchange, const RequestBatch& batch, BatchAnswers& answers) {
  bool later = false;
  for (size_t i = batch.count(); i-- > 0;) {
    BatchAnswers::State& state = answers.states[i];
    if (state != BatchAnswers::none) {
      later = true;
    } else if (exchange.refused && !exchange.lost) {
      answers.failures[i] = answers.failures[0];
      state = BatchAnswers::failed;
    } else if (later && batch.answer(i) == RequestBatch::silence && !exchange.lost) {
      state = BatchAnswers::done;
    }
  }
}

bool transact(Exchange& exchange, NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
              uint16_t type, Answers answers, const Expected& expected, Failure& failure) {
  if (!exchange.sent) {
    socket.begin_exchange();
    failure = socket.send(request);
    if (failure) return true;
    exchange.sent = true;
  }
  const auto receive = [&](int wait, NetlinkSocket::Datagram& datagram) {
    return socket.receive(buffer, wait, datagram);
  };
  return receive_turn(exchange, socket, failure, receive, [&](const Message& message) {
    if (is_end(message)) {
      failure = take_end(message, answers == Answers::many && message.type == uapi::NLMSG_DONE);
      return true;
    }
    if (message.type != type) return false;
    const int error = expected.take(0, message, expected.context);
    if (error != 0) failure = Failure::of_taking(error);
    return error != 0 || answers == Answers::one;
  });
}

bool transact(Exchange& exchange, NetlinkSocket& socket, RequestBatch& batch, Inbox& inbox,
              const Expected& expected, BatchAnswers& answers, Failure& failure) {
  if (!exchange.sent) {
    for (size_t i = 0; i < batch.count(); i++) answers.states[i] = BatchAnswers::none;
    failure = {};
    if (batch.answered() == 0) return true;
    socket.begin_exchange();
    inbox.clear();
    failure = socket.send(batch);
    if (failure) return true;
    exchange.sent = true;
    exchange.left = batch.answered();
  }
  // Events come besides, and the errors of requests that silence would answer.
  const bool more = expected.echo || batch.answered() < batch.count();
  const auto receive = [&](int wait, NetlinkSocket::Datagram& datagram) {
    return socket.receive(inbox, more ? Inbox::capacity : exchange.left, wait, datagram);
  };
  const bool ended = receive_turn(exchange, socket, failure, receive, [&](const Message& message) {
    if (socket.is_echo(message)) {
      if (expected.echo) expected.echo(message, expected.context);
      return false;
    }
    const size_t index = socket.index(message);
    const uint16_t type = batch.answer(index);
    BatchAnswers::State& state = answers.states[index];
    const bool end = is_end(message);
    if (state != BatchAnswers::none || (!end && message.type != type)) return false;
    Failure& failed = answers.failures[index];
    if (end) {
      failed = take_end(message, type == RequestBatch::ack);
    } else {
      const int error = expected.take(index, message, expected.context);
      failed = error == 0 ? Failure{} : unanswered(Failure::of_taking(error));
    }
    state = failed ? BatchAnswers::failed : BatchAnswers::done;
    exchange.refused = refuses_all(failed, index);
    return type != RequestBatch::silence && --exchange.left == 0;
  });
  if (ended) conclude(exchange, batch, answers);
  return ended;
}

}  // namespace conntrack
