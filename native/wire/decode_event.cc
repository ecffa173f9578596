#include "wire/decode_event.h"

namespace conntrack {

bool decode_event(const Message& message, EventRecord& record, EventExtension& extension) {
  // The kernel tells a new entry from a changed one by these flags alone.
  constexpr uint16_t created = uapi::NLM_F_CREATE | uapi::NLM_F_EXCL;
  record.origin_port_id = message.port_id;
  switch (message.type) {
    case uapi::MESSAGE_NEW:
      record.kind = (message.flags & created) != 0 ? EVENT_NEW : EVENT_UPDATE;
      return decode_entry(message, record.entry, extension.entry);
    case uapi::MESSAGE_DELETE:
      record.kind = EVENT_DESTROY;
      return decode_entry(message, record.entry, extension.entry);
    case uapi::MESSAGE_EXPECTATION_NEW:
      record.kind = EVENT_EXPECTATION_NEW;
      return decode_expectation(message, record.expectation, extension.expectation);
    case uapi::MESSAGE_EXPECTATION_DELETE:
      record.kind = EVENT_EXPECTATION_DESTROY;
      return decode_expectation(message, record.expectation, extension.expectation);
    default:
      return false;
  }
}

}  // namespace conntrack
