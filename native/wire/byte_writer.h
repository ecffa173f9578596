// The only place that writes bytes to send: one request, built attribute by
// attribute into a buffer of fixed size.
#pragma once

#include "wire/byte_reader.h"

namespace conntrack {

class RequestWriter {
 public:
  // The largest request, one that creates an entry, needs some 600 bytes.
  static constexpr size_t largest = 1024;

  // Starts with nlmsghdr and nfgenmsg. `version` means something in a flush only.
  RequestWriter(uint16_t type, uint16_t flags, uint8_t family, uint8_t version = 0) {
    const uint16_t all_flags = flags | uapi::NLM_F_REQUEST;
    memcpy(data_ + 4, &type, sizeof type);
    memcpy(data_ + 6, &all_flags, sizeof all_flags);
    data_[header_size - 4] = family;
    data_[header_size - 3] = version;
    update_length();
  }

  // The sequence number is known only when the request is sent.
  void set_sequence(uint32_t sequence) { memcpy(data_ + 8, &sequence, sizeof sequence); }

  template <typename Integer>
  void integer(uint16_t type, Integer value) {
    const Integer wire = big_endian(value);
    put(type, &wire, sizeof wire);
  }
  void byte(uint16_t type, uint8_t value) { put(type, &value, sizeof value); }
  void bytes(uint16_t type, Bytes value) { put(type, value.data, value.size); }

  // Strings go out with their NUL, as the kernel's policies ask.
  void string(uint16_t type, Bytes value) {
    uint8_t* to = attribute(type, value.size + 1);
    if (!to) return;
    if (value.size) memcpy(to, value.data, value.size);
    to[value.size] = 0;
  }

  // Attributes put while the nest is alive stand inside it.
  class Nest {
   public:
    Nest(RequestWriter& writer, uint16_t type) : writer_(writer), start_(writer.size_) {
      writer.attribute(type | uapi::NLA_F_NESTED, 0);
    }
    ~Nest() {
      if (writer_.spoiled_) return;
      const auto length = static_cast<uint16_t>(writer_.size_ - start_);
      memcpy(writer_.data_ + start_, &length, sizeof length);
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    RequestWriter& writer_;
    size_t start_;
  };

  // A request that lacks what it needs.
  void spoil() { spoiled_ = true; }

  // False when it is spoiled, or something did not fit: it must not be sent.
  bool complete() const { return !spoiled_; }
  Bytes request() const { return {data_, size_}; }

 private:
  static constexpr size_t header_size = 20;

  void put(uint16_t type, const void* value, size_t size) {
    uint8_t* to = attribute(type, size);
    if (to && size) memcpy(to, value, size);
  }

  uint8_t* attribute(uint16_t type, size_t payload) {
    const size_t length = 4 + payload;
    const size_t step = align_to_four(length);
    if (spoiled_ || step > sizeof data_ - size_) {
      spoiled_ = true;
      return nullptr;
    }
    uint8_t* header = data_ + size_;
    memset(header, 0, step);
    const auto wire_length = static_cast<uint16_t>(length);
    memcpy(header, &wire_length, sizeof wire_length);
    memcpy(header + 2, &type, sizeof type);
    size_ += step;
    update_length();
    return header + 4;
  }

  void update_length() {
    const auto length = static_cast<uint32_t>(size_);
    memcpy(data_, &length, sizeof length);
  }

  uint8_t data_[largest] = {};
  size_t size_ = header_size;
  bool spoiled_ = false;
};

}  // namespace conntrack
