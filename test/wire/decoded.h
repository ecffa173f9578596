// A message, and the entry that decode_entry makes of it.
#pragma once

#include <cstring>
#include <string>

#include "message_builder.h"
#include "wire/decode.h"

namespace conntrack::test {

// As SlabWriter::reserve gives it. `= {}` would leave the bytes of the union beyond
// its first member as they are.
inline EntryRecord zeroed_record() {
  EntryRecord record;
  memset(static_cast<void*>(&record), 0, sizeof record);
  return record;
}

struct Decoded {
  explicit Decoded(const Buffer& message) : bytes(message) {
    Message first;
    MessageReader reader(bytes.bytes());
    ok = reader.next(first) && decode_entry(first, record, extension);
  }

  bool has(uint32_t present) const { return (record.present & present) == present; }
  bool extended(uint32_t present) const { return (record.extension_present & present) == present; }
  std::string helper() const { return string(extension.helper); }
  std::string security_context() const { return string(extension.security_context); }

  Exact bytes;  // what the strings of `extension` point into
  bool ok = false;
  EntryRecord record = zeroed_record();
  Extension extension = {};

 private:
  static std::string string(Bytes from) { return {from.data, from.data + from.size}; }
};

// Padding included, which is zero; where a slab keeps the extension is no part of it.
inline bool same_record(EntryRecord a, EntryRecord b) {
  a.extension = b.extension = 0;
  return memcmp(&a, &b, sizeof a) == 0;
}

inline bool same_bytes(Bytes a, Bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

inline bool same_extension(const Extension& a, const Extension& b) {
  return memcmp(&a.record, &b.record, sizeof a.record) == 0 && same_bytes(a.helper, b.helper) &&
         same_bytes(a.security_context, b.security_context);
}

inline bool same_entry(const EntryRecord& record, const Extension& extension,
                       const EntryRecord& other, const Extension& other_extension) {
  if (!same_record(record, other)) return false;
  return record.extension_present == 0 || same_extension(extension, other_extension);
}

}  // namespace conntrack::test
