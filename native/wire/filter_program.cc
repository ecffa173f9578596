#include "wire/filter_program.h"

namespace conntrack {

namespace {

using namespace uapi;

// linux/bpf_common.h, linux/filter.h
constexpr uint16_t LOAD_IMMEDIATE = 0x00;    // A = k
constexpr uint16_t LOAD_X_IMMEDIATE = 0x01;  // X = k
constexpr uint16_t LOAD_WORD = 0x20;         // A = 32 bits at k, from network byte order
constexpr uint16_t LOAD_HALF = 0x28;         // 16 bits
constexpr uint16_t LOAD_BYTE = 0x30;
constexpr uint16_t LOAD_WORD_AT_X = 0x40;  // at X + k
constexpr uint16_t LOAD_HALF_AT_X = 0x48;
constexpr uint16_t LOAD_BYTE_AT_X = 0x50;
constexpr uint16_t AND = 0x54;               // A &= k
constexpr uint16_t JUMP = 0x05;              // over k instructions
constexpr uint16_t JUMP_IF_EQUAL = 0x15;     // A == k
constexpr uint16_t JUMP_IF_GREATER = 0x25;   // A > k
constexpr uint16_t JUMP_IF_NOT_LESS = 0x35;  // A >= k
constexpr uint16_t RETURN = 0x06;            // k: how many bytes pass
constexpr uint16_t COPY_TO_X = 0x07;         // X = A

// A = the offset of the attribute of type X that stands behind A, or within the
// nest at A; 0 when there is none. Of a type's flags nothing is compared.
constexpr uint32_t FIND_ATTRIBUTE = 0xfffff000u + 12;
constexpr uint32_t FIND_NESTED = 0xfffff000u + 16;

constexpr uint32_t message_type_offset = 4;
constexpr uint32_t family_offset = 16;
constexpr uint32_t attributes_offset = 20;
constexpr uint32_t payload_offset = 4;  // in an attribute

constexpr uint32_t pass = 0xffffffff;

class ProgramWriter {
 public:
  explicit ProgramWriter(FilterProgram& program) : program_(program) { program_.count = 0; }

  // What is no event about an entry passes.
  void begin() {
    add(LOAD_HALF, message_type_offset);
    add(JUMP_IF_EQUAL, big_endian(MESSAGE_NEW), 2, 0);
    add(JUMP_IF_EQUAL, big_endian(MESSAGE_DELETE), 1, 0);
    add(RETURN, pass);
  }

  // False when it has no room, or when the record lets everything pass.
  bool add(const FilterRecord& record) {
    if (!asks_what_can_be_told(record)) return false;
    failures_ = 0;
    entry(record);
    tuple(CTA_TUPLE_ORIG, record.original);
    tuple(CTA_TUPLE_REPLY, record.reply);
    add(RETURN, pass);
    for (size_t i = 0; i < failures_; i++) land(failure_[i]);
    return !full_;
  }

  bool end() {
    add(RETURN, 0);
    return !full_;
  }

 private:
  static constexpr uint16_t told_of_tuples = TUPLE_FILTER_SOURCE | TUPLE_FILTER_DESTINATION |
                                             TUPLE_FILTER_SOURCE_PORT |
                                             TUPLE_FILTER_DESTINATION_PORT;

  static bool asks_what_can_be_told(const FilterRecord& record) {
    constexpr uint32_t told =
        FILTER_FAMILY | FILTER_PROTOCOL | FILTER_ADDRESS | FILTER_PORT | FILTER_MARK | FILTER_ZONE;
    return (record.present & told) != 0 ||
           (record.status_all | record.status_none | record.status_any) != 0 ||
           ((record.original.present | record.reply.present) & told_of_tuples) != 0;
  }

  void entry(const FilterRecord& record) {
    const auto asks = [&record](uint32_t field) { return (record.present & field) != 0; };
    if (asks(FILTER_FAMILY)) {
      add(LOAD_BYTE, family_offset);
      unless(JUMP_IF_EQUAL, record.family);
    }
    if (asks(FILTER_PROTOCOL)) {
      find_in_tuple(CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_NUM);
      fail_without_attribute();
      add(LOAD_BYTE_AT_X, payload_offset);
      unless(JUMP_IF_EQUAL, record.protocol);
    }
    status(record);
    if (asks(FILTER_MARK)) {
      load_or_zero(CTA_MARK, LOAD_WORD_AT_X);
      add(AND, record.mark_mask);
      unless(JUMP_IF_EQUAL, record.mark);
    }
    if (asks(FILTER_ZONE)) {
      load_or_zero(CTA_ZONE, LOAD_HALF_AT_X);
      unless(JUMP_IF_EQUAL, record.zone);
    }
    if (asks(FILTER_ADDRESS)) {
      any_of_four([this, &record](uint16_t direction, bool source) {
        address(direction, source, record.address);
      });
    }
    if (asks(FILTER_PORT)) {
      any_of_four([this, &record](uint16_t direction, bool source) {
        port(direction, source, record.port);
      });
    }
  }

  void status(const FilterRecord& record) {
    if ((record.status_all | record.status_none | record.status_any) == 0) return;
    const auto bits = [this](uint32_t mask) {
      load_or_zero(CTA_STATUS, LOAD_WORD_AT_X);
      add(AND, mask);
    };
    if (record.status_all != 0) {
      bits(record.status_all);
      unless(JUMP_IF_EQUAL, record.status_all);
    }
    if (record.status_none != 0) {
      bits(record.status_none);
      unless(JUMP_IF_EQUAL, 0);
    }
    if (record.status_any != 0) {
      bits(record.status_any);
      unless(JUMP_IF_NOT_LESS, 1);
    }
  }

  void tuple(uint16_t direction, const TupleFilterRecord& record) {
    const auto asks = [&record](uint16_t field) { return (record.present & field) != 0; };
    if (asks(TUPLE_FILTER_SOURCE)) address(direction, true, record.source);
    if (asks(TUPLE_FILTER_DESTINATION)) address(direction, false, record.destination);
    if (asks(TUPLE_FILTER_SOURCE_PORT)) port(direction, true, record.source_port);
    if (asks(TUPLE_FILTER_DESTINATION_PORT)) port(direction, false, record.destination_port);
  }

  // `test` fails by a jump; this fails when it does for all four places.
  template <typename Test>
  void any_of_four(Test test) {
    size_t found[4];
    const size_t outer = failures_;
    for (size_t place = 0; place < 4; place++) {
      test(place < 2 ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY, place % 2 == 0);
      found[place] = add(JUMP, 0);
      for (; failures_ > outer; failures_--) land(failure_[failures_ - 1]);
    }
    fail();
    for (size_t jump : found) land(jump);
  }

  void address(uint16_t direction, bool source, const AddressRange& range) {
    const bool ipv4 = range.family == FAMILY_IPV4;
    const uint16_t v4 = source ? CTA_IP_V4_SRC : CTA_IP_V4_DST;
    const uint16_t v6 = source ? CTA_IP_V6_SRC : CTA_IP_V6_DST;
    find_in_tuple(direction, CTA_TUPLE_IP, ipv4 ? v4 : v6);
    fail_without_attribute();
    for (size_t word = 0; word < (ipv4 ? 1u : 4u); word++) {
      const size_t bits = range.prefix > 32 * word ? range.prefix - 32 * word : 0;
      if (bits == 0) break;
      uint32_t wanted = 0;
      memcpy(&wanted, range.address + 4 * word, sizeof wanted);
      const uint32_t mask = bits >= 32 ? ~0u : ~(~0u >> bits);
      add(LOAD_WORD_AT_X, payload_offset + static_cast<uint32_t>(4 * word));
      if (mask != ~0u) add(AND, mask);
      unless(JUMP_IF_EQUAL, big_endian(wanted) & mask);
    }
  }

  void port(uint16_t direction, bool source, const PortRange& range) {
    find_in_tuple(direction, CTA_TUPLE_PROTO, source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT);
    fail_without_attribute();
    add(LOAD_HALF_AT_X, payload_offset);
    if (range.from == range.to) {
      unless(JUMP_IF_EQUAL, range.from);
      return;
    }
    unless(JUMP_IF_NOT_LESS, range.from);
    add(JUMP_IF_GREATER, range.to, 0, 1);
    fail();
  }

  // A = the offset of the attribute, or 0: within what is not there, nothing is.
  void find_in_tuple(uint16_t direction, uint16_t part, uint16_t type) {
    find(direction);
    for (const uint16_t nested : {part, type}) {
      add(JUMP_IF_EQUAL, 0, 2, 0);
      add(LOAD_X_IMMEDIATE, nested);
      add(LOAD_WORD, FIND_NESTED);
    }
  }

  void find(uint16_t type) {
    add(LOAD_IMMEDIATE, attributes_offset);
    add(LOAD_X_IMMEDIATE, type);
    add(LOAD_WORD, FIND_ATTRIBUTE);
  }

  // A = the value of the attribute, or 0.
  void load_or_zero(uint16_t type, uint16_t load) {
    find(type);
    add(JUMP_IF_EQUAL, 0, 2, 0);
    add(COPY_TO_X, 0);
    add(load, payload_offset);
  }

  // X = A, the offset of an attribute that must be there.
  void fail_without_attribute() {
    unless(JUMP_IF_NOT_LESS, 1);
    add(COPY_TO_X, 0);
  }

  void unless(uint16_t condition, uint32_t k) {
    add(condition, k, 1, 0);
    fail();
  }

  // Jumps to where the next record is tried. Conditional jumps reach too short for that.
  void fail() {
    const size_t jump = add(JUMP, 0);
    if (failures_ == sizeof failure_ / sizeof failure_[0]) {
      full_ = true;
    } else {
      failure_[failures_++] = jump;
    }
  }

  // Makes a jump end here.
  void land(size_t jump) {
    if (!full_) {
      program_.instructions[jump].k = static_cast<uint32_t>(program_.count - jump - 1);
    }
  }

  size_t add(uint16_t code, uint32_t k, uint8_t if_true = 0, uint8_t if_false = 0) {
    if (program_.count == FilterProgram::capacity) {
      full_ = true;
      return 0;
    }
    program_.instructions[program_.count] = {code, if_true, if_false, k};
    return program_.count++;
  }

  FilterProgram& program_;
  bool full_ = false;
  size_t failure_[64];  // jumps that end where the next record begins
  size_t failures_ = 0;
};

}  // namespace

void make_filter_program(Bytes records, FilterProgram& program) {
  ProgramWriter writer(program);
  writer.begin();
  bool complete = true;
  for (size_t at = 0; complete && at + sizeof(FilterRecord) <= records.size;
       at += sizeof(FilterRecord)) {
    FilterRecord record;
    memcpy(&record, records.data + at, sizeof record);
    complete = writer.add(record);
    at += record.negations * sizeof record;  // they let less pass, and are compared later
  }
  if (!complete || !writer.end()) program.count = 0;
}

}  // namespace conntrack
