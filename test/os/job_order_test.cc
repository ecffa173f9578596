#include "os/job_order.h"

#include <sched.h>

#include <thread>
#include <vector>

#include "check.h"

using namespace conntrack;

TEST(jobs_run_in_the_order_in_which_they_were_added) {
  JobOrder order;
  const uint64_t first = order.add();
  const uint64_t second = order.add();
  std::vector<uint64_t> ran;
  const auto run = [&](uint64_t number) {
    order.take_turn(number, [&] {
      ran.push_back(number);
      return true;
    });
  };
  run(second);
  CHECK(ran.empty());
  run(first);
  run(second);
  run(second);
  CHECK(ran == std::vector<uint64_t>({first, second}));
}

TEST(a_job_that_has_not_ended_keeps_its_turn) {
  JobOrder order;
  const uint64_t first = order.add();
  const uint64_t second = order.add();
  int turns = 0;
  const auto ends_with_the_third = [&] { return ++turns == 3; };
  bool ran = false;
  for (int turn = 0; turn < 3; turn++) {
    order.take_turn(second, [&] { return ran = true; });
    CHECK(!ran);
    order.take_turn(first, ends_with_the_third);
  }
  order.take_turn(second, [&] { return ran = true; });
  CHECK(ran);
}

TEST(a_job_waits_while_the_one_before_it_runs) {
  JobOrder order;
  const uint64_t first = order.add();
  const uint64_t second = order.add();
  std::atomic<bool> comes{false};
  bool ended = false;
  std::thread other;
  order.take_turn(first, [&] {
    other = std::thread([&] {
      comes = true;
      order.take_turn(second, [&] {
        CHECK(ended);
        return true;
      });
    });
    while (!comes) sched_yield();
    for (int yields = 0; yields < 100; yields++) sched_yield();
    return ended = true;
  });
  other.join();
  bool ran = false;
  order.take_turn(order.add(), [&] { return ran = true; });
  CHECK(ran);
}

TEST(a_job_that_is_dropped_takes_no_turn) {
  JobOrder order;
  order.add();
  order.drop_last();
  bool ran = false;
  order.take_turn(order.add(), [&] { return ran = true; });
  CHECK(ran);
}

TEST(none_runs_after_the_end) {
  JobOrder order;
  const uint64_t number = order.add();
  order.close();
  CHECK(order.closed());
  bool ran = false;
  order.take_turn(number, [&] { return ran = true; });
  CHECK(!ran);
}

int main() { return check::run_tests(); }
