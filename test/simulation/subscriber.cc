// Reads events, in bursts. Each that was sent is received or counted as lost, in order.
#include <deque>

#include "client.h"
#include "os/event_queue.h"
#include "os/event_socket.h"
#include "report.h"

namespace conntrack::test {

namespace {

class Subscriber : public Client {
 public:
  Subscriber() : reliable_(random().once_in(4)), burst_(random().below(20) + 1) {
    static constexpr uint32_t of_new = 1, of_update = 2, of_destroy = 4;
    static constexpr uint32_t choices[] = {of_new | of_update | of_destroy, of_destroy,
                                           of_new | of_destroy, of_update};
    static constexpr uint32_t buffers[] = {4608, 16384, 65536, 212992, 4 << 20};
    static constexpr uint32_t queues[] = {65536, 131072, 1 << 20};
    static constexpr uint32_t delays[] = {0, 0, 1, 20, 300};
    groups_ = random().one_of(choices);
    if (reliable_) groups_ |= of_destroy;
    queue_bytes_ = random().one_of(queues);
    all_namespaces_ = random().once_in(3);
    open(node().event_reader, {{"groups", number(groups_)},
                               {"receiveBufferBytes", number(random().one_of(buffers))},
                               {"queueBytes", number(static_cast<double>(queue_bytes_))},
                               {"maxDelay", number(random().one_of(delays))},
                               {"reliableDestroy", node().of(reliable_)},
                               {"allNamespaces", node().of(all_namespaces_)},
                               {"filter", node().make(JsValue::undefined)}});
    // Without reliability one socket; with it that of DESTROY, that of the table, and perhaps one.
    if (!object_) return;
    streams_.push_back({sockets_[0], 0});
    if (reliable_ && sockets_.size() == 3) streams_.push_back({sockets_[2], 0});
  }

  void act() override {
    if (!is_open() || failed_) return close();
    if (random().once_in(6)) ask_for_mark();
    if (random().once_in(6)) check_counters();
    if (pending_ > 0) return check_waiting();
    // In bursts, with pauses between them.
    if (left_ == 0) {
      left_ = burst_;
      return;
    }
    left_--;
    call("next", {}, [this](JsValue& slabs) { take(slabs); });
  }

  void close() override {
    if (!is_open()) return;
    // What is there is taken first, by a mark behind it: then nothing may lack.
    if (!failed_ && !last_mark_asked_ && random().once_in(2)) {
      last_mark_asked_ = true;
      ask_for_mark();
    }
    if (last_mark_asked_ && !marks_.empty() && !failed_) {
      if (pending_ == 0) call("next", {}, [this](JsValue& slabs) { take(slabs); });
      return;
    }
    closing_ = closed_ = true;
    HOLDS(node().call(object_, "close"));
    for (const auto& socket : sockets_) HOLDS(socket->closed);
    node().drop(object_);
  }

  bool abandon() override { return pending_ == 0 && Client::abandon(); }

  size_t memory_limit() const override {
    constexpr size_t batch = EventBatch::capacity * (event_size + 256);
    const size_t queue = queue_bytes_ < 65536 ? 65536 : queue_bytes_;
    return queue + EventQueue::slab_bytes + 2 * batch + 65536;
  }

 private:
  // The events of a socket, and how far they have been given.
  struct Stream {
    std::shared_ptr<Socket> socket;
    size_t next;
  };
  struct Mark {
    uint32_t number;
    std::vector<size_t> until;  // of each stream
  };

  JsValue* number(double value) { return node().of(value); }

  void ask_for_mark() {
    Mark mark;
    // First: the reader may look for more in the middle of the call.
    for (const Stream& stream : streams_) mark.until.push_back(stream.socket->heard.size());
    mark.number = static_cast<uint32_t>(node().call(object_, "mark")->amount);
    marks_.push_back(mark);
  }

  // What is in the queue settles a next() that waits: the thread rings as soon as no more comes.
  void check_waiting() {
    if (failed_ || world().kernel.plan().stalls > 0) return;
    const JsValue& counters = *node().call(object_, "counters");
    const double kept = counters.number_of("received") - counters.number_of("lostInQueue");
    if (kept <= static_cast<double>(received_)) {
      overdue_ = Threads::never;
    } else if (overdue_ == Threads::never) {
      overdue_ = now() + longest_burst;
    } else if (now() > overdue_) {
      violated("next() waits, and the queue has events");
    }
  }

  void take(const JsValue& slabs) {
    overdue_ = Threads::never;
    if (slabs.kind == JsValue::undefined) {
      HOLDS(closing_);
      return;
    }
    HOLDS(!closing_);
    if (slabs.elements.empty()) {
      HOLDS(object_->has("failure"));
      const Failed failure(object_->get("failure"));
      if (!is_excused())
        violated("the reader of %d has failed: %d", sockets_[0]->fd, failure.error);
      failed_ = true;
    }
    for (JsValue* slab : slabs.elements) {
      const auto* header = reinterpret_cast<const SlabHeader*>(slab->memory.get());
      const auto* records = reinterpret_cast<const EventRecord*>(header + 1);
      for (size_t i = 0; i < header->count; i++) check(records[i]);
      Node::forget(slab);
    }
  }

  void check(const EventRecord& record) {
    switch (record.kind) {
      case EVENT_LOST_IN_KERNEL:
        HOLDS(record.count > 0);
        report::note("JavaScript: lost in the kernel", static_cast<int64_t>(record.count));
        lost_in_kernel_ += record.count;
        all_lost_in_kernel_ += record.count;
        return;
      case EVENT_LOST_IN_QUEUE:
        HOLDS(record.count > 0);
        report::note("JavaScript: lost in the queue", static_cast<int64_t>(record.count));
        lost_in_queue_ += record.count;
        all_lost_in_queue_ += record.count;
        return;
      case EVENT_RELIABILITY_ENDED:
        HOLDS(reliable_ && !gave_up_);
        gave_up_ = true;
        return;
      case EVENT_MARK:
        return check_mark(record.count);
      default:
        return check_event(record);
    }
  }

  Stream& stream_of(const EventRecord& record) {
    return streams_[streams_.size() == 2 && record.kind != EVENT_DESTROY ? 1 : 0];
  }

  void check_event(const EventRecord& record) {
    received_++;
    const uint32_t group = record.kind == EVENT_NEW ? 1 : record.kind == EVENT_UPDATE ? 2 : 4;
    HOLDS((groups_ & group) != 0);
    HOLDS(place_of(record.entry.original).table == table_ || all_namespaces_);
    Stream& stream = stream_of(record);
    const std::vector<Socket::Heard>& heard = stream.socket->heard;
    const uint32_t serial = record.entry.use;
    report::note("JavaScript: event", stream.socket->fd, serial);
    for (; stream.next < heard.size() && heard[stream.next].serial != serial; stream.next++) {
      (heard[stream.next].dropped ? dropped_ : skipped_)++;
    }
    if (stream.next == heard.size()) violated("event %u was not sent, or comes late", serial);
    HOLDS(!heard[stream.next].dropped && heard[stream.next].netns == record.netns);
    stream.next++;
    check_holes(stream, serial);
  }

  // What was not received since the event before is counted as lost, between the two. Where another
  // overrun has begun behind the first, the socket's count cannot tell their drops apart: some are
  // then reported behind the events between the two.
  void check_holes(const Stream& stream, uint32_t serial) {
    if (streams_.size() > 1) return;
    bool again = false;
    const std::vector<Socket::Heard>& heard = stream.socket->heard;
    for (size_t i = stream.next; i < heard.size() && !again; i++) again = heard[i].dropped;
    const bool late = lost_in_kernel_ < dropped_ && again;
    // One that the kernel sends again may count as lost at the end of the reliability.
    const bool resent = reliable_ && lost_in_kernel_ > dropped_ &&
                        lost_in_kernel_ <= dropped_ + stream.socket->kept;
    if ((dropped_ == lost_in_kernel_ || late || resent) && skipped_ == lost_in_queue_) return;
    violated(
        "before event %u: dropped %llu, lost in the kernel %llu; skipped %llu, lost in the"
        " queue %llu",
        serial, dropped_, lost_in_kernel_, skipped_, lost_in_queue_);
  }

  void check_mark(uint64_t number) {
    HOLDS(!marks_.empty() && number <= last_mark() && number > known_mark_);
    known_mark_ = number;
    while (!marks_.empty() && marks_.front().number <= number) {
      const Mark& mark = marks_.front();
      // All before it has come, or is among what was lost.
      unsigned long long missing = 0;
      for (size_t i = 0; i < streams_.size(); i++) {
        if (mark.until[i] > streams_[i].next) missing += mark.until[i] - streams_[i].next;
      }
      const unsigned long long lost = lost_in_kernel_ + lost_in_queue_;
      if (dropped_ + skipped_ + missing > lost && streams_.size() == 1) {
        violated("mark %u came before %llu events, of which %llu are counted as lost", mark.number,
                 dropped_ + skipped_ + missing, lost);
      }
      marks_.pop_front();
    }
  }
  uint32_t last_mark() const { return marks_.back().number; }

  void check_counters() {
    const JsValue& counters = *node().call(object_, "counters");
    const double received = counters.number_of("received");
    const double lost_in_kernel = counters.number_of("lostInKernel");
    const double lost_in_queue = counters.number_of("lostInQueue");
    size_t sent = 0;
    size_t foreign = 0;
    for (const Stream& stream : streams_) {
      sent += stream.socket->heard.size();
      // What the kernel sends again may count as lost at the end of the reliability, too.
      if (reliable_) sent += stream.socket->kept;
      foreign += stream.socket->foreign;
    }
    HOLDS(received + lost_in_kernel <= static_cast<double>(sent));
    HOLDS(static_cast<double>(received_ + all_lost_in_queue_) <= received);
    HOLDS(static_cast<double>(all_lost_in_kernel_) <= lost_in_kernel);
    HOLDS(lost_in_queue <= received);
    HOLDS(counters.number_of("malformed") == 0);
    HOLDS(counters.number_of("foreign") <= static_cast<double>(foreign));
  }

  // Reading goes on for as long as more events come.
  static constexpr int64_t longest_burst = 20 * millisecond;

  const bool reliable_;
  const uint64_t burst_;
  uint64_t left_ = 0;
  uint32_t groups_ = 0;
  size_t queue_bytes_ = 0;
  bool all_namespaces_ = false;
  int64_t overdue_ = Threads::never;
  bool failed_ = false;
  bool gave_up_ = false;
  bool last_mark_asked_ = false;
  std::vector<Stream> streams_;
  std::deque<Mark> marks_;
  uint64_t known_mark_ = 0;
  size_t received_ = 0;
  unsigned long long all_lost_in_kernel_ = 0;
  unsigned long long all_lost_in_queue_ = 0;
  // Of one stream, in all.
  unsigned long long lost_in_kernel_ = 0;
  unsigned long long lost_in_queue_ = 0;
  unsigned long long dropped_ = 0;
  unsigned long long skipped_ = 0;
};

}  // namespace

std::unique_ptr<Client> new_subscriber() { return std::make_unique<Subscriber>(); }

}  // namespace conntrack::test
