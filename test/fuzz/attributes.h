// A list of all attributes, read byte by byte: slow and obvious. The reference decoders and models
// use it.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "wire/byte_reader.h"

namespace conntrack::test {

// Of a message that is being read: whether it is well-formed, and its unknown attributes.
struct Reading {
  bool ok = true;
  uint32_t unknown = 0;
};

inline uint32_t host_u16(const uint8_t* at) {
  return host_is_little_endian ? uint32_t{at[0]} | uint32_t{at[1]} << 8
                               : uint32_t{at[0]} << 8 | uint32_t{at[1]};
}

class Attributes {
 public:
  struct One {
    uint32_t type;
    Bytes payload;
  };

  Attributes(Bytes bytes, Reading& reading) : reading_(reading) {
    for (size_t at = 0; bytes.size - at >= 4;) {
      const uint32_t length = host_u16(bytes.data + at);
      const uint32_t type = host_u16(bytes.data + at + 2) & 0x3fff;
      if (length < 4 || length > bytes.size - at) {
        reading_.ok = false;
        return;
      }
      all_.push_back({type, {bytes.data + at + 4, length - 4}});
      at = std::min(bytes.size, at + (length + 3) / 4 * 4);
    }
  }

  const std::vector<One>& all() const { return all_; }

  // Calls `take` for each attribute of this type, in order.
  template <typename Take>
  void each(uint32_t type, Take take) const {
    for (const One& one : all_) {
      if (one.type == type) take(one.payload);
    }
  }
  // The payload of the last one; nullptr when there is none.
  const Bytes* last(uint32_t type) const {
    const Bytes* found = nullptr;
    for (const One& one : all_) {
      if (one.type == type) found = &one.payload;
    }
    return found;
  }

  // Counts those of no type in the list.
  void known(std::initializer_list<uint32_t> types) {
    for (const One& one : all_) {
      if (std::find(types.begin(), types.end(), one.type) == types.end()) reading_.unknown++;
    }
  }

  // An integer in network byte order; a payload that is too short is no value.
  template <typename Integer>
  Integer number(Bytes payload, size_t at = 0) const {
    Integer value = 0;
    if (payload.size < at + sizeof value) {
      reading_.ok = false;
      return 0;
    }
    for (size_t i = 0; i < sizeof value; i++) {
      value = static_cast<Integer>(uint64_t{value} << 8 | payload.data[at + i]);
    }
    return value;
  }

  // What stands before the first NUL.
  Bytes text(Bytes payload, size_t longest) const {
    size_t size = 0;
    while (size < payload.size && payload.data[size] != 0) size++;
    if (size > longest) reading_.ok = false;
    return {payload.data, size};
  }

 private:
  Reading& reading_;
  std::vector<One> all_;
};

}  // namespace conntrack::test
