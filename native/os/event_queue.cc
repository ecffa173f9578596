#include "os/event_queue.h"

#include <new>

namespace conntrack {

namespace {

size_t size_of_extension(const EventRecord& record, const EventExtension& extension) {
  return is_expectation(record) ? extension_size(record.expectation, extension.expectation)
                                : extension_size(record.entry, extension.entry);
}

void write(uint8_t* to, const EventRecord& record, const EventExtension& extension) {
  if (is_expectation(record)) {
    write_extension(to, extension.expectation);
  } else {
    write_extension(to, extension.entry);
  }
}

}  // namespace

bool EventQueue::allocate(size_t limit) {
  limit_ = limit / slab_bytes < 2 ? 2 : limit / slab_bytes;
  slabs_.reset(new (std::nothrow) EventSlab[limit_]);
  return static_cast<bool>(slabs_);
}

EventQueue::~EventQueue() {
  for (; count_ > 0; count_--) delete[] slabs_[first_++ % limit_].memory();
  delete[] spare_;
}

// The thread that puts ----------------------------------------------------------

EventRecord& EventQueue::Writer::reserve() {
  if (queue_.pending_.any()) settle();
  queue_.reserved_ = queue_.pending_.any() ? nullptr : queue_.room();
  if (queue_.reserved_) return *queue_.reserved_;
  memset(static_cast<void*>(&queue_.outside_), 0, sizeof queue_.outside_);
  return queue_.outside_;
}

void EventQueue::Writer::keep(const EventExtension& extension) {
  EventRecord* record = queue_.reserved_;
  if (!record) return drop();
  const size_t size = size_of_extension(*record, extension);
  if (!queue_.last().fits(size)) {
    const EventRecord moved = *record;
    if (!queue_.add_slab()) return drop();
    record = queue_.last().reserve();
    *record = moved;
  }
  if (size > 0) {
    write(queue_.last().extend(size, offset_of_extension(*record)), *record, extension);
  }
  queue_.last().commit();
}

void EventQueue::Writer::drop() {
  queue_.pending_.lost_in_queue++;
  queue_.lost_++;
}

void EventQueue::Writer::reliability_ended(uint32_t entries, uint32_t maximum) {
  queue_.pending_.reliability_ended = true;
  queue_.pending_.entries = entries;
  queue_.pending_.maximum = maximum;
}

void EventQueue::Writer::settle() {
  Pending& pending = queue_.pending_;
  if (!pending.any()) return;
  if (pending.lost_in_queue > 0 && tell(EVENT_LOST_IN_QUEUE, pending.lost_in_queue)) {
    pending.lost_in_queue = 0;
  }
  if (pending.lost_in_kernel > 0 && tell(EVENT_LOST_IN_KERNEL, pending.lost_in_kernel)) {
    pending.lost_in_kernel = 0;
  }
  if (pending.reliability_ended &&
      tell(EVENT_RELIABILITY_ENDED, pending.entries, pending.maximum)) {
    pending.reliability_ended = false;
  }
  if (pending.mark != 0 && tell(EVENT_MARK, pending.mark)) pending.mark = 0;
}

bool EventQueue::Writer::tell(uint32_t kind, uint64_t count, uint32_t maximum) {
  EventRecord* record = queue_.room();
  if (!record) return false;
  record->kind = kind;
  record->netns = -1;
  record->count = count;
  record->maximum = maximum;
  queue_.last().commit();
  return true;
}

EventRecord* EventQueue::room() {
  EventRecord* record = count_ > 0 ? last().reserve() : nullptr;
  if (!record && add_slab()) record = last().reserve();
  return record;
}

bool EventQueue::add_slab() {
  if (used_ + (keep_back_ ? 1 : 0) >= limit_) return false;
  uint8_t* memory = spare_;
  spare_ = nullptr;
  if (!memory) memory = new (std::nothrow) uint8_t[slab_bytes];
  if (!memory) return false;
  used_++;
  count_++;
  last() = EventSlab(memory, slab_bytes);
  return true;
}

void EventQueue::keep_back(bool keep) {
  Lock lock(mutex_);
  keep_back_ = keep;
}

bool EventQueue::has_free_slab() {
  Lock lock(mutex_);
  wanting_ = used_ >= limit_;
  return !wanting_;
}

bool EventQueue::lacks_memory() {
  Lock lock(mutex_);
  return used_ == 0 && pending_.any();
}

// The thread that takes ---------------------------------------------------------

size_t EventQueue::take(EventSlab* slabs, size_t most) {
  Lock lock(mutex_);
  size_t taken = 0;
  for (; taken < most && has_events(); taken++, count_--) {
    slabs[taken] = slabs_[first_];
    first_ = (first_ + 1) % limit_;
  }
  return taken;
}

bool EventQueue::give_back(const EventSlab* slabs, size_t count) {
  Lock lock(mutex_);
  used_ -= count;
  for (size_t i = 0; i < count; i++) {
    delete[] spare_;
    spare_ = slabs[i].memory();
  }
  const bool awaited = wanting_ || pending_.any();
  wanting_ = false;
  return awaited;
}

bool EventQueue::is_empty() {
  Lock lock(mutex_);
  return !has_events();
}

bool EventQueue::has_full_slabs() {
  constexpr size_t worth_it = 4;
  Lock lock(mutex_);
  return count_ > worth_it;
}

uint64_t EventQueue::lost() {
  Lock lock(mutex_);
  return lost_;
}

}  // namespace conntrack
