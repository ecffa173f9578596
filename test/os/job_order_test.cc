#include "os/job_order.h"

#include <sched.h>

#include <functional>
#include <thread>
#include <vector>

#include "check.h"
#include "clock.h"

using namespace conntrack;
using namespace conntrack::test;

// What runs, and true when the job has ended.
class TestJob : public OrderedJob {
 public:
  explicit TestJob(std::function<bool(uint64_t)> body) : body_(std::move(body)) {}

 private:
  bool run(uint64_t number) override { return body_(number); }

  std::function<bool(uint64_t)> body_;
};

static void add(JobOrder& order, std::function<bool(uint64_t)> body) {
  order.add(std::make_unique<TestJob>(std::move(body)));
}

static size_t take_ended(JobOrder& order) {
  size_t count = 0;
  while (order.take_ended()) count++;
  return count;
}

TEST(one_thread_runs_all_jobs_in_the_order_in_which_they_were_added) {
  JobOrder order;
  CHECK(!order.needs_thread(true));
  std::vector<uint64_t> ran;
  const auto body = [&](uint64_t number) {
    ran.push_back(number);
    if (number < 2) add(order, [&](uint64_t last) { return ran.push_back(last), true; });
    return true;
  };
  for (int jobs = 0; jobs < 3; jobs++) add(order, body);
  CHECK(order.needs_thread(true));
  CHECK(!order.take_ended());
  order.work();
  CHECK(ran == std::vector<uint64_t>({0, 1, 2, 3, 4}));
  CHECK_EQUAL(order.added(), 5u);
  CHECK_EQUAL(take_ended(order), 5u);
  CHECK(!order.needs_thread(true));
}

TEST(no_more_threads_than_jobs_and_two_at_most) {
  JobOrder order;
  const auto ends = [](uint64_t) { return true; };
  add(order, ends);
  CHECK(order.needs_thread(true));
  CHECK(!order.needs_thread(true));
  add(order, ends);
  CHECK(!order.needs_thread(false));
  CHECK(order.needs_thread(true));
  add(order, ends);
  CHECK(!order.needs_thread(true));
  order.drop_thread();
  CHECK(order.needs_thread(true));
  order.work();
  order.work();
  CHECK_EQUAL(take_ended(order), 3u);
  add(order, ends);
  CHECK(order.needs_thread(false));
}

TEST(a_job_that_has_not_ended_keeps_its_turn) {
  JobOrder order;
  int turns = 0;
  bool ran = false;
  add(order, [&](uint64_t number) {
    CHECK_EQUAL(number, 0u);
    return ++turns == 3;
  });
  add(order, [&](uint64_t number) {
    CHECK_EQUAL(number, 1u);
    return ran = true;
  });
  for (int turn = 1; turn <= 3; turn++) {
    CHECK(!ran);
    CHECK(!order.take_ended());
    CHECK(order.needs_thread(false));
    order.work();
    CHECK_EQUAL(turns, turn);
  }
  CHECK(ran);
}

TEST(a_thread_that_waits_for_its_turn_goes_on_behind_the_job_that_runs) {
  JobOrder order;
  std::atomic<bool> comes{false};
  std::thread::id ran_second;
  bool ended = false;
  std::thread other;
  add(order, [&](uint64_t) {
    other = std::thread([&] {
      comes = true;
      order.work();
    });
    while (!comes) sched_yield();
    for (int yields = 0; yields < 1000; yields++) sched_yield();
    return ended = true;
  });
  add(order, [&](uint64_t) {
    CHECK(ended);
    ran_second = std::this_thread::get_id();
    return true;
  });
  CHECK(order.needs_thread(true));
  CHECK(order.needs_thread(true));
  order.work();
  CHECK(take_ended(order) >= 1);
  other.join();
  CHECK(ran_second != std::thread::id());
  CHECK(!order.needs_thread(true));
}

TEST(a_turn_ends_between_two_jobs) {
  JobOrder order;
  StoppedClock clock;
  clock.advance_at_each_reading(10);
  for (int jobs = 0; jobs < 10; jobs++) add(order, [](uint64_t) { return true; });
  size_t turns = 0;
  for (; order.needs_thread(false); turns++) order.work();
  CHECK_EQUAL(turns, 4u);
  CHECK_EQUAL(take_ended(order), 10u);
}

TEST(none_runs_after_the_end) {
  JobOrder order;
  bool ran = false;
  add(order, [&](uint64_t) { return ran = true; });
  CHECK(order.needs_thread(true));
  order.close();
  CHECK(order.closed());
  order.work();
  CHECK(!ran);
  add(order, [](uint64_t) { return true; });
  CHECK(!order.needs_thread(true));
  CHECK(!order.take_ended());
  CHECK(order.take_first() != nullptr);
}

TEST(a_job_that_ends_in_the_middle_of_the_end_is_the_last) {
  JobOrder order;
  for (int jobs = 0; jobs < 2; jobs++) {
    add(order, [&](uint64_t) {
      order.close();
      return true;
    });
  }
  CHECK(order.needs_thread(true));
  order.work();
  CHECK_EQUAL(take_ended(order), 1u);
  CHECK(order.take_first() != nullptr);
  CHECK(!order.take_first());
}

TEST(jobs_that_are_added_while_two_threads_work) {
  JobOrder order;
  std::vector<uint64_t> ran;  // in turns
  std::vector<std::thread> threads;
  size_t taken = 0;
  const auto start = [&] {
    if (order.needs_thread(true)) threads.emplace_back([&] { order.work(); });
  };
  for (int jobs = 0; jobs < 1000; jobs++) {
    add(order, [&](uint64_t number) {
      ran.push_back(number);
      return true;
    });
    start();
    taken += take_ended(order);
  }
  while (taken < 1000) {
    start();
    taken += take_ended(order);
  }
  for (std::thread& thread : threads) thread.join();
  for (uint64_t number = 0; number < 1000; number++) CHECK_EQUAL(ran[number], number);
}

int main() { return check::run_tests(); }
