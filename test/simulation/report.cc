#include "report.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <cstdio>

#include "threads.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace conntrack::test {

namespace {

uint64_t seed_now = 0;
uint64_t noted = 0;
bool is_traced = false;

constexpr uint64_t prime = 0x100000001b3u;  // FNV-1a
void mix(uint64_t value) { noted = (noted ^ value) * prime; }

double milliseconds() {
  const Threads* threads = Threads::current();
  return threads ? static_cast<double>(threads->now()) / 1e6 : 0;
}

}  // namespace

void report::begin(uint64_t seed, bool traced) {
  seed_now = seed;
  is_traced = traced;
  noted = 0xcbf29ce484222325u;
}

void report::catch_crashes() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback([] { violated("a sanitizer ends the program"); });
#else
  static uint8_t memory[1 << 16];  // where the stack of a thread has no room
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = [](int signal) { violated("signal %d", signal); };
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) {
    sigaction(signal, &action, nullptr);
  }
#endif
}

uint64_t report::hash() { return noted; }

void report::note(const char* what, int64_t first, int64_t second) {
  const Threads* threads = Threads::current();
  const size_t thread = threads ? threads->self() : 0;
  mix(thread);
  for (const char* at = what; *at; at++) mix(static_cast<uint8_t>(*at));
  mix(static_cast<uint64_t>(first));
  mix(static_cast<uint64_t>(second));
  if (!is_traced) return;
  printf("%12.4f ms  thread %2zu  %s(%lld, %lld)\n", milliseconds(), thread, what,
         static_cast<long long>(first), static_cast<long long>(second));
}

void violated(const char* format, ...) {
  fflush(stdout);
  fprintf(stderr, "seed %llu: after %.4f ms: ", static_cast<unsigned long long>(seed_now),
          milliseconds());
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "\n  npm run simulate -- --seed %llu\n",
          static_cast<unsigned long long>(seed_now));
  fflush(stderr);
  _exit(1);
}

}  // namespace conntrack::test
