#include "wire/decode_expectation.h"

#include "wire/decode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;

class ExpectationDecoder {
 public:
  ExpectationDecoder(ExpectationRecord& record, ExpectationExtension& extension)
      : record_(record), extension_(extension) {}

  bool decode(Bytes attributes) {
    constexpr uint32_t always_sent =
        EXPECTATION_TUPLE | EXPECTATION_MASK | EXPECTATION_MASTER | EXPECTATION_ID;
    const bool complete =
        each_attribute(attributes, [this](const Attribute& a) { return attribute(a); });
    return complete && (record_.present & always_sent) == always_sent;
  }

 private:
  bool attribute(const Attribute& a) {
    switch (a.type) {
      case CTA_EXPECT_MASTER:
        return tuple(a, record_.master, EXPECTATION_MASTER);
      case CTA_EXPECT_TUPLE:
        return tuple(a, record_.tuple, EXPECTATION_TUPLE);
      case CTA_EXPECT_MASK:
        return tuple(a, record_.mask, EXPECTATION_MASK);
      case CTA_EXPECT_TIMEOUT:
        return integer(a, record_.timeout, EXPECTATION_TIMEOUT);
      case CTA_EXPECT_ID:
        return integer(a, record_.id, EXPECTATION_ID);
      case CTA_EXPECT_HELP_NAME: {
        ExpectationExtensionRecord& extension = extend(EXPECTATION_HELPER);
        return decode_text(a.payload, extension_.helper, extension.helper_length);
      }
      case CTA_EXPECT_ZONE:
        return integer(a, record_.zone, EXPECTATION_ZONE);
      case CTA_EXPECT_FLAGS:
        return integer(a, record_.flags, EXPECTATION_FLAGS);
      case CTA_EXPECT_CLASS:
        return integer(a, record_.helper_class, EXPECTATION_CLASS);
      case CTA_EXPECT_NAT:
        return nat(a);
      case CTA_EXPECT_FN: {
        ExpectationExtensionRecord& extension = extend(EXPECTATION_FUNCTION);
        return decode_text(a.payload, extension_.function, extension.function_length);
      }
      default:
        return count_unknown(record_.unknown_attributes);
    }
  }

  template <typename Integer>
  bool integer(const Attribute& a, Integer& field, uint32_t present) {
    record_.present |= present;
    return read_big_endian(a.payload, field);
  }

  bool tuple(const Attribute& a, TupleRecord& out, uint32_t present) {
    record_.present |= present;
    return decode_tuple(a.payload, out, record_.unknown_attributes);
  }

  // The first value of the extension makes the rest of it zero.
  ExpectationExtensionRecord& extend(uint32_t present) {
    if ((record_.present & EXPECTATION_IN_EXTENSION) == 0) extension_ = {};
    record_.present |= present;
    return extension_.record;
  }

  bool nat(const Attribute& a) {
    ExpectationExtensionRecord& extension = extend(EXPECTATION_NAT);
    bool seen[2] = {};
    const bool complete = each_attribute(a.payload, [&](const Attribute& part) {
      switch (part.type) {
        case CTA_EXPECT_NAT_DIR:
          return seen[0] = read_big_endian(part.payload, record_.nat_direction);
        case CTA_EXPECT_NAT_TUPLE:
          return seen[1] = decode_tuple(part.payload, extension.nat, record_.unknown_attributes);
        default:
          return count_unknown(record_.unknown_attributes);
      }
    });
    return complete && seen[0] && seen[1];
  }

  ExpectationRecord& record_;
  ExpectationExtension& extension_;
};

}  // namespace

bool decode_expectation(const Message& message, ExpectationRecord& record,
                        ExpectationExtension& extension) {
  Bytes attributes;
  return read_attributes(message, attributes) &&
         ExpectationDecoder(record, extension).decode(attributes);
}

}  // namespace conntrack
