// Requests that are sent together, in one datagram: the kernel works through them
// in order before send() returns.
#pragma once

#include "wire/byte_writer.h"

namespace conntrack {

class RequestBatch {
 public:
  // The kernel answers each with an ack of some 700 bytes of the receive buffer, or an
  // entry of 1,300: this many fit into the buffer that every socket gets.
  static constexpr size_t capacity = 128;

  void clear() { count_ = size_ = 0; }
  size_t count() const { return count_; }
  bool full() const { return count_ == capacity; }

  // Adds a request. False when it is not complete(), or the batch is full.
  bool add(const RequestWriter& request) {
    const Bytes bytes = request.request();
    if (!request.complete() || full() || bytes.size > sizeof data_ - size_) return false;
    memcpy(data_ + size_, bytes.data, bytes.size);
    starts_[count_++] = size_;
    size_ += bytes.size;
    return true;
  }

  // Numbers the requests from `first` on.
  void set_sequence(uint32_t first) {
    for (size_t i = 0; i < count_; i++) {
      const uint32_t sequence = first + static_cast<uint32_t>(i);
      memcpy(data_ + starts_[i] + 8, &sequence, sizeof sequence);
    }
  }

  Bytes bytes() const { return {data_, size_}; }

 private:
  uint8_t data_[capacity * RequestWriter::largest];
  size_t starts_[capacity];
  size_t count_ = 0;
  size_t size_ = 0;
};

}  // namespace conntrack
