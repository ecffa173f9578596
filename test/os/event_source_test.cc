// The place of each hole in what an event source gives, and how many events it holds.
#include "os/event_source.h"

#include <algorithm>
#include <random>

#include "clock.h"
#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;
using Step = EventSource::Step;

struct Source {
  explicit Source(bool reliable = false, uint32_t receive_buffer = 1 << 20) {
    EventSocket::Options options;
    options.groups = 1;
    options.receive_buffer = receive_buffer;
    options.reliable = reliable;
    CHECK(!source.open(options));
    peer = kernel.accept();
  }

  void event(uint32_t id) { CHECK(peer->multicast(1, {entry(0, id)}) == KernelSocket::Heard::yes); }
  void events(uint32_t first, uint32_t last) {
    for (uint32_t id = first; id <= last; id++) event(id);
  }

  // One step: "1 2 3" for events, "lost 7", "dry" or "failed".
  std::string next() {
    switch (source.next()) {
      case Step::datagrams: {
        std::string all;
        for (size_t i = 0; i < source.batch().count(); i++) {
          MessageReader reader(source.batch()[i].bytes);
          Message message;
          EntryRecord record = {};
          Extension extension;
          CHECK(reader.next(message) && decode_entry(message, record, extension));
          all += (all.empty() ? "" : " ") + std::to_string(record.id);
        }
        return all;
      }
      case Step::lost:
        return "lost " + std::to_string(source.lost());
      case Step::failed:
        return "failed";
      case Step::dry:
        break;
    }
    return "dry";
  }

  // Until it is dry, in one line.
  std::string all() {
    std::string line;
    for (std::string step = next(); step != "dry"; step = next()) {
      line += (line.empty() ? "" : " ") + step;
      if (step == "failed") break;
    }
    return line;
  }

  Kernel kernel;
  EventSource source;
  std::shared_ptr<KernelSocket> peer;
};

TEST(every_call_of_open_can_fail) {
  EventSocket::Options options;
  options.groups = 1;
  fail_each_call([&] { return EventSource().open(options); },
                 {"connect", "setsockopt 1"});  // SO_RCVBUFFORCE
}

TEST(events_in_their_order) {
  Source source;
  CHECK_EQUAL(source.all(), "");
  source.events(1, 3);
  CHECK_EQUAL(source.all(), "1 2 3");
  source.event(4);
  CHECK_EQUAL(source.all(), "4");
}

TEST(a_hole_stands_behind_what_was_queued) {
  Source source;
  source.events(1, 3);
  source.peer->overrun(7);
  CHECK_EQUAL(source.all(), "1 2 3 lost 7");
  source.events(4, 5);
  CHECK_EQUAL(source.all(), "4 5");
}

TEST(a_hole_in_an_empty_queue) {
  Source source;
  source.peer->overrun(2);
  CHECK_EQUAL(source.all(), "lost 2");
  CHECK_EQUAL(source.all(), "");
}

TEST(a_hole_is_told_before_what_came_after_it) {
  Source source;
  source.events(1, 2);
  source.peer->overrun(4);
  CHECK_EQUAL(source.next(), "1");
  CHECK_EQUAL(source.next(), "2");
  // The queue was empty: the kernel delivers again.
  source.events(3, 4);
  CHECK_EQUAL(source.all(), "lost 4 3 4");
}

TEST(one_hole_after_the_other) {
  Source source;
  source.event(1);
  source.peer->overrun(2);
  CHECK_EQUAL(source.next(), "1");
  source.event(2);
  source.peer->overrun(3);
  CHECK_EQUAL(source.all(), "lost 2 2 lost 3");
  source.peer->overrun(4);
  source.peer->overrun(1);
  CHECK_EQUAL(source.all(), "lost 5");
}

TEST(a_large_queue_before_the_hole_is_taken_in_batches) {
  Source source(false, 8 << 20);
  source.events(1, 1500);
  source.peer->overrun(9);
  std::string expected;
  for (uint32_t id = 1; id <= 1500; id++) expected += std::to_string(id) + ' ';
  source.kernel.record_calls();
  CHECK_EQUAL(source.all(), expected + "lost 9");
  const std::vector<std::string> calls = source.kernel.calls();
  const auto receives = std::count(calls.begin(), calls.end(), "recvmmsg");
  CHECK(receives < 600);  // the end is taken one by one
}

TEST(an_overrun_without_a_drop_is_one_event) {
  Source source;
  source.event(1);
  source.peer->out_of_memory();
  CHECK_EQUAL(source.all(), "1 lost 1");
  source.peer->out_of_memory();
  CHECK_EQUAL(source.all(), "lost 1");
  source.peer->overrun(3);
  CHECK_EQUAL(source.all(), "lost 3");
}

// Who drops counts a moment later than it sets the error.
TEST(a_drop_that_is_counted_late) {
  Source source;
  source.event(1);
  source.peer->overrun(1);
  CHECK_EQUAL(source.next(), "1");
  source.peer->overrun(1);
  CHECK_EQUAL(source.all(), "lost 2");
  CHECK_EQUAL(source.all(), "");
}

// So much later that only a wait shows it.
TEST(a_drop_that_is_counted_after_a_while) {
  for (const bool event_before : {true, false}) {
    Source source;
    if (event_before) source.event(1);
    source.peer->overrun_uncounted();
    const auto later = [&](const auto& self, int pauses) -> void {
      source.kernel.before("nanosleep", [&, self, pauses] {
        if (pauses > 0) return self(self, pauses - 1);
        source.peer->count_drops(3);
      });
    };
    later(later, 10);
    CHECK_EQUAL(source.all(), event_before ? "1 lost 3" : "lost 3");
    CHECK_EQUAL(source.all(), "");
    // What the next overrun drops is its own.
    source.peer->overrun(2);
    CHECK_EQUAL(source.all(), "lost 2");
  }
}

TEST(a_drop_that_is_counted_while_another_overrun_begins) {
  Source source;
  source.peer->overrun_uncounted();
  source.kernel.before("nanosleep", [&] {
    source.peer->count_drops(1);
    source.peer->overrun(4);
  });
  CHECK_EQUAL(source.all(), "lost 1 lost 4");
}

TEST(memory_that_flickers_hides_no_hole) {
  Source source;
  source.event(1);
  source.peer->overrun(2);
  source.peer->flicker(5000);
  CHECK_EQUAL(source.next(), "1");
  source.peer->flicker(5000);
  source.event(2);
  source.peer->flicker(5000);
  CHECK_EQUAL(source.all(), "lost 2 2");
}

// What has no room is added for a moment, and looks as if it were queued.
TEST(memory_that_flickers_in_an_empty_queue_moves_no_hole) {
  for (const size_t reading : {0u, 1u, 2u, 3u}) {
    Source source;
    source.peer->overrun(2);
    size_t looks = 0;
    std::function<void()> look = [&] {
      source.peer->flicker(5000, looks == reading ? 1 : 0);
      if (++looks <= 3) source.kernel.before("getsockopt", look);
    };
    source.kernel.before("getsockopt", look);
    // The kernel delivers again before the next receive.
    source.kernel.before("poll", [&] { source.event(1); });
    CHECK_EQUAL(source.all(), "lost 2 1");
  }
}

// A sender that loses its processor while it has added what finds no room.
TEST(memory_that_seems_to_have_grown_is_waited_for) {
  for (const size_t readings : {1u, 5u, 30u}) {
    Source source;
    source.events(1, 3);
    source.peer->overrun(2);
    source.kernel.before("recvmmsg", [&] {
      source.kernel.before("recvmmsg", [&] { source.peer->flicker(5000, readings); });
    });
    CHECK_EQUAL(source.all(), "1 2 3 lost 2");
  }
}

// Then the hole is told early, and not never.
TEST(memory_that_never_settles) {
  Source source;
  StoppedClock clock;
  source.events(1, 3);
  source.peer->overrun(2);
  source.peer->flicker(5000, 4);
  CHECK_EQUAL(source.next(), "1");
  source.peer->flicker(9000, 100'000);
  const std::string rest = source.all();
  CHECK(rest == "2 lost 2 3" || rest == "lost 2 2 3" || rest == "2 3 lost 2");
}

TEST(an_overrun_that_begins_while_one_is_told) {
  Source source;
  source.peer->overrun(2);
  // The third reading of its memory is the one behind what came last.
  const auto next_look = [&](const auto& self, int looks) -> void {
    source.kernel.before("getsockopt", [&, self, looks] {
      if (looks > 0) return self(self, looks - 1);
      source.peer->overrun(3);
    });
  };
  next_look(next_look, 4);
  CHECK_EQUAL(source.all(), "lost 2 lost 3");
}

TEST(the_other_errors_end_it) {
  Source source;
  source.event(1);
  source.peer->break_off(ECONNRESET);
  CHECK_EQUAL(source.all(), "1 failed");
  CHECK_EQUAL(source.source.failure().error, ECONNRESET);
}

TEST(a_reliable_source_tells_no_overrun_until_that_is_given_up) {
  Source source(true);
  source.event(1);
  source.peer->overrun(5);  // tries that the kernel repeats
  CHECK_EQUAL(source.all(), "1");
  CHECK(source.peer->reliable());
  source.source.give_up_reliability();
  CHECK(!source.peer->reliable());
  CHECK_EQUAL(source.all(), "");
  source.peer->overrun(2);
  CHECK_EQUAL(source.all(), "lost 2");
}

// Nothing is lost or doubled, whatever comes between two steps: what was heard comes in
// order, each hole stands where it is, and the numbers add up.
TEST(any_order_of_events_drops_and_steps) {
  const int failures = check::failures;
  for (uint32_t seed = 0; seed < 75; seed++) {
    std::mt19937 random(seed);
    StoppedClock clock;  // nobody is worth waiting for
    Source source(false, 2304 * (1 + random() % 20));
    uint32_t id = 0;
    uint64_t dropped = 0;
    uint64_t lost = 0;
    uint32_t seen = 0;
    std::vector<bool> heard{true};
    bool told = true;  // the hole before the next event that is seen
    const auto take = [&](const std::string& step) {
      if (step.rfind("lost ", 0) == 0) {
        lost += std::stoul(step.substr(5));
        told = true;
        return;
      }
      size_t at = 0;
      while (at < step.size()) {
        const auto one = static_cast<uint32_t>(std::stoul(step.substr(at)));
        CHECK(one > seen && heard[one]);
        // No event that was heard is missing between them, and no hole is silent.
        bool hole = false;
        for (uint32_t between = seen + 1; between < one; between++) {
          CHECK(!heard[between]);
          hole = true;
        }
        CHECK(!hole || told);
        told = false;
        seen = one;
        at = step.find(' ', at);
        if (at == std::string::npos) break;
        at++;
      }
    };
    const auto burst = [&](uint32_t events) {
      for (; events > 0; events--) {
        const bool yes = source.peer->multicast(1, {entry(0, ++id)}) == KernelSocket::Heard::yes;
        heard.push_back(yes);
        if (!yes) dropped++;
      }
    };
    for (int round = 0; round < 400; round++) {
      if (random() % 3 != 0) {
        burst(random() % 8);
      } else {
        // Something may come in the middle of the step.
        static const char* const calls[] = {"recvmmsg", "getsockopt", "poll", "nanosleep"};
        if (seed % 2 == 1) {
          source.kernel.before(calls[random() % 4], [&] { burst(random() % 40); });
        }
        const std::string step = source.next();
        if (step != "dry") take(step);
      }
    }
    for (std::string step = source.next(); step != "dry"; step = source.next()) take(step);
    CHECK_EQUAL(lost, dropped);
    if (check::failures > failures) {
      std::cerr << "seed " << seed << '\n';
      return;
    }
  }
}

int main() { return check::run_tests(); }
