// One netlink socket, bound to a port that the kernel chose.
#pragma once

#include <errno.h>
#include <sys/socket.h>

#include "os/failure.h"
#include "os/fd.h"
#include "wire/request_batch.h"

namespace conntrack {

// The kernel's dump messages fill up to 32 KiB; a larger buffer changes nothing,
// a smaller one costs a fifth more time (6.18).
constexpr size_t receive_buffer_size = 65536;

// Answers to requests, many to a system call. The kernel allocates each in a page, or in 8 KiB
// where pages are larger (NLMSG_GOODSIZE).
struct Inbox {
  static constexpr size_t capacity = 16;

  void clear() { count = taken = 0; }

  struct Slot {
    sockaddr sender;  // a sockaddr_nl
    iovec part;
    uint8_t bytes[8192];
  };

  size_t count = 0;  // how many were received
  size_t taken = 0;  // of them
  mmsghdr headers[capacity];
  Slot slots[capacity];
};

class NetlinkSocket {
 public:
  enum class To : uint8_t { netfilter, route };

  // Opens in the network namespace of the calling thread.
  Failure open(To whom = To::netfilter);
  bool is_open() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  // Give the requests fresh sequence numbers and send them to the kernel.
  Failure send(RequestWriter& request) {
    if (!request.complete()) return Failure::of_syscall("sendto", EMSGSIZE);
    request.set_sequence(number(1));
    return send(request.request());
  }
  Failure send(RequestBatch& batch) {
    batch.set_sequence(number(batch.count()));
    return send(batch.bytes());
  }

  // Around requests whose answers are all waited for: what earlier ones or other processes have
  // left takes no room, and no error of then is one of theirs.
  void begin_exchange();
  void end_exchange() { clean_ = connected_; }

  struct Datagram {
    enum Kind { nothing, from_kernel, foreign } kind = nothing;
    Bytes bytes;
  };

  // Waits up to `milliseconds` for one datagram. `buffer` has
  // receive_buffer_size bytes. What another process sent is told apart by its
  // address alone and must be dropped: where connect() was refused, any process with
  // CAP_NET_ADMIN in the namespace can send to this socket. One that did not fit is a failure.
  Failure receive(uint8_t* buffer, int milliseconds, Datagram& out);
  // The same, of those that the inbox has or then receives: at most so many.
  Failure receive(Inbox& inbox, size_t most, int milliseconds, Datagram& out);

  // Whether the message answers a request that was sent last, and which of them.
  bool answers(const Message& message) const {
    return index(message) < count_ && message.port_id == port_id_;
  }
  uint32_t index(const Message& message) const { return message.sequence - first_; }
  // True for the event of a change that this socket asked for with NLM_F_ECHO.
  bool is_echo(const Message& message) const {
    return message.type == uapi::MESSAGE_DELETE && message.port_id == port_id_;
  }

 private:
  uint32_t number(size_t count) {
    first_ += count_;
    count_ = static_cast<uint32_t>(count);
    return first_;
  }

  Failure send(Bytes requests);
  template <typename Receive>
  Failure wait_for(int milliseconds, const char* name, Receive receive);

  Fd fd_;
  bool connected_ = false;  // to the kernel
  bool clean_ = false;      // nothing has come that was not taken
  uint32_t port_id_ = 0;
  uint32_t first_ = 1;  // sequence number of the requests that were sent last
  uint32_t count_ = 0;
};

}  // namespace conntrack
