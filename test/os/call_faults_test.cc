#include "call_faults.h"

#include <algorithm>

#include "check.h"

using namespace conntrack::test;

namespace {

// As Kernel::calls() has it.
std::string name_of(const std::string& symbol) {
  if (symbol.compare(0, 3, "_Zn") == 0) return "malloc";
  return symbol == "syscall" ? "statx" : symbol;
}

}  // namespace

TEST(each_call_that_is_wrapped_has_its_faults) {
  for (const std::string& symbol : scripted_calls()) {
    const auto& all = call_faults();
    const auto is_its = [&](const CallFaults& faults) { return faults.call == name_of(symbol); };
    CHECK_EQUAL(std::count_if(all.begin(), all.end(), is_its), 1);
  }
}

TEST(each_row_is_of_a_call_that_is_wrapped) {
  const auto symbols = scripted_calls();
  for (const CallFaults& faults : call_faults()) {
    const auto is_its = [&](const std::string& symbol) { return name_of(symbol) == faults.call; };
    CHECK(std::any_of(symbols.begin(), symbols.end(), is_its));
    auto errors = faults.errors;
    std::sort(errors.begin(), errors.end());
    CHECK(std::adjacent_find(errors.begin(), errors.end()) == errors.end());
  }
}

int main() { return check::run_tests(); }
