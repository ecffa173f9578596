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

  // The answer to a request that the kernel grants: the type of a message, or one of these. One
  // that it refuses is answered with an error.
  static constexpr uint16_t ack = uapi::NLMSG_ERROR;
  static constexpr uint16_t silence = 0;

  void clear() { count_ = size_ = answered_ = 0; }
  size_t count() const { return count_; }
  bool full() const { return count_ == capacity; }
  // How many the kernel answers whatever becomes of them.
  size_t answered() const { return answered_; }

  bool fits(const RequestWriter& request) const {
    return !full() && request.request().size <= sizeof data_ - size_;
  }

  // Adds a request. False when it is not complete(), or does not fit.
  bool add(const RequestWriter& request, uint16_t answer) {
    if (!request.complete() || !fits(request)) return false;
    const Bytes bytes = request.request();
    memcpy(data_ + size_, bytes.data, bytes.size);
    if (answer == ack) ask_for_ack(data_ + size_);
    starts_[count_] = size_;
    answers_[count_++] = answer;
    size_ += bytes.size;
    if (answer != silence) answered_++;
    return true;
  }

  // The kernel acks the last request, if it would answer it by silence.
  void ask_last() {
    if (count_ == 0 || answers_[count_ - 1] != silence) return;
    answered_++;
    answers_[count_ - 1] = ack;
    ask_for_ack(data_ + starts_[count_ - 1]);
  }

  // Numbers the requests from `first` on.
  void set_sequence(uint32_t first) {
    for (size_t i = 0; i < count_; i++) {
      const uint32_t sequence = first + static_cast<uint32_t>(i);
      memcpy(data_ + starts_[i] + 8, &sequence, sizeof sequence);
    }
  }

  uint16_t answer(size_t request) const { return answers_[request]; }
  Bytes bytes() const { return {data_, size_}; }

 private:
  static void ask_for_ack(uint8_t* request) {
    uint16_t flags = 0;
    memcpy(&flags, request + 6, sizeof flags);
    flags |= uapi::NLM_F_ACK;
    memcpy(request + 6, &flags, sizeof flags);
  }

  uint8_t data_[capacity * RequestWriter::largest];
  size_t starts_[capacity];
  uint16_t answers_[capacity];
  size_t count_ = 0;
  size_t size_ = 0;
  size_t answered_ = 0;
};

}  // namespace conntrack
