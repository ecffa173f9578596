// One event socket, and the place of each hole in what it gives.
//
// Kernel facts (net/netlink/af_netlink.c, tried on 6.18): an event that finds no
// room is dropped and counted; the first one sets ENOBUFS, which the next receive
// reports before it gives anything, and from then on every event is dropped until
// the last queued one has been taken. So what was queued at that time comes before
// the hole, and what comes after the queue was empty, after it. To see where it is
// empty, the last ones are taken one by one.
#pragma once

#include "os/event_socket.h"

namespace conntrack {

class EventSource {
 public:
  Failure open(const EventSocket::Options& options);
  void close() { socket_.close(); }
  int fd() const { return socket_.fd(); }
  uint32_t receive_buffer() const { return socket_.receive_buffer(); }

  enum class Step { datagrams, lost, dry, failed };
  // What comes next, without waiting: datagrams in batch(), events that the kernel
  // has dropped here, nothing, or a failure.
  Step next();
  const EventBatch& batch() const { return batch_; }
  uint32_t lost() const { return lost_; }
  const Failure& failure() const { return failure_; }

  // True when the events in the receive buffer take half of it.
  bool is_half_full() const {
    return fd() >= 0 && socket_.memory().queued > socket_.receive_buffer() / 2;
  }

  // See EventSocket::set_reliable. Once it is off, what is dropped is lost.
  void give_up_reliability();

 private:
  void look_ahead();
  void look_around(bool dry);
  uint32_t drops_until_here() const;
  void report(uint32_t drops);
  uint32_t late_drops() const;
  uint32_t settled_drops() const;

  EventSocket socket_;
  EventBatch batch_;
  bool held_ = false;  // batch_ comes after the hole that was told last
  Failure failure_;
  uint32_t lost_ = 0;
  uint32_t reported_ = 0;   // of the socket's drops
  bool unsettled_ = false;  // nothing has come since the hole that was told last

  // ahead: behind what is queued. here: behind what was given last.
  enum class Hole { none, ahead, here } hole_ = Hole::none;
  EventSocket::Memory before_;  // when the queue was not empty for the last time
  EventSocket::Memory after_;   // at the first look after that
  bool overrun_again_ = false;  // by then
};

}  // namespace conntrack
