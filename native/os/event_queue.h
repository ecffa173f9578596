// The events that were read and that JavaScript has not taken yet: slabs, first
// in first out, of which the last one is still being filled.
//
// One thread puts, another takes. The memory is bounded. When it is full, events
// are dropped, and a record says how many, at the place where they are missing.
#pragma once

#include <memory>

#include "os/mutex.h"
#include "wire/decode_event.h"
#include "wire/slab.h"

namespace conntrack {

using EventSlab = Slab<EventRecord>;

class EventQueue {
 public:
  static constexpr size_t slab_bytes = 32768;

  // Up to `limit` bytes of slabs, and two slabs at least. False when there is no memory.
  bool allocate(size_t limit);
  EventQueue() = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue();

  // The thread that puts: it holds the lock for a batch of events.
  class Writer {
   public:
    explicit Writer(EventQueue& queue) : queue_(queue), lock_(queue.mutex_) { settle(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { settle(); }

    // Where the next event is decoded to, zeroed. It is in the queue only after keep().
    EventRecord& reserve();
    // Puts the reserved event into the queue, or drops and counts it.
    void keep(const EventExtension& extension);

    void lost_in_kernel(uint64_t count) { queue_.pending_.lost_in_kernel += count; }
    void reliability_ended(uint32_t entries, uint32_t maximum);
    // Behind all that was kept, dropped or lost before.
    void mark(uint32_t number) { queue_.pending_.mark = number; }

   private:
    // Puts the records of what is pending, if there is room for them now.
    void settle();
    bool tell(uint32_t kind, uint64_t count, uint32_t maximum = 0);
    void drop();

    EventQueue& queue_;
    Lock lock_;
  };

  // While something is kept back, the last free slab is not used.
  void keep_back(bool keep);
  // Whether a batch of events would find room; if not, give_back() tells when it would.
  bool has_free_slab();
  // True when records pend for want of memory, and no slab is out whose return would wake the
  // thread that puts: it tries again later, with a Writer.
  bool lacks_memory();

  // The thread that takes -----------------------------------------------------

  // Up to `most` slabs, the oldest first. They must be given back.
  size_t take(EventSlab* slabs, size_t most);
  // Whether the other thread waits for the room that this makes.
  bool give_back(const EventSlab* slabs, size_t count);
  bool is_empty();
  // Whether there is so much that it is worth to wake JavaScript in the middle of a burst.
  bool has_full_slabs();

  // Events that found no room, in all.
  uint64_t lost();

 private:
  EventSlab& last() { return slabs_[(first_ + count_ - 1) % limit_]; }
  // A record in the last slab, or in a new one; nullptr when there is no room.
  EventRecord* room();
  bool add_slab();
  // The last slab may have been added for an event that did not stay.
  bool has_events() const { return count_ > 0 && slabs_[first_].count() > 0; }

  // What has to be told before any other event.
  struct Pending {
    uint64_t lost_in_kernel = 0;
    uint64_t lost_in_queue = 0;
    bool reliability_ended = false;
    uint32_t entries = 0;
    uint32_t maximum = 0;
    uint32_t mark = 0;  // 0: none

    bool any() const {
      return lost_in_kernel > 0 || lost_in_queue > 0 || reliability_ended || mark != 0;
    }
  };

  Mutex mutex_;
  // All below is guarded by mutex_.
  std::unique_ptr<EventSlab[]> slabs_;  // a ring
  size_t limit_ = 0;                    // slabs
  size_t used_ = 0;                     // in the ring, or taken and not given back
  size_t first_ = 0;
  size_t count_ = 0;  // in the ring
  uint8_t* spare_ = nullptr;
  bool keep_back_ = false;
  bool wanting_ = false;  // the thread that puts waits for room
  Pending pending_;
  uint64_t lost_ = 0;
  EventRecord* reserved_ = nullptr;
  EventRecord outside_;  // where an event is decoded for which there is no room
};

}  // namespace conntrack
