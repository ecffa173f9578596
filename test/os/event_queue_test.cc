#include "os/event_queue.h"

#include <random>

#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static constexpr size_t in_a_slab =
    (EventQueue::slab_bytes - sizeof(SlabHeader)) / sizeof(EventRecord);

struct Queue {
  explicit Queue(size_t slabs = 4) { CHECK(queue.allocate(slabs * EventQueue::slab_bytes)); }

  // An event with this id; with an extension of so many bytes of a security context.
  void put(EventQueue::Writer& writer, uint32_t id, size_t context = 0) {
    EventRecord& record = writer.reserve();
    record.kind = EVENT_NEW;
    record.entry.id = id;
    EventExtension extension = {};
    const Buffer bytes(context, static_cast<uint8_t>(id));
    if (context > 0) {
      record.entry.extension_present = EXTENSION_SECURITY_CONTEXT;
      extension.entry.record.security_context_length = static_cast<uint16_t>(context);
      extension.entry.security_context = {bytes.data(), bytes.size()};
    }
    writer.keep(extension);
  }
  void put(uint32_t id, size_t context = 0) {
    EventQueue::Writer writer(queue);
    put(writer, id, context);
  }
  void fill(size_t slabs) {
    EventQueue::Writer writer(queue);
    for (size_t i = 0; i < slabs * in_a_slab; i++) put(writer, ++next_id);
  }

  static std::string word(const EventRecord& record) {
    switch (record.kind) {
      case EVENT_LOST_IN_KERNEL:
        return "kernel " + std::to_string(record.count);
      case EVENT_LOST_IN_QUEUE:
        return "queue " + std::to_string(record.count);
      case EVENT_RELIABILITY_ENDED:
        return "unreliable " + std::to_string(record.count) + '/' + std::to_string(record.maximum);
      case EVENT_MARK:
        return "mark " + std::to_string(record.count);
      default:
        return std::to_string(record.entry.id);
    }
  }

  // What is taken, in words; given back at once unless it is held.
  std::vector<std::string> take(size_t most = 64, bool hold = false) {
    EventSlab slabs[64];
    const size_t count = queue.take(slabs, most);
    std::vector<std::string> all;
    for (size_t i = 0; i < count; i++) {
      // As JavaScript gets it.
      Buffer compact(slabs[i].compact_size());
      slabs[i].copy_compact(compact.data());
      SlabHeader header = {};
      memcpy(&header, compact.data(), sizeof header);
      CHECK_EQUAL(header.count, slabs[i].count());
      CHECK(header.count > 0);
      for (size_t at = 0; at < header.count; at++) {
        EventRecord record;
        memcpy(static_cast<void*>(&record), compact.data() + sizeof header + at * sizeof record,
               sizeof record);
        all.push_back(word(record));
        if (record.kind != EVENT_NEW || record.entry.extension_present == 0) continue;
        Extension extension;
        CHECK(read_extension({compact.data(), compact.size()}, record.entry, extension));
        for (size_t b = 0; b < extension.security_context.size; b++) {
          CHECK_EQUAL(extension.security_context.data[b], static_cast<uint8_t>(record.entry.id));
        }
        all.back() += "+" + std::to_string(extension.security_context.size);
      }
      if (hold) held.push_back(slabs[i]);
    }
    if (!hold) awaited = queue.give_back(slabs, count);
    return all;
  }
  bool give_back() {
    const bool waits = queue.give_back(held.data(), held.size());
    held.clear();
    return waits;
  }

  ~Queue() { give_back(); }

  Kernel kernel;
  EventQueue queue;
  std::vector<EventSlab> held;
  bool awaited = false;
  uint32_t next_id = 0;
};

using Words = std::vector<std::string>;

TEST(first_in_first_out) {
  Queue queue;
  CHECK(queue.queue.is_empty());
  queue.put(1);
  queue.put(2, 20);
  queue.put(3);
  CHECK(!queue.queue.is_empty());
  CHECK(queue.take() == (Words{"1", "2+20", "3"}));
  CHECK(queue.queue.is_empty());
  CHECK(queue.take().empty());
}

TEST(an_event_that_was_reserved_and_not_kept_is_not_there) {
  Queue queue;
  {
    EventQueue::Writer writer(queue.queue);
    writer.reserve().kind = EVENT_NEW;
  }
  CHECK(queue.queue.is_empty());
  CHECK(queue.take().empty());
  queue.put(1);
  CHECK(queue.take() == (Words{"1"}));
}

TEST(what_is_reserved_is_zeroed) {
  Queue queue(2);
  for (int round = 0; round < 3; round++) {
    EventQueue::Writer writer(queue.queue);
    for (size_t i = 0; i < 3 * in_a_slab; i++) {
      EventRecord& record = writer.reserve();
      uint8_t bytes[sizeof record];
      memcpy(bytes, &record, sizeof bytes);
      for (const uint8_t byte : bytes) CHECK_EQUAL(byte, 0);
      memset(static_cast<void*>(&record), 0xff, sizeof record);
      record.entry.extension_present = 0;
      record.kind = EVENT_NEW;
      writer.keep({});
    }
  }
}

TEST(an_extension_that_finds_no_room_moves_its_event_to_the_next_slab) {
  for (size_t room = 0; room <= sizeof(ExtensionRecord) + 64; room += 8) {
    Queue queue;
    // Fills a slab but for so many bytes behind one more record.
    const size_t slab = EventQueue::slab_bytes - sizeof(SlabHeader);
    const size_t records = in_a_slab / 2;
    const size_t left = slab - (records + 1) * sizeof(EventRecord) - room;
    size_t extensions = left;
    uint32_t id = 0;
    for (size_t i = 0; i < records; i++) {
      const size_t size = std::min(extensions, size_t{4000});
      const bool enough = size >= sizeof(ExtensionRecord) + 8;
      queue.put(++id, enough ? size - sizeof(ExtensionRecord) : 0);
      if (enough) extensions -= size & ~size_t{7};
    }
    queue.put(100, 40);
    queue.put(101);
    const Words all = queue.take();
    CHECK_EQUAL(all.size(), records + 2);
    CHECK_EQUAL(all[records], "100+40");
    CHECK_EQUAL(all[records + 1], "101");
    CHECK_EQUAL(queue.queue.lost(), 0u);
  }
}

TEST(an_event_whose_extension_finds_no_slab_is_counted_as_lost) {
  Queue queue(2);
  size_t records = 0;
  for (; queue.queue.lost() == 0 && records < 1000; records++) queue.put(++queue.next_id, 3000);
  CHECK_EQUAL(queue.queue.lost(), 1u);
  const Words all = queue.take();
  // There is room for what tells it.
  CHECK_EQUAL(all.size(), records);
  CHECK_EQUAL(all.back(), "queue 1");
  queue.put(7777);
  CHECK(queue.take() == (Words{"7777"}));
}

TEST(the_hole_is_told_where_events_are_missing) {
  Queue queue(2);
  queue.fill(2);
  for (uint32_t id = 9001; id <= 9005; id++) queue.put(id);
  CHECK_EQUAL(queue.queue.lost(), 5u);
  // There is room again, and nothing comes before the hole.
  CHECK_EQUAL(queue.take(1).size(), in_a_slab);
  CHECK(queue.awaited);
  { EventQueue::Writer settle(queue.queue); }
  queue.put(9006);
  const Words all = queue.take();
  CHECK_EQUAL(all.size(), in_a_slab + 2);
  CHECK_EQUAL(all[in_a_slab], "queue 5");
  CHECK_EQUAL(all[in_a_slab + 1], "9006");
  CHECK_EQUAL(queue.queue.lost(), 5u);
  CHECK(queue.take().empty());
}

TEST(what_is_pending_is_told_in_order_and_once) {
  Queue queue(2);
  queue.fill(2);
  queue.put(9001);
  {
    EventQueue::Writer writer(queue.queue);
    writer.lost_in_kernel(3);
    writer.reliability_ended(80, 100);
  }
  EventQueue::Writer(queue.queue).lost_in_kernel(4);
  queue.put(9002);
  CHECK_EQUAL(queue.take().size(), 2 * in_a_slab);
  queue.put(9003);
  CHECK(queue.take() == (Words{"queue 2", "kernel 7", "unreliable 80/100", "9003"}));
  queue.put(9004);
  CHECK(queue.take() == (Words{"9004"}));
}

TEST(a_loss_in_the_kernel_stands_between_the_events) {
  Queue queue;
  {
    EventQueue::Writer writer(queue.queue);
    queue.put(writer, 1);
    writer.lost_in_kernel(5);
    queue.put(writer, 2);
    writer.lost_in_kernel(6);
  }
  CHECK(queue.take() == (Words{"1", "kernel 5", "2", "kernel 6"}));
}

TEST(a_mark_stands_behind_what_came_before_it) {
  Queue queue(2);
  {
    EventQueue::Writer writer(queue.queue);
    queue.put(writer, 1);
    writer.mark(1);
    writer.lost_in_kernel(2);
    queue.put(writer, 2);
    writer.mark(3);
  }
  CHECK(queue.take() == (Words{"1", "kernel 2", "mark 1", "2", "mark 3"}));
  // Without room it waits, behind what is lost.
  queue.fill(2);
  EventQueue::Writer(queue.queue).mark(4);
  queue.put(9001);
  CHECK_EQUAL(queue.take().size(), 2 * in_a_slab);
  queue.put(9002);
  CHECK(queue.take() == (Words{"queue 1", "mark 4", "9002"}));
}

TEST(bounded_with_what_is_taken_and_not_given_back) {
  Queue queue(4);
  queue.fill(10);
  CHECK_EQUAL(queue.queue.lost(), 6 * in_a_slab);
  CHECK_EQUAL(queue.take(64, true).size(), 4 * in_a_slab);
  queue.fill(1);
  CHECK_EQUAL(queue.queue.lost(), 7 * in_a_slab);
  CHECK(queue.take().empty());
  CHECK(queue.give_back());
  CHECK(!queue.queue.has_full_slabs());
  queue.put(9001);
  CHECK(queue.take() == (Words{"queue " + std::to_string(7 * in_a_slab), "9001"}));
  // All four are there again.
  const uint64_t before = queue.queue.lost();
  queue.fill(4);
  CHECK_EQUAL(queue.queue.lost(), before);
}

TEST(slabs_of_which_only_some_are_given_back) {
  Queue queue(4);
  queue.fill(4);
  CHECK_EQUAL(queue.take(3, true).size(), 3 * in_a_slab);
  EventSlab one = queue.held.back();
  queue.held.pop_back();
  CHECK(!queue.queue.give_back(&one, 1));
  queue.fill(1);
  CHECK_EQUAL(queue.queue.lost(), 0u);
  queue.put(9001);
  CHECK_EQUAL(queue.queue.lost(), 1u);
}

TEST(one_is_kept_back) {
  Queue queue(4);
  queue.queue.keep_back(true);
  queue.fill(3);
  CHECK_EQUAL(queue.queue.lost(), 0u);
  CHECK(queue.queue.has_free_slab());
  queue.put(9001);
  CHECK_EQUAL(queue.queue.lost(), 1u);
  queue.queue.keep_back(false);
  queue.put(9002);
  const Words all = queue.take();
  CHECK_EQUAL(all[3 * in_a_slab], "queue 1");
  CHECK_EQUAL(all[3 * in_a_slab + 1], "9002");
}

TEST(whoever_waits_for_room_is_told_when_there_is_some) {
  Queue queue(2);
  queue.fill(1);
  CHECK(queue.queue.has_free_slab());
  CHECK_EQUAL(queue.take(64, true).size(), in_a_slab);
  CHECK(!queue.give_back());
  queue.fill(2);
  CHECK(!queue.queue.has_free_slab());
  CHECK_EQUAL(queue.take(64, true).size(), 2 * in_a_slab);
  CHECK(queue.give_back());
  CHECK(!queue.give_back());  // told once
  CHECK(queue.queue.has_free_slab());
}

TEST(when_it_is_worth_to_wake_somebody) {
  Queue queue(8);
  queue.fill(4);
  CHECK(!queue.queue.has_full_slabs());
  queue.put(9001);
  CHECK(queue.queue.has_full_slabs());
}

TEST(two_slabs_at_least) {
  Queue queue(0);
  queue.fill(2);
  CHECK_EQUAL(queue.queue.lost(), 0u);
  queue.put(9001);
  CHECK_EQUAL(queue.queue.lost(), 1u);
}

TEST(no_memory) {
  Kernel kernel;
  EventQueue queue;
  kernel.fail_next("malloc", ENOMEM);
  CHECK(!queue.allocate(1 << 20));
  CHECK(queue.allocate(1 << 20));
  kernel.fail_next("malloc", ENOMEM, 2);  // and none for what tells it
  {
    EventQueue::Writer writer(queue);
    writer.reserve().kind = EVENT_NEW;
    writer.keep({});
  }
  CHECK_EQUAL(queue.lost(), 1u);
  CHECK(queue.is_empty());
  {
    EventQueue::Writer writer(queue);
    writer.reserve().kind = EVENT_NEW;
    writer.keep({});
  }
  EventSlab slab;
  CHECK_EQUAL(queue.take(&slab, 1), 1u);
  CHECK_EQUAL(slab.count(), 2u);  // the hole, and the event
  queue.give_back(&slab, 1);
}

// Everything that was put is taken in order, or counted in a hole at its place.
TEST(conservation) {
  for (uint32_t seed = 0; seed < 60; seed++) {
    std::mt19937 random(seed);
    Queue queue(2 + random() % 4);
    uint32_t put = 0;
    uint64_t seen = 0;  // taken, or told as lost
    const auto check = [&](const Words& words) {
      for (const std::string& word : words) {
        if (word.rfind("queue ", 0) == 0) {
          seen += std::stoul(word.substr(6));
        } else {
          CHECK_EQUAL(std::stoul(word), ++seen);
        }
      }
    };
    for (int round = 0; round < 300; round++) {
      const uint32_t what = random() % 8;
      if (what < 4) {
        EventQueue::Writer writer(queue.queue);
        for (uint32_t burst = random() % 60; burst > 0; burst--) {
          queue.put(writer, ++put, random() % 10 == 0 ? random() % 4000 : 0);
        }
      } else if (what < 6) {
        check(queue.take(1 + random() % 3, random() % 2 == 0));
      } else if (what == 6) {
        queue.give_back();
      } else {
        queue.queue.keep_back(random() % 4 == 0);
      }
    }
    queue.queue.keep_back(false);
    do {
      queue.give_back();
      { EventQueue::Writer settle(queue.queue); }
      check(queue.take());
    } while (!queue.queue.is_empty());
    CHECK_EQUAL(seen, put);
  }
}

int main() { return check::run_tests(); }
