#include "near_requests.h"

#include "reference.h"
#include "wire/request_record.h"

namespace conntrack::test {

using namespace uapi;

namespace {

template <typename Record>
Buffer bytes_of(const Record& record) {
  Buffer bytes(sizeof record);
  memcpy(bytes.data(), &record, sizeof record);
  return bytes;
}

TupleRecord template_tuple() {
  auto tuple = zeroed<TupleRecord>();
  tuple.family = FAMILY_IPV4;
  tuple.protocol = IPPROTO_TCP;
  tuple.present = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;
  return tuple;
}

EntryRecord template_entry(uint16_t extension) {
  auto entry = zeroed<EntryRecord>();
  entry.present = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID;
  entry.original = entry.reply = template_tuple();
  entry.extension = extension;
  entry.extension_present = extension != 0 ? EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT : 0;
  return entry;
}

Buffer template_expectation(uint16_t extension) {
  auto expectation = zeroed<ExpectationRecord>();
  expectation.present =
      EXPECTATION_TUPLE | EXPECTATION_MASK | EXPECTATION_MASTER | EXPECTATION_TIMEOUT;
  expectation.tuple = expectation.mask = expectation.master = template_tuple();
  expectation.extension = extension;
  if (extension != 0) expectation.present |= EXPECTATION_HELPER | EXPECTATION_FUNCTION;
  return bytes_of(expectation);
}

Buffer template_timeouts() {
  auto timeouts = zeroed<TimeoutRecord>();
  timeouts.present = TIMEOUT_NAME | TIMEOUT_FAMILY | TIMEOUT_PROTOCOL | TIMEOUT_SECONDS;
  timeouts.name_length = 3;
  memcpy(timeouts.name, "web", 3);
  return bytes_of(timeouts);
}

// `extension`: where it is behind the record, or 0.
Buffer template_record(uint16_t kind, uint16_t (*place)(size_t), bool extended) {
  const auto at = [&](size_t size) { return extended ? place(size) : uint16_t{0}; };
  switch (kind) {
    case REQUEST_GET:
    case REQUEST_GET_ZERO:
    case REQUEST_DELETE:
      return bytes_of(template_entry(at(sizeof(EntryRecord))));
    case REQUEST_CREATE:
    case REQUEST_UPDATE: {
      auto spec = zeroed<SpecRecord>();
      spec.entry = template_entry(at(sizeof spec));
      return bytes_of(spec);
    }
    case REQUEST_USAGE:
    case REQUEST_FLUSH:
    case REQUEST_FLUSH_EXPECTATIONS:
      return {};
    default:
      if (kind >= REQUEST_GET_TIMEOUTS && kind <= REQUEST_SET_DEFAULT_TIMEOUTS) {
        return template_timeouts();
      }
      return template_expectation(at((sizeof(ExpectationRecord) + 7) & ~size_t{7}));
  }
}

}  // namespace

Buffer near_request(Input& input) {
  RequestHeader header = {};
  header.kind = static_cast<uint16_t>(1 + input.below(20));
  header.family = input.byte();
  const bool extended = input.coin();
  Buffer record = template_record(
      header.kind,
      [](size_t size) { return static_cast<uint16_t>((sizeof(RequestHeader) + size) / 8); },
      extended);
  for (uint32_t changes = input.below(4); changes > 0 && !record.empty(); changes--) {
    record[input.integer<uint16_t>() % record.size()] = input.byte();
  }
  record.resize((record.size() + 7) & ~size_t{7});
  if (extended && !record.empty()) {
    const size_t text = input.below(40);
    const auto lie = static_cast<uint16_t>(input.below(4) == 0 ? input.below(20) : 0);
    const auto half = static_cast<uint16_t>(text / 2);
    const auto rest = static_cast<uint16_t>(text - half + lie);
    auto of_entry = zeroed<ExtensionRecord>();
    of_entry.helper_length = half;
    of_entry.security_context_length = rest;
    auto of_expectation = zeroed<ExpectationExtensionRecord>();
    of_expectation.helper_length = half;
    of_expectation.function_length = rest;
    const bool is_entry = header.kind <= REQUEST_DELETE || header.kind == REQUEST_GET_ZERO;
    record = join({record, is_entry ? bytes_of(of_entry) : bytes_of(of_expectation),
                   Buffer(text, input.byte())});
    record.resize((record.size() + 7) & ~size_t{7});
  }
  if (header.kind == REQUEST_UPDATE) {
    header.entry = static_cast<uint32_t>(sizeof header + record.size());
    if (input.below(4) == 0) header.entry += input.byte();
    record = join({record, bytes_of(template_entry(0))});
  }
  header.size = static_cast<uint32_t>(sizeof header + record.size());
  if (input.below(16) == 0) header.size += input.coin() ? 8 : input.byte();
  return join({bytes_of(header), record});
}

}  // namespace conntrack::test
