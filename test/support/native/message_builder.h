// Messages as the kernel sends them, well-formed or not. Nothing of the code under
// test builds them.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "wire/message.h"

namespace conntrack::test {

using Buffer = std::vector<uint8_t>;

// A copy with nothing behind it: AddressSanitizer sees a read one byte too far.
class Exact {
 public:
  Exact() = default;
  explicit Exact(const Buffer& from) : data_(new uint8_t[from.size()]), size_(from.size()) {
    for (size_t i = 0; i < size_; i++) data_[i] = from[i];
  }
  Bytes bytes() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t size_ = 0;
};

inline Buffer join(std::initializer_list<Buffer> parts) {
  Buffer all;
  for (const Buffer& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

template <typename Integer>
Buffer host(Integer value) {
  Buffer bytes(sizeof value);
  memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <typename Integer>
Buffer network(Integer value) {
  Buffer bytes;
  for (size_t shift = sizeof value * 8; shift != 0; shift -= 8) {
    bytes.push_back(static_cast<uint8_t>(value >> (shift - 8)));
  }
  return bytes;
}

inline Buffer text(std::string_view value) { return Buffer(value.begin(), value.end()); }

// `length` may lie.
inline Buffer attribute_of_length(uint16_t length, uint16_t type, const Buffer& payload) {
  Buffer bytes = join({host(length), host(type), payload});
  bytes.resize((bytes.size() + 3) & ~size_t{3});
  return bytes;
}

inline Buffer attribute(uint16_t type, const Buffer& payload) {
  return attribute_of_length(static_cast<uint16_t>(4 + payload.size()), type, payload);
}

inline Buffer nest(uint16_t type, std::initializer_list<Buffer> attributes) {
  return attribute(type | uapi::NLA_F_NESTED, join(attributes));
}

inline Buffer u8(uint16_t type, uint8_t value) { return attribute(type, {value}); }
inline Buffer u16(uint16_t type, uint16_t value) { return attribute(type, network(value)); }
inline Buffer u32(uint16_t type, uint32_t value) { return attribute(type, network(value)); }
inline Buffer u64(uint16_t type, uint64_t value) { return attribute(type, network(value)); }

// Sets nlmsg_len to what is there.
inline void set_message_length(Buffer& message) {
  const auto length = static_cast<uint32_t>(message.size());
  memcpy(message.data(), &length, sizeof length);
}

inline Buffer message(uint16_t type, uint16_t flags, const Buffer& payload) {
  Buffer bytes = join(
      {host(uint32_t{0}), host(type), host(flags), host(uint32_t{7}), host(uint32_t{8}), payload});
  set_message_length(bytes);
  return bytes;
}

// With its nfgenmsg.
inline Buffer conntrack_message(const Buffer& attributes) {
  const Buffer nfgenmsg = {uapi::FAMILY_IPV4, 0, 0, 0};
  return message(uapi::MESSAGE_NEW, 0, join({nfgenmsg, attributes}));
}

}  // namespace conntrack::test
