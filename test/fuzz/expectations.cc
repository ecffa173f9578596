// Any datagram. Decodes its expectations as the os ring does, into slabs, and compares them with
// the reference.
#include "datagrams.h"
#include "wire/decode_expectation.h"
#include "wire/expectation_slab.h"

using namespace conntrack;
using namespace conntrack::test;

namespace {

struct Expectation {
  ExpectationRecord record;
  ExpectationExtensionRecord extension;
  Bytes helper;
  Bytes function;
};

void require_same(const Expectation& expected, const ExpectationRecord& record,
                  const ExpectationExtension& extension) {
  REQUIRE(same_record(record, expected.record));
  if ((record.present & EXPECTATION_IN_EXTENSION) == 0) return;
  REQUIRE(same_record(extension.record, expected.extension));
  REQUIRE(same_bytes(extension.helper, expected.helper));
  REQUIRE(same_bytes(extension.function, expected.function));
}

// In a slab that holds it and no more.
void require_slab(const Expectation& expected, const ExpectationExtension& extension) {
  const size_t of_extension = extension_size(expected.record, extension);
  const size_t size = sizeof(SlabHeader) + sizeof expected.record + of_extension;
  std::vector<uint64_t> words(size / sizeof(uint64_t), ~uint64_t{0});
  auto* memory = reinterpret_cast<uint8_t*>(words.data());
  ExpectationSlab slab(memory, size);
  ExpectationRecord* record = slab.reserve();
  REQUIRE(record && slab.fits(of_extension) && !slab.fits(of_extension + 8));
  *record = expected.record;
  if (of_extension > 0) write_extension(slab.extend(of_extension, record->extension), extension);
  slab.commit();
  REQUIRE(slab.count() == 1 && slab.front() == slab.back());
  ExpectationRecord read;
  ExpectationExtension read_extension;
  REQUIRE(read_first_expectation({memory, size}, read, read_extension));
  REQUIRE((of_extension > 0) == (read.extension != 0));
  read.extension = 0;
  require_same(expected, read, read_extension);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  each_message({data, size}, [](const Message& message) {
    Expectation expected;
    const bool is_one = reference_expectation(message, expected.record, expected.extension,
                                              expected.helper, expected.function);
    auto record = zeroed<ExpectationRecord>();
    ExpectationExtension extension;
    REQUIRE(decode_expectation(message, record, extension) == is_one);
    if (!is_one) return;
    require_same(expected, record, extension);
    require_slab(expected, extension);
  });
  return 0;
}
