#include "os/filter_probe.h"

#include <memory>
#include <new>

#include "os/silence.h"
#include "wire/encode.h"

namespace conntrack {

namespace {

// Of other processes, before the answer.
constexpr size_t most_datagrams = 64;

// The first message of the answer to a dump, and the errno in it. Nothing of the rest
// is read: the socket is closed, and the dump with it.
Failure first_answer(NetlinkSocket& socket, RequestWriter request, Message& message, int& error) {
  std::unique_ptr<uint8_t[]> buffer(new (std::nothrow) uint8_t[receive_buffer_size]);
  if (!buffer) return Failure::of_syscall("malloc", ENOMEM);
  Failure failure = socket.send(request);
  Answer answer;
  size_t datagrams = 0;
  for (bool answered = false; !answered && !failure;) {
    NetlinkSocket::Datagram datagram;
    failure = socket.receive(buffer.get(), Silence::wait, datagram);
    if (failure) continue;
    if (datagram.kind == NetlinkSocket::Datagram::nothing || ++datagrams == most_datagrams) {
      return Failure::of_protocol(ETIMEDOUT);
    }
    MessageReader messages(datagram.bytes);
    while (!answered && messages.next(message)) answered = socket.answers(message);
    const bool end = message.type == uapi::NLMSG_ERROR || message.type == uapi::NLMSG_DONE;
    if (answered && end && !read_answer(message, answer)) return Failure::of_protocol(EBADMSG);
  }
  message.payload = {};  // in the buffer, which is gone
  error = answer.error;
  socket.close();
  return failure || error != EPERM ? failure : Failure::of_answer(answer);
}

}  // namespace

Failure FilterProbe::open() {
  Failure failure = tuple_.open();
  if (!failure) failure = status_.open();
  if (!failure) failure = zone_.open();
  return failure;
}

Failure FilterProbe::run(FilterSupport& support) {
  Message message;
  int error = 0;
  Failure failure = first_answer(tuple_, encode_tuple_probe(), message, error);
  if (failure) return failure;
  support.tuple = error == EOPNOTSUPP ? FilterSupport::yes : FilterSupport::no;

  failure = first_answer(status_, encode_status_probe(), message, error);
  if (failure) return failure;
  support.status = error == EINVAL ? FilterSupport::yes : FilterSupport::no;

  failure = first_answer(zone_, encode_zone_probe(), message, error);
  if (failure) return failure;
  const bool filtered = (message.flags & uapi::NLM_F_DUMP_FILTERED) != 0;
  if (message.type == uapi::MESSAGE_NEW) {
    support.zone = filtered ? FilterSupport::yes : FilterSupport::no;
  }
  return {};
}

}  // namespace conntrack
