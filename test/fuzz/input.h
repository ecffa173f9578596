// Reads values from the bytes of the fuzzer. Behind their end all values are 0.
#pragma once

#include <cstring>
#include <vector>

#include "wire/byte_reader.h"

namespace conntrack::test {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_{data, size} {}

  bool empty() const { return rest_.size == 0; }

  // At most so many bytes.
  Bytes take(size_t size) {
    const Bytes taken = {rest_.data, size < rest_.size ? size : rest_.size};
    rest_ = {rest_.data + taken.size, rest_.size - taken.size};
    return taken;
  }
  Bytes rest() { return take(rest_.size); }

  template <typename Value>
  void fill(Value& value) {
    const Bytes bytes = take(sizeof value);
    memset(static_cast<void*>(&value), 0, sizeof value);
    if (bytes.size > 0) memcpy(static_cast<void*>(&value), bytes.data, bytes.size);
  }

  template <typename Integer>
  Integer integer() {
    Integer value;
    fill(value);
    return value;
  }
  uint8_t byte() { return integer<uint8_t>(); }
  // Of one byte: `limit` is at most 256.
  uint32_t below(uint32_t limit) { return byte() % limit; }
  bool coin() { return below(2) == 1; }

 private:
  Bytes rest_;
};

}  // namespace conntrack::test
