#include "os/receive_ahead.h"

#include <poll.h>

#include <new>

namespace conntrack {

void ReceiveAhead::start(NetlinkSocket& socket) {
  socket_ = &socket;
  slots_.reset(new (std::nothrow) Slot[capacity]);
  const bool ready = slots_ && !datagrams_.open(0) && !room_.open(0);
  if (!ready || thread_.start("conntrack", run, this) != 0) slots_.reset();
}

void ReceiveAhead::stop() {
  if (!started()) return;
  stopping_.store(true);
  room_.post();
  thread_.join();
  datagrams_.close();
  room_.close();
  slots_.reset();
}

Failure ReceiveAhead::next(int milliseconds, NetlinkSocket::Datagram& out) {
  out = {};
  if (holding_) {
    holding_ = false;
    taken_.fetch_add(1);
    if (waiting() <= enough && full_.exchange(false)) room_.post();
  }
  if (waiting() == 0) {
    wanted_.store(true);
    bool posted = false;
    Failure failure;
    if (waiting() == 0) failure = datagrams_.wait(milliseconds, posted);
    if (!posted && !wanted_.exchange(false)) datagrams_.wait();
    if (waiting() == 0) return failure;
  }
  const Slot& slot = slots_[taken_.load() % capacity];
  holding_ = true;
  out = slot.datagram;
  return slot.failure;
}

void ReceiveAhead::wake_decoder() {
  if (wanted_.exchange(false)) datagrams_.post();
}

void ReceiveAhead::wait_for_room() {
  wake_decoder();
  full_.store(true);
  if (waiting() <= enough && full_.exchange(false)) return;
  room_.wait();
}

void ReceiveAhead::wait_for_kernel() {
  if (waiting() > 0) wake_decoder();
  pollfd signs[] = {{socket_->fd(), POLLIN, 0}, {room_.fd(), POLLIN, 0}};  // that of stop()
  ::poll(signs, 2, -1);
}

void ReceiveAhead::run() {
  while (!stopping_.load()) {
    if (waiting() == capacity) {
      wait_for_room();
      continue;
    }
    Slot& slot = slots_[filled_.load() % capacity];
    slot.failure = socket_->receive(slot.bytes, 0, slot.datagram);
    if (!slot.failure && slot.datagram.kind == NetlinkSocket::Datagram::nothing) {
      wait_for_kernel();
      continue;
    }
    filled_.fetch_add(1);
    if (slot.failure || waiting() >= enough) wake_decoder();
    if (slot.failure) return;
  }
}

}  // namespace conntrack
