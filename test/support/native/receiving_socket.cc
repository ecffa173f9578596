#include "receiving_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>

#include <algorithm>

namespace conntrack::test {

namespace {

constexpr uint32_t largest_receive_buffer = 212992;  // net.core.rmem_max
constexpr uint32_t least_receive_buffer = 2304;      // SOCK_MIN_RCVBUF
constexpr size_t memory_of_a_datagram = 768;         // struct sk_buff and skb_shared_info

}  // namespace

uint32_t ReceivingSocket::Datagram::memory() const {
  return static_cast<uint32_t>(memory_of_a_datagram + ((bytes.size() + 255) & ~size_t{255}));
}

// What it is sent -----------------------------------------------------------------------------

// netlink_attachskb(), netlink_broadcast_deliver()
bool ReceivingSocket::deliver(Datagram datagram) {
  if (congested_ || (memory_ > 0 && memory_ + datagram.memory() > receive_buffer_)) {
    overrun(1);
    return false;
  }
  append(std::move(datagram));
  return true;
}

void ReceivingSocket::append(Datagram datagram) {
  memory_ += datagram.memory();
  queue_.push_back(std::move(datagram));
}

// netlink_overrun()
void ReceivingSocket::overrun(uint32_t datagrams) {
  if (!no_enobufs_ && !congested_) {
    congested_ = true;
    error_ = ENOBUFS;
  }
  drops_ += datagrams;
}

bool ReceivingSocket::passes(const Buffer& message) const {
  return program_.count == 0 || Bpf(message).run(program_) != 0;
}

// The system calls --------------------------------------------------------------------------

int ReceivingSocket::name(uint32_t port_id, sockaddr* address, socklen_t* size) {
  sockaddr_nl own = {};
  own.nl_family = AF_NETLINK;
  own.nl_pid = port_id;
  if (*size < sizeof own) return -EINVAL;
  memcpy(address, &own, sizeof own);
  *size = sizeof own;
  return 0;
}

int ReceivingSocket::set_option(int level, int option, const void* value, size_t size) {
  if (level == SOL_SOCKET && option == SO_ATTACH_FILTER) {
    sock_fprog program = {};
    if (size != sizeof program) return -EINVAL;
    memcpy(&program, value, sizeof program);
    if (program.len == 0 || program.len > FilterProgram::capacity) return -EINVAL;
    static_assert(sizeof(sock_filter) == sizeof(FilterInstruction));
    memcpy(program_.instructions, program.filter, program.len * sizeof(sock_filter));
    program_.count = program.len;
    return 0;
  }
  int number = 0;
  if (size < sizeof number) return -EINVAL;
  memcpy(&number, value, sizeof number);
  if (level == SOL_SOCKET) {
    if (option != SO_RCVBUF && option != SO_RCVBUFFORCE) return -ENOPROTOOPT;
    const auto bytes = static_cast<uint32_t>(std::max(number, 0));
    const uint32_t most = option == SO_RCVBUF ? largest_receive_buffer : INT32_MAX / 2;
    receive_buffer_ = std::max(2 * std::min(bytes, most), least_receive_buffer);
    return 0;
  }
  if (level != SOL_NETLINK) return -ENOPROTOOPT;
  switch (option) {
    case NETLINK_ADD_MEMBERSHIP:
      if (number < 1 || number > 32) return -EINVAL;
      groups_ |= 1u << (number - 1);
      return 0;
    case NETLINK_BROADCAST_ERROR:
      broadcast_error_ = number != 0;
      return 0;
    case NETLINK_NO_ENOBUFS:
      no_enobufs_ = number != 0;
      if (no_enobufs_) congested_ = false;
      return 0;
    case NETLINK_LISTEN_ALL_NSID:
      all_namespaces_ = number != 0;
      return 0;
    case NETLINK_CAP_ACK:
    case NETLINK_EXT_ACK:
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

int ReceivingSocket::get_option(int level, int option, void* value, socklen_t* size) {
  if (level == SOL_SOCKET && option == SO_RCVBUF && *size >= sizeof(int)) {
    memcpy(value, &receive_buffer_, sizeof receive_buffer_);
    *size = sizeof(int);
    return 0;
  }
  if (level != SOL_SOCKET || option != SO_MEMINFO) return -ENOPROTOOPT;
  uint32_t values[SK_MEMINFO_VARS] = {};
  values[SK_MEMINFO_RMEM_ALLOC] = shown_memory();
  values[SK_MEMINFO_RCVBUF] = receive_buffer_;
  values[SK_MEMINFO_DROPS] = drops_;
  *size = static_cast<socklen_t>(std::min<size_t>(*size, sizeof values));
  memcpy(value, values, *size);
  return 0;
}

// Whatever comes of it, an empty queue is the end of the congestion (netlink_rcv_wake()).
ssize_t ReceivingSocket::receive(msghdr& message) {
  const ssize_t size = take(message);
  if (queue_.empty()) congested_ = false;
  if (size >= 0) on_taken();
  return size;
}

ssize_t ReceivingSocket::take(msghdr& message) {
  if (error_ != 0) {
    const int error = error_;
    error_ = 0;
    return -error;
  }
  if (queue_.empty()) return broken_off_ != 0 ? -broken_off_ : -EAGAIN;
  const Datagram datagram = std::move(queue_.front());
  queue_.pop_front();
  memory_ -= datagram.memory();

  sockaddr_nl sender = {};
  sender.nl_family = datagram.from_netlink ? AF_NETLINK : AF_UNIX;
  sender.nl_pid = datagram.sender;
  if (message.msg_name) {
    memcpy(message.msg_name, &sender, std::min<size_t>(message.msg_namelen, sizeof sender));
    message.msg_namelen = sizeof sender;
  }
  const size_t room = message.msg_iovlen > 0 ? message.msg_iov[0].iov_len : 0;
  const size_t size = std::min(datagram.bytes.size(), room);
  if (size > 0) memcpy(message.msg_iov[0].iov_base, datagram.bytes.data(), size);
  message.msg_flags = size < datagram.bytes.size() ? MSG_TRUNC : 0;
  const size_t control_room = message.msg_controllen;
  message.msg_controllen = 0;
  if (!all_namespaces_ || datagram.netns < 0) return static_cast<ssize_t>(size);
  if (control_room < CMSG_SPACE(sizeof(int))) {
    message.msg_flags |= MSG_CTRUNC;
    return static_cast<ssize_t>(size);
  }
  message.msg_controllen = CMSG_SPACE(sizeof(int));
  cmsghdr* control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_NETLINK;
  control->cmsg_type = NETLINK_LISTEN_ALL_NSID;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(control), &datagram.netns, sizeof(int));
  return static_cast<ssize_t>(size);
}

// An error behind the first datagram is kept for the next call (net/socket.c).
int ReceivingSocket::receive_many(mmsghdr* messages, unsigned count) {
  unsigned received = 0;
  for (; received < count; received++) {
    const ssize_t size = receive(messages[received].msg_hdr);
    if (size < 0) {
      if (received == 0) return static_cast<int>(size);
      if (size != -EAGAIN && broken_off_ == 0) error_ = static_cast<int>(-size);
      break;
    }
    messages[received].msg_len = static_cast<unsigned>(size);
  }
  return static_cast<int>(received);
}

short ReceivingSocket::readiness() const {
  const bool readable = !queue_.empty() || broken_off_ != 0;
  return static_cast<short>((readable ? POLLIN : 0) | (error_ == 0 ? 0 : POLLERR));
}

}  // namespace conntrack::test
