#include "wire/decode_timeout.h"

#include "wire/decode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;

constexpr uint32_t always_sent = TIMEOUT_FAMILY | TIMEOUT_PROTOCOL | TIMEOUT_SECONDS;

class TimeoutDecoder {
 public:
  explicit TimeoutDecoder(TimeoutRecord& record) : record_(record) {}

  bool decode(const Message& message, uint32_t needed) {
    Bytes attributes;
    return read_attributes(message, attributes) &&
           each_attribute(attributes, [this](const Attribute& a) { return attribute(a); }) &&
           (record_.present & needed) == needed;
  }

 private:
  bool attribute(const Attribute& a) {
    switch (a.type) {
      case CTA_TIMEOUT_NAME:
        return name(a.payload);
      case CTA_TIMEOUT_L3PROTO:
        record_.present |= TIMEOUT_FAMILY;
        return read_big_endian(a.payload, record_.family);
      case CTA_TIMEOUT_L4PROTO:
        record_.present |= TIMEOUT_PROTOCOL;
        return read_u8(a.payload, 0, record_.protocol);
      case CTA_TIMEOUT_DATA:
        return data(a.payload);
      case CTA_TIMEOUT_USE:
        record_.present |= TIMEOUT_USE;
        return read_big_endian(a.payload, record_.use);
      default:
        return count_unknown(record_.unknown_attributes);
    }
  }

  // An attribute that comes twice replaces the first, wholly.

  bool data(Bytes payload) {
    record_.present |= TIMEOUT_SECONDS;
    record_.states = 0;
    memset(record_.seconds, 0, sizeof record_.seconds);
    return each_attribute(payload, [this](const Attribute& state) { return seconds(state); });
  }

  bool name(Bytes payload) {
    const Bytes text = read_string(payload);
    if (text.size > longest_policy_name) return false;
    record_.present |= TIMEOUT_NAME;
    record_.name_length = static_cast<uint8_t>(text.size);
    memset(record_.name, 0, sizeof record_.name);
    if (text.size) memcpy(record_.name, text.data, text.size);
    return true;
  }

  // Number 0 is no state's: CTA_TIMEOUT_*_UNSPEC.
  bool seconds(const Attribute& state) {
    if (state.type == 0 || state.type >= timeout_states) {
      return count_unknown(record_.unknown_attributes);
    }
    record_.states |= 1u << state.type;
    return read_big_endian(state.payload, record_.seconds[state.type]);
  }

  TimeoutRecord& record_;
};

}  // namespace

bool decode_timeout_policy(const Message& message, TimeoutRecord& record) {
  return TimeoutDecoder(record).decode(message, always_sent | TIMEOUT_NAME);
}

bool decode_default_timeouts(const Message& message, TimeoutRecord& record) {
  return TimeoutDecoder(record).decode(message, always_sent);
}

}  // namespace conntrack
