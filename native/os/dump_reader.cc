#include "os/dump_reader.h"

#include <errno.h>

#include <new>

#include "os/clock.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace conntrack {

Failure DumpReader::open() {
  buffer_.reset(new (std::nothrow) uint8_t[receive_buffer_size]);
  if (!buffer_) return Failure::of_syscall("malloc", ENOMEM);
  return socket_.open();
}

DumpReader::Outcome DumpReader::read(uint8_t* const* slabs, size_t count) {
  Outcome outcome;
  outcome.done = ended_;
  if (ended_) return outcome;
  if (!started_) {
    RequestWriter request = encode_dump(family_, zero_counters_);
    outcome.failure = socket_.send(request);
    started_ = true;
  }
  bool idle = false;
  while (outcome.slabs < count && !outcome.done && !outcome.failure && !idle && !cancelled()) {
    SlabWriter slab(slabs[outcome.slabs]);
    idle = fill(slab, outcome) == Step::idle;
    slab.stamp(wall_clock());
    if (slab.count() > 0) outcome.slabs++;
  }
  ended_ = outcome.done || outcome.failure;
  return outcome;
}

DumpReader::Step DumpReader::fill(SlabWriter& slab, Outcome& outcome) {
  while (EntryRecord* record = slab.reserve()) {
    Message message;
    const Step step = next_message(message, outcome);
    outcome.done = step == Step::done;
    if (step != Step::message) return step;
    Extension extension;
    if (!decode_entry(message, *record, extension)) {
      outcome.failure = Failure::of_protocol(EBADMSG);
      return Step::failed;
    }
    if (!slab.fits(*record, extension)) {
      messages_.unread();
      break;
    }
    // While counters are zeroed, the repetition of a bucket is none: it holds what
    // was counted since the first time.
    if (zero_counters_ || recent_.add(*record)) slab.commit(record, extension);
  }
  return Step::message;
}

DumpReader::Step DumpReader::next_message(Message& out, Outcome& outcome) {
  for (;;) {
    while (messages_.next(out)) {
      if (!socket_.answers(out)) continue;
      if (out.type == uapi::MESSAGE_NEW) return Step::message;
      if (out.type != uapi::NLMSG_DONE && out.type != uapi::NLMSG_ERROR) continue;
      Answer answer;
      if (!read_answer(out, answer)) {
        outcome.failure = Failure::of_protocol(EBADMSG);
        return Step::failed;
      }
      if (answer.error != 0) {
        outcome.failure = Failure::of_answer(answer);
        return Step::failed;
      }
      if (out.type == uapi::NLMSG_DONE) return Step::done;
    }
    if (messages_.malformed()) {
      outcome.failure = Failure::of_protocol(EBADMSG);
      return Step::failed;
    }
    if (cancelled()) return Step::idle;
    const Step step = receive(outcome);
    if (step != Step::message) return step;
  }
}

DumpReader::Step DumpReader::receive(Outcome& outcome) {
  NetlinkSocket::Datagram datagram;
  outcome.failure = socket_.receive(buffer_.get(), patience, datagram);
  if (outcome.failure) return Step::failed;
  if (datagram.kind == NetlinkSocket::Datagram::nothing) return Step::idle;
  const bool trusted = datagram.kind == NetlinkSocket::Datagram::from_kernel;
  messages_ = trusted ? MessageReader(datagram.bytes) : MessageReader();
  return Step::message;
}

}  // namespace conntrack
