#include "os/event_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>

#include <new>

#include "os/kernel_address.h"

namespace conntrack {

namespace {

// linux/netlink.h, linux/sock_diag.h
constexpr int option_add_membership = 1;
constexpr int option_broadcast_error = 4;  // Linux 2.6.30
constexpr int option_no_enobufs = 5;
constexpr int option_listen_all_nsid = 8;  // Linux 4.2
constexpr size_t meminfo_rmem_alloc = 0;
constexpr size_t meminfo_drops = 8;  // Linux 4.12
constexpr size_t meminfo_values = 9;

Failure set(const Fd& fd, int level, int option, const void* value, socklen_t size) {
  if (::setsockopt(fd.get(), level, option, value, size) == 0) return {};
  return Failure::of_syscall("setsockopt", errno);
}

Failure set(const Fd& fd, int level, int option, int value) {
  return set(fd, level, option, &value, sizeof value);
}

// Beyond net.core.rmem_max for CAP_NET_ADMIN in the initial user namespace, up to it for others.
Failure grow(const Fd& fd, uint32_t bytes) {
  const int half = static_cast<int>(bytes / 2);  // the kernel doubles it
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, half)) return {};
  return set(fd, SOL_SOCKET, SO_RCVBUF, half);
}

Failure attach(const Fd& fd, const FilterProgram& program) {
  static_assert(sizeof(FilterInstruction) == sizeof(sock_filter));
  sock_filter instructions[FilterProgram::capacity];
  memcpy(instructions, program.instructions, program.count * sizeof instructions[0]);
  sock_fprog all = {};
  all.len = static_cast<unsigned short>(program.count);
  all.filter = instructions;
  return set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all);
}

}  // namespace

struct EventBatch::Slots {
  mmsghdr headers[capacity];
  struct Slot {
    sockaddr_nl sender;
    iovec part;
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int32_t))];
    uint8_t bytes[event_size];
  } slots[capacity];
};

EventBatch::EventBatch() = default;
EventBatch::~EventBatch() = default;

bool EventBatch::allocate() {
  slots_.reset(new (std::nothrow) Slots);
  return static_cast<bool>(slots_);
}

EventBatch::Datagram EventBatch::operator[](size_t index) const {
  const mmsghdr& received = slots_->headers[index];
  const msghdr& header = received.msg_hdr;
  const Slots::Slot& slot = slots_->slots[index];
  Datagram datagram = {Datagram::from_kernel, -1, {slot.bytes, received.msg_len}};
  if (!is_kernel(slot.sender, header.msg_namelen)) {
    datagram.kind = Datagram::foreign;
  } else if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    datagram.kind = Datagram::truncated;
  }
  const cmsghdr* control = CMSG_FIRSTHDR(&header);
  if (control && control->cmsg_level == SOL_NETLINK &&
      control->cmsg_type == option_listen_all_nsid &&
      control->cmsg_len >= CMSG_LEN(sizeof datagram.netns)) {
    memcpy(&datagram.netns, CMSG_DATA(control), sizeof datagram.netns);
  }
  return datagram;
}

Failure EventSocket::open(const Options& options) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd) return Failure::of_syscall("socket", errno);
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Failure::of_syscall("bind", errno);
  }
  connect_to_kernel(fd);
  // Before the first event can come.
  Failure failure = grow(fd, options.receive_buffer);
  if (!failure && options.program) failure = attach(fd, *options.program);
  if (!failure && options.all_namespaces) {
    failure = set(fd, SOL_NETLINK, option_listen_all_nsid, 1);
  }
  fd_ = static_cast<Fd&&>(fd);
  if (!failure && options.reliable && !set_reliable(true)) {
    failure = Failure::of_syscall("setsockopt", errno);
  }
  for (uint32_t group = 1; !failure && group <= 32; group++) {
    if ((options.groups & 1u << (group - 1)) == 0) continue;
    failure = set(fd_, SOL_NETLINK, option_add_membership, static_cast<int>(group));
  }
  socklen_t size = sizeof receive_buffer_;
  if (!failure && ::getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_, &size) != 0) {
    failure = Failure::of_syscall("getsockopt", errno);
  }
  if (failure) fd_.reset();
  return failure;
}

EventSocket::Step EventSocket::receive(EventBatch& batch, size_t most, Failure& failure) {
  batch.count_ = 0;
  for (size_t i = 0; i < most; i++) {
    EventBatch::Slots::Slot& slot = batch.slots_->slots[i];
    slot.part = {slot.bytes, sizeof slot.bytes};
    batch.slots_->headers[i] = {};
    msghdr& header = batch.slots_->headers[i].msg_hdr;
    header.msg_name = &slot.sender;
    header.msg_namelen = sizeof slot.sender;
    header.msg_iov = &slot.part;
    header.msg_iovlen = 1;
    header.msg_control = slot.control;
    header.msg_controllen = sizeof slot.control;
  }
  for (;;) {
    const int count = ::recvmmsg(fd_.get(), batch.slots_->headers, static_cast<unsigned>(most),
                                 MSG_DONTWAIT, nullptr);
    if (count >= 0) {
      batch.count_ = static_cast<size_t>(count);
      return Step::received;
    }
    if (errno == EAGAIN) return Step::received;
    if (errno == ENOBUFS) return Step::overrun;
    if (errno == EINTR) continue;
    failure = Failure::of_syscall("recvmmsg", errno);
    return Step::failed;
  }
}

EventSocket::Memory EventSocket::memory() const {
  uint32_t values[meminfo_values] = {};
  socklen_t size = sizeof values;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, values, &size) == 0) {
    seen_ = {values[meminfo_rmem_alloc], values[meminfo_drops]};
  }
  return seen_;
}

namespace {

bool has(const Fd& fd, short condition) {
  pollfd polled = {fd.get(), condition, 0};
  int ready = 0;
  do {
    ready = ::poll(&polled, 1, 0);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && (polled.revents & condition) != 0;
}

}  // namespace

bool EventSocket::has_overrun() const { return has(fd_, POLLERR); }

bool EventSocket::is_readable() const { return has(fd_, POLLIN); }

bool EventSocket::set_reliable(bool reliable) {
  return !set(fd_, SOL_NETLINK, option_no_enobufs, reliable ? 1 : 0) &&
         !set(fd_, SOL_NETLINK, option_broadcast_error, reliable ? 1 : 0);
}

}  // namespace conntrack
