#include "kernel_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "check.h"

// Not those of the code under test.
extern "C" int __real_eventfd_read(int fd, eventfd_t* value);
extern "C" int __real_eventfd_write(int fd, eventfd_t value);

namespace conntrack::test {

namespace {

using Guard = std::unique_lock<std::mutex>;

constexpr uint32_t largest_receive_buffer = 212992;  // net.core.rmem_max
constexpr uint32_t room_for_answers = 1 << 20;
constexpr size_t memory_of_a_datagram = 768;  // struct sk_buff and skb_shared_info

int integer(const void* value) {
  int number = 0;
  memcpy(&number, value, sizeof number);
  return number;
}

}  // namespace

uint32_t KernelSocket::Datagram::memory() const {
  return static_cast<uint32_t>(memory_of_a_datagram + ((bytes.size() + 255) & ~size_t{255}));
}

KernelSocket::KernelSocket(Kernel& kernel, int fd, uint32_t port_id)
    : kernel_(kernel), fd_(fd), port_id_(port_id) {}

// Whoever built them left the port id open.
Buffer KernelSocket::joined(const std::vector<Buffer>& messages) const {
  Buffer all;
  for (const Buffer& message : messages) all.insert(all.end(), message.begin(), message.end());
  for (size_t at = 0; at + sizeof(nlmsghdr) <= all.size();) {
    nlmsghdr header;
    memcpy(&header, all.data() + at, sizeof header);
    if (header.nlmsg_pid == receiver) {
      memcpy(all.data() + at + offsetof(nlmsghdr, nlmsg_pid), &port_id_, sizeof port_id_);
    }
    if (header.nlmsg_len < sizeof header) break;
    at += (header.nlmsg_len + 3) & ~size_t{3};
  }
  return all;
}

// What the code sends -----------------------------------------------------------------

bool KernelSocket::next_sent(Buffer& out) {
  const Guard guard(kernel_.mutex_);
  if (sent_.empty()) return false;
  out = std::move(sent_.front());
  sent_.pop_front();
  return true;
}

void KernelSocket::await_sent(int milliseconds) {
  Guard guard(kernel_.mutex_);
  kernel_.changed_.wait_for(guard, std::chrono::milliseconds(milliseconds),
                            [this] { return !sent_.empty() || closed_; });
}

std::vector<KernelSocket::Request> KernelSocket::requests() {
  std::vector<Request> all;
  Buffer bytes;
  if (!next_sent(bytes)) return all;
  MessageReader reader({bytes.data(), bytes.size()});
  for (Message message; reader.next(message);) {
    const uint8_t* start = message.payload.data - sizeof(nlmsghdr);
    const uint8_t* end = message.payload.data + message.payload.size;
    all.push_back({message.type, message.flags, message.sequence, Buffer(start, end)});
  }
  CHECK(!reader.malformed());
  return all;
}

std::vector<KernelSocket::Request> KernelSocket::expect() {
  await_sent(10'000);
  std::vector<Request> all = requests();
  CHECK(!all.empty());
  return all;
}

bool KernelSocket::closed() {
  const Guard guard(kernel_.mutex_);
  return closed_;
}

// What it is sent -----------------------------------------------------------------------

bool KernelSocket::try_send(const Buffer& bytes, uint32_t sender) {
  const Guard guard(kernel_.mutex_);
  if (closed_ || memory_ > room_for_answers) return false;
  queue({bytes, sender});
  return true;
}

void KernelSocket::forge(uint32_t port_id, const std::vector<Buffer>& messages) {
  CHECK(try_send(joined(messages), port_id));
}

void KernelSocket::send_from_nowhere(const std::vector<Buffer>& messages) {
  const Guard guard(kernel_.mutex_);
  Datagram datagram = {joined(messages), 0};
  datagram.from_netlink = false;
  queue(datagram);
}

void KernelSocket::queue(const Datagram& datagram) {
  memory_ += datagram.memory();
  queue_.push_back(datagram);
  settle();
}

KernelSocket::Heard KernelSocket::multicast(uint32_t group, const std::vector<Buffer>& messages,
                                            int32_t netns) {
  const Guard guard(kernel_.mutex_);
  if (closed_ || (groups_ & 1u << (group - 1)) == 0) return Heard::no;
  if (netns >= 0 && !all_namespaces_) return Heard::no;
  Datagram datagram = {joined(messages), 0};
  datagram.has_netns = all_namespaces_ && netns >= 0;
  datagram.netns = netns;
  if (program_.count > 0 && Bpf(datagram.bytes).run(program_) == 0) return Heard::no;
  if (memory_ <= receive_buffer_ && !congested_) {
    queue(datagram);
    return Heard::yes;
  }
  drop(1);
  return broadcast_error_ ? Heard::kept_for_later : Heard::dropped;
}

void KernelSocket::overrun(uint32_t events) {
  const Guard guard(kernel_.mutex_);
  drop(events);
}

void KernelSocket::overrun_uncounted() { overrun(0); }

void KernelSocket::count_drops(uint32_t events) {
  const Guard guard(kernel_.mutex_);
  drops_ += events;
}

// netlink_overrun()
void KernelSocket::drop(uint32_t events) {
  if (!no_enobufs_ && !congested_) {
    congested_ = true;
    error_ = ENOBUFS;
  }
  drops_ += events;
  settle();
}

// netlink_set_err()
void KernelSocket::out_of_memory() {
  const Guard guard(kernel_.mutex_);
  if (no_enobufs_) return;
  error_ = ENOBUFS;
  settle();
}

void KernelSocket::break_off(int error) {
  const Guard guard(kernel_.mutex_);
  broken_off_ = error;
  settle();
}

size_t KernelSocket::queued() {
  const Guard guard(kernel_.mutex_);
  return queue_.size();
}

void KernelSocket::flicker(uint32_t bytes, size_t readings) {
  const Guard guard(kernel_.mutex_);
  flicker_ = bytes;
  flickering_ = readings;
}

void KernelSocket::settle() {
  const bool ready = !queue_.empty() || error_ != 0 || broken_off_ != 0;
  if (ready != signalled_ && !closed_) {
    eventfd_t count = 1;
    CHECK_EQUAL(ready ? __real_eventfd_write(fd_, count) : __real_eventfd_read(fd_, &count), 0);
    signalled_ = ready;
  }
  kernel_.changed_.notify_all();
}

// How it was set up -----------------------------------------------------------------------

uint32_t KernelSocket::groups() {
  const Guard guard(kernel_.mutex_);
  return groups_;
}
bool KernelSocket::reliable() {
  const Guard guard(kernel_.mutex_);
  return broadcast_error_ && no_enobufs_;
}
bool KernelSocket::hears_all_namespaces() {
  const Guard guard(kernel_.mutex_);
  return all_namespaces_;
}
uint32_t KernelSocket::receive_buffer() {
  const Guard guard(kernel_.mutex_);
  return receive_buffer_;
}
bool KernelSocket::filtered() {
  const Guard guard(kernel_.mutex_);
  return program_.count > 0;
}

// The system calls --------------------------------------------------------------------------

bool KernelSocket::is_one(int type, int protocol) {
  return type == (SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK) &&
         (protocol == NETLINK_NETFILTER || protocol == NETLINK_ROUTE);
}

int KernelSocket::name(sockaddr* address, socklen_t* size) const {
  sockaddr_nl own = {};
  own.nl_family = AF_NETLINK;
  own.nl_pid = port_id_;
  if (*size < sizeof own) return EINVAL;
  memcpy(address, &own, sizeof own);
  *size = sizeof own;
  return 0;
}

int KernelSocket::bind() {
  const Guard guard(kernel_.mutex_);
  if (bound_) return EINVAL;
  bound_ = true;
  if (!kernel_.answering_) kernel_.waiting_.push_back(kernel_.sockets_[fd_]);
  kernel_.changed_.notify_all();
  return 0;
}

int KernelSocket::set_option(int level, int option, const void* value, size_t size) {
  const Guard guard(kernel_.mutex_);
  if (level == SOL_SOCKET && option == SO_ATTACH_FILTER) {
    sock_fprog program = {};
    if (size != sizeof program) return EINVAL;
    memcpy(&program, value, sizeof program);
    if (program.len == 0 || program.len > FilterProgram::capacity) return EINVAL;
    static_assert(sizeof(sock_filter) == sizeof(FilterInstruction));
    memcpy(program_.instructions, program.filter, program.len * sizeof(sock_filter));
    program_.count = program.len;
    return 0;
  }
  if (size < sizeof(int)) return EINVAL;
  const int number = integer(value);
  if (level == SOL_SOCKET) {
    if (option != SO_RCVBUF && option != SO_RCVBUFFORCE) return ENOPROTOOPT;
    const auto bytes = static_cast<uint32_t>(number < 0 ? 0 : number);
    const uint32_t most = option == SO_RCVBUF ? largest_receive_buffer : INT32_MAX / 2;
    receive_buffer_ = std::max(2 * std::min(bytes, most), uint32_t{2304});  // SOCK_MIN_RCVBUF
    return 0;
  }
  if (level != SOL_NETLINK) return ENOPROTOOPT;
  switch (option) {
    case NETLINK_ADD_MEMBERSHIP:
      if (number < 1 || number > 32) return EINVAL;
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
      return ENOPROTOOPT;
  }
}

int KernelSocket::get_option(int level, int option, void* value, socklen_t* size) {
  const Guard guard(kernel_.mutex_);
  if (level == SOL_SOCKET && option == SO_RCVBUF && *size >= sizeof(int)) {
    memcpy(value, &receive_buffer_, sizeof receive_buffer_);
    *size = sizeof(int);
    return 0;
  }
  if (level != SOL_SOCKET || option != SO_MEMINFO) return ENOPROTOOPT;
  uint32_t values[SK_MEMINFO_VARS] = {};
  values[SK_MEMINFO_RMEM_ALLOC] = memory_ + (flickering_ > 0 ? flicker_ : 0);
  values[SK_MEMINFO_RCVBUF] = receive_buffer_;
  values[SK_MEMINFO_DROPS] = drops_;
  if (flickering_ > 0) flickering_--;
  *size = static_cast<socklen_t>(std::min<size_t>(*size, sizeof values));
  memcpy(value, values, *size);
  return 0;
}

ssize_t KernelSocket::take_sent(const void* bytes, size_t size, const sockaddr* to,
                                socklen_t to_size) {
  sockaddr_nl address = {};
  if (to_size != sizeof address) return -EINVAL;
  memcpy(&address, to, sizeof address);
  const bool to_kernel =
      address.nl_family == AF_NETLINK && address.nl_pid == 0 && address.nl_groups == 0;
  if (!to_kernel) return -ECONNREFUSED;
  const auto* start = static_cast<const uint8_t*>(bytes);
  if (const auto answering = kernel_.answering()) {
    answering->take(port_id_, Buffer(start, start + size),
                    [this](const Buffer& answer) { try_send(answer, 0); });
    return static_cast<ssize_t>(size);
  }
  const Guard guard(kernel_.mutex_);
  if (broken_off_ != 0 && queue_.empty()) return -EPIPE;
  sent_.emplace_back(start, start + size);
  kernel_.changed_.notify_all();
  return static_cast<ssize_t>(size);
}

ssize_t KernelSocket::receive(msghdr& message, int) {
  const Guard guard(kernel_.mutex_);
  return receive_locked(message);
}

// Whatever comes of it, an empty queue is the end of the congestion (netlink_rcv_wake()).
ssize_t KernelSocket::receive_locked(msghdr& message) {
  const ssize_t size = take_next(message);
  if (queue_.empty()) congested_ = false;
  return size;
}

ssize_t KernelSocket::take_next(msghdr& message) {
  if (error_ != 0) {
    const int error = error_;
    error_ = 0;
    settle();
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
  const size_t room_for_bytes = message.msg_iovlen > 0 ? message.msg_iov[0].iov_len : 0;
  const size_t size = std::min(datagram.bytes.size(), room_for_bytes);
  if (size > 0) memcpy(message.msg_iov[0].iov_base, datagram.bytes.data(), size);
  message.msg_flags = size < datagram.bytes.size() ? MSG_TRUNC : 0;
  const size_t room = message.msg_controllen;
  message.msg_controllen = 0;
  if (datagram.has_netns) {
    if (room < CMSG_SPACE(sizeof(int))) {
      message.msg_flags |= MSG_CTRUNC;
    } else {
      message.msg_controllen = CMSG_SPACE(sizeof(int));
      cmsghdr* control = CMSG_FIRSTHDR(&message);
      control->cmsg_level = SOL_NETLINK;
      control->cmsg_type = NETLINK_LISTEN_ALL_NSID;
      control->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(control), &datagram.netns, sizeof(int));
    }
  }
  settle();
  return static_cast<ssize_t>(size);
}

// An error behind the first datagram is kept for the next call (net/socket.c).
int KernelSocket::receive_many(mmsghdr* messages, unsigned count) {
  const Guard guard(kernel_.mutex_);
  unsigned received = 0;
  for (; received < count; received++) {
    const ssize_t size = receive_locked(messages[received].msg_hdr);
    if (size < 0) {
      const int error = static_cast<int>(-size);
      if (received == 0) return -error;
      if (error != EAGAIN && broken_off_ == 0) {
        error_ = error;
        settle();
      }
      break;
    }
    messages[received].msg_len = static_cast<unsigned>(size);
  }
  return static_cast<int>(received);
}

short KernelSocket::readiness() {
  const Guard guard(kernel_.mutex_);
  const bool broken_off = queue_.empty() && broken_off_ != 0;
  const int ready = (queue_.empty() && !broken_off ? 0 : POLLIN) | (error_ == 0 ? 0 : POLLERR);
  return static_cast<short>(ready);
}

}  // namespace conntrack::test
