#include "os/event_source.h"

#include <errno.h>

namespace conntrack {

// With so much queued, a batch cannot empty the queue: the memory of an event is
// at most a page and its overhead.
constexpr uint32_t far_from_empty = 2 * EventBatch::capacity * event_size;

Failure EventSource::open(const EventSocket::Options& options) {
  if (!batch_.allocate()) return Failure::of_syscall("malloc", ENOMEM);
  return socket_.open(options);
}

namespace {

// The kernel adds the size of an event before it looks whether there is room, and
// takes it off again (since 6.16): for some ten nanoseconds the memory in use is
// more than what is queued; and it counts a drop a moment after it has decided on
// it. So of a few looks the least memory is right, and the last count.
EventSocket::Memory look(const EventSocket& socket) {
  constexpr int looks = 4;
  EventSocket::Memory seen = socket.memory();
  for (int i = 1; i < looks; i++) {
    const EventSocket::Memory memory = socket.memory();
    if (memory.queued < seen.queued) seen.queued = memory.queued;
    seen.drops = memory.drops;
  }
  return seen;
}

}  // namespace

EventSource::Step EventSource::next() {
  if (held_) {
    held_ = false;
    return Step::datagrams;
  }
  for (;;) {
    const bool near = hole_ == Hole::ahead && before_.queued <= far_from_empty;
    const EventSocket::Step step =
        socket_.receive(batch_, near ? 1 : EventBatch::capacity, failure_);
    if (step == EventSocket::Step::failed) return Step::failed;
    const bool overrun = step == EventSocket::Step::overrun;
    const Hole passed = hole_;
    // When another overrun follows at once, what was dropped last belongs to that.
    const uint32_t drops = overrun ? before_.drops : after_.drops;
    if (overrun) {
      look_ahead();
      // With nothing between them they are one: an event found the socket still
      // congested, and was dropped when it no longer was.
      if (before_.queued == 0) continue;
    } else if (passed == Hole::ahead) {
      look_around();
    } else {
      hole_ = Hole::none;
    }
    if (passed == Hole::here) {
      report(drops);
      held_ = batch_.count() > 0;
      return Step::lost;
    }
    if (batch_.count() > 0) return Step::datagrams;
    if (!overrun && hole_ != Hole::here) return Step::dry;
  }
}

// The kernel has dropped events, and goes on until the queue is empty.
void EventSource::look_ahead() {
  before_ = look(socket_);
  hole_ = Hole::ahead;
}

// Whether the queue was empty since the last look: it only shrinks until then.
void EventSource::look_around() {
  after_ = look(socket_);
  if (after_.queued == 0 || after_.queued >= before_.queued) {
    hole_ = Hole::here;
  } else {
    before_ = after_;
  }
}

// Without a drop it was an event for which the kernel had no memory (nfnetlink_set_err):
// it is told, and nowhere counted.
void EventSource::report(uint32_t drops) {
  lost_ = drops != reported_ ? drops - reported_ : 1;
  reported_ = drops;
}

void EventSource::give_up_reliability() {
  reported_ = socket_.memory().drops;
  socket_.set_reliable(false);
}

}  // namespace conntrack
