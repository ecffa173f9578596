// Runs a classic BPF program over a message, as the kernel does it
// (net/core/filter.c): what filter programs use of it, and nothing else.
#pragma once

#include <cstring>

#include "message_builder.h"
#include "wire/filter_program.h"

namespace conntrack::test {

class Bpf {
 public:
  explicit Bpf(const Buffer& message) : message_(message) {}

  // How many bytes pass. `valid` becomes false where the kernel would refuse the
  // program or end it.
  uint32_t run(const FilterProgram& program) {
    for (size_t at = 0; at < program.count;) {
      const FilterInstruction& instruction = program.instructions[at++];
      const uint32_t k = instruction.k;
      bool condition = false;
      switch (instruction.code) {
        case 0x00:
          a_ = k;
          continue;
        case 0x01:
          x_ = k;
          continue;
        case 0x07:
          x_ = a_;
          continue;
        case 0x54:
          a_ &= k;
          continue;
        case 0x20:
          a_ = k == 0xfffff00cu   ? attribute(a_, message_.size())
               : k == 0xfffff010u ? nested(a_)
                                  : load(k, 4);
          continue;
        case 0x28:
          a_ = load(k, 2);
          continue;
        case 0x30:
          a_ = load(k, 1);
          continue;
        case 0x40:
          a_ = load(x_ + k, 4);
          continue;
        case 0x48:
          a_ = load(x_ + k, 2);
          continue;
        case 0x50:
          a_ = load(x_ + k, 1);
          continue;
        case 0x05:
          at += k;
          continue;
        case 0x06:
          return k;
        case 0x15:
          condition = a_ == k;
          break;
        case 0x25:
          condition = a_ > k;
          break;
        case 0x35:
          condition = a_ >= k;
          break;
        default:
          valid = false;
          return 0;
      }
      at += condition ? instruction.if_true : instruction.if_false;
    }
    valid = false;  // it ran off its end
    return 0;
  }

  bool valid = true;

 private:
  // A load beyond the message ends the program: nothing passes.
  uint32_t load(size_t offset, size_t size) {
    if (offset + size > message_.size()) {
      valid = false;
      return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | message_[offset + i];
    return value;
  }

  uint16_t host(size_t offset) const {
    uint16_t value = 0;
    memcpy(&value, message_.data() + offset, sizeof value);
    return value;
  }

  uint32_t attribute(size_t from, size_t end) const {
    while (from + 4 <= end) {
      const size_t length = host(from);
      if (length < 4 || length > end - from) return 0;
      if ((host(from + 2) & uapi::NLA_TYPE_MASK) == x_) return static_cast<uint32_t>(from);
      from += (length + 3) & ~size_t{3};
    }
    return 0;
  }

  uint32_t nested(size_t nest) const {
    if (nest + 4 > message_.size() || host(nest) > message_.size() - nest) return 0;
    return attribute(nest + 4, nest + host(nest));
  }

  const Buffer& message_;
  uint32_t a_ = 0;
  uint32_t x_ = 0;
};

}  // namespace conntrack::test
