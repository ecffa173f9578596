#include "os/netlink_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "os/interrupted_poll.h"
#include "os/kernel_address.h"

namespace conntrack {

namespace {

// linux/netlink.h; NETLINK_EXT_ACK came with Linux 4.12.
constexpr int option_cap_ack = 10;
constexpr int option_ext_ack = 11;

// More than fits, of the smallest.
constexpr size_t most_drained = 1024;

}  // namespace

Failure NetlinkSocket::open(To whom) {
  const int protocol = whom == To::netfilter ? NETLINK_NETFILTER : NETLINK_ROUTE;
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return Failure::of_syscall("socket", errno);
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Failure::of_syscall("bind", errno);
  }
  socklen_t length = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Failure::of_syscall("getsockname", errno);
  }
  connected_ = connect_to_kernel(fd);
  clean_ = connected_;
  // Older kernels lack these; then errors come without the kernel's text.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, option_cap_ack, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, option_ext_ack, &on, sizeof on);
  fd_ = static_cast<Fd&&>(fd);
  port_id_ = address.nl_pid;
  return {};
}

Failure NetlinkSocket::send(Bytes requests) {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), requests.data, requests.size, 0,
                    reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? Failure::of_syscall("sendto", errno) : Failure{};
}

void NetlinkSocket::begin_exchange() {
  for (size_t datagrams = 0; !clean_ && datagrams < most_drained; datagrams++) {
    msghdr nothing = {};
    if (::recvmsg(fd_.get(), &nothing, 0) < 0 && errno == EAGAIN) break;
  }
  clean_ = false;
}

// Calls `receive` until it has received something or failed, and once more after a wait.
template <typename Receive>
Failure NetlinkSocket::wait_for(int milliseconds, const char* name, Receive receive) {
  for (bool waited = false;;) {
    if (receive() >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Failure::of_syscall(name, errno);
    if (waited || milliseconds == 0) return {};
    pollfd readable = {fd_.get(), POLLIN, 0};
    if (poll_despite_signals(readable, milliseconds) < 0) return Failure::of_syscall("poll", errno);
    waited = true;
  }
}

namespace {

void expect(msghdr& message, sockaddr& sender, iovec& part) {
  message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof(sockaddr_nl);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
}

Failure take(const msghdr& message, Bytes bytes, const char* name, NetlinkSocket::Datagram& out) {
  using Datagram = NetlinkSocket::Datagram;
  sockaddr_nl sender = {};
  memcpy(&sender, message.msg_name, sizeof sender);
  if (!is_kernel(sender, message.msg_namelen)) {
    out.kind = Datagram::foreign;
    return {};
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) return Failure::of_syscall(name, EMSGSIZE);
  out = {Datagram::from_kernel, bytes};
  return {};
}

}  // namespace

// NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes through the iovec.
Failure NetlinkSocket::receive(uint8_t* buffer, int milliseconds, Datagram& out) {
  out = {};
  sockaddr sender = {};
  iovec part = {buffer, receive_buffer_size};
  msghdr message = {};
  ssize_t size = -1;
  const Failure failure = wait_for(milliseconds, "recvmsg", [&] {
    expect(message, sender, part);
    return size = ::recvmsg(fd_.get(), &message, 0);
  });
  if (failure || size < 0) return failure;
  return take(message, {buffer, static_cast<size_t>(size)}, "recvmsg", out);
}

Failure NetlinkSocket::receive(Inbox& inbox, size_t most, int milliseconds, Datagram& out) {
  out = {};
  if (inbox.taken == inbox.count) {
    inbox.clear();
    const size_t wanted = most < Inbox::capacity ? most : Inbox::capacity;
    const Failure failure = wait_for(milliseconds, "recvmmsg", [&] {
      for (size_t i = 0; i < wanted; i++) {
        Inbox::Slot& slot = inbox.slots[i];
        slot.part = {slot.bytes, sizeof slot.bytes};
        expect(inbox.headers[i].msg_hdr, slot.sender, slot.part);
      }
      const int count =
          ::recvmmsg(fd_.get(), inbox.headers, static_cast<unsigned>(wanted), 0, nullptr);
      if (count > 0) inbox.count = static_cast<size_t>(count);
      return count;
    });
    if (failure || inbox.count == 0) return failure;
  }
  const size_t index = inbox.taken++;
  const auto& [header, size] = inbox.headers[index];
  return take(header, {inbox.slots[index].bytes, size}, "recvmmsg", out);
}

}  // namespace conntrack
