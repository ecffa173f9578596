#include "wire/message.h"

namespace conntrack {

namespace {

constexpr size_t header_size = 16;   // struct nlmsghdr
constexpr size_t nfgenmsg_size = 4;  // struct nfgenmsg

// The extended-ack attributes of an error stand behind the request that caused
// it; NLM_F_CAPPED says that only the request's header was quoted.
bool extended_ack(const Message& message, Bytes& out) {
  size_t offset = sizeof(int32_t);
  if (message.type == uapi::NLMSG_ERROR) {
    uint32_t quoted = 0;
    if (!read_host(message.payload, offset, quoted)) return false;
    const bool capped = (message.flags & uapi::NLM_F_CAPPED) != 0;
    offset += capped ? header_size : align_to_four(quoted);
  }
  if (offset > message.payload.size) return false;
  out = {message.payload.data + offset, message.payload.size - offset};
  return true;
}

}  // namespace

bool MessageReader::next(Message& out) {
  if (rest_.size == 0) return false;
  uint32_t length = 0;
  if (!read_host(rest_, 0, length) || length < header_size || length > rest_.size) {
    malformed_ = true;
    rest_.size = 0;
    return false;
  }
  read_host(rest_, 4, out.type);
  read_host(rest_, 6, out.flags);
  read_host(rest_, 8, out.sequence);
  read_host(rest_, 12, out.port_id);
  out.payload = {rest_.data + header_size, length - header_size};
  last_ = rest_;
  const size_t step = align_to_four(length);
  if (step >= rest_.size) {
    rest_.size = 0;
  } else {
    rest_.data += step;
    rest_.size -= step;
  }
  return true;
}

bool read_answer(const Message& message, Answer& out) {
  int32_t error = 0;
  if (!read_host(message.payload, 0, error)) return false;
  out = {};
  // The kernel sends negative numbers; anything else is not an errno.
  out.error = error < 0 && error > -4096 ? -error : 0;
  Bytes attributes;
  if ((message.flags & uapi::NLM_F_ACK_TLVS) != 0 && extended_ack(message, attributes)) {
    AttributeReader reader(attributes);
    Attribute attribute;
    while (reader.next(attribute)) {
      if (attribute.type == uapi::NLMSGERR_ATTR_MSG) out.text = read_string(attribute.payload);
    }
  }
  return true;
}

bool read_attributes(const Message& message, Bytes& attributes) {
  if (message.payload.size < nfgenmsg_size) return false;
  attributes = {message.payload.data + nfgenmsg_size, message.payload.size - nfgenmsg_size};
  return true;
}

}  // namespace conntrack
