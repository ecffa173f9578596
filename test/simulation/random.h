// Numbers that a seed decides.
#pragma once

#include <cstddef>
#include <cstdint>

namespace conntrack::test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {  // splitmix64
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // From 0, and less than `count`.
  uint64_t below(uint64_t count) { return (next() >> 32) * count >> 32; }
  int64_t between(int64_t first, int64_t last) {
    return first + static_cast<int64_t>(below(static_cast<uint64_t>(last - first + 1)));
  }
  // True once in so many times; 0: never.
  bool once_in(uint64_t times) { return times != 0 && below(times) == 0; }
  template <typename Item, size_t count>
  Item one_of(const Item (&items)[count]) {
    return items[below(count)];
  }

 private:
  uint64_t state_;
};

}  // namespace conntrack::test
