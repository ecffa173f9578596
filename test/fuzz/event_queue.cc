// Any sequence of calls to the event queue, with numbered events. They come out in order, with a
// record in each hole that counts the missing ones; losses in the kernel, the end of reliability
// and marks keep their places. In the end received + lost = sent.
#include "os/event_queue.h"

#include <map>

#include "input.h"
#include "require.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

class Run {
 public:
  Run(const uint8_t* data, size_t size) : input_(data, size), limit_(2 + input_.below(3)) {
    REQUIRE(queue_.allocate(limit_ * EventQueue::slab_bytes));
  }

  void run() {
    while (!input_.empty()) step();
    queue_.keep_back(false);
    do {
      take(limit_);
      give_back(held_.size());
      const EventQueue::Writer settle(queue_);
    } while (!queue_.is_empty());
    REQUIRE(next_ == put_ + 1);
    REQUIRE(taken_ + lost_told_ == put_);
    REQUIRE(queue_.lost() == lost_told_);
    require_told();
  }

 private:
  // Losses and marks between two events, by the number of the later event.
  struct Between {
    uint64_t lost_in_kernel = 0;
    uint32_t ended = 0;
    uint32_t mark = 0;
  };
  // The totals at the time of a mark.
  struct AtMark {
    uint64_t put = 0;
    uint64_t lost_in_kernel = 0;
    uint32_t ended = 0;
  };
  static constexpr uint32_t longest = 2 * max_string;

  void step() {
    switch (input_.below(8)) {
      case 0:
      case 1:
      case 2:
        return write();
      case 3:
        return take(input_.below(4));
      case 4:
        return give_back(held_.size() < 2 ? held_.size() : 1 + input_.below(2));
      case 5:
        keeps_back_ = input_.coin();
        return queue_.keep_back(keeps_back_);
      case 6:
        waits_ = !queue_.has_free_slab();
        return;
      default:
        REQUIRE(queue_.has_full_slabs() <= !queue_.is_empty());
    }
  }

  // Batches -----------------------------------------------------------------------

  void write() {
    const uint64_t lost = queue_.lost();
    batch();
    // The queue drops events only when it has no room.
    if (queue_.lost() > lost && !keeps_back_) {
      waits_ = !queue_.has_free_slab();
      REQUIRE(waits_);
    }
  }

  void batch() {
    EventQueue::Writer writer(queue_);
    for (uint32_t kinds = 1 + input_.below(4); kinds > 0; kinds--) {
      Between& between = between_[put_ + 1];
      switch (input_.below(8)) {
        case 0: {
          const uint32_t count = 1 + input_.byte();
          writer.lost_in_kernel(count);
          between.lost_in_kernel += count;
          lost_in_kernel_ += count;
          break;
        }
        case 1:
          between.ended = ++ended_;
          writer.reliability_ended(ended_, ~ended_);
          break;
        case 2:
          between.mark = ++marks_;
          writer.mark(marks_);
          at_mark_[marks_] = {put_, lost_in_kernel_, ended_};
          break;
        case 3:  // a malformed event is reserved and not kept
          require_zero(writer.reserve()).entry.id = 1;
          break;
        default:
          put(writer, 1 + input_.below(64), input_.below(4));
      }
    }
  }

  void put(EventQueue::Writer& writer, uint32_t events, uint32_t kind) {
    const uint32_t strings = kind == 0 ? input_.integer<uint16_t>() % (longest + 1) : 3;
    for (; events > 0; events--) {
      EventRecord& record = require_zero(writer.reserve());
      const std::vector<uint8_t> text(strings, text_of(++put_));
      const auto half = static_cast<uint16_t>(strings / 2);
      const Bytes first = {text.data(), half};
      const Bytes second = {text.data() + half, strings - half};
      EventExtension extension;
      record.count = put_;
      record.kind = kind == 1 ? EVENT_EXPECTATION_NEW : EVENT_UPDATE;
      if (kind == 1) {
        record.expectation.present = EXPECTATION_HELPER | EXPECTATION_FUNCTION;
        extension.expectation = {{}, first, second};
        extension.expectation.record.helper_length = half;
        extension.expectation.record.function_length = static_cast<uint16_t>(strings - half);
      } else if (kind == 0) {
        record.entry.extension_present = EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT;
        extension.entry = {{}, first, second};
        extension.entry.record.helper_length = half;
        extension.entry.record.security_context_length = static_cast<uint16_t>(strings - half);
      }
      writer.keep(extension);
    }
  }

  static EventRecord& require_zero(EventRecord& record) {
    static const uint8_t zero[sizeof record] = {};
    REQUIRE(memcmp(&record, zero, sizeof record) == 0);
    return record;
  }
  static uint8_t text_of(uint64_t number) { return static_cast<uint8_t>(1 + number % 255); }

  // Output --------------------------------------------------------------------------

  void take(size_t most) {
    EventSlab slabs[8];
    const bool empty = queue_.is_empty();
    const size_t count = queue_.take(slabs, most);
    REQUIRE(count <= most);
    REQUIRE(most == 0 || (count == 0) == empty);
    for (size_t i = 0; i < count; i++) {
      held_.push_back(slabs[i]);
      read(slabs[i]);
    }
    REQUIRE(held_.size() <= limit_);
  }

  void give_back(size_t count) {
    const bool awaited = queue_.give_back(held_.data(), count);
    REQUIRE(awaited || !waits_);
    waits_ = false;
    held_.erase(held_.begin(), held_.begin() + static_cast<long>(count));
  }

  // As JavaScript gets it.
  void read(const EventSlab& slab) {
    std::vector<uint8_t> copy(slab.compact_size());
    slab.copy_compact(copy.data());
    SlabHeader header;
    memcpy(&header, copy.data(), sizeof header);
    REQUIRE(header.count > 0 && header.count == slab.count());
    for (size_t i = 0; i < header.count; i++) {
      EventRecord record;
      REQUIRE(read_host({copy.data(), copy.size()}, sizeof header + i * sizeof record, record));
      read(record, {copy.data(), copy.size()});
    }
  }

  void read(EventRecord& record, Bytes slab) {
    switch (record.kind) {
      case EVENT_LOST_IN_QUEUE:
        lost_told_ += record.count;
        next_ += record.count;
        break;
      case EVENT_LOST_IN_KERNEL:
        told_.lost_in_kernel += record.count;
        REQUIRE(record.count > 0 && told_.lost_in_kernel <= put_before_next().lost_in_kernel);
        break;
      case EVENT_RELIABILITY_ENDED:
        REQUIRE(record.count > told_.ended && record.count <= put_before_next().ended);
        told_.ended = static_cast<uint32_t>(record.count);
        REQUIRE(record.maximum == ~told_.ended);
        break;
      case EVENT_MARK: {
        REQUIRE(record.count > told_.mark && record.count <= put_before_next().mark);
        told_.mark = static_cast<uint32_t>(record.count);
        const AtMark& before = at_mark_[told_.mark];
        REQUIRE(before.put < next_ && before.lost_in_kernel <= told_.lost_in_kernel);
        REQUIRE(before.ended <= told_.ended);
        break;
      }
      default:
        REQUIRE(record.count == next_);
        require_told();
        require_extension(record, slab);
        between_.erase(between_.begin(), between_.upper_bound(next_));
        forgotten_ = told_.lost_in_kernel;
        next_++;
        taken_++;
    }
    const bool is_event = record.kind == EVENT_UPDATE || record.kind == EVENT_EXPECTATION_NEW;
    REQUIRE(record.netns == (is_event ? 0 : -1));
  }

  static void require_extension(const EventRecord& record, Bytes slab) {
    const bool is_entry = record.kind == EVENT_UPDATE;
    if (is_entry && record.entry.extension_present == 0) return;
    size_t at = 0;
    size_t size = 0;
    if (is_entry) {
      ExtensionRecord extension;
      at = size_t{record.entry.extension} * 8;
      REQUIRE(read_host(slab, at, extension));
      at += sizeof extension;
      size = size_t{extension.helper_length} + extension.security_context_length;
    } else {
      ExpectationExtensionRecord extension;
      at = size_t{record.expectation.extension} * 8;
      REQUIRE(read_host(slab, at, extension));
      at += sizeof extension;
      size = size_t{extension.helper_length} + extension.function_length;
    }
    REQUIRE(at + size <= slab.size);
    for (size_t i = 0; i < size; i++) REQUIRE(slab.data[at + i] == text_of(record.count));
  }

  // All that was put before the event that comes next.
  Between put_before_next() const {
    Between sum = told_;
    sum.lost_in_kernel = forgotten_;
    for (auto at = between_.begin(); at != between_.end() && at->first <= next_; ++at) {
      sum.lost_in_kernel += at->second.lost_in_kernel;
      if (at->second.ended != 0) sum.ended = at->second.ended;
      if (at->second.mark != 0) sum.mark = at->second.mark;
    }
    return sum;
  }
  void require_told() const {
    const Between put = put_before_next();
    REQUIRE(told_.lost_in_kernel == put.lost_in_kernel);
    REQUIRE(told_.ended == put.ended);
    REQUIRE(told_.mark == put.mark);
  }

  Input input_;
  const size_t limit_;
  EventQueue queue_;
  std::vector<EventSlab> held_;
  bool keeps_back_ = false;
  bool waits_ = false;  // for room, and the queue knows it

  uint64_t put_ = 0;
  uint32_t ended_ = 0;
  uint32_t marks_ = 0;
  uint64_t lost_in_kernel_ = 0;
  std::map<uint64_t, Between> between_;
  std::map<uint32_t, AtMark> at_mark_;

  uint64_t next_ = 1;  // the number of the event that comes next
  uint64_t taken_ = 0;
  uint64_t lost_told_ = 0;
  Between told_;
  uint64_t forgotten_ = 0;  // lost in the kernel before what is in between_
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run(data, size).run();
  return 0;
}
