// Every system call of an open() fails, one at a time, with every error of its man page. What
// follows the opening fails in test/stack/faults.
#pragma once

#include <errno.h>

#include <algorithm>
#include <set>
#include <string>

#include "call_faults.h"
#include "check.h"
#include "kernel_socket.h"
#include "os/failure.h"

namespace conntrack::test {

inline std::vector<int> errors_of(const std::string& call) {
  for (const CallFaults& faults : call_faults()) {
    if (faults.call == call) return faults.errors;
  }
  CHECK(!"a row for the call");
  return {};
}

// `open` makes something and opens it, and is done with it when it returns. Those in `optional`
// may fail without a failure: every "connect", or "setsockopt 2", the second one.
template <typename Open>
void fail_each_call(Open open, const std::set<std::string>& optional = {}) {
  Kernel kernel;
  kernel.record_calls();
  CHECK(!open());
  const std::vector<std::string> calls = kernel.calls();
  CHECK(!calls.empty());
  for (size_t number = 0; number < calls.size(); number++) {
    const std::string& call = calls[number];
    const auto nth = std::count(calls.begin(), calls.begin() + static_cast<long>(number) + 1, call);
    // A descriptor is closed whatever close() returns.
    const bool is_optional = call == "close" || optional.count(call) > 0 ||
                             optional.count(call + ' ' + std::to_string(nth)) > 0;
    for (const int error : errors_of(call)) {
      kernel.fail_call(number, error);
      const Failure failure = open();
      if (is_optional) {
        CHECK(!failure);
      } else {
        CHECK_EQUAL(failure.error, error);
        CHECK_EQUAL(std::string(failure.syscall ? failure.syscall : ""), call);
      }
      CHECK_EQUAL(kernel.descriptors(), 0u);
    }
  }
}

}  // namespace conntrack::test
