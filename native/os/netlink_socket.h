// One NETLINK_NETFILTER socket, bound to a port that the kernel chose.
#pragma once

#include "os/failure.h"
#include "os/fd.h"
#include "wire/byte_writer.h"

namespace conntrack {

// The kernel's dump messages fill up to 32 KiB; a larger buffer changes nothing,
// a smaller one costs a fifth more time (6.18).
constexpr size_t receive_buffer_size = 65536;

class NetlinkSocket {
 public:
  // Opens in the network namespace of the calling thread.
  Failure open();
  bool is_open() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }

  // Gives the request a fresh sequence number and sends it to the kernel.
  Failure send(RequestWriter& request);
  uint32_t sequence() const { return sequence_; }

  struct Datagram {
    enum Kind { nothing, from_kernel, foreign } kind = nothing;
    Bytes bytes;
  };

  // Waits up to `milliseconds` for one datagram. `buffer` has
  // receive_buffer_size bytes. What another process sent is told apart by its
  // address alone and must be dropped: any process with CAP_NET_ADMIN in the
  // namespace can send to this socket. One that did not fit is a failure.
  Failure receive(uint8_t* buffer, int milliseconds, Datagram& out);

  // Whether the message answers the request that was sent last.
  bool answers(const Message& message) const {
    return message.sequence == sequence_ && message.port_id == port_id_;
  }

 private:
  Fd fd_;
  uint32_t port_id_ = 0;
  uint32_t sequence_ = 0;
};

}  // namespace conntrack
