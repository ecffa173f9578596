// What each call that a test's kernel wraps (system_calls.cmake) may fail with. A call without a
// row fails test/os/call_faults_test.cc.
#pragma once

#include <string>
#include <vector>

namespace conntrack::test {

struct CallFaults {
  std::string call;         // as Kernel::calls() has it
  std::vector<int> errors;  // those of its man page; none: see the reason there
  bool shortens = false;    // it may also give or take less than was asked for
};

const std::vector<CallFaults>& call_faults();
// The symbols of the calls that are wrapped.
std::vector<std::string> scripted_calls();

}  // namespace conntrack::test
