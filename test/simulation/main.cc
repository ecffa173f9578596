// simulate [--seed N] [--first N] [--runs N] [--seconds N]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "report.h"
#include "run.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Options {
  uint64_t first = 1;
  uint64_t runs = 1000;
  double seconds = 0;  // 0: no limit
  bool traced = false;
};

int usage() {
  fprintf(stderr,
          "simulate [--first N] [--runs N] [--seconds N]   runs seeds, from the first one on\n"
          "simulate --seed N                               runs one, and prints its steps\n");
  return 2;
}

bool read(int count, char** words, Options& options) {
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count) return false;
    char* end = nullptr;
    const uint64_t number = strtoull(words[i + 1], &end, 10);
    if (*end != 0 || end == words[i + 1]) return false;
    if (strcmp(words[i], "--seed") == 0) {
      options.first = number;
      options.runs = 1;
      options.traced = true;
    } else if (strcmp(words[i], "--first") == 0) {
      options.first = number;
    } else if (strcmp(words[i], "--runs") == 0) {
      options.runs = number;
    } else if (strcmp(words[i], "--seconds") == 0) {
      options.seconds = static_cast<double>(number);
      options.runs = UINT64_MAX;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** words) {
  using conntrack::test::run_seed;
  Options options;
  if (!read(count, words, options)) return usage();
  conntrack::test::report::catch_crashes();
  const Clock::time_point start = Clock::now();
  uint64_t runs = 0;
  for (; runs < options.runs; runs++) {
    if (options.seconds > 0 && seconds_since(start) >= options.seconds) break;
    const uint64_t seed = options.first + runs;
    const uint64_t hash = run_seed(seed, options.traced);
    // Now and then: a seed decides all.
    const bool twice = options.traced || runs % 100 == 0;
    if (twice && run_seed(seed, false) != hash) {
      conntrack::test::violated("the seed runs otherwise the second time");
    }
  }
  const double seconds = seconds_since(start);
  printf("%llu runs in %.1f s, %.0f a second, from seed %llu on\n",
         static_cast<unsigned long long>(runs), seconds, static_cast<double>(runs) / seconds,
         static_cast<unsigned long long>(options.first));
  return 0;
}
