// What a test has in store for the sockets that one environment opens, and the
// kernel's ends of those sockets until the test takes them.
#pragma once

#include <string>
#include <vector>

#include "os/failure.h"
#include "os/fd.h"

namespace conntrack::test {

class Script {
 public:
  // What the sockets say their port id is.
  static constexpr uint32_t port_id = 4242;

  Script();
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  // The script of the environment whose JavaScript runs on this thread: that is
  // where sockets are opened.
  static Script& current();

  void fail_next_open(const std::string& syscall, int error);
  // The failure in store for this socket, if there is one.
  Failure take_failure();

  void add_peer(Fd peer) { peers_.push_back(static_cast<Fd&&>(peer)); }
  size_t peer_count() const { return peers_.size(); }
  // The peer of the socket that was opened first; there must be one.
  Fd take_peer();

 private:
  std::vector<Fd> peers_;
  std::string failing_syscall_;  // outlives the Failure that points to it
  int error_ = 0;
};

}  // namespace conntrack::test
