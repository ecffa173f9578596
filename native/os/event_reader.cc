#include "os/event_reader.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "os/clock.h"
#include "os/queries.h"
#include "wire/stats.h"

namespace conntrack {

namespace {

constexpr uint32_t group_bit(uint32_t group) { return 1u << (group - 1); }

// A reader that has just taken so many events at once lets the next ones gather
// for a moment: waking for each costs several times what it takes to read it.
constexpr size_t busy = 8;  // events
constexpr timespec moment = {0, 1'000'000};
// That is safe only where the receive buffer holds what may come meanwhile: some
// 1300 bytes an event, a thousand events a millisecond.
constexpr uint32_t roomy = 2 << 20;  // bytes

// While events gather, the receive buffer is looked at before the half of it can be full: the
// kernel (6.18) makes 300 events a millisecond at most, 1280 bytes each.
constexpr uint32_t fastest = 400'000;  // bytes a millisecond

// While reliable events wait for room, the table is looked at so often, and they
// are given up when it is so full. So often missing memory is asked for, too.
constexpr int guard_interval = 20;  // milliseconds
constexpr uint64_t guard_percent = 80;

}  // namespace

Failure EventReader::open(const Options& options) {
  const Failure failure = subscribe(options);
  if (failure) stop();
  return failure;
}

Failure EventReader::subscribe(const Options& options) {
  max_delay_ = options.max_delay;
  filtered_ = options.filtered;
  if (filtered_ && !filter_.parse(options.filter)) return Failure::of_syscall("malloc", ENOMEM);
  if (filtered_) make_filter_program(options.filter, program_);
  if (!queue_.allocate(options.queue_bytes)) return Failure::of_syscall("malloc", ENOMEM);
  wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return Failure::of_syscall("eventfd", errno);

  EventSocket::Options socket;
  socket.groups = options.groups;
  socket.receive_buffer = options.receive_buffer;
  socket.all_namespaces = options.all_namespaces;
  socket.program = program_.count > 0 ? &program_ : nullptr;
  reliable_ = options.reliable_destroy;
  if (reliable_) {
    EventSocket::Options destroy = socket;
    destroy.groups = group_bit(uapi::GROUP_DESTROY);
    destroy.reliable = true;
    socket.groups &= ~destroy.groups;
    Failure failure = destroys_.open(destroy);
    if (!failure) failure = table_.open();
    if (failure) return failure;
    receive_buffer_ = destroys_.receive_buffer();
  }
  if (socket.groups != 0) {
    if (Failure failure = source_.open(socket)) return failure;
    receive_buffer_ = source_.receive_buffer();
  }
  return {};
}

Failure EventReader::start(void (*ring)(void*), void* context) {
  ring_ = ring;
  context_ = context;
  const int error = thread_.start("conntrack", run, this);
  return error == 0 ? Failure{} : Failure::of_syscall("pthread_create", error);
}

void EventReader::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  wake();
  thread_.join();
  source_.close();
  destroys_.close();
  table_.close();
  wake_.reset();
}

void EventReader::wake() {
  if (wake_) ::eventfd_write(wake_.get(), 1);
}

void EventReader::give_back(const EventSlab* slabs, size_t count) {
  if (queue_.give_back(slabs, count)) wake();
}

uint32_t EventReader::mark() {
  const uint32_t number = marks_.fetch_add(1) + 1;
  wake();
  return number;
}

bool EventReader::want() {
  if (!queue_.is_empty() || failed()) return true;
  wanted_.store(true);
  return !queue_.is_empty() || failed();
}

EventReader::Counters EventReader::counters() {
  return {received_.load(), lost_in_kernel_.load(), queue_.lost(), malformed_.load(),
          foreign_.load()};
}

// The thread ----------------------------------------------------------------------

void EventReader::run() {
  while (!stopping() && !failed()) {
    // wait() may have taken the wake-up of stop() or mark() together with an event.
    if (wait() && max_delay_ > 0 && !stopping() && marks_.load() == marked_) gather();
    drained_ = 0;
    const uint32_t marks = marks_.load();  // first: what was sent before is drained now
    drain();
    // While reliable events wait for room, some are not in the queue.
    if (marks != marked_ && !paused_ && !stopping()) {
      marked_ = marks;
      EventQueue::Writer(queue_).mark(marks);
    }
    announce();
    if (max_delay_ == 0 && drained_ >= busy && receive_buffer_ >= roomy) nap();
  }
}

bool EventReader::wait() {
  pollfd readable[] = {
      {wake_.get(), POLLIN, 0},
      {source_.fd(), POLLIN, 0},
      // poll ignores negative descriptors.
      {paused_ ? -1 : destroys_.fd(), POLLIN, 0},
  };
  const bool lacks_memory = queue_.lacks_memory();
  const int ready = ::poll(readable, 3, paused_ || lacks_memory ? guard_interval : -1);
  const bool woken = (readable[0].revents & POLLIN) != 0;
  if (woken) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
  }
  if (woken || lacks_memory) EventQueue::Writer settle(queue_);  // what waited for room
  if (ready == 0 && paused_) guard_table();
  return readable[1].revents != 0 || readable[2].revents != 0;
}

// Lets events gather in the kernel's buffer while there is room for more, and nobody wakes us.
void EventReader::gather() {
  const int64_t half = receive_buffer_ / 2 / fastest;
  const int64_t pace = half > 1 ? half : 1;
  const int64_t end = steady_clock() + max_delay_;
  for (int64_t left = max_delay_; left > 0; left = end - steady_clock()) {
    pollfd woken = {wake_.get(), POLLIN, 0};
    if (::poll(&woken, 1, static_cast<int>(left < pace ? left : pace)) != 0) return;
    if (source_.is_half_full() || destroys_.is_half_full()) return;
  }
}

void EventReader::nap() {
  pollfd woken = {wake_.get(), POLLIN, 0};
  ::ppoll(&woken, 1, &moment, nullptr);
}

void EventReader::drain() {
  if (!reliable_) {
    drain(source_);
    drain(destroys_);
    return;
  }
  // A DESTROY is taken from the kernel only when there is room for it. It was sent
  // after the other events of its flow, so what the other socket holds goes first.
  for (bool more = true; more && !stopping() && !failed();) {
    more = false;
    paused_ = !queue_.has_free_slab();
    if (!paused_) {
      const EventSource::Step step = destroys_.next();
      if (step == EventSource::Step::failed) fail(destroys_.failure());
      more = step == EventSource::Step::datagrams;
    }
    queue_.keep_back(more);
    drain(source_);
    queue_.keep_back(false);
    if (more) put(destroys_.batch());
  }
}

void EventReader::drain(EventSource& source) {
  if (source.fd() < 0) return;
  while (!stopping()) {
    switch (source.next()) {
      case EventSource::Step::datagrams:
        put(source.batch());
        if (queue_.has_full_slabs()) announce();
        break;
      case EventSource::Step::lost:
        lost(source.lost());
        break;
      case EventSource::Step::dry:
        return;
      case EventSource::Step::failed:
        return fail(source.failure());
    }
  }
}

void EventReader::put(const EventBatch& batch) {
  EventQueue::Writer writer(queue_);
  drained_ += batch.count();
  for (size_t i = 0; i < batch.count(); i++) {
    const EventBatch::Datagram datagram = batch[i];
    if (datagram.kind == EventBatch::Datagram::foreign) {
      foreign_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (datagram.kind == EventBatch::Datagram::truncated) {
      malformed_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    MessageReader messages(datagram.bytes);
    Message message;
    while (messages.next(message)) put(message, datagram.netns, writer);
    if (messages.malformed()) malformed_.fetch_add(1, std::memory_order_relaxed);
  }
}

void EventReader::put(const Message& message, int32_t netns, EventQueue::Writer& writer) {
  EventRecord& record = writer.reserve();
  EventExtension extension;
  if (!decode_event(message, record, extension)) {
    malformed_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (filtered_ && !is_expectation(record) && !filter_.matches(record.entry, extension.entry)) {
    return;
  }
  record.netns = netns;
  received_.fetch_add(1, std::memory_order_relaxed);
  writer.keep(extension);
}

void EventReader::lost(uint64_t count) {
  lost_in_kernel_.fetch_add(count, std::memory_order_relaxed);
  EventQueue::Writer(queue_).lost_in_kernel(count);
}

void EventReader::announce() {
  if ((failed() || !queue_.is_empty()) && wanted_.exchange(false)) ring_(context_);
}

void EventReader::fail(const Failure& failure) {
  failure_ = failure;
  failed_.store(true, std::memory_order_release);
}

// Entries whose DESTROY finds no room stay in the table. A reader that has stopped
// for good must not fill it.
void EventReader::guard_table() {
  GetUsage get;
  Failure failure;
  while (!get.run(table_, buffer_, failure)) {
    if (stopping()) return;
  }
  const TableUsage& usage = get.answer().usage();
  // A table that cannot be watched is as bad as a full one.
  const bool known = !failure && usage.has_maximum;
  if (known && usage.entries * uint64_t{100} < usage.maximum * guard_percent) return;
  reliable_ = false;
  paused_ = false;
  destroys_.give_up_reliability();
  EventQueue::Writer(queue_).reliability_ended(usage.entries, usage.maximum);
}

}  // namespace conntrack
