// Threads that run one at a time on a single one of the system, in virtual time: a seed decides
// which of them goes on at each call. The time passes only where a thread spends it, or all wait.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <memory>
#include <vector>

#include "random.h"

namespace conntrack::test {

constexpr int64_t microsecond = 1000;
constexpr int64_t millisecond = 1000 * microsecond;
constexpr int64_t second = 1000 * millisecond;

class Threads {
 public:
  static constexpr int64_t never = INT64_MAX;

  // Another thread may go on at one in `pace` of the calls, and of the memory accesses at one in
  // `access_pace`. The run must be over at `limit`.
  struct Pace {
    uint64_t calls = 4;
    uint64_t accesses = 0;
    int64_t limit = 600 * second;
  };
  Threads(Random& random, const Pace& pace);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  static Threads* current();

  int64_t now() const { return now_; }  // nanoseconds
  void spend(int64_t nanoseconds) { now_ += nanoseconds; }

  // The number of the thread that runs; 0 is the first.
  size_t self() const { return self_; }
  size_t start(void (*run)(void*), void* data);
  bool has_ended(size_t thread) const { return threads_[thread]->state == State::ended; }
  // That have not ended, beside the first.
  size_t running() const;
  // Where it is, for the calls: the number of a network namespace.
  int& place() { return threads_[self_]->place; }

  void yield() {
    if (random_.once_in(pace_.calls)) pass();
  }
  void access() {
    if (countdown_-- == 0) accessed();
  }

  // False when `until` has come before `ready`, which any thread may call.
  template <typename Ready>
  bool wait(const Ready& ready, int64_t until = never) {
    const auto call = [](const void* given) { return (*static_cast<const Ready*>(given))(); };
    return wait_for(call, &ready, until);
  }

 private:
  enum class State { fresh, ready, waiting, ended };
  struct Thread {
    State state = State::fresh;
    jmp_buf left = {};
    ucontext_t first = {};
    uint8_t* stack = nullptr;
    void (*run)(void*) = nullptr;
    void* data = nullptr;
    bool (*is_ready)(const void*) = nullptr;
    const void* context = nullptr;
    int64_t until = never;
    int place = 0;
    void* fake_stack = nullptr;  // of AddressSanitizer
  };

  bool wait_for(bool (*is_ready)(const void*), const void* context, int64_t until);
  bool can_go_on(const Thread& thread) const;
  void pass();
  void accessed();
  void choose();
  void go_to(size_t next);
  static void enter();
  void arrive();

  Random& random_;
  const Pace pace_;
  int64_t now_ = 0;
  size_t self_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<size_t> chosen_;
  uint64_t countdown_;
};

}  // namespace conntrack::test
