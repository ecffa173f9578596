// A NETLINK_NETFILTER socket that listens to events.
#pragma once

#include <memory>

#include "os/failure.h"
#include "os/fd.h"
#include "wire/filter_program.h"

namespace conntrack {

// The largest event is some 400 bytes, and a security context more.
constexpr size_t event_size = 4096;

// What one system call receives.
class EventBatch {
 public:
  static constexpr size_t capacity = 64;

  EventBatch();
  EventBatch(const EventBatch&) = delete;
  EventBatch& operator=(const EventBatch&) = delete;
  ~EventBatch();
  bool allocate();

  size_t count() const { return count_; }
  struct Datagram {
    enum Kind { from_kernel, foreign, truncated } kind;
    int32_t netns;  // the id of the namespace it came from; -1: our own
    Bytes bytes;
  };
  Datagram operator[](size_t index) const;

 private:
  friend class EventSocket;

  struct Slots;

  std::unique_ptr<Slots> slots_;
  size_t count_ = 0;
};

class EventSocket {
 public:
  struct Options {
    uint32_t groups = 0;  // bit n - 1: multicast group n
    uint32_t receive_buffer = 0;
    bool all_namespaces = false;
    bool reliable = false;                   // see set_reliable()
    const FilterProgram* program = nullptr;  // nullptr: every event
  };

  // Opens and subscribes, in the network namespace of the calling thread.
  Failure open(const Options& options);
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  enum class Step {
    received,  // count() says how many; it is dry where that is less than was asked for
    overrun,   // the kernel has dropped events since
    failed,
  };
  // Takes up to `most` datagrams without waiting.
  Step receive(EventBatch& batch, size_t most, Failure& failure);

  struct Memory {
    uint32_t queued = 0;  // bytes of the receive buffer that are in use
    uint32_t drops = 0;   // datagrams that found no room since the socket was opened
  };
  // Where the kernel does not answer, returns the last answer: a count of drops never falls.
  Memory memory() const;
  // Whether the next receive() will say that there was an overrun.
  bool has_overrun() const;
  bool is_readable() const;
  // In bytes, as the kernel counts them: with its own overhead for each event.
  uint32_t receive_buffer() const { return static_cast<uint32_t>(receive_buffer_); }

  // While it is reliable, the kernel keeps a DESTROY that finds no room, with its
  // entry, and tries again later (NETLINK_BROADCAST_ERROR); overruns are not told.
  bool set_reliable(bool reliable);

 private:
  Fd fd_;
  int receive_buffer_ = 0;
  mutable Memory seen_;
};

}  // namespace conntrack
