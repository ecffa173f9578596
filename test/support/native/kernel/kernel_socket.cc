#include "kernel_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"

// Not those of the code under test.
extern "C" int __real_eventfd_read(int fd, eventfd_t* value);
extern "C" int __real_eventfd_write(int fd, eventfd_t value);

namespace conntrack::test {

namespace {

using Guard = std::unique_lock<std::mutex>;

constexpr uint32_t default_receive_buffer = 212992;  // net.core.rmem_default
constexpr uint32_t room_for_answers = 1 << 20;

}  // namespace

KernelSocket::KernelSocket(Kernel& kernel, int fd, uint32_t port_id)
    : ReceivingSocket(default_receive_buffer), kernel_(kernel), fd_(fd), port_id_(port_id) {}

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
  if (closed_ || memory() > room_for_answers) return false;
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
  append(datagram);
  settle();
}

KernelSocket::Heard KernelSocket::multicast(uint32_t group, const std::vector<Buffer>& messages,
                                            int32_t netns) {
  const Guard guard(kernel_.mutex_);
  if (closed_ || !is_in(group)) return Heard::no;
  if (netns >= 0 && !hears_every_namespace()) return Heard::no;
  const Buffer bytes = joined(messages);
  if (!passes(bytes)) return Heard::no;
  const bool found_room = deliver({bytes, 0, netns});
  settle();
  if (found_room) return Heard::yes;
  return reports_failed_broadcasts() ? Heard::kept_for_later : Heard::dropped;
}

void KernelSocket::overrun(uint32_t events) {
  const Guard guard(kernel_.mutex_);
  ReceivingSocket::overrun(events);
  settle();
}

void KernelSocket::overrun_uncounted() { overrun(0); }

void KernelSocket::count_drops(uint32_t events) {
  const Guard guard(kernel_.mutex_);
  ReceivingSocket::count_drops(events);
}

// netlink_set_err()
void KernelSocket::out_of_memory() {
  const Guard guard(kernel_.mutex_);
  if (hides_overruns()) return;
  fail(ENOBUFS);
  settle();
}

void KernelSocket::break_off(int error) {
  const Guard guard(kernel_.mutex_);
  ReceivingSocket::break_off(error);
  settle();
}

size_t KernelSocket::queued() {
  const Guard guard(kernel_.mutex_);
  return queue_length();
}

void KernelSocket::flicker(uint32_t bytes, size_t readings) {
  const Guard guard(kernel_.mutex_);
  flicker_ = bytes;
  flickering_ = readings;
}

void KernelSocket::settle() {
  const bool ready = ReceivingSocket::readiness() != 0;
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
  return all_groups();
}
bool KernelSocket::reliable() {
  const Guard guard(kernel_.mutex_);
  return reports_failed_broadcasts() && hides_overruns();
}
bool KernelSocket::hears_all_namespaces() {
  const Guard guard(kernel_.mutex_);
  return hears_every_namespace();
}
uint32_t KernelSocket::receive_buffer() {
  const Guard guard(kernel_.mutex_);
  return receive_buffer_size();
}
bool KernelSocket::filtered() {
  const Guard guard(kernel_.mutex_);
  return is_filtered();
}

// The system calls --------------------------------------------------------------------------

bool KernelSocket::is_one(int type, int protocol) {
  return type == (SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK) &&
         (protocol == NETLINK_NETFILTER || protocol == NETLINK_ROUTE);
}

int KernelSocket::name(sockaddr* address, socklen_t* size) const {
  return -ReceivingSocket::name(port_id_, address, size);
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
  return -ReceivingSocket::set_option(level, option, value, size);
}

int KernelSocket::get_option(int level, int option, void* value, socklen_t* size) {
  const Guard guard(kernel_.mutex_);
  return -ReceivingSocket::get_option(level, option, value, size);
}

uint32_t KernelSocket::shown_memory() {
  if (flickering_ == 0) return memory();
  flickering_--;
  return memory() + flicker_;
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
  if (is_broken() && queue_length() == 0) return -EPIPE;
  sent_.emplace_back(start, start + size);
  kernel_.changed_.notify_all();
  return static_cast<ssize_t>(size);
}

ssize_t KernelSocket::receive(msghdr& message, int) {
  const Guard guard(kernel_.mutex_);
  const ssize_t size = ReceivingSocket::receive(message);
  settle();
  return size;
}

int KernelSocket::receive_many(mmsghdr* messages, unsigned count) {
  const Guard guard(kernel_.mutex_);
  const int received = ReceivingSocket::receive_many(messages, count);
  settle();
  return received;
}

short KernelSocket::readiness() {
  const Guard guard(kernel_.mutex_);
  return ReceivingSocket::readiness();
}

}  // namespace conntrack::test
