#include "os/dump_reader.h"

#include <errno.h>

#include <new>

#include "os/clock.h"
#include "wire/decode.h"

namespace conntrack {

namespace {

// The kernel sends up to 32 KiB at once, some 110 entries.
constexpr size_t large_datagram = 16384;
constexpr size_t many_large = 8;

}  // namespace

Failure DumpReader::open() {
  buffer_.reset(new (std::nothrow) uint8_t[receive_buffer_size]);
  if (!buffer_) return Failure::of_syscall("malloc", ENOMEM);
  return socket_.open();
}

Failure DumpReader::set_filter(Bytes records) {
  filtered_ = true;
  return filter_.parse(records) ? Failure{} : Failure::of_syscall("malloc", ENOMEM);
}

DumpReader::Outcome DumpReader::read(uint8_t* memory, const Turn& turn) {
  Outcome outcome;
  SlabWriter slab(memory);
  receives_ = 0;
  outcome.step = fill(slab, turn, outcome.failure);
  slab.stamp(wall_clock());
  outcome.filled = slab.count() > 0;
  if (outcome.filled) slab.clear_rest();
  return outcome;
}

DumpReader::Step DumpReader::fill(SlabWriter& slab, const Turn& turn, Failure& failure) {
  if (!started_) failure = begin();
  if (failure) return Step::failed;
  size_t matches = 0;
  while (EntryRecord* record = slab.reserve()) {
    if (receives_ >= receives_in_a_read) break;
    if (filtered_ && ++matches % matches_between_looks == 0) {
      if (cancelled()) return Step::idle;
      if (turn.is_over()) break;
    }
    Message message;
    const Step step = next_message(message, failure);
    if (step != Step::more) return step;
    Extension extension;
    if (!decode_entry(message, *record, extension)) {
      failure = Failure::of_protocol(EBADMSG);
      return Step::failed;
    }
    if (filtered_ && !filter_.matches(*record, extension)) continue;
    if (!slab.fits(*record, extension)) {
      messages_.unread();
      break;
    }
    // While counters are zeroed, the repetition of a bucket is none: it holds what
    // was counted since the first time.
    if (kind_ == DumpKind::zeroing || recent_.add(*record)) slab.commit(record, extension);
  }
  return Step::more;
}

Failure DumpReader::begin() {
  const bool both = (ask_.present & FILTER_FAMILY) == 0;
  if (!both) family_ = ask_.family;
  // The kernel compares tuples within one family only (EOPNOTSUPP).
  if (both && (asked() & ASKED_TUPLE) != 0) family_ = uapi::FAMILY_IPV4;
  return start();
}

Failure DumpReader::start() {
  RequestWriter request = encode_dump(family_, ask_, kind_);
  started_ = true;
  return socket_.send(request);
}

bool DumpReader::another_family() {
  const bool one_by_one = (ask_.present & FILTER_FAMILY) == 0;
  if (!one_by_one || family_ != uapi::FAMILY_IPV4) return false;
  family_ = uapi::FAMILY_IPV6;
  return true;
}

// A kernel that refuses what it is asked to leave out can still send all.
bool DumpReader::can_ask_for_less(const Answer& answer) const {
  const bool refused = answer.error == EINVAL || answer.error == EOPNOTSUPP;
  return refused && !answered_ && asked() != 0;
}

// A zone is refused by a kernel without CONFIG_NF_CONNTRACK_ZONES that compares the rest.
void DumpReader::ask_for_less() {
  if ((asked() & ASKED_ZONE) != 0) {
    ask_.present &= ~uint32_t{FILTER_ZONE};
    return;
  }
  FilterRecord family = {};
  family.present = ask_.present & FILTER_FAMILY;
  family.family = ask_.family;
  ask_ = family;
}

DumpReader::Step DumpReader::next_message(Message& out, Failure& failure) {
  for (;;) {
    while (messages_.next(out)) {
      if (!socket_.answers(out)) continue;
      if (out.type == uapi::MESSAGE_NEW) {
        answered_ = true;
        return Step::more;
      }
      if (out.type != uapi::NLMSG_DONE && out.type != uapi::NLMSG_ERROR) continue;
      const Step step = take_end(out, failure);
      if (step != Step::more) return step;
    }
    if (messages_.malformed()) {
      failure = Failure::of_protocol(EBADMSG);
      return Step::failed;
    }
    if (cancelled() || receives_ >= receives_in_a_read) return Step::idle;
    const Step step = receive(failure);
    if (step != Step::more) return step;
  }
}

// more: another dump is on its way, or it was no end.
DumpReader::Step DumpReader::take_end(const Message& message, Failure& failure) {
  Answer answer;
  if (!read_answer(message, answer)) {
    failure = Failure::of_protocol(EBADMSG);
  } else if (can_ask_for_less(answer)) {
    ask_for_less();
    failure = start();
  } else if (answer.error != 0) {
    failure = Failure::of_answer(answer);
  } else if (message.type == uapi::NLMSG_DONE) {
    if (!another_family()) return Step::done;
    failure = start();
  }
  return failure ? Step::failed : Step::more;
}

DumpReader::Step DumpReader::receive(Failure& failure) {
  NetlinkSocket::Datagram datagram;
  receives_++;
  failure = ahead_.started() ? ahead_.next(Silence::wait, datagram)
                             : socket_.receive(buffer_.get(), Silence::wait, datagram);
  if (failure) return Step::failed;
  // A small table is not worth a thread.
  large_ = datagram.bytes.size > large_datagram ? large_ + 1 : 0;
  if (large_ >= many_large && !ahead_.started()) ahead_.start(socket_);
  if (datagram.kind == NetlinkSocket::Datagram::nothing) {
    if (!silence_.is_over()) return Step::idle;
    failure = Failure::of_protocol(ETIMEDOUT);
    return Step::failed;
  }
  const bool trusted = datagram.kind == NetlinkSocket::Datagram::from_kernel;
  if (trusted) silence_.interrupt();
  messages_ = trusted ? MessageReader(datagram.bytes) : MessageReader();
  return Step::more;
}

}  // namespace conntrack
