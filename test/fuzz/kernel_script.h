// What a kernel does while code waits for its answers, step by step: before each reception a
// datagram comes, well-formed or not, from the kernel or not, or the call fails.
#pragma once

#include "input.h"
#include "kernel_socket.h"
#include "message_builder.h"
#include "require.h"

namespace conntrack::test {

struct ScriptStep {
  enum Kind { datagram, forged, from_nowhere, fault };

  Kind kind = datagram;
  Buffer bytes;
  int error = 0;  // of a fault
};

// `port_id`: of the socket that the answers are for. Messages have sequence numbers from 1 to
// `sequences`, or wrong ones.
class KernelScript {
 public:
  KernelScript(Input& input, uint32_t port_id, uint32_t sequences)
      : port_id_(port_id), sequences_(sequences) {
    while (!input.empty() && steps_.size() < most_steps) steps_.push_back(any_step(input));
  }

  const std::vector<ScriptStep>& steps() const { return steps_; }

  // Plays it: a step before each call of this name.
  void play(Kernel& kernel, KernelSocket& socket, const char* call) {
    if (next_ == steps_.size()) return;
    kernel.before(call, [this, &kernel, &socket, call] {
      take_step(kernel, socket, call);
      play(kernel, socket, call);
    });
  }

 private:
  static constexpr size_t most_steps = 100;
  static constexpr size_t most_messages = 8;  // in a datagram

  void take_step(Kernel& kernel, KernelSocket& socket, const char* call) {
    const ScriptStep& step = steps_[next_++];
    switch (step.kind) {
      case ScriptStep::datagram:
        REQUIRE(socket.try_send(step.bytes, 0));
        return;
      case ScriptStep::forged:
        REQUIRE(socket.try_send(step.bytes, 77));
        return;
      case ScriptStep::from_nowhere:
        socket.send_from_nowhere({step.bytes});
        return;
      case ScriptStep::fault:
        kernel.fail_next(call, step.error);
        return;
    }
  }

  ScriptStep any_step(Input& input) {
    static constexpr int errors[] = {EINTR, EINTR, ENOBUFS, ENOBUFS, ENOMEM, EPERM};
    const uint32_t kind = input.below(32);
    if (kind >= 30) return {ScriptStep::fault, {}, errors[input.below(6)]};
    const ScriptStep::Kind sender = kind == 29   ? ScriptStep::forged
                                    : kind == 28 ? ScriptStep::from_nowhere
                                                 : ScriptStep::datagram;
    Buffer bytes;
    if (kind == 27) {
      const Bytes raw = input.take(input.byte());
      bytes.assign(raw.data, raw.data + raw.size);
    } else {
      for (uint32_t left = 1 + input.below(most_messages); left > 0; left--) {
        bytes = join({bytes, any_message(input)});
      }
    }
    return {sender, bytes, 0};
  }

  Buffer any_message(Input& input) {
    using namespace uapi;
    const uint32_t kind = input.below(16);
    Buffer bytes = kind < 6    ? any_entry(input, MESSAGE_NEW)
                   : kind == 6 ? any_entry(input, MESSAGE_DELETE)
                   : kind < 10 ? any_error(input)
                   : kind < 12 ? message(NLMSG_DONE, 0, host(-int32_t{input.byte() % 4}))
                               : any_payload(input);
    const uint32_t chosen = input.byte();
    const uint32_t sequence = chosen < 240 ? 1 + chosen % sequences_ : chosen - 240 + sequences_;
    memcpy(bytes.data() + 8, &sequence, sizeof sequence);
    const uint32_t port_id = input.below(16) == 0 ? port_id_ + 1 : port_id_;
    memcpy(bytes.data() + 12, &port_id, sizeof port_id);
    return bytes;
  }

  // One of 16 flows, with one of 16 marks.
  static Buffer any_entry(Input& input, uint16_t type) {
    using namespace uapi;
    const uint8_t chosen = input.byte();
    const auto tuple = [chosen](uint16_t name) {
      return nest(name,
                  {nest(CTA_TUPLE_IP, {u32(CTA_IP_V4_SRC, chosen % 16u), u32(CTA_IP_V4_DST, 7)}),
                   nest(CTA_TUPLE_PROTO, {u8(CTA_PROTO_NUM, 17), u16(CTA_PROTO_SRC_PORT, 1),
                                          u16(CTA_PROTO_DST_PORT, 2)})});
    };
    return message(type, 0,
                   join({{FAMILY_IPV4, 0, 0, 0},
                         tuple(CTA_TUPLE_ORIG),
                         tuple(CTA_TUPLE_REPLY),
                         u32(CTA_ID, chosen % 16u),
                         u32(CTA_STATUS, 8),
                         u32(CTA_MARK, chosen / 16u)}));
  }

  static Buffer any_error(Input& input) {
    static constexpr int32_t errors[] = {0, 0, 0, ENOENT, EPERM, EBUSY, EINVAL, EOPNOTSUPP};
    return message(uapi::NLMSG_ERROR, 0, join({host(-errors[input.below(8)]), Buffer(16)}));
  }

  static Buffer any_payload(Input& input) {
    static constexpr uint16_t types[] = {
        uapi::MESSAGE_NEW, uapi::MESSAGE_DELETE, uapi::NLMSG_ERROR, uapi::NLMSG_DONE, 1, 0x102};
    const uint16_t type = types[input.below(6)];
    const auto flags = static_cast<uint16_t>(input.integer<uint16_t>());
    const Bytes payload = input.take(input.byte());
    Buffer bytes = message(type, flags, Buffer(payload.data, payload.data + payload.size));
    bytes.resize((bytes.size() + 3) & ~size_t{3});  // its length does not count what pads it
    return bytes;
  }

  const uint32_t port_id_;
  const uint32_t sequences_;
  std::vector<ScriptStep> steps_;
  size_t next_ = 0;
};

// The errno of an answer, and whether it carries one.
inline bool script_error(const Message& message, int& error) {
  int32_t number = 0;
  if (message.payload.size < sizeof number) return false;
  memcpy(&number, message.payload.data, sizeof number);
  error = number < 0 && number > -4096 ? -number : 0;
  return true;
}

}  // namespace conntrack::test
