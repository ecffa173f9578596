#include "threads.h"

#include <errno.h>
#include <sys/mman.h>

#include <algorithm>

#include "report.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace conntrack::test {

namespace {

Threads* current_threads = nullptr;

constexpr size_t stack_size = 512 << 10;
std::vector<uint8_t*> spare_stacks;

uint8_t* take_stack() {
  if (!spare_stacks.empty()) {
    uint8_t* stack = spare_stacks.back();
    spare_stacks.pop_back();
    return stack;
  }
  void* memory = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) violated("no memory for a stack");
  return static_cast<uint8_t*>(memory);
}

#ifdef __SANITIZE_ADDRESS__
const void* first_stack = nullptr;
size_t first_stack_size = 0;
#endif

}  // namespace

Threads::Threads(Random& random, const Pace& pace)
    : random_(random), pace_(pace), countdown_(UINT64_MAX) {
  threads_.push_back(std::make_unique<Thread>());
  threads_[0]->state = State::ready;
  current_threads = this;
  if (pace_.accesses > 0) countdown_ = random_.below(2 * pace_.accesses);
}

Threads::~Threads() {
  for (const auto& thread : threads_) {
    if (thread->stack) spare_stacks.push_back(thread->stack);
  }
  current_threads = nullptr;
}

Threads* Threads::current() { return current_threads; }

size_t Threads::running() const {
  size_t count = 0;
  for (const auto& thread : threads_) count += thread->state != State::ended ? 1 : 0;
  return count - 1;
}

size_t Threads::start(void (*run)(void*), void* data) {
  auto thread = std::make_unique<Thread>();
  thread->stack = take_stack();
  thread->run = run;
  thread->data = data;
  thread->place = place();
  getcontext(&thread->first);
  thread->first.uc_stack.ss_sp = thread->stack;
  thread->first.uc_stack.ss_size = stack_size;
  thread->first.uc_link = nullptr;
  makecontext(&thread->first, enter, 0);
  threads_.push_back(std::move(thread));
  return threads_.size() - 1;
}

void Threads::enter() {
  Threads& threads = *current_threads;
  threads.arrive();
  Thread& self = *threads.threads_[threads.self_];
  self.run(self.data);
  self.state = State::ended;
  threads.choose();
  __builtin_unreachable();
}

bool Threads::wait_for(bool (*is_ready)(const void*), const void* context, int64_t until) {
  Thread& self = *threads_[self_];
  self.state = State::waiting;
  self.is_ready = is_ready;
  self.context = context;
  self.until = until;
  choose();
  self.state = State::ready;
  return is_ready(context);
}

bool Threads::can_go_on(const Thread& thread) const {
  switch (thread.state) {
    case State::fresh:
    case State::ready:
      return true;
    case State::waiting:
      return thread.until <= now_ || thread.is_ready(thread.context);
    case State::ended:
      break;
  }
  return false;
}

void Threads::pass() {
  threads_[self_]->state = State::ready;
  choose();
}

void Threads::accessed() {
  countdown_ = pace_.accesses > 0 ? random_.below(2 * pace_.accesses) : UINT64_MAX;
  if (pace_.accesses > 0) pass();
}

void Threads::choose() {
  for (;;) {
    if (now_ > pace_.limit) violated("the run is not over after this time");
    chosen_.clear();
    int64_t first = never;
    for (size_t i = 0; i < threads_.size(); i++) {
      const Thread& thread = *threads_[i];
      if (can_go_on(thread)) chosen_.push_back(i);
      if (thread.state == State::waiting) first = std::min(first, thread.until);
    }
    if (!chosen_.empty()) return go_to(chosen_[random_.below(chosen_.size())]);
    if (first == never) violated("deadlock: every thread waits, and none for a time");
    now_ = first;
  }
}

__attribute__((noinline)) void Threads::go_to(size_t next) {
  if (next == self_) return;
  Thread& from = *threads_[self_];
  Thread& to = *threads_[next];
  const int error = errno;  // each has its own
  self_ = next;
#ifdef __SANITIZE_ADDRESS__
  void** saved = from.state == State::ended ? nullptr : &from.fake_stack;
  __sanitizer_start_switch_fiber(saved, to.stack ? to.stack : first_stack,
                                 to.stack ? stack_size : first_stack_size);
#endif
  if (_setjmp(from.left) == 0) {
    if (to.state == State::fresh) {
      to.state = State::ready;
      setcontext(&to.first);
    }
    _longjmp(to.left, 1);
  }
  arrive();
  errno = error;
}

void Threads::arrive() {
#ifdef __SANITIZE_ADDRESS__
  const void* stack = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(threads_[self_]->fake_stack, &stack, &size);
  // Whoever leaves the first stack tells where it is.
  if (!first_stack) {
    first_stack = stack;
    first_stack_size = size;
  }
#endif
}

}  // namespace conntrack::test
