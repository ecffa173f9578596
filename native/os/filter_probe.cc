#include "os/filter_probe.h"

#include <errno.h>

#include <memory>
#include <new>

#include "os/silence.h"
#include "wire/encode.h"

namespace conntrack {

namespace {

// Of other processes, before the answer.
constexpr size_t most_datagrams = 64;

// These errors refuse the request itself, as in DumpReader; any other one is a failure.
bool is_refusal(int error) { return error == EINVAL || error == EOPNOTSUPP; }

// The first message of the answer to a dump, and the errno in it: 0, or a refusal. Nothing of the
// rest is read: the socket is closed, and the dump with it.
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
  return failure || error == 0 || is_refusal(error) ? failure : Failure::of_answer(answer);
}

// `means_yes`: what a kernel refuses because it compares the condition.
FilterSupport::Answer answer_of(int error, int means_yes) {
  if (error == means_yes) return FilterSupport::yes;
  return error == 0 ? FilterSupport::no : FilterSupport::refused;
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
  int tuple_error = 0;
  Failure failure = first_answer(tuple_, encode_tuple_probe(), message, tuple_error);
  if (failure) return failure;

  int status_error = 0;
  failure = first_answer(status_, encode_status_probe(), message, status_error);
  if (failure) return failure;

  int zone_error = 0;
  failure = first_answer(zone_, encode_zone_probe(), message, zone_error);
  if (failure) return failure;

  // That of no ctnetlink (nfnetlink_rcv_msg).
  if (tuple_error == EINVAL && status_error == EINVAL && zone_error == EINVAL) {
    Answer none;
    none.error = EINVAL;
    return Failure::of_answer(none);
  }
  support.tuple = answer_of(tuple_error, EOPNOTSUPP);
  support.status = answer_of(status_error, EINVAL);
  if (zone_error != 0) {
    support.zone = FilterSupport::refused;
  } else if (message.type == uapi::MESSAGE_NEW) {
    const bool filtered = (message.flags & uapi::NLM_F_DUMP_FILTERED) != 0;
    support.zone = filtered ? FilterSupport::yes : FilterSupport::no;
  }
  return {};
}

}  // namespace conntrack
