// The system calls of the code under test, which the linker leads here (system_calls.cmake).
// Without a Kernel they are the real ones.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "clock.h"
#include "kernel_socket.h"

using conntrack::test::Kernel;
using conntrack::test::KernelSocket;
namespace clock_state = conntrack::test::clock_state;

namespace {

// Whether this call must fail; errno says how. `cut` is set where it must be shortened.
bool fails(const char* call, bool* cut = nullptr) {
  Kernel* kernel = Kernel::current();
  const int error = kernel ? kernel->enter(call) : 0;
  if (cut) *cut = error == Kernel::shortened;
  if (error > 0) errno = error;
  return error > 0;
}

std::string place_of(const char* path) {
  Kernel* kernel = Kernel::current();
  return kernel ? kernel->place_of(path) : path;
}

bool pretends_namespaces() {
  Kernel* kernel = Kernel::current();
  return kernel && kernel->pretends_namespaces();
}

std::shared_ptr<KernelSocket> scripted(int fd) {
  Kernel* kernel = Kernel::current();
  return kernel ? kernel->find(fd) : nullptr;
}

int opened(int fd) {
  Kernel* kernel = Kernel::current();
  if (kernel && fd >= 0) kernel->opened(fd);
  return fd;
}

// As libc returns it.
template <typename Result>
Result outcome(Result result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

extern "C" {

// Sockets -----------------------------------------------------------------------------

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
  Kernel* kernel = Kernel::current();
  if (!kernel || domain != AF_NETLINK) return __real_socket(domain, type, protocol);
  if (fails("socket")) return -1;
  return KernelSocket::is_one(type, protocol) ? kernel->open_socket() : outcome(-EPROTONOSUPPORT);
}

int __real_bind(int fd, const sockaddr* address, socklen_t size);
int __wrap_bind(int fd, const sockaddr* address, socklen_t size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_bind(fd, address, size);
  return fails("bind") ? -1 : outcome(-socket->bind());
}

int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_connect(fd, address, size);
  return fails("connect") ? -1 : 0;
}

int __real_getsockname(int fd, sockaddr* address, socklen_t* size);
int __wrap_getsockname(int fd, sockaddr* address, socklen_t* size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_getsockname(fd, address, size);
  return fails("getsockname") ? -1 : outcome(-socket->name(address, size));
}

int __real_setsockopt(int fd, int level, int option, const void* value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_setsockopt(fd, level, option, value, size);
  return fails("setsockopt") ? -1 : outcome(-socket->set_option(level, option, value, size));
}

int __real_getsockopt(int fd, int level, int option, void* value, socklen_t* size);
int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_getsockopt(fd, level, option, value, size);
  return fails("getsockopt") ? -1 : outcome(-socket->get_option(level, option, value, size));
}

ssize_t __real_sendto(int fd, const void* bytes, size_t size, int flags, const sockaddr* to,
                      socklen_t to_size);
ssize_t __wrap_sendto(int fd, const void* bytes, size_t size, int flags, const sockaddr* to,
                      socklen_t to_size) {
  const auto socket = scripted(fd);
  if (!socket) return __real_sendto(fd, bytes, size, flags, to, to_size);
  return fails("sendto") ? -1 : outcome(socket->take_sent(bytes, size, to, to_size));
}

ssize_t __real_recvmsg(int fd, msghdr* message, int flags);
ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
  const auto socket = scripted(fd);
  if (!socket) return __real_recvmsg(fd, message, flags);
  return fails("recvmsg") ? -1 : outcome(socket->receive(*message, flags));
}

int __real_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);
int __wrap_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  const auto socket = scripted(fd);
  if (!socket) return __real_recvmmsg(fd, messages, count, flags, timeout);
  bool cut = false;
  if (fails("recvmmsg", &cut)) return -1;
  return outcome(socket->receive_many(messages, cut && count > 1 ? 1 : count));
}

int __real_close(int fd);
int __wrap_close(int fd) {
  Kernel* kernel = Kernel::current();
  const bool failing = fails("close");
  const int error = errno;
  if (kernel) kernel->closing(fd);
  const int result = __real_close(fd);
  if (failing) errno = error;
  return failing ? -1 : result;
}

// Waiting ---------------------------------------------------------------------------------

int __real_poll(pollfd* fds, nfds_t count, int timeout);

}  // extern "C"

namespace {

struct Polled {
  std::vector<std::shared_ptr<KernelSocket>> owners;  // one for each descriptor, or nullptr
  std::vector<KernelSocket*> sockets;
  std::vector<pollfd> real;

  Polled(const pollfd* fds, nfds_t count) : real(fds, fds + count) {
    for (pollfd& one : real) {
      owners.push_back(one.fd < 0 ? nullptr : scripted(one.fd));
      if (!owners.back()) continue;
      sockets.push_back(owners.back().get());
      one.events = POLLIN;
    }
  }

  // Waits so long for what is real, and takes what is there.
  int poll(pollfd* fds, int timeout) {
    int ready = __real_poll(real.data(), real.size(), timeout);
    if (ready < 0) return ready;
    ready = 0;
    for (size_t i = 0; i < real.size(); i++) {
      const int asked = fds[i].events | POLLERR | POLLHUP;
      const short seen = owners[i] ? owners[i]->readiness() : real[i].revents;
      fds[i].revents = fds[i].fd < 0 ? short{0} : static_cast<short>(seen & asked);
      if (fds[i].revents != 0) ready++;
    }
    return ready;
  }

  // In the time of a clock that is stopped.
  int poll_for(pollfd* fds, int64_t milliseconds) {
    int ready = poll(fds, 0);
    if (ready != 0) return ready;
    const int64_t end = clock_state::now() + milliseconds;
    if (clock_state::skips_waits()) {
      clock_state::move_to(end);
      fails("end of a wait");
      return 0;
    }
    const clock_state::Wait wait(end);
    while (ready == 0 && clock_state::is_stopped() && clock_state::now() < end) {
      ready = poll(fds, 1);
    }
    return ready;
  }
};

}  // namespace

extern "C" {

int __wrap_poll(pollfd* fds, nfds_t count, int timeout) {
  Kernel* kernel = Kernel::current();
  const bool stopped = clock_state::is_stopped() && timeout > 0;
  if (!kernel && !stopped) return __real_poll(fds, count, timeout);
  bool cut = false;
  if (fails("poll", &cut)) return -1;
  if (cut) {
    for (nfds_t i = 0; i < count; i++) fds[i].revents = 0;
    return 0;
  }
  Polled polled(fds, count);
  if (timeout == 0) return polled.poll(fds, 0);
  if (kernel) kernel->begin_wait(polled.sockets);
  const int ready = stopped ? polled.poll_for(fds, timeout) : polled.poll(fds, timeout);
  if (kernel) kernel->end_wait(polled.sockets);
  return ready;
}

// None of ours waits for a scripted socket in it.
int __real_ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask);
int __wrap_ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  if (fails("ppoll")) return -1;
  if (!clock_state::is_stopped()) return __real_ppoll(fds, count, timeout, mask);
  return Polled(fds, count).poll_for(fds, timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000);
}

int __real_nanosleep(const timespec* time, timespec* left);
int __wrap_nanosleep(const timespec* time, timespec* left) {
  if (fails("nanosleep")) return -1;
  return clock_state::is_stopped() ? 0 : __real_nanosleep(time, left);
}

int __real_clock_gettime(clockid_t clock, timespec* time);
int __wrap_clock_gettime(clockid_t clock, timespec* time) {
  if (!clock_state::is_stopped()) return __real_clock_gettime(clock, time);
  const int64_t now = clock == CLOCK_MONOTONIC ? clock_state::read() : clock_state::now();
  time->tv_sec = now / 1000;
  time->tv_nsec = now % 1000 * 1000000;
  return 0;
}

// Files, threads, memory ---------------------------------------------------------------------

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags) {
  return fails("eventfd") ? -1 : opened(__real_eventfd(count, flags));
}

int __real_eventfd_read(int fd, eventfd_t* value);
int __wrap_eventfd_read(int fd, eventfd_t* value) {
  return fails("eventfd_read") ? -1 : __real_eventfd_read(fd, value);
}

int __real_eventfd_write(int fd, eventfd_t value);
int __wrap_eventfd_write(int fd, eventfd_t value) {
  return fails("eventfd_write") ? -1 : __real_eventfd_write(fd, value);
}

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  if (fails("open")) return -1;
  const std::string place = place_of(path);
  // As a file of /proc/sys: what is written is all of it.
  const int emptied = place != path && (flags & O_ACCMODE) == O_WRONLY ? O_TRUNC : 0;
  return opened(__real_open(place.c_str(), flags | emptied));
}

ssize_t __real_read(int fd, void* bytes, size_t size);
ssize_t __wrap_read(int fd, void* bytes, size_t size) {
  bool cut = false;
  return fails("read", &cut) ? -1 : __real_read(fd, bytes, cut && size > 1 ? 1 : size);
}

ssize_t __real_write(int fd, const void* bytes, size_t size);
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  bool cut = false;
  return fails("write", &cut) ? -1 : __real_write(fd, bytes, cut && size > 1 ? 1 : size);
}

ssize_t __real_readlinkat(int folder, const char* path, char* text, size_t size);
ssize_t __wrap_readlinkat(int folder, const char* path, char* text, size_t size) {
  bool cut = false;
  if (fails("readlinkat", &cut)) return -1;
  const ssize_t length = __real_readlinkat(folder, path, text, cut && size > 1 ? 1 : size);
  const bool other = length > 0 && strncmp(path, "/proc/self/fd/", 14) == 0;
  if (other && pretends_namespaces()) text[length - 1] = '*';
  return length;
}

int __real_fstatfs(int fd, struct statfs* system);
int __wrap_fstatfs(int fd, struct statfs* system) {
  return fails("fstatfs") ? -1 : __real_fstatfs(fd, system);
}

int __real_setns(int fd, int kind);
int __wrap_setns(int fd, int kind) {
  if (fails("setns")) return -1;
  return pretends_namespaces() ? 0 : __real_setns(fd, kind);
}

// native/os asks for statx alone.
long __real_syscall(long number, ...);
long __wrap_syscall(long number, int fd, const char* path, int flags, unsigned mask, void* status) {
  if (number == SYS_statx && fails("statx")) return -1;
  return __real_syscall(number, fd, path, flags, mask, status);
}

int __real_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* data);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* data) {
  return fails("pthread_create") ? errno : __real_pthread_create(thread, attributes, run, data);
}

int __real_pthread_mutex_unlock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  const int result = __real_pthread_mutex_unlock(mutex);
  if (Kernel* kernel = Kernel::current()) kernel->unlocked(mutex);
  return result;
}

}  // extern "C"
