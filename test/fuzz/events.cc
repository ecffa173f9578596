// Any datagram. Decodes its events as the reader of events does, and compares kind and record with
// the reference.
#include "datagrams.h"
#include "wire/decode_event.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

// 0: no event.
uint32_t kind_of(const Message& message) {
  const bool is_new = (message.flags & 0x600) != 0;  // NLM_F_CREATE, NLM_F_EXCL
  switch (message.type) {
    case 0x100:
      return is_new ? EVENT_NEW : EVENT_UPDATE;
    case 0x102:
      return EVENT_DESTROY;
    case 0x200:
      return EVENT_EXPECTATION_NEW;
    case 0x202:
      return EVENT_EXPECTATION_DESTROY;
    default:
      return 0;
  }
}

bool is_of_entry(uint32_t kind) {
  return kind == EVENT_NEW || kind == EVENT_UPDATE || kind == EVENT_DESTROY;
}

struct Expected {
  EntryRecord entry;
  ExtensionRecord of_entry;
  ExpectationRecord expectation;
  ExpectationExtensionRecord of_expectation;
  Bytes first;  // of the two strings
  Bytes second;

  bool read(const Message& message, uint32_t kind) {
    return is_of_entry(kind)
               ? reference_entry(message, entry, of_entry, first, second)
               : reference_expectation(message, expectation, of_expectation, first, second);
  }
};

void require_entry(const Expected& expected, const EntryRecord& record,
                   const Extension& extension) {
  REQUIRE(same_record(record, expected.entry));
  if (record.extension_present == 0) return;
  REQUIRE(same_record(extension.record, expected.of_entry));
  REQUIRE(same_bytes(extension.helper, expected.first));
  REQUIRE(same_bytes(extension.security_context, expected.second));
}

void require_expectation(const Expected& expected, const ExpectationRecord& record,
                         const ExpectationExtension& extension) {
  REQUIRE(same_record(record, expected.expectation));
  if ((record.present & EXPECTATION_IN_EXTENSION) == 0) return;
  REQUIRE(same_record(extension.record, expected.of_expectation));
  REQUIRE(same_bytes(extension.helper, expected.first));
  REQUIRE(same_bytes(extension.function, expected.second));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  each_message({data, size}, [](const Message& message) {
    auto record = zeroed<EventRecord>();
    EventExtension extension;
    const bool decoded = decode_event(message, record, extension);
    const uint32_t kind = kind_of(message);
    Expected expected;
    REQUIRE(decoded == (kind != 0 && expected.read(message, kind)));
    if (!decoded) return;
    REQUIRE(record.kind == kind && record.origin_port_id == message.port_id);
    REQUIRE(record.netns == 0 && record.count == 0 && record.maximum == 0);
    REQUIRE(is_expectation(record) == !is_of_entry(kind));
    if (is_of_entry(kind)) {
      require_entry(expected, record.entry, extension.entry);
    } else {
      require_expectation(expected, record.expectation, extension.expectation);
    }
  });
  return 0;
}
