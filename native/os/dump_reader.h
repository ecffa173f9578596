// Reads the whole table through one socket. It is pulled: each call fills the
// slabs that it is given and stops. The kernel keeps the place, so a reader that
// never comes back costs no memory.
#pragma once

#include <atomic>
#include <memory>

#include "os/netlink_socket.h"
#include "wire/recent_tuples.h"
#include "wire/slab.h"

namespace conntrack {

class DumpReader {
 public:
  DumpReader(uint8_t family, bool zero_counters) : family_(family), zero_counters_(zero_counters) {}
  DumpReader(const DumpReader&) = delete;
  DumpReader& operator=(const DumpReader&) = delete;

  struct Outcome {
    size_t slabs = 0;   // how many were filled, the last one perhaps in part
    bool done = false;  // the table has been read to its end
    Failure failure;
  };

  // Opens the socket in the network namespace of the calling thread.
  Failure open();

  // Runs on one thread at a time; after the end, or a failure, it says done at once. Returns when
  // the slabs are full, the table is at its end, something failed, cancel() was called, or the
  // kernel has sent nothing for `patience`: an environment that is torn down waits for running jobs
  // and has no way to reach them, so none may block for long. (The real kernel never makes a dump
  // wait: it is built inside recvmsg.)
  Outcome read(uint8_t* const* slabs, size_t count);

  // From any thread; read() returns soon.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  // Not while read() runs.
  void close() {
    socket_.close();
    buffer_.reset();
  }

 private:
  static constexpr int patience = 50;  // milliseconds

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  enum class Step { message, done, idle, failed };
  // Puts entries into the slab until it is full (message) or none is there.
  Step fill(SlabWriter& slab, Outcome& outcome);
  Step next_message(Message& out, Outcome& outcome);
  Step receive(Outcome& outcome);

  const uint8_t family_;
  const bool zero_counters_;
  std::atomic<bool> cancelled_{false};
  bool started_ = false;
  bool ended_ = false;
  NetlinkSocket socket_;
  std::unique_ptr<uint8_t[]> buffer_;  // receive_buffer_size bytes
  MessageReader messages_;             // what of buffer_ is still to be read
  RecentTuples recent_;
};

}  // namespace conntrack
