// A thread that takes events from the kernel as they come, whatever JavaScript
// does, and keeps them in a queue.
#pragma once

#include <atomic>

#include "os/event_queue.h"
#include "os/event_source.h"
#include "os/netlink_socket.h"
#include "os/thread.h"
#include "wire/filter.h"

namespace conntrack {

class EventReader {
 public:
  struct Options {
    uint32_t groups = 0;  // as in EventSocket::Options
    uint32_t receive_buffer = 0;
    size_t queue_bytes = 0;
    uint32_t max_delay = 0;  // milliseconds that an event may wait for others
    bool reliable_destroy = false;
    bool all_namespaces = false;
    bool filtered = false;
    Bytes filter;  // the records, of which an event about an entry must match one
  };

  EventReader() = default;
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;
  ~EventReader() { stop(); }

  // Subscribes, in the network namespace of the calling thread. Nothing is open when it fails.
  Failure open(const Options& options);

  // Starts the thread. It calls `ring` once for each want(), when there is something
  // in the queue or it has ended by a failure.
  Failure start(void (*ring)(void*), void* context);

  // Ends the thread and closes the sockets. Idempotent; waits for a batch at most.
  void stop();

  // The thread that takes -----------------------------------------------------

  // Asks for one ring. True: there is something already.
  bool want();

  size_t take(EventSlab* slabs, size_t most) { return queue_.take(slabs, most); }
  void give_back(const EventSlab* slabs, size_t count);

  // Asks for a mark in the queue, behind all that the kernel has sent by now. Returns its number;
  // several may become one, which has the last number.
  uint32_t mark();

  // Why the thread has ended. It has failed only once this says so.
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  const Failure& failure() const { return failure_; }

  uint32_t receive_buffer() const { return receive_buffer_; }

  struct Counters {
    uint64_t received = 0;  // passed the filter; delivered, queued, or lost in the queue
    uint64_t lost_in_kernel = 0;
    uint64_t lost_in_queue = 0;
    uint64_t malformed = 0;
    uint64_t foreign = 0;
  };
  Counters counters();

 private:
  Failure subscribe(const Options& options);
  static void run(void* reader) { static_cast<EventReader*>(reader)->run(); }
  void run();
  // True when there are events, not only a wake-up.
  bool wait();
  void gather();
  void nap();
  void drain();
  void drain(EventSource& source);
  void put(const EventBatch& batch);
  void put(const Message& message, int32_t netns, EventQueue::Writer& writer);
  void lost(uint64_t count);
  void announce();
  void fail(const Failure& failure);
  void guard_table();
  void wake();
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  EventQueue queue_;
  EventSource source_;
  // DESTROY alone, while it is reliable: the kernel's count of drops then holds
  // tries that it repeats, which the other events must not be confused with.
  EventSource destroys_;
  bool reliable_ = false;
  bool paused_ = false;  // no room for reliable events
  NetlinkSocket table_;  // asks how full the table is
  uint8_t buffer_[receive_buffer_size];

  bool filtered_ = false;
  EntryFilter filter_;
  FilterProgram program_;

  Thread thread_;
  Fd wake_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> wanted_{false};
  std::atomic<uint32_t> marks_{0};
  void (*ring_)(void*) = nullptr;
  void* context_ = nullptr;
  uint32_t receive_buffer_ = 0;
  uint32_t max_delay_ = 0;
  size_t drained_ = 0;  // datagrams in this round
  uint32_t marked_ = 0;

  Failure failure_;
  std::atomic<bool> failed_{false};
  std::atomic<uint64_t> received_{0};
  std::atomic<uint64_t> lost_in_kernel_{0};
  std::atomic<uint64_t> malformed_{0};
  std::atomic<uint64_t> foreign_{0};
};

}  // namespace conntrack
