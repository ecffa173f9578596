#include "os/transaction.h"

#include "os/turn.h"

namespace conntrack {

namespace {

enum class Heard { nothing, no_answer, answer, end };

// Gives each message of one datagram that answers to `take`, which returns true for the last.
template <typename Take>
Heard receive_answers(Exchange& exchange, NetlinkSocket& socket, uint8_t* buffer, Failure& failure,
                      Take& take) {
  NetlinkSocket::Datagram datagram;
  failure = socket.receive(buffer, exchange.lost ? 0 : Silence::wait, datagram);
  // The socket reports it once, before the datagrams that have found room.
  if (failure.error == ENOBUFS && !exchange.lost) {
    exchange.lost = true;
    failure = {};
    return Heard::no_answer;
  }
  if (failure) return Heard::end;
  if (datagram.kind == NetlinkSocket::Datagram::nothing) {
    if (exchange.lost) failure = Failure::of_protocol(ENOBUFS);
    return exchange.lost ? Heard::end : Heard::nothing;
  }
  MessageReader messages;
  if (datagram.kind == NetlinkSocket::Datagram::from_kernel) {
    messages = MessageReader(datagram.bytes);
  }
  Message message;
  Heard heard = Heard::no_answer;
  while (messages.next(message)) {
    if (!socket.answers(message)) continue;
    heard = Heard::answer;
    if (take(message)) return Heard::end;
  }
  if (messages.malformed()) failure = Failure::of_protocol(EBADMSG);
  return failure ? Heard::end : heard;
}

template <typename Take>
bool receive_turn(Exchange& exchange, NetlinkSocket& socket, uint8_t* buffer, Failure& failure,
                  Take take) {
  const Turn turn;
  Heard heard = Heard::nothing;
  bool silent = true;
  do {
    heard = receive_answers(exchange, socket, buffer, failure, take);
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

}  // namespace

bool transact(Exchange& exchange, NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
              const Expected& expected, Failure& failure) {
  if (!exchange.sent) {
    socket.begin_exchange();
    failure = socket.send(request);
    if (failure) return true;
    exchange.sent = true;
    exchange.answered = expected.type == 0;
  }
  return receive_turn(exchange, socket, buffer, failure, [&](const Message& message) {
    if (is_end(message)) {
      failure = take_end(message, exchange.answered || message.type == uapi::NLMSG_DONE);
      return true;
    }
    if (message.type != expected.type) return false;
    exchange.answered = true;
    const int error = expected.take(0, message, expected.context);
    if (error != 0) failure = Failure::of_protocol(error);
    return error != 0;
  });
}

bool transact(Exchange& exchange, NetlinkSocket& socket, RequestBatch& batch, uint8_t* buffer,
              const Expected& expected, BatchAnswers& answers, Failure& failure) {
  if (!exchange.sent) {
    for (size_t i = 0; i < batch.count(); i++) answers.states[i] = BatchAnswers::none;
    failure = {};
    if (batch.count() == 0) return true;
    socket.begin_exchange();
    failure = socket.send(batch);
    if (failure) return true;
    exchange.sent = true;
    exchange.left = batch.count();
  }
  return receive_turn(exchange, socket, buffer, failure, [&](const Message& message) {
    const size_t index = socket.index(message);
    BatchAnswers::State& state = answers.states[index];
    if (message.type == expected.type && expected.type != 0) {
      const int error = expected.take(index, message, expected.context);
      if (error == 0 || state != BatchAnswers::none) return false;
      answers.failures[index] = unanswered(Failure::of_protocol(error));
      state = BatchAnswers::failed;
      return --exchange.left == 0;
    }
    if (!is_end(message) || state != BatchAnswers::none) return false;
    answers.failures[index] = take_end(message, true);
    state = answers.failures[index] ? BatchAnswers::failed : BatchAnswers::done;
    return --exchange.left == 0;
  });
}

}  // namespace conntrack
