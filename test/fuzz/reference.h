// Reference decoders, which read a message by its list of attributes. The last of two attributes
// counts, as if the first were absent. The decoders count every unknown attribute, and refuse a
// message with a malformed one anywhere.
#pragma once

#include <cstring>

#include "attributes.h"
#include "wire/entry_record.h"
#include "wire/expectation_record.h"
#include "wire/message.h"
#include "wire/slab.h"
#include "wire/timeout_record.h"

namespace conntrack::test {

template <typename Record>
Record zeroed() {
  Record record;
  memset(static_cast<void*>(&record), 0, sizeof record);
  return record;
}

// Its addresses and its protocol must be there, and the addresses of one family.
TupleRecord reference_tuple(Bytes payload, Reading& reading);

// False when the message is malformed or incomplete.
bool reference_entry(const Message& message, EntryRecord& record, ExtensionRecord& extension,
                     Bytes& helper, Bytes& security_context);
bool reference_expectation(const Message& message, ExpectationRecord& record,
                           ExpectationExtensionRecord& extension, Bytes& helper, Bytes& function);
bool reference_timeouts(const Message& message, uint32_t needed, TimeoutRecord& record);

// The messages of a datagram, up to the first whose length lies.
std::vector<Message> reference_messages(Bytes datagram, bool& malformed);

}  // namespace conntrack::test
