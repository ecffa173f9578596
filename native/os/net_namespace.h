// A network namespace that is not ours.
//
// A socket belongs to the namespace of the thread that opens it, whoever uses it later,
// and so does a file of /proc/net or /proc/sys/net. So only what opens them has to be
// there: it runs on a thread that is made for it, enters the namespace, and ends. No other
// thread ever leaves its own.
#pragma once

#include <fcntl.h>

#include "os/failure.h"
#include "os/fd.h"
#include "os/thread.h"

namespace conntrack {

// Tells network namespaces apart that something holds open.
class NamespaceName {
 public:
  // None: equals no other.
  NamespaceName() = default;
  static NamespaceName of_thread() { return of(AT_FDCWD, "/proc/thread-self/ns/net"); }
  static NamespaceName of(int folder, const char* path);

  bool equals(const NamespaceName& other) const;

 private:
  char text_[64];  // such as net:[4026531840]
  size_t size_ = 0;
};

// Where a thread was, so that it can be asked whether it is still there.
class ThreadPlace {
 public:
  // Both on the same thread.
  void remember();
  void forget() { *this = ThreadPlace(); }
  // False, too, where /proc does not tell.
  bool is_same() const { return name_.equals(NamespaceName::of(folder_.get(), "net")); }

 private:
  Fd folder_;  // /proc/self/task/<tid>/ns: a third faster than the whole path
  NamespaceName name_;
};

// Opens a file such as /proc/<pid>/ns/net, and nothing that is no namespace. Which kind it is, only
// setns() tells, and the kernel that is asked about it.
Failure open_namespace(const char* path, Fd& out);

class NetNamespace {
 public:
  // `path`: a file such as /proc/<pid>/ns/net. It is held open, so that the namespace
  // lives on. Enters it once, to see whether it is one and may be entered.
  Failure open(const char* path);
  void close() { fd_.reset(); }

  // Does `work` in it, and waits for that. Without a failure it was done. The namespace of the
  // calling thread need not be entered, which takes privileges.
  template <typename Work>
  Failure run(Work work) const {
    if (is_here()) {
      work();
      return {};
    }
    struct Visit {
      const NetNamespace& space;
      Work& work;
      Failure failure;
    } visit = {*this, work, {}};
    const auto enter = [](void* data) {
      auto* here = static_cast<Visit*>(data);
      here->failure = here->space.enter();
      if (!here->failure) here->work();
    };
    Thread thread;
    const int error = thread.start("conntrack", enter, &visit);
    thread.join();
    return error == 0 ? visit.failure : Failure::of_syscall("pthread_create", error);
  }

 private:
  // True when the calling thread is in this namespace.
  bool is_here() const;
  Failure enter() const;

  Fd fd_;
};

// Calls `open` in the namespace, or on this thread when there is none.
template <typename Open>
Failure open_in(const NetNamespace* space, Open open) {
  if (!space) return open();
  Failure failure;
  const Failure refused = space->run([&] { failure = open(); });
  return refused ? refused : failure;
}

}  // namespace conntrack
