#include "wire/slab.h"

#include <memory>
#include <string>

#include "check.h"
#include "checked_decode.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::test;

constexpr size_t most_records = (slab_size - sizeof(SlabHeader)) / sizeof(EntryRecord);

static Bytes bytes_of(const std::string& string) {
  return {reinterpret_cast<const uint8_t*>(string.data()), string.size()};
}

// Of a record with a helper of that name, which must outlive it.
static Extension helper_extension(const std::string& name) {
  Extension extension = {};
  extension.record.helper_length = static_cast<uint16_t>(name.size());
  extension.helper = bytes_of(name);
  return extension;
}

static bool add(SlabWriter& writer, uint32_t id, uint32_t extension_present,
                const Extension& extension) {
  EntryRecord* record = writer.reserve();
  if (!record) return false;
  record->id = id;
  record->present = ENTRY_ID;
  record->extension_present = extension_present;
  if (!writer.fits(*record, extension)) return false;
  writer.commit(record, extension);
  return true;
}

static bool add(SlabWriter& writer, uint32_t id) { return add(writer, id, 0, Extension()); }

static SlabHeader header(TestSlab& slab) {
  SlabHeader header;
  memcpy(&header, slab.memory(), sizeof header);
  return header;
}

TEST(no_memory_holds_nothing) {
  SlabWriter writer;
  CHECK(writer.reserve() == nullptr);
  CHECK_EQUAL(writer.count(), 0u);
}

TEST(a_new_slab_is_empty_whatever_was_in_it) {
  TestSlab slab;
  memset(slab.memory(), 0xff, slab_size);
  SlabWriter writer(slab.memory());
  CHECK_EQUAL(writer.count(), 0u);
  CHECK_EQUAL(header(slab).count, 0u);
  CHECK_EQUAL(header(slab).read_time, 0u);
  const EntryRecord* record = writer.reserve();
  const EntryRecord zero = {};
  CHECK(memcmp(record, &zero, sizeof zero) == 0);
}

TEST(the_stamp_and_the_count_stand_in_the_header) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  CHECK(add(writer, 1));
  CHECK(add(writer, 2));
  writer.stamp(0x0102030405060708);
  CHECK_EQUAL(header(slab).count, 2u);
  CHECK_EQUAL(header(slab).read_time, 0x0102030405060708u);
}

TEST(what_is_reserved_but_not_committed_is_forgotten) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  EntryRecord* record = writer.reserve();
  record->id = 99;
  record->present = ENTRY_ID;
  record->extension_present = EXTENSION_HELPER;
  CHECK(writer.reserve() == record);
  CHECK_EQUAL(record->id, 0u);
  CHECK_EQUAL(writer.count(), 0u);
}

TEST(full_of_records) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  for (uint32_t id = 0; id < most_records; id++) CHECK(add(writer, id));
  CHECK(writer.reserve() == nullptr);
  CHECK_EQUAL(writer.count(), most_records);
  for (uint32_t id = 0; id < most_records; id++) {
    CHECK_EQUAL(slab.record(id).id, id);
    CHECK_EQUAL(slab.record(id).extension, 0);
  }
}

TEST(full_to_the_last_byte) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  for (uint32_t id = 0; id < most_records - 2; id++) CHECK(add(writer, id));
  const size_t room = slab_size - sizeof(SlabHeader) - (most_records - 1) * sizeof(EntryRecord);
  const std::string fits(room - sizeof(ExtensionRecord), 'h');
  const std::string too_long = fits + "h";

  CHECK(!add(writer, 7, EXTENSION_HELPER, helper_extension(too_long)));
  CHECK_EQUAL(writer.count(), most_records - 2);
  CHECK(add(writer, 8, EXTENSION_HELPER, helper_extension(fits)));
  CHECK_EQUAL(writer.count(), most_records - 1);
  CHECK(writer.reserve() == nullptr);

  const EntryRecord& last = slab.record(most_records - 2);
  CHECK_EQUAL(last.id, 8u);
  CHECK_EQUAL(size_t{last.extension} * 8,
              sizeof(SlabHeader) + (most_records - 1) * sizeof(EntryRecord));
  CHECK(memcmp(slab.memory() + slab_size - fits.size(), fits.data(), fits.size()) == 0);
}

TEST(an_extension_that_does_not_fit_leaves_room_for_a_record) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  for (uint32_t id = 0; id < most_records - 1; id++) CHECK(add(writer, id));
  CHECK(!add(writer, 7, EXTENSION_HELPER, helper_extension("")));
  CHECK_EQUAL(header(slab).count, most_records - 1);
  CHECK(add(writer, 8));
  CHECK_EQUAL(slab.record(most_records - 1).id, 8u);
  CHECK_EQUAL(slab.record(most_records - 1).extension, 0);
}

TEST(extensions_stand_at_the_end_aligned_with_their_strings) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  size_t end = slab_size;
  for (size_t length = 0; length < 20; length++) {
    const std::string helper(length, 'h');
    const std::string context(19 - length, 'c');
    Extension extension = helper_extension(helper);
    extension.record.security_context_length = static_cast<uint16_t>(context.size());
    extension.security_context = bytes_of(context);
    extension.record.event_time = length;
    const uint32_t present = EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT | EXTENSION_EVENT_TIME;
    CHECK(add(writer, 1, present, extension));

    const size_t at = size_t{slab.record(length).extension} * 8;
    const size_t size = (sizeof(ExtensionRecord) + helper.size() + context.size() + 7) / 8 * 8;
    CHECK_EQUAL(at, end - size);
    ExtensionRecord kept;
    memcpy(&kept, slab.memory() + at, sizeof kept);
    CHECK(memcmp(&kept, &extension.record, sizeof kept) == 0);
    const auto* strings = reinterpret_cast<const char*>(slab.memory() + at + sizeof kept);
    CHECK_EQUAL(std::string(strings, helper.size() + context.size()), helper + context);
    end = at;
  }
}

TEST(only_what_stands_in_the_extension_needs_one) {
  for (uint32_t bit = 0; bit < 32; bit++) {
    TestSlab slab;
    SlabWriter writer(slab.memory());
    EntryRecord* plain = writer.reserve();
    plain->present = uint32_t{1} << bit;
    writer.commit(plain, Extension());
    CHECK_EQUAL(slab.record(0).extension, 0);
    CHECK(add(writer, 1, uint32_t{1} << bit, Extension()));
    CHECK(slab.record(1).extension != 0);
  }
}

// Slabs of another size -----------------------------------------------------------

TEST(a_slab_as_large_as_its_entry) {
  const std::string name = "a name of 21 letters ";
  for (uint32_t present : {uint32_t{0}, uint32_t{EXTENSION_HELPER}}) {
    EntryRecord record = {};
    record.extension_present = present;
    const Extension extension = helper_extension(name);
    TestSlab slab(exact_slab_size(record, extension));
    SlabWriter writer(slab.memory(), slab.bytes().size);
    CHECK(add(writer, 5, present, extension));
    CHECK(writer.reserve() == nullptr);
    EntryRecord read;
    Extension read_extension;
    CHECK(read_first_entry(slab.bytes(), read, read_extension));
    CHECK_EQUAL(read.id, 5u);
    CHECK_EQUAL(read_extension.helper.size, present == 0 ? 0 : name.size());
  }
}

TEST(a_slab_too_small_for_its_entry) {
  EntryRecord record = {};
  record.extension_present = EXTENSION_HELPER;
  const std::string name = "ftp";
  const Extension extension = helper_extension(name);
  TestSlab shorter(exact_slab_size(record, extension) - 8);
  SlabWriter writer(shorter.memory(), shorter.bytes().size);
  CHECK(!add(writer, 5, EXTENSION_HELPER, extension));
  CHECK_EQUAL(writer.count(), 0u);
  TestSlab header_only(sizeof(SlabHeader));
  CHECK(SlabWriter(header_only.memory(), sizeof(SlabHeader)).reserve() == nullptr);
}

TEST(the_largest_entry) {
  const std::string longest(max_string, 'x');
  Extension extension = helper_extension(longest);
  extension.security_context = bytes_of(longest);
  EntryRecord record = {};
  record.extension_present = EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT;
  CHECK(exact_slab_size(record, extension) <= SlabWriter::largest_entry);
}

// read_first_entry ----------------------------------------------------------------

TEST(the_first_entry_comes_back) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  const std::string helper = "ftp";
  const std::string context = "context";
  Extension extension = helper_extension(helper);
  extension.record.security_context_length = static_cast<uint16_t>(context.size());
  extension.security_context = bytes_of(context);
  CHECK(add(writer, 5, EXTENSION_HELPER | EXTENSION_SECURITY_CONTEXT, extension));
  CHECK(add(writer, 6));

  EntryRecord record;
  Extension read;
  CHECK(read_first_entry(slab.bytes(), record, read));
  CHECK_EQUAL(record.id, 5u);
  CHECK_EQUAL(std::string(read.helper.data, read.helper.data + read.helper.size), helper);
  CHECK_EQUAL(std::string(read.security_context.data,
                          read.security_context.data + read.security_context.size),
              context);
}

TEST(a_first_entry_without_extension_has_no_strings) {
  TestSlab slab;
  SlabWriter writer(slab.memory());
  CHECK(add(writer, 5));
  EntryRecord record;
  Extension extension;
  CHECK(read_first_entry(slab.bytes(), record, extension));
  CHECK_EQUAL(record.id, 5u);
  CHECK_EQUAL(extension.helper.size, 0u);
}

TEST(a_slab_too_small_for_a_record_has_no_first_entry) {
  TestSlab slab(sizeof(SlabHeader) + sizeof(EntryRecord) - 8);
  EntryRecord record;
  Extension extension;
  CHECK(!read_first_entry(slab.bytes(), record, extension));
}

TEST(a_first_entry_that_points_out_of_its_slab_is_refused) {
  const auto read = [](uint16_t extension, uint16_t helper_length, uint16_t context_length) {
    TestSlab slab;
    SlabWriter writer(slab.memory());
    EntryRecord* record = writer.reserve();
    record->extension_present = EXTENSION_HELPER;
    record->extension = extension;
    const size_t at = size_t{extension} * 8;
    ExtensionRecord written = {};
    written.helper_length = helper_length;
    written.security_context_length = context_length;
    if (at + sizeof written <= slab_size) memcpy(slab.memory() + at, &written, sizeof written);
    EntryRecord first;
    Extension out;
    return read_first_entry(slab.bytes(), first, out);
  };
  constexpr uint16_t last = (slab_size - sizeof(ExtensionRecord)) / 8;
  CHECK(read(last, 0, 0));
  CHECK(!read(last + 1, 0, 0));
  CHECK(!read(8192, 0, 0));
  CHECK(!read(65535, 0, 0));
  CHECK(!read(last, 1, 0));
  CHECK(!read(last, 0, 1));
  CHECK(read(last - 1, 8, 0));
  CHECK(read(last - 1, 3, 5));
  CHECK(!read(last - 1, 4, 5));
  CHECK(!read(100, 65535, 65535));
}

int main() { return check::run_tests(); }
