// Any datagram. Decodes its entries as a dump does, into a slab, and compares each record, and the
// copy of the slab that JavaScript gets, with the reference.
#include <vector>

#include "datagrams.h"
#include "wire/decode.h"
#include "wire/final_record.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

struct Entry {
  EntryRecord record;
  ExtensionRecord extension;
  Bytes helper;
  Bytes security_context;
};

void require_extension(const Entry& expected, const ExtensionRecord& record, Bytes helper,
                       Bytes security_context) {
  REQUIRE(same_record(record, expected.extension));
  REQUIRE(same_bytes(helper, expected.helper));
  REQUIRE(same_bytes(security_context, expected.security_context));
}

// Extensions stand behind each other and behind all records, in a slab without a gap.
void require_slab(const SlabWriter& slab, const std::vector<Entry>& entries) {
  REQUIRE(slab.count() == entries.size());
  std::vector<uint8_t> copy(slab.compact_size());
  slab.copy_compact(copy.data());
  const Bytes bytes = {copy.data(), copy.size()};
  size_t end = bytes.size;
  for (size_t i = 0; i < entries.size(); i++) {
    const Entry& expected = entries[i];
    EntryRecord record;
    REQUIRE(read_host(bytes, sizeof(SlabHeader) + i * sizeof record, record));
    EntryRecord without = record;
    without.extension = 0;
    REQUIRE(same_record(without, expected.record));
    Extension extension;
    REQUIRE(read_extension(bytes, record, extension));
    if (record.extension_present == 0) {
      REQUIRE(record.extension == 0);
      continue;
    }
    require_extension(expected, extension.record, extension.helper, extension.security_context);
    const size_t at = size_t{record.extension} * 8;
    REQUIRE(at + extension_size(record, extension) == end);
    end = at;
  }
  REQUIRE(end == sizeof(SlabHeader) + entries.size() * sizeof(EntryRecord));
}

// Treats `last` as the DESTROY event of the entry `before`.
void require_last_values(const EntryRecord& before, const EntryRecord& last) {
  EntryRecord entry = before;
  take_last_values(entry, last);
  const auto states = ENTRY_TCP_STATE | ENTRY_SCTP_STATE | ENTRY_DCCP_STATE;
  const uint32_t replaced =
      ENTRY_ORIGINAL_COUNTERS | ENTRY_REPLY_COUNTERS | ENTRY_START_TIME | ENTRY_STOP_TIME;
  const uint32_t added = replaced | states | ENTRY_FINAL | ENTRY_MARK | ENTRY_TIMEOUT;
  EntryRecord expected = before;
  for (uint32_t bit = 1; bit != 0; bit <<= 1) {
    if ((replaced & bit) != 0) expected.present &= ~bit;
    if ((added & last.present & bit) != 0) expected.present |= bit;
  }
  expected.status = last.status;
  expected.mark = last.mark;
  expected.original_packets = last.original_packets;
  expected.original_bytes = last.original_bytes;
  expected.reply_packets = last.reply_packets;
  expected.reply_bytes = last.reply_bytes;
  expected.start_time = last.start_time;
  expected.stop_time = last.stop_time;
  if ((last.present & ENTRY_TIMEOUT) != 0) expected.timeout = last.timeout;
  if ((last.present & states) != 0) expected.state = last.state;
  REQUIRE(same_record(entry, expected));
  REQUIRE(is_same_entry(entry, before));
  REQUIRE(is_same_entry(before, last) == (before.id == last.id && before.zone == last.zone &&
                                          same_record(before.original, last.original)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  alignas(8) static uint8_t memory[slab_size];
  // Clearing a whole slab takes most of the time: one input in 32 uses one.
  const bool whole = size % 32 == 0;
  const size_t slab_bytes = whole ? slab_size : 4096;
  memset(memory, 0xa5, slab_bytes);
  SlabWriter slab(memory, slab_bytes);
  std::vector<Entry> entries;
  bool full = false;
  each_message({data, size}, [&](const Message& message) {
    Entry expected;
    const bool is_entry = reference_entry(message, expected.record, expected.extension,
                                          expected.helper, expected.security_context);
    auto alone = zeroed<EntryRecord>();
    Extension extension;
    REQUIRE(decode_entry(message, alone, extension) == is_entry);
    if (!is_entry) return;
    REQUIRE(same_record(alone, expected.record));
    if (alone.extension_present != 0) {
      require_extension(expected, extension.record, extension.helper, extension.security_context);
    }
    if (full) return;
    EntryRecord* record = slab.reserve();
    full = !record;
    if (full) return;
    REQUIRE(decode_entry(message, *record, extension));
    full = !slab.fits(*record, extension);
    if (full) {
      REQUIRE(slab.back() - slab.front() < sizeof *record + extension_size(*record, extension));
      return;
    }
    slab.commit(record, extension);
    if (!entries.empty()) require_last_values(entries.back().record, expected.record);
    entries.push_back(expected);
  });
  slab.stamp(size);
  slab.clear_rest();
  require_slab(slab, entries);
  if (whole) {
    const auto again = Slab<EntryRecord>::of(memory);
    REQUIRE(again.front() == slab.front() && again.back() == slab.back());
  }
  SlabHeader header;
  memcpy(&header, memory, sizeof header);
  REQUIRE(header.read_time == size);
  for (size_t at = slab.front(); at < slab.back(); at++) REQUIRE(memory[at] == 0);
  return 0;
}
