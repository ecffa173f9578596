#pragma once

namespace conntrack {

// How long the kernel is silent, counted in waits. A clock would run on while the process is
// stopped, and the answer that has come meanwhile would be too late.
class Silence {
 public:
  static constexpr int wait = 50;        // milliseconds, of which each looks at the socket last
  static constexpr int patience = 1000;  // milliseconds

  // After a wait in which nothing came. True when the kernel will not answer any more.
  bool is_over() { return ++waits_ >= patience / wait; }
  void interrupt() { waits_ = 0; }

 private:
  int waits_ = 0;
};

}  // namespace conntrack
