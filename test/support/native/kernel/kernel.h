// The kernel, played by a test, at the level of system calls: while a Kernel lives, the
// netlink sockets that the code under test opens end in a KernelSocket, calls fail as they
// are told to, and the test acts between any two of them. Link with the flags of
// system_calls.cmake.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "answering.h"

namespace conntrack::test {

class KernelSocket;

class Kernel {
 public:
  Kernel();
  // All that was opened must be closed by then.
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // The one that lives, or nullptr.
  static Kernel* current();

  // The socket that was bound first among those not accepted. Waits for it.
  std::shared_ptr<KernelSocket> accept();
  // How many were bound and not accepted.
  size_t waiting();

  // The next calls of this name fail; 0: no more. "malloc" is an allocation that may fail.
  void fail_next(const std::string& call, int error, size_t times = 1);
  // The call with this number fails: 0 is the next one.
  void fail_call(size_t number, int error);
  // One call of a name fails, is cut short (call_faults.h) or is late: the nth from now on, 0 being
  // the next, and those behind it, `times` in all.
  struct Plan {
    enum Kind { fails, shortens, delays } kind;
    std::string call;
    size_t nth;
    size_t times;
    int error;
  };
  void plan(const Plan& plan);
  // How many calls the plan has struck.
  size_t struck();
  // `act` is called before the next call of this name, on its thread. "end of a wait" is the
  // moment when a poll() that was skipped (StoppedClock) has found nothing.
  void before(const std::string& call, std::function<void()> act);
  // The same, when this thread has unlocked a mutex for the nth time from now on.
  void after_unlock(size_t nth, std::function<void()> act);

  // The names of the calls since this was asked for.
  void record_calls();
  std::vector<std::string> calls();

  // Descriptors that the code under test has open.
  size_t descriptors();
  // Blocks of memory that it has of an operator new which may fail.
  static size_t blocks();

  // Requests are answered at once, and not by a test that accepts their sockets.
  void answer_with(std::shared_ptr<Answering> answering);
  // An event for all sockets of the group. Returns how many have heard it.
  size_t multicast(uint32_t group, const std::vector<Buffer>& messages);
  // So many events find no room in any of them. Returns how many sockets listen.
  size_t overrun(uint32_t group, uint32_t events);
  // Paths that begin so lead to this folder instead.
  void redirect(const std::string& beginning, const std::string& folder);
  // Other network namespaces are none to this process: setns() does nothing, and the names of
  // open namespaces (/proc/self/fd) differ from that of the thread.
  void pretend_namespaces();

  // Waits until the code waits in poll() for the socket and has taken all that is there.
  void await_idle(const KernelSocket& socket);
  // Does `act`, and waits until the thread that waited in poll() for the socket has come
  // back to it.
  void await_turn(const KernelSocket& socket, const std::function<void()>& act);
  // False when it has not come to that in ten seconds.
  static bool await(const std::function<bool()>& condition);

  // For system_calls.cc -----------------------------------------------------------

  // The error with which this call must fail, 0, or `shortened`.
  static constexpr int shortened = -1;
  int enter(const char* call);
  std::string place_of(const char* path);
  bool pretends_namespaces();
  std::shared_ptr<Answering> answering();
  void unlocked(const void* mutex);
  int open_socket();
  std::shared_ptr<KernelSocket> find(int fd);
  void opened(int fd);
  void closing(int fd);
  // Of the thread: before and after it waits for these sockets in poll().
  void begin_wait(const std::vector<KernelSocket*>& sockets);
  void end_wait(const std::vector<KernelSocket*>& sockets);

 private:
  friend class KernelSocket;

  struct Fault {
    int error;
    size_t times;
  };
  struct UnlockHook {
    std::thread::id thread;
    size_t nth = 0;
    std::function<void()> act;
  };

  // Waits for what another thread changes. Ends the program after ten seconds.
  template <typename Condition>
  void expect(std::unique_lock<std::mutex>& lock, const char* what, Condition condition);

  std::mutex mutex_;
  std::condition_variable changed_;
  // All below, and the sockets, are guarded by mutex_.
  std::map<int, std::shared_ptr<KernelSocket>> sockets_;
  std::vector<std::shared_ptr<KernelSocket>> waiting_;
  std::set<int> descriptors_;
  uint32_t next_port_id_;
  std::map<std::string, Fault> faults_;
  bool counting_ = false;
  size_t failing_call_ = 0;
  int error_of_call_ = 0;
  std::map<std::string, std::function<void()>> hooks_;
  UnlockHook unlock_hook_;
  bool recording_ = false;
  std::vector<std::string> calls_;
  Plan plan_ = {};
  size_t struck_ = 0;
  std::shared_ptr<Answering> answering_;
  std::vector<std::pair<std::string, std::string>> places_;
  bool pretends_namespaces_ = false;
};

}  // namespace conntrack::test
