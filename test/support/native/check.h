// What a small test program needs: TEST bodies, checks that go on after a failure,
// and run_tests(), which is the program's exit code.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test> tests;
inline std::atomic<int> failures{0};

struct Registration {
  Registration(const char* name, void (*body)()) { tests.push_back({name, body}); }
};

template <typename Value>
auto printable(const Value& value) {
  if constexpr (sizeof(Value) == 1) {
    return static_cast<int>(value);  // not as a character
  } else {
    return value;
  }
}

inline void that(bool condition, const char* text, const char* file, int line) {
  if (condition) return;
  failures++;
  std::cerr << file << ':' << line << ": " << text << '\n';
}

template <typename Actual, typename Expected>
void equal(const Actual& actual, const Expected& expected, const char* text, const char* file,
           int line) {
  if (actual == static_cast<Actual>(expected)) return;
  failures++;
  std::cerr << file << ':' << line << ": " << text << " is " << printable(actual) << ", not "
            << printable(static_cast<Actual>(expected)) << '\n';
}

inline const char* running = "";

// Names the test that hangs, or ends the program.
inline void on_signal(int signal) {
  // Not write(), which may be scripted.
  const auto print = [](const char* text) {
    ::syscall(SYS_write, STDERR_FILENO, text, strlen(text));
  };
  print(signal == SIGALRM ? "DOES NOT END: " : "ABORTED: ");
  print(running);
  print("\n");
  ::_exit(1);
}

inline int run_tests(unsigned seconds_a_test = 60) {
  ::signal(SIGALRM, on_signal);
  ::signal(SIGABRT, on_signal);
  for (const Test& test : tests) {
    const int before = failures;
    running = test.name;
    ::alarm(seconds_a_test);
    test.body();
    ::alarm(0);
    if (failures != before) std::cerr << "FAILED: " << test.name << '\n';
  }
  std::cout << tests.size() << " tests, " << failures << " failed checks\n";
  return failures == 0 && !tests.empty() ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                   \
  static void name();                                                \
  static const check::Registration name##_registration(#name, name); \
  static void name()
#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(actual, expected) \
  check::equal((actual), (expected), #actual, __FILE__, __LINE__)
