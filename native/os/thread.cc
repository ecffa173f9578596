#include "os/thread.h"

#include <signal.h>
#include <sys/prctl.h>

// glibc 2.32 and 2.34 moved these functions into libc.so.6 and gave them a new version,
// which no older glibc has. The old version is the same function and is in both. Sanitizers,
// tests and musl (CMakeLists.txt: conntrack_musl) have functions of the plain name.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(CONNTRACK_COVERAGE) && !defined(CONNTRACK_MUSL)
#if defined(__x86_64__)
#define OLDEST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST_GLIBC "GLIBC_2.17"
#endif
#endif
#ifdef OLDEST_GLIBC
__asm__(".symver pthread_create,pthread_create@" OLDEST_GLIBC);
__asm__(".symver pthread_join,pthread_join@" OLDEST_GLIBC);
__asm__(".symver pthread_sigmask,pthread_sigmask@" OLDEST_GLIBC);
#endif

namespace conntrack {

int Thread::start(const char* name, void (*run)(void*), void* context) {
  name_ = name;
  run_ = run;
  context_ = context;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits it
  const int error = pthread_create(&thread_, nullptr, enter, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_ = error == 0;
  return error;
}

void Thread::join() {
  if (started_) pthread_join(thread_, nullptr);
  started_ = false;
}

void* Thread::enter(void* data) {
  auto* thread = static_cast<Thread*>(data);
  prctl(PR_SET_NAME, thread->name_);
  thread->run_(thread->context_);
  return nullptr;
}

}  // namespace conntrack
