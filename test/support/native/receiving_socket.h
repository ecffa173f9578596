// The receiving end of a netlink socket, by the rules of net/netlink/af_netlink.c (6.18): what has
// no room is dropped and counted, the first time with ENOBUFS, and from then on everything is,
// until the last queued datagram has been taken.
#pragma once

#include <sys/socket.h>

#include <deque>

#include "bpf.h"
#include "message_builder.h"

namespace conntrack::test {

class ReceivingSocket {
 public:
  explicit ReceivingSocket(uint32_t receive_buffer) : receive_buffer_(receive_buffer) {}
  virtual ~ReceivingSocket() = default;
  ReceivingSocket(const ReceivingSocket&) = delete;
  ReceivingSocket& operator=(const ReceivingSocket&) = delete;

  struct Datagram {
    Buffer bytes;
    uint32_t sender = 0;
    int32_t netns = -1;  // -1: its own, which is not told
    bool from_netlink = true;

    uint32_t memory() const;
  };

  // What it is sent ---------------------------------------------------------------------------

  // False when it found no room: the socket has an overrun then.
  bool deliver(Datagram datagram);
  // Without a look at the room: of a dump, whose next part is made when there is room.
  void append(Datagram datagram);
  // So many find no room, whatever there is. With 0 they are not counted yet.
  void overrun(uint32_t datagrams);
  void count_drops(uint32_t datagrams) { drops_ += datagrams; }
  // The next call fails with this error, even though something is queued.
  void fail(int error) { error_ = error; }
  // Every call fails with this error, once all that is queued has been taken.
  void break_off(int error) { broken_off_ = error; }

  bool is_in(uint32_t group) const { return (groups_ & 1u << (group - 1)) != 0; }
  // Whether its program lets the message pass.
  bool passes(const Buffer& message) const;
  bool is_filtered() const { return program_.count > 0; }
  uint32_t all_groups() const { return groups_; }
  bool reports_failed_broadcasts() const { return broadcast_error_; }
  bool hides_overruns() const { return no_enobufs_; }
  bool hears_every_namespace() const { return all_namespaces_; }
  uint32_t receive_buffer_size() const { return receive_buffer_; }
  uint32_t memory() const { return memory_; }
  size_t queue_length() const { return queue_.size(); }
  bool is_broken() const { return broken_off_ != 0; }

  // The system calls. They return what the system does, and -errno
  // ---------------------------------

  int set_option(int level, int option, const void* value, size_t size);
  int get_option(int level, int option, void* value, socklen_t* size);
  ssize_t receive(msghdr& message);
  int receive_many(mmsghdr* messages, unsigned count);
  short readiness() const;
  static int name(uint32_t port_id, sockaddr* address, socklen_t* size);

 private:
  // A datagram was taken.
  virtual void on_taken() {}
  // What SO_MEMINFO shows.
  virtual uint32_t shown_memory() { return memory_; }

  ssize_t take(msghdr& message);

  std::deque<Datagram> queue_;
  uint32_t memory_ = 0;
  uint32_t drops_ = 0;
  bool congested_ = false;
  int error_ = 0;       // told once
  int broken_off_ = 0;  // told at the end of the queue, and again

  uint32_t groups_ = 0;  // bit n - 1: group n
  uint32_t receive_buffer_;
  bool no_enobufs_ = false;
  bool broadcast_error_ = false;
  bool all_namespaces_ = false;
  FilterProgram program_;
};

}  // namespace conntrack::test
