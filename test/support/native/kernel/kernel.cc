#include "kernel.h"

#include <errno.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "check.h"
#include "kernel_socket.h"

// Not the one of the code under test.
extern "C" int __real_eventfd(unsigned count, int flags);

namespace conntrack::test {

namespace {

std::atomic<Kernel*> current_kernel{nullptr};

constexpr std::chrono::seconds deadline(10);
constexpr uint32_t first_port_id = 4242;
constexpr std::chrono::milliseconds delay(3);

[[noreturn]] void give_up(const char* what) {
  fprintf(stderr, "scripted kernel: %s\n", what);
  abort();
}

}  // namespace

Kernel::Kernel() : next_port_id_(first_port_id) {
  if (current_kernel.exchange(this)) give_up("there is one already");
}

Kernel::~Kernel() {
  current_kernel = nullptr;
  CHECK(descriptors_.empty());
}

Kernel* Kernel::current() { return current_kernel; }

std::shared_ptr<KernelSocket> Kernel::accept() {
  std::unique_lock<std::mutex> lock(mutex_);
  expect(lock, "no socket was opened", [this] { return !waiting_.empty(); });
  std::shared_ptr<KernelSocket> socket = waiting_.front();
  waiting_.erase(waiting_.begin());
  return socket;
}

size_t Kernel::waiting() {
  std::unique_lock<std::mutex> lock(mutex_);
  return waiting_.size();
}

void Kernel::fail_next(const std::string& call, int error, size_t times) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (times == 0) {
    faults_.erase(call);
  } else {
    faults_[call] = {error, times};
  }
}

void Kernel::fail_call(size_t number, int error) {
  std::unique_lock<std::mutex> lock(mutex_);
  counting_ = true;
  failing_call_ = number;
  error_of_call_ = error;
}

void Kernel::plan(const Plan& plan) {
  std::unique_lock<std::mutex> lock(mutex_);
  plan_ = plan;
  struck_ = 0;
}

size_t Kernel::struck() {
  std::unique_lock<std::mutex> lock(mutex_);
  return struck_;
}

void Kernel::before(const std::string& call, std::function<void()> act) {
  std::unique_lock<std::mutex> lock(mutex_);
  hooks_[call] = std::move(act);
}

void Kernel::after_unlock(size_t nth, std::function<void()> act) {
  std::unique_lock<std::mutex> lock(mutex_);
  unlock_hook_ = {std::this_thread::get_id(), nth, std::move(act)};
}

void Kernel::record_calls() {
  std::unique_lock<std::mutex> lock(mutex_);
  recording_ = true;
  calls_.clear();
}

std::vector<std::string> Kernel::calls() {
  std::unique_lock<std::mutex> lock(mutex_);
  return calls_;
}

size_t Kernel::descriptors() {
  std::unique_lock<std::mutex> lock(mutex_);
  return descriptors_.size();
}

void Kernel::answer_with(std::shared_ptr<Answering> answering) {
  std::unique_lock<std::mutex> lock(mutex_);
  answering_ = std::move(answering);
}

size_t Kernel::multicast(uint32_t group, const std::vector<Buffer>& messages) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto sockets = sockets_;
  lock.unlock();
  size_t heard = 0;
  for (const auto& [fd, socket] : sockets) {
    if (socket->multicast(group, messages) == KernelSocket::Heard::yes) heard++;
  }
  return heard;
}

size_t Kernel::overrun(uint32_t group, uint32_t events) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto sockets = sockets_;
  lock.unlock();
  size_t listeners = 0;
  for (const auto& [fd, socket] : sockets) {
    if ((socket->groups() & 1u << (group - 1)) == 0) continue;
    socket->overrun(events);
    listeners++;
  }
  return listeners;
}

void Kernel::redirect(const std::string& beginning, const std::string& folder) {
  std::unique_lock<std::mutex> lock(mutex_);
  places_.emplace_back(beginning, folder);
}

void Kernel::pretend_namespaces() {
  std::unique_lock<std::mutex> lock(mutex_);
  pretends_namespaces_ = true;
}

bool Kernel::await(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return true;
}

template <typename Condition>
void Kernel::expect(std::unique_lock<std::mutex>& lock, const char* what, Condition condition) {
  if (!changed_.wait_for(lock, deadline, condition)) give_up(what);
}

void Kernel::await_idle(const KernelSocket& socket) {
  std::unique_lock<std::mutex> lock(mutex_);
  expect(lock, "the code does not wait for the socket",
         [&] { return socket.waits_ > 0 && !socket.signalled_; });
}

void Kernel::await_turn(const KernelSocket& socket, const std::function<void()>& act) {
  await_idle(socket);
  std::unique_lock<std::mutex> lock(mutex_);
  const size_t before = socket.returned_;
  lock.unlock();
  act();
  lock.lock();
  expect(lock, "the code does not come back to the socket",
         [&] { return socket.returned_ != before && socket.waits_ > 0; });
}

// For the system calls ---------------------------------------------------------------

int Kernel::enter(const char* call) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (recording_) calls_.emplace_back(call);
  const auto hook = hooks_.find(call);
  if (hook != hooks_.end()) {
    const std::function<void()> act = std::move(hook->second);
    hooks_.erase(hook);
    lock.unlock();
    act();
    lock.lock();
  }
  if (counting_ && failing_call_-- == 0) {
    counting_ = false;
    return error_of_call_;
  }
  if (plan_.times > 0 && plan_.call == call) {
    if (plan_.nth > 0) {
      plan_.nth--;
    } else {
      plan_.times--;
      struck_++;
      if (plan_.kind == Plan::fails) return plan_.error;
      if (plan_.kind == Plan::shortens) return shortened;
      lock.unlock();
      std::this_thread::sleep_for(delay);
      lock.lock();
    }
  }
  const auto fault = faults_.find(call);
  if (fault == faults_.end()) return 0;
  const int error = fault->second.error;
  if (--fault->second.times == 0) faults_.erase(fault);
  return error;
}

std::string Kernel::place_of(const char* path) {
  std::unique_lock<std::mutex> lock(mutex_);
  const std::string name = path;
  for (const auto& [beginning, folder] : places_) {
    if (name.compare(0, beginning.size(), beginning) == 0) {
      return folder + name.substr(beginning.size());
    }
  }
  return name;
}

bool Kernel::pretends_namespaces() {
  std::unique_lock<std::mutex> lock(mutex_);
  return pretends_namespaces_;
}

std::shared_ptr<Answering> Kernel::answering() {
  std::unique_lock<std::mutex> lock(mutex_);
  return answering_;
}

void Kernel::unlocked(const void* mutex) {
  if (mutex == mutex_.native_handle()) return;
  std::unique_lock<std::mutex> lock(mutex_);
  UnlockHook& hook = unlock_hook_;
  if (hook.nth == 0 || hook.thread != std::this_thread::get_id() || --hook.nth > 0) return;
  const std::function<void()> act = std::move(hook.act);
  lock.unlock();
  act();
}

int Kernel::open_socket() {
  std::unique_lock<std::mutex> lock(mutex_);
  const int fd = __real_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return fd;
  sockets_[fd] = std::make_shared<KernelSocket>(*this, fd, next_port_id_++);
  descriptors_.insert(fd);
  return fd;
}

std::shared_ptr<KernelSocket> Kernel::find(int fd) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = sockets_.find(fd);
  return found == sockets_.end() ? nullptr : found->second;
}

void Kernel::opened(int fd) {
  std::unique_lock<std::mutex> lock(mutex_);
  descriptors_.insert(fd);
}

void Kernel::closing(int fd) {
  std::unique_lock<std::mutex> lock(mutex_);
  descriptors_.erase(fd);
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  found->second->closed_ = true;
  sockets_.erase(found);
  changed_.notify_all();
}

void Kernel::begin_wait(const std::vector<KernelSocket*>& sockets) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (KernelSocket* socket : sockets) {
    socket->waits_++;
    socket->returned_++;
  }
  changed_.notify_all();
}

void Kernel::end_wait(const std::vector<KernelSocket*>& sockets) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (KernelSocket* socket : sockets) socket->waits_--;
  changed_.notify_all();
}

}  // namespace conntrack::test
