// The system calls of the product, which the linker leads here: other threads may go on at each of
// them, and time passes. Outside of a run they are the real ones.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "report.h"
#include "world.h"

using namespace conntrack::test;

namespace {

using File = Kernel::File;

Kernel& kernel() { return World::current()->kernel; }
Threads& threads() { return World::current()->threads; }
Random& random_now() { return World::current()->random; }
const Kernel::Plan& plan() { return kernel().plan(); }

// A call begins.
void enter() {
  threads().spend(random_now().between(200, 5 * microsecond));
  if (random_now().once_in(plan().stalls)) {
    threads().spend(random_now().between(millisecond, 60 * millisecond));
  }
  threads().yield();
}

// A call ends.
template <typename Result>
Result leave(const char* call, int64_t of, Result result) {
  report::note(call, of, static_cast<int64_t>(result));
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

bool is_interrupted() { return random_now().once_in(plan().interrupts); }

// nullptr: the real call.
File* begin(int fd, const char* call) {
  if (!World::current()) return nullptr;
  enter();
  return kernel().file(fd, call);
}

Socket* socket_of(File* file) { return file ? file->netlink.get() : nullptr; }

int64_t until(int milliseconds) {
  return milliseconds < 0 ? Threads::never : threads().now() + milliseconds * millisecond;
}

short readiness(File* file) {
  if (file->netlink) return file->netlink->readiness();
  return file->count > 0 ? POLLIN : 0;
}

// Looks, and returns how many are ready.
int look(pollfd* fds, size_t count) {
  int ready = 0;
  for (size_t i = 0; i < count; i++) {
    fds[i].revents = 0;
    if (fds[i].fd < 0) continue;
    const int asked = fds[i].events | POLLERR;
    fds[i].revents = static_cast<short>(readiness(kernel().file(fds[i].fd, "poll")) & asked);
    ready += fds[i].revents != 0 ? 1 : 0;
  }
  return ready;
}

int poll_until(pollfd* fds, size_t count, int64_t end) {
  int ready = look(fds, count);
  if (ready > 0 || end <= threads().now()) return ready;
  if (is_interrupted()) return -EINTR;
  threads().wait([&] { return look(fds, count) > 0; }, end);
  return look(fds, count);
}

}  // namespace

extern "C" {

// Sockets --------------------------------------------------------------------------------------

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol) {
  if (!World::current()) return __real_socket(domain, type, protocol);
  enter();
  HOLDS(domain == AF_NETLINK && type == (SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK));
  return leave("socket", protocol, kernel().open_socket(protocol));
}

int __real_bind(int fd, const sockaddr* address, socklen_t size);
int __wrap_bind(int fd, const sockaddr* address, socklen_t size) {
  File* file = begin(fd, "bind");
  return file ? leave("bind", fd, 0) : __real_bind(fd, address, size);
}

int __real_connect(int fd, const sockaddr* address, socklen_t size);
int __wrap_connect(int fd, const sockaddr* address, socklen_t size) {
  File* file = begin(fd, "connect");
  if (!file) return __real_connect(fd, address, size);
  file->netlink->connected = plan().connects;
  return leave("connect", fd, plan().connects ? 0 : -EPERM);
}

int __real_getsockname(int fd, sockaddr* address, socklen_t* size);
int __wrap_getsockname(int fd, sockaddr* address, socklen_t* size) {
  File* file = begin(fd, "getsockname");
  if (!file) return __real_getsockname(fd, address, size);
  return leave("getsockname", fd, Socket::name(file->netlink->port_id, address, size));
}

int __real_setsockopt(int fd, int level, int option, const void* value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
  Socket* socket = socket_of(begin(fd, "setsockopt"));
  if (!socket) return __real_setsockopt(fd, level, option, value, size);
  return leave("setsockopt", fd, socket->set_option(level, option, value, size));
}

int __real_getsockopt(int fd, int level, int option, void* value, socklen_t* size);
int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  Socket* socket = socket_of(begin(fd, "getsockopt"));
  if (!socket) return __real_getsockopt(fd, level, option, value, size);
  const int result = socket->get_option(level, option, value, size);
  uint32_t first = 0;
  memcpy(&first, value, sizeof first);
  report::note("the option is", fd, first);
  return leave("getsockopt", fd, result);
}

ssize_t __real_sendto(int fd, const void* bytes, size_t size, int flags, const sockaddr* to,
                      socklen_t to_size);
ssize_t __wrap_sendto(int fd, const void* bytes, size_t size, int flags, const sockaddr* to,
                      socklen_t to_size) {
  Socket* socket = socket_of(begin(fd, "sendto"));
  if (!socket) return __real_sendto(fd, bytes, size, flags, to, to_size);
  if (is_interrupted()) return leave("sendto", fd, ssize_t{-EINTR});
  return leave("sendto", fd, kernel().send(*socket, static_cast<const uint8_t*>(bytes), size));
}

ssize_t __real_recvmsg(int fd, msghdr* message, int flags);
ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
  Socket* socket = socket_of(begin(fd, "recvmsg"));
  if (!socket) return __real_recvmsg(fd, message, flags);
  if (is_interrupted()) return leave("recvmsg", fd, ssize_t{-EINTR});
  return leave("recvmsg", fd, socket->receive(*message));
}

int __real_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);
int __wrap_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  Socket* socket = socket_of(begin(fd, "recvmmsg"));
  if (!socket) return __real_recvmmsg(fd, messages, count, flags, timeout);
  if (is_interrupted()) return leave("recvmmsg", fd, -EINTR);
  if (count > 1 && random_now().once_in(plan().shortness)) {
    count = static_cast<unsigned>(random_now().below(count)) + 1;
  }
  return leave("recvmmsg", fd, socket->receive_many(messages, count));
}

int __real_close(int fd);
int __wrap_close(int fd) {
  if (!begin(fd, "close")) return __real_close(fd);
  kernel().close(fd);
  return leave("close", fd, 0);
}

// Waiting and time -----------------------------------------------------------------------------

int __real_poll(pollfd* fds, nfds_t count, int timeout);
int __wrap_poll(pollfd* fds, nfds_t count, int timeout) {
  if (!World::current()) return __real_poll(fds, count, timeout);
  enter();
  return leave("poll", fds[0].fd, poll_until(fds, count, until(timeout)));
}

int __real_ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask);
int __wrap_ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  if (!World::current()) return __real_ppoll(fds, count, timeout, mask);
  enter();
  const int64_t end = threads().now() + timeout->tv_sec * second + timeout->tv_nsec;
  return leave("ppoll", fds[0].fd, poll_until(fds, count, end));
}

int __real_nanosleep(const timespec* time, timespec* left);
int __wrap_nanosleep(const timespec* time, timespec* left) {
  if (!World::current()) return __real_nanosleep(time, left);
  enter();
  threads().wait([] { return false; }, threads().now() + time->tv_sec * second + time->tv_nsec);
  return leave("nanosleep", time->tv_nsec, 0);
}

int __real_clock_gettime(clockid_t clock, timespec* time);
int __wrap_clock_gettime(clockid_t clock, timespec* time) {
  if (!World::current()) return __real_clock_gettime(clock, time);
  enter();
  time->tv_sec = threads().now() / second;
  time->tv_nsec = threads().now() % second;
  return 0;
}

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags) {
  if (!World::current()) return __real_eventfd(count, flags);
  enter();
  File file;
  file.kind = File::counter;
  file.is_semaphore = (flags & EFD_SEMAPHORE) != 0;
  file.count = count;
  return leave("eventfd", count, kernel().open(std::move(file)));
}

int __real_eventfd_read(int fd, eventfd_t* count);
int __wrap_eventfd_read(int fd, eventfd_t* count) {
  File* file = begin(fd, "eventfd_read");
  if (!file) return __real_eventfd_read(fd, count);
  HOLDS(file->kind == File::counter);
  if (is_interrupted()) return leave("eventfd_read", fd, -EINTR);
  // All that wait for one that can be empty are semaphores.
  if (file->count == 0 && !file->is_semaphore) return leave("eventfd_read", fd, -EAGAIN);
  threads().wait([fd] { return kernel().file(fd, "eventfd_read")->count > 0; });
  file = kernel().file(fd, "eventfd_read");
  *count = file->is_semaphore ? 1 : file->count;
  file->count -= *count;
  return leave("eventfd_read", fd, 0);
}

int __real_eventfd_write(int fd, eventfd_t count);
int __wrap_eventfd_write(int fd, eventfd_t count) {
  File* file = begin(fd, "eventfd_write");
  if (!file) return __real_eventfd_write(fd, count);
  HOLDS(file->kind == File::counter);
  file->count += count;
  return leave("eventfd_write", fd, 0);
}

// Network namespaces ---------------------------------------------------------------------------

// "/ns/1" names the second one.
int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  if (!World::current()) return __real_open(path, flags);
  enter();
  File file;
  int fd = -1;
  int number = 0;
  if (strcmp(path, "/proc/thread-self/ns") == 0) {
    file.kind = File::folder;
    file.count = static_cast<uint64_t>(threads().place());
  } else if (sscanf(path, "/proc/self/fd/%d", &fd) == 1) {
    file.kind = File::space;
    file.count = kernel().file(fd, "open")->count;
  } else if (sscanf(path, "/ns/%d", &number) == 1 && !kernel().has_ended(number)) {
    file.kind = File::path;
    file.count = static_cast<uint64_t>(number);
  } else {
    return leave("open", 0, -ENOENT);
  }
  return leave("open", file.kind, kernel().open(std::move(file)));
}

ssize_t __real_readlinkat(int folder, const char* path, char* text, size_t size);
ssize_t __wrap_readlinkat(int folder, const char* path, char* text, size_t size) {
  if (!World::current()) return __real_readlinkat(folder, path, text, size);
  enter();
  int fd = folder;
  if (folder == AT_FDCWD && sscanf(path, "/proc/self/fd/%d", &fd) != 1) fd = -1;
  const uint64_t number =
      fd < 0 ? static_cast<uint64_t>(threads().place()) : kernel().file(fd, "readlinkat")->count;
  char name[32];
  const int length =
      snprintf(name, sizeof name, "net:[%d]", static_cast<int>(4026531840u + number));
  const size_t taken = std::min(size, static_cast<size_t>(length));
  memcpy(text, name, taken);
  return leave("readlinkat", fd, static_cast<ssize_t>(taken));
}

int __real_fstatfs(int fd, struct statfs* system);
int __wrap_fstatfs(int fd, struct statfs* system) {
  if (!begin(fd, "fstatfs")) return __real_fstatfs(fd, system);
  system->f_type = 0x6e736673;  // NSFS_MAGIC
  return leave("fstatfs", fd, 0);
}

int __real_setns(int fd, int kind);
int __wrap_setns(int fd, int kind) {
  File* file = begin(fd, "setns");
  if (!file) return __real_setns(fd, kind);
  if (World::current()->node.owns(threads().self())) violated("a thread of Node.js leaves its own");
  threads().place() = static_cast<int>(file->count);
  return leave("setns", fd, 0);
}

// Threads --------------------------------------------------------------------------------------

int __real_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* data);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* data) {
  if (!World::current()) return __real_pthread_create(thread, attributes, run, data);
  enter();
  struct Start {
    void* (*run)(void*);
    void* data;
  };
  const size_t number = threads().start(
      [](void* given) {
        const Start start = *static_cast<Start*>(given);
        delete static_cast<Start*>(given);
        start.run(start.data);
      },
      new Start{run, data});
  *thread = static_cast<pthread_t>(number);
  report::note("pthread_create", static_cast<int64_t>(number));
  threads().yield();
  return 0;
}

int __real_pthread_join(pthread_t thread, void** result);
int __wrap_pthread_join(pthread_t thread, void** result) {
  if (!World::current()) return __real_pthread_join(thread, result);
  enter();
  threads().wait([thread] { return threads().has_ended(static_cast<size_t>(thread)); });
  report::note("pthread_join", static_cast<int64_t>(thread));
  return 0;
}

int __real_pthread_sigmask(int how, const sigset_t* set, sigset_t* before);
int __wrap_pthread_sigmask(int how, const sigset_t* set, sigset_t* before) {
  return World::current() ? 0 : __real_pthread_sigmask(how, set, before);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...) {
  HOLDS(World::current() && option == PR_SET_NAME);
  return 0;
}

// Who holds a mutex is in it: the number of the thread, and 1.
static uint32_t& owner(pthread_mutex_t* mutex) { return *reinterpret_cast<uint32_t*>(mutex); }

int __real_pthread_mutex_lock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (!World::current()) return __real_pthread_mutex_lock(mutex);
  threads().yield();
  const auto self = static_cast<uint32_t>(threads().self()) + 1;
  if (owner(mutex) == self) violated("a thread locks a mutex that it holds");
  if (owner(mutex) != 0) threads().wait([mutex] { return owner(mutex) == 0; });
  owner(mutex) = self;
  return 0;
}

int __real_pthread_mutex_unlock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  if (!World::current()) return __real_pthread_mutex_unlock(mutex);
  if (owner(mutex) != threads().self() + 1) violated("a thread unlocks what it does not hold");
  owner(mutex) = 0;
  threads().yield();
  return 0;
}

int __real_pthread_mutex_destroy(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_destroy(pthread_mutex_t* mutex) {
  if (!World::current()) return __real_pthread_mutex_destroy(mutex);
  if (owner(mutex) != 0) violated("a mutex ends while a thread holds it");
  return 0;
}

}  // extern "C"
