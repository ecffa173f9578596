#include "os/event_source.h"

#include <errno.h>
#include <time.h>

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

// Some five milliseconds in all.
constexpr int most_looks = 50;
void pause() {
  constexpr timespec moment = {0, 50'000};
  ::nanosleep(&moment, nullptr);
}

}  // namespace

EventSource::Step EventSource::next() {
  if (held_) {
    held_ = false;
    return Step::datagrams;
  }
  for (;;) {
    const Hole passed = hole_;
    const bool near = passed == Hole::ahead && before_.queued <= far_from_empty;
    const bool one_by_one = near || passed == Hole::here || unsettled_;
    const EventSocket::Step step =
        socket_.receive(batch_, one_by_one ? 1 : EventBatch::capacity, failure_);
    if (step == EventSocket::Step::failed) return Step::failed;
    if (step == EventSocket::Step::overrun) {
      // It belongs to what was dropped since, and with nothing between them they are one.
      const uint32_t drops = drops_until_here();
      look_ahead();
      if (passed != Hole::here || hole_ == Hole::here) continue;
      report(drops);
      return Step::lost;
    }
    const bool dry = batch_.count() == 0;
    if (passed == Hole::ahead) {
      look_around(dry);
    } else if (passed == Hole::here || unsettled_) {
      const uint32_t drops = settled_drops();
      hole_ = Hole::none;
      unsettled_ = dry;
      if (passed == Hole::here || drops != reported_) {
        report(drops);
        held_ = !dry;
        return Step::lost;
      }
    }
    if (!dry) return Step::datagrams;
    if (hole_ != Hole::here) return Step::dry;
  }
}

// The kernel has dropped events, and goes on until the queue is empty.
void EventSource::look_ahead() {
  before_ = look(socket_);
  unsettled_ = false;
  after_ = before_;
  overrun_again_ = socket_.has_overrun();
  hole_ = before_.queued == 0 ? Hole::here : Hole::ahead;
}

// Whether the queue was empty since the last look: it only shrinks until then.
void EventSource::look_around(bool dry) {
  after_ = look(socket_);
  overrun_again_ = socket_.has_overrun();
  hole_ = Hole::here;
  if (dry || overrun_again_ || after_.queued == 0 || !socket_.is_readable()) return;
  // It may only seem to have grown: a sender that has lost its processor in those ten
  // nanoseconds. Wait for it, or for another sign.
  EventSocket::Memory now = after_;
  for (int looks = 0; now.queued >= before_.queued; looks++) {
    if (now.queued > after_.queued || looks == most_looks || socket_.has_overrun()) return;
    if (now.drops - after_.drops > 1) break;
    if (looks > 4) pause();
    now = look(socket_);
  }
  hole_ = Hole::ahead;
  before_.drops = now.drops;
  if (now.queued < before_.queued) before_.queued = now.queued;
}

// What was dropped before the queue was empty, when more may have been dropped since.
uint32_t EventSource::drops_until_here() const {
  return overrun_again_ ? before_.drops : after_.drops;
}

// What was dropped before the batch that was received last. Who drops an event counts it
// before it sends the next one: once that is there, all are counted. But another overrun
// may have begun since, whose drops are among them.
uint32_t EventSource::settled_drops() const {
  const uint32_t drops = look(socket_).drops;
  if (!socket_.has_overrun()) return drops;
  return hole_ == Hole::here ? drops_until_here() : reported_;
}

// Without a drop it was an event for which the kernel had no memory (nfnetlink_set_err):
// it is told, and nowhere counted.
void EventSource::report(uint32_t drops) {
  if (drops == reported_) drops = late_drops();
  lost_ = drops != reported_ ? drops - reported_ : 1;
  reported_ = drops;
}

// A sender that drops an event sets the error, which wakes us, and then counts the drop. If it
// loses its processor in between (seen on 7.3), we would tell the drop twice; so we wait for its
// count.
uint32_t EventSource::late_drops() const {
  for (int looks = 0; looks < most_looks; looks++) {
    const uint32_t drops = look(socket_).drops;
    // Of the overrun that has begun since, the others.
    if (drops != reported_) return socket_.has_overrun() ? reported_ + 1 : drops;
    pause();
  }
  return reported_;
}

void EventSource::give_up_reliability() {
  reported_ = socket_.memory().drops;
  socket_.set_reliable(false);
}

}  // namespace conntrack
