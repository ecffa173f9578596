#include "script.h"

namespace conntrack::test {

namespace {

// An environment and the thread of its JavaScript belong to each other.
thread_local Script* current_script = nullptr;

}  // namespace

Script::Script() { current_script = this; }

Script::~Script() { current_script = nullptr; }

Script& Script::current() { return *current_script; }

void Script::fail_next_open(const std::string& syscall, int error) {
  failing_syscall_ = syscall;
  error_ = error;
}

Failure Script::take_failure() {
  const int error = error_;
  error_ = 0;
  return error == 0 ? Failure{} : Failure::of_syscall(failing_syscall_.c_str(), error);
}

Fd Script::take_peer() {
  Fd peer = static_cast<Fd&&>(peers_.front());
  peers_.erase(peers_.begin());
  return peer;
}

}  // namespace conntrack::test
