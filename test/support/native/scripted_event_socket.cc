// class EventSocket over one end of a socket pair, as scripted_socket.cc does it
// for requests. It never overruns: what has no room stays with the sender.
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "os/event_socket.h"
#include "script.h"

namespace conntrack {

using test::Script;

struct EventBatch::Slots {
  EventBatch::Datagram datagrams[capacity];
  uint8_t bytes[capacity][event_size];
};

EventBatch::EventBatch() = default;
EventBatch::~EventBatch() = default;

bool EventBatch::allocate() {
  slots_.reset(new Slots);
  return true;
}

EventBatch::Datagram EventBatch::operator[](size_t index) const { return slots_->datagrams[index]; }

Failure EventSocket::open(const Options&) {
  Script& script = Script::current();
  if (Failure failure = script.take_failure()) return failure;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return Failure::of_syscall("socketpair", errno);
  }
  fd_ = Fd(ends[0]);
  script.add_peer(Fd(ends[1]));
  return {};
}

EventSocket::Step EventSocket::receive(EventBatch& batch, size_t most, Failure& failure) {
  batch.count_ = 0;
  while (batch.count_ < most) {
    uint32_t sender = 0;
    uint8_t* bytes = batch.slots_->bytes[batch.count_];
    iovec parts[] = {{&sender, sizeof sender}, {bytes, event_size}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t size = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) break;
    // The end of a sequence of packets; a netlink socket has none.
    if (size <= 0) {
      if (batch.count_ > 0) break;
      failure = Failure::of_syscall("recvmmsg", size < 0 ? errno : ECONNRESET);
      return Step::failed;
    }
    const bool whole = (message.msg_flags & MSG_TRUNC) == 0;
    // The bytes of a stranger are there, too: whoever looks at them fails a test.
    batch.slots_->datagrams[batch.count_++] = {sender != 0 ? EventBatch::Datagram::foreign
                                               : whole     ? EventBatch::Datagram::from_kernel
                                                           : EventBatch::Datagram::truncated,
                                               -1,
                                               {bytes, static_cast<size_t>(size) - sizeof sender}};
  }
  return Step::received;
}

EventSocket::Memory EventSocket::memory() const {
  int queued = 0;
  ::ioctl(fd_.get(), SIOCINQ, &queued);
  return {static_cast<uint32_t>(queued), 0};
}

bool EventSocket::has_overrun() const { return false; }

bool EventSocket::is_readable() const { return memory().queued > 0; }

uint32_t EventSocket::receive_buffer() const { return 1 << 20; }

bool EventSocket::set_reliable(bool) { return true; }

}  // namespace conntrack
