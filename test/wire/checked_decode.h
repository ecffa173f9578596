// Reads a datagram into a slab, as the addon does, and stops the program where a
// result is not in range. Nothing may be assumed of the datagram.
#pragma once

#include <memory>

#include "exact_slab.h"
#include "require.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/stats.h"

namespace conntrack::test {

class TestSlab {
 public:
  explicit TestSlab(size_t size = slab_size)
      : size_(size), words_(new uint64_t[size / sizeof(uint64_t)]()) {}

  uint8_t* memory() { return reinterpret_cast<uint8_t*>(words_.get()); }
  Bytes bytes() { return {memory(), size_}; }
  const EntryRecord& record(size_t index) {
    return reinterpret_cast<const EntryRecord*>(memory() + sizeof(SlabHeader))[index];
  }

 private:
  size_t size_;
  std::unique_ptr<uint64_t[]> words_;
};

inline void require_string(Bytes string, Bytes message) {
  REQUIRE(string.size <= max_string);
  if (string.size == 0) return;
  REQUIRE(string.data >= message.data);
  REQUIRE(string.data + string.size <= message.data + message.size);
  REQUIRE(memchr(string.data, 0, string.size) == nullptr);
}

inline void require_tuple(const TupleRecord& tuple) {
  REQUIRE(tuple.family == uapi::FAMILY_IPV4 || tuple.family == uapi::FAMILY_IPV6);
  constexpr uint32_t ports = TUPLE_SOURCE_PORT | TUPLE_DESTINATION_PORT;
  constexpr uint32_t keys = TUPLE_SOURCE_KEY | TUPLE_DESTINATION_KEY;
  REQUIRE(tuple.present < TUPLE_DESTINATION_KEY << 1);
  REQUIRE((tuple.present & (tuple.protocol == uapi::IPPROTO_GRE ? ports : keys)) == 0);
}

inline void require_decoded(const EntryRecord& record, const Extension& extension, Bytes message) {
  constexpr uint32_t always = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS;
  const uint32_t present = record.present;
  REQUIRE((present & always) == always);
  const uint32_t extended = record.extension_present;
  REQUIRE((present & ENTRY_SYNPROXY) || !(extended & EXTENSION_SYNPROXY));
  REQUIRE(record.seen == 0);
  REQUIRE(record.extension == 0);
  require_tuple(record.original);
  require_tuple(record.reply);
  if (extended == 0) return;
  if (extended & EXTENSION_MASTER) require_tuple(extension.record.master);
  REQUIRE(extension.record.helper_length == extension.helper.size);
  REQUIRE(extension.record.security_context_length == extension.security_context.size);
  require_string(extension.helper, message);
  require_string(extension.security_context, message);
}

// Extensions stand behind all records and before the extension committed last;
// `end` is where that one begins.
inline void require_committed(const EntryRecord& record, size_t records, size_t& end,
                              const uint8_t* memory) {
  if (record.extension_present == 0) {
    REQUIRE(record.extension == 0);
    return;
  }
  const size_t at = size_t{record.extension} * 8;
  REQUIRE(at >= sizeof(SlabHeader) + records * sizeof record);
  REQUIRE(at + sizeof(ExtensionRecord) <= end);
  ExtensionRecord extension;
  memcpy(&extension, memory + at, sizeof extension);
  REQUIRE(at + sizeof extension + extension.helper_length + extension.security_context_length <=
          end);
  end = at;
}

// What was decoded can be sent again, or says that it is too long.
inline void require_encodable(const EntryRecord& record, const Extension& extension) {
  SpecRecord spec = {};
  spec.entry = record;
  const RequestWriter request = encode_create(spec, extension);
  if (!request.complete()) return;
  Message message;
  MessageReader messages(request.request());
  REQUIRE(messages.next(message));
  REQUIRE(!messages.next(message) && !messages.malformed());
  Bytes attributes;
  REQUIRE(read_attributes(message, attributes));
  AttributeReader reader(attributes);
  Attribute attribute;
  while (reader.next(attribute)) {
  }
  REQUIRE(!reader.malformed());
  REQUIRE(encode_get(record).complete());
  REQUIRE(encode_delete(record).complete());
}

// How many entries the slab holds afterwards.
inline size_t checked_decode(Bytes datagram, TestSlab& slab) {
  SlabWriter writer(slab.memory());
  MessageReader reader(datagram);
  Message message;
  size_t end = slab_size;
  while (reader.next(message)) {
    REQUIRE(message.payload.data >= datagram.data);
    REQUIRE(message.payload.data + message.payload.size <= datagram.data + datagram.size);
    Answer answer;
    if (read_answer(message, answer)) {
      REQUIRE(answer.error >= 0 && answer.error < 4096);
      if (answer.text.size) REQUIRE(memchr(answer.text.data, 0, answer.text.size) == nullptr);
    }
    TableUsage usage;
    decode_usage(message, usage);
    CpuStats stats;
    decode_cpu_stats(message, stats);
    REQUIRE(stats.count <= CpuStats::capacity);

    EntryRecord* record = writer.reserve();
    if (!record) break;
    Extension extension;
    if (!decode_entry(message, *record, extension)) continue;
    require_decoded(*record, extension, message.payload);
    require_encodable(*record, extension);
    REQUIRE(exact_slab_size(*record, extension) <= SlabWriter::largest_entry);
    if (!writer.fits(*record, extension)) break;
    writer.commit(record, extension);
    require_committed(slab.record(writer.count() - 1), writer.count(), end, slab.memory());
  }
  return writer.count();
}

}  // namespace conntrack::test
