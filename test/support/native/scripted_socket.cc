// class NetlinkSocket over one end of a socket pair; a test plays the kernel at
// the other end. Datagrams to this end start with the port id of their sender.
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/netlink_socket.h"
#include "script.h"

namespace conntrack {

using test::Script;

Failure NetlinkSocket::open() {
  Script& script = Script::current();
  if (Failure failure = script.take_failure()) return failure;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return Failure::of_syscall("socketpair", errno);
  }
  fd_ = Fd(ends[0]);
  script.add_peer(Fd(ends[1]));
  port_id_ = Script::port_id;
  return {};
}

Failure NetlinkSocket::send(Bytes requests) {
  const ssize_t sent = ::send(fd_.get(), requests.data, requests.size, MSG_NOSIGNAL);
  return sent < 0 ? Failure::of_syscall("sendto", errno) : Failure{};
}

Failure NetlinkSocket::receive(uint8_t* buffer, int milliseconds, Datagram& out) {
  out = {};
  for (bool waited = false;; waited = true) {
    uint32_t sender = 0;
    iovec parts[] = {{&sender, sizeof sender}, {buffer, receive_buffer_size}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t size = ::recvmsg(fd_.get(), &message, 0);
    // The end of a sequence of packets; a netlink socket has none.
    if (size == 0) return Failure::of_syscall("recvmsg", ECONNRESET);
    if (size > 0) {
      // The bytes of a stranger are there, too: whoever looks at them fails a test.
      out.bytes = {buffer, static_cast<size_t>(size) - sizeof sender};
      if (sender != 0) {
        out.kind = Datagram::foreign;
        return {};
      }
      if ((message.msg_flags & MSG_TRUNC) != 0) return Failure::of_syscall("recvmsg", EMSGSIZE);
      out.kind = Datagram::from_kernel;
      return {};
    }
    if (errno != EAGAIN) return Failure::of_syscall("recvmsg", errno);
    if (waited) return {};
    pollfd readable = {fd_.get(), POLLIN, 0};
    if (::poll(&readable, 1, milliseconds) < 0 && errno != EINTR) {
      return Failure::of_syscall("poll", errno);
    }
  }
}

}  // namespace conntrack
