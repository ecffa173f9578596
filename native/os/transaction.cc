#include "os/transaction.h"

#include "os/clock.h"

namespace conntrack {

namespace {

constexpr int patience = 1000;  // milliseconds

// Gives each message that answers to `take`, until it says that it was the last one.
template <typename Take>
Failure receive_answers(NetlinkSocket& socket, uint8_t* buffer, Take take) {
  for (int64_t deadline = steady_clock() + patience;;) {
    const int64_t left = deadline - steady_clock();
    if (left <= 0) return Failure::of_protocol(ETIMEDOUT);
    NetlinkSocket::Datagram datagram;
    if (Failure failure = socket.receive(buffer, static_cast<int>(left), datagram)) return failure;
    if (datagram.kind != NetlinkSocket::Datagram::from_kernel) continue;
    MessageReader messages(datagram.bytes);
    Message message;
    while (messages.next(message)) {
      if (!socket.answers(message)) continue;
      deadline = steady_clock() + patience;
      Failure failure;
      if (take(message, failure) || failure) return failure;
    }
    if (messages.malformed()) return Failure::of_protocol(EBADMSG);
  }
}

bool is_end(const Message& message) {
  return message.type == uapi::NLMSG_ERROR || message.type == uapi::NLMSG_DONE;
}

Failure take_end(const Message& message, bool complete) {
  Answer answer;
  const bool understood = read_answer(message, answer) && (answer.error != 0 || complete);
  return understood ? Failure::of_answer(answer) : Failure::of_protocol(EBADMSG);
}

}  // namespace

Failure transact(NetlinkSocket& socket, RequestWriter& request, uint8_t* buffer,
                 const Expected& expected) {
  if (Failure failure = socket.send(request)) return failure;
  bool answered = expected.type == 0;
  return receive_answers(socket, buffer, [&](const Message& message, Failure& failure) {
    if (is_end(message)) {
      failure = take_end(message, answered || message.type == uapi::NLMSG_DONE);
      return true;
    }
    if (message.type != expected.type) return false;
    answered = expected.take(0, message, expected.context);
    if (!answered) failure = Failure::of_protocol(EBADMSG);
    return !answered;
  });
}

Failure transact(NetlinkSocket& socket, RequestBatch& batch, uint8_t* buffer,
                 const Expected& expected, BatchAnswers& answers) {
  for (size_t i = 0; i < batch.count(); i++) answers.states[i] = BatchAnswers::none;
  if (batch.count() == 0) return {};
  if (Failure failure = socket.send(batch)) return failure;
  size_t left = batch.count();
  return receive_answers(socket, buffer, [&](const Message& message, Failure& failure) {
    const size_t index = socket.index(message);
    BatchAnswers::State& state = answers.states[index];
    if (message.type == expected.type && expected.type != 0) {
      const bool understood = expected.take(index, message, expected.context);
      if (!understood) failure = Failure::of_protocol(EBADMSG);
      return !understood;
    }
    if (!is_end(message) || state != BatchAnswers::none) return false;
    answers.failures[index] = take_end(message, true);
    state = answers.failures[index] ? BatchAnswers::failed : BatchAnswers::done;
    return --left == 0;
  });
}

}  // namespace conntrack
