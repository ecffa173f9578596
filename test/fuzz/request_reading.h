// A request as the kernel reads it: one whole message, and the list of its attributes.
#pragma once

#include "attributes.h"
#include "input.h"
#include "reference.h"
#include "require.h"
#include "wire/byte_writer.h"

namespace conntrack::test {

class RequestReading {
 public:
  RequestReading(const RequestWriter& request, uint16_t type, uint16_t flags, uint8_t family,
                 uint8_t version = 0)
      : RequestReading(request.request(), type, flags, family, version) {
    REQUIRE(request.complete());
  }
  RequestReading(Bytes request, uint16_t type, uint16_t flags, uint8_t family, uint8_t version = 0)
      : bytes_(request), all_(behind_header(request), reading_) {
    bool malformed = false;
    const std::vector<Message> messages = reference_messages(request, malformed);
    REQUIRE(messages.size() == 1 && !malformed);
    const Message& message = messages[0];
    REQUIRE(message.payload.size == request.size - 16 && request.size % 4 == 0);
    REQUIRE(message.type == type && message.flags == (flags | uapi::NLM_F_REQUEST));
    REQUIRE(message.payload.data[0] == family && message.payload.data[1] == version);
    REQUIRE(message.payload.data[2] == 0 && message.payload.data[3] == 0);
    REQUIRE(reading_.ok);
    // The kernel would take the last of two.
    for (const Attributes::One& one : all_.all()) REQUIRE(count(one.type) == 1);
  }

  const Attributes& all() const { return all_; }
  bool has(uint16_t type) const { return all_.last(type) != nullptr; }
  size_t count(uint32_t type) const {
    size_t found = 0;
    all_.each(type, [&](Bytes) { found++; });
    return found;
  }

  template <typename Integer>
  void require(uint16_t type, bool there, Integer value) const {
    REQUIRE(has(type) == there);
    if (!there) return;
    REQUIRE(all_.last(type)->size == sizeof value);
    REQUIRE(all_.number<Integer>(*all_.last(type)) == value);
  }
  // One that ends in NUL.
  void require_text(uint16_t type, bool there, Bytes value) const {
    REQUIRE(has(type) == there);
    if (!there) return;
    const Bytes payload = *all_.last(type);
    REQUIRE(payload.size == value.size + 1 && payload.data[value.size] == 0);
    REQUIRE(value.size == 0 || memcmp(payload.data, value.data, value.size) == 0);
  }
  void require_tuple(uint16_t type, bool there, const TupleRecord& tuple) const {
    REQUIRE(has(type) == there);
    if (!there) return;
    Reading reading;
    const TupleRecord sent = reference_tuple(*all_.last(type), reading);
    REQUIRE(reading.ok && reading.unknown == 0);
    REQUIRE(memcmp(&sent, &tuple, sizeof sent) == 0);
  }

  // The message with more attributes at its end.
  std::vector<uint8_t> with(const std::vector<uint8_t>& more) const {
    std::vector<uint8_t> answer(bytes_.data, bytes_.data + bytes_.size);
    answer.insert(answer.end(), more.begin(), more.end());
    const auto length = static_cast<uint32_t>(answer.size());
    memcpy(answer.data(), &length, sizeof length);
    return answer;
  }

 private:
  static Bytes behind_header(Bytes request) {
    REQUIRE(request.size >= 20);
    return {request.data + 20, request.size - 20};
  }

  Bytes bytes_;
  Reading reading_;
  Attributes all_;
};

// A whole tuple, whose absent values are zero.
inline TupleRecord whole_tuple(Input& input, uint8_t family) {
  using namespace uapi;
  static constexpr uint8_t protocols[] = {1, 6, 17, 33, 47, 50, 58, 132, 136, 255};
  TupleRecord tuple = {};
  tuple.family = family;
  tuple.protocol = protocols[input.below(sizeof protocols)];
  const size_t size = family == FAMILY_IPV4 ? 4 : 16;
  for (size_t i = 0; i < size; i++) tuple.source[i] = input.byte();
  for (size_t i = 0; i < size; i++) tuple.destination[i] = input.byte();
  tuple.present = input.byte() & (2 * TUPLE_ZONE - 1);
  if (tuple.present & TUPLE_SOURCE_PORT) input.fill(tuple.source_port);
  if (tuple.present & TUPLE_DESTINATION_PORT) input.fill(tuple.destination_port);
  if (tuple.present & TUPLE_ICMP_ID) input.fill(tuple.icmp_id);
  if (tuple.present & TUPLE_ICMP_TYPE) input.fill(tuple.icmp_type);
  if (tuple.present & TUPLE_ICMP_CODE) input.fill(tuple.icmp_code);
  if (tuple.present & TUPLE_ZONE) input.fill(tuple.zone);
  if (tuple.protocol == IPPROTO_GRE) {
    const uint32_t ports = tuple.present & (TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT);
    tuple.present = (tuple.present & ~ports) | ports * TUPLE_SOURCE_KEY;
  }
  return tuple;
}

inline uint8_t any_family(Input& input) {
  return input.coin() ? uapi::FAMILY_IPV6 : uapi::FAMILY_IPV4;
}

// Any family, or none. No more of the addresses than a request of IPv4 carries.
inline void spoil_family(Input& input, TupleRecord& tuple) {
  input.fill(tuple.family);
  memset(tuple.source + 4, 0, sizeof tuple.source - 4);
  memset(tuple.destination + 4, 0, sizeof tuple.destination - 4);
}

}  // namespace conntrack::test
