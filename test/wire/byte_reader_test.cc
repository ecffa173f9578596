#include "wire/byte_reader.h"

#include <string>

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::test;

TEST(integers_need_all_their_bytes) {
  const Exact three(Buffer{1, 2, 3});
  uint8_t byte = 0;
  uint16_t half = 0;
  uint32_t word = 0;
  CHECK(read_u8(three.bytes(), 2, byte));
  CHECK_EQUAL(byte, 3);
  CHECK(!read_u8(three.bytes(), 3, byte));
  CHECK(read_host(three.bytes(), 1, half));
  CHECK_EQUAL(half, host_is_little_endian ? 0x0302 : 0x0203);
  CHECK(!read_host(three.bytes(), 2, half));
  CHECK(!read_host(three.bytes(), 4, half));
  CHECK(!read_host(three.bytes(), SIZE_MAX, half));
  CHECK(!read_host(three.bytes(), 0, word));
  CHECK(!read_big_endian(three.bytes(), word));
  CHECK(!read_u8(Bytes(), 0, byte));
  CHECK(!read_big_endian(Bytes(), half));
}

TEST(integers_are_big_endian_and_may_be_followed_by_more) {
  const Exact bytes(Buffer{1, 2, 3, 4, 5, 6, 7, 8, 9});
  uint16_t half = 0;
  uint32_t word = 0;
  uint64_t wide = 0;
  CHECK(read_big_endian(bytes.bytes(), half));
  CHECK(read_big_endian(bytes.bytes(), word));
  CHECK(read_big_endian(bytes.bytes(), wide));
  CHECK_EQUAL(half, 0x0102);
  CHECK_EQUAL(word, 0x01020304u);
  CHECK_EQUAL(wide, 0x0102030405060708u);
}

TEST(arrays_need_all_their_bytes) {
  const Exact bytes(Buffer{1, 2, 3});
  uint8_t three[3] = {};
  uint8_t four[4] = {};
  CHECK(read_array(bytes.bytes(), three));
  CHECK_EQUAL(three[2], 3);
  CHECK(!read_array(bytes.bytes(), four));
}

TEST(strings_end_at_their_nul_or_without_one) {
  const auto read = [](const Buffer& from) {
    const Exact bytes(from);
    const Bytes string = read_string(bytes.bytes());
    return std::string(string.data, string.data + string.size);
  };
  CHECK_EQUAL(read(text("ftp")), "ftp");
  CHECK_EQUAL(read({'f', 't', 'p', 0}), "ftp");
  CHECK_EQUAL(read({'f', 't', 'p', 0, 'x', 0}), "ftp");
  CHECK_EQUAL(read({0}), "");
  CHECK_EQUAL(read({}), "");
}

TEST(attributes_in_a_row) {
  const Exact bytes(join({u8(1, 0x11), nest(2, {u16(3, 0x2233)}), attribute(0x4004, {}),
                          attribute(0xffff, {9, 9, 9, 9, 9})}));
  AttributeReader reader(bytes.bytes());
  Attribute attribute;
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, 1);
  CHECK_EQUAL(attribute.payload.size, 1u);
  CHECK_EQUAL(attribute.payload.data[0], 0x11);
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, 2);  // without NLA_F_NESTED
  CHECK_EQUAL(attribute.payload.size, 8u);
  AttributeReader inner(attribute.payload);
  CHECK(inner.next(attribute));
  CHECK_EQUAL(attribute.type, 3);
  CHECK(!inner.next(attribute));
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, 4);  // without NLA_F_NET_BYTEORDER
  CHECK_EQUAL(attribute.payload.size, 0u);
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.type, uapi::NLA_TYPE_MASK);
  CHECK_EQUAL(attribute.payload.size, 5u);
  CHECK(!reader.next(attribute));
  CHECK(!reader.malformed());
}

TEST(the_last_attribute_needs_no_padding) {
  Buffer unpadded = u8(1, 0x11);
  unpadded.resize(5);
  const Exact bytes(unpadded);
  AttributeReader reader(bytes.bytes());
  Attribute attribute;
  CHECK(reader.next(attribute));
  CHECK_EQUAL(attribute.payload.size, 1u);
  CHECK(!reader.next(attribute));
  CHECK(!reader.malformed());
}

TEST(less_than_a_header_is_padding) {
  for (size_t size = 0; size < 4; size++) {
    const Exact bytes(Buffer(size, 0xff));
    AttributeReader reader(bytes.bytes());
    Attribute attribute;
    CHECK(!reader.next(attribute));
    CHECK(!reader.malformed());
  }
}

TEST(a_length_that_lies_ends_the_walk) {
  for (uint16_t length : {0, 1, 3, 9, 0xffff}) {
    const Exact bytes(join({u8(1, 1), attribute_of_length(length, 2, {1, 2, 3, 4})}));
    AttributeReader reader(bytes.bytes());
    Attribute attribute;
    CHECK(reader.next(attribute));
    CHECK(!reader.next(attribute));
    CHECK(reader.malformed());
  }
}

int main() { return check::run_tests(); }
