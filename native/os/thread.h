// A POSIX thread that takes no signals: those are for the threads of Node.js.
#pragma once

#include <pthread.h>

namespace conntrack {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  // `name`: up to 15 characters, for ps and top. Returns 0 or an errno.
  int start(const char* name, void (*run)(void*), void* context);

  // Waits for the end of run().
  void join();

 private:
  static void* enter(void* data);

  bool started_ = false;
  pthread_t thread_ = {};
  const char* name_ = "";
  void (*run_)(void*) = nullptr;
  void* context_ = nullptr;
};

}  // namespace conntrack
