#include "wire/byte_writer.h"

#include "check.h"
#include "message_builder.h"

using namespace conntrack;
using namespace conntrack::test;

static Buffer bytes_of(const RequestWriter& request) {
  const Bytes bytes = request.request();
  return Buffer(bytes.data, bytes.data + bytes.size);
}

static const RequestWriter empty(0x0101, 0x0304, uapi::FAMILY_IPV6);

static Buffer with(std::initializer_list<Buffer> attributes) {
  Buffer bytes = bytes_of(empty);
  const Buffer joined = join(attributes);
  bytes.insert(bytes.end(), joined.begin(), joined.end());
  set_message_length(bytes);
  return bytes;
}

TEST(an_empty_request_is_its_two_headers) {
  const Buffer expected = join({host(uint32_t{20}),
                                host(uint16_t{0x0101}),
                                host(uint16_t{0x0305}),
                                host(uint32_t{0}),
                                host(uint32_t{0}),
                                {uapi::FAMILY_IPV6, 0, 0, 0}});
  CHECK(bytes_of(empty) == expected);
  CHECK(empty.complete());
}

TEST(the_sequence_stands_in_the_header) {
  RequestWriter request = empty;
  request.set_sequence(0x01020304);
  Message message;
  MessageReader reader(request.request());
  CHECK(reader.next(message));
  CHECK_EQUAL(message.sequence, 0x01020304u);
  CHECK_EQUAL(message.port_id, 0u);
}

TEST(values_are_big_endian_and_padded_with_zeros) {
  RequestWriter request = empty;
  request.byte(1, 0xaa);
  request.integer(2, uint16_t{0x0102});
  request.integer(3, uint32_t{0x01020304});
  request.integer(4, uint64_t{0x0102030405060708});
  const Exact three(Buffer{7, 8, 9});
  request.bytes(5, three.bytes());
  request.bytes(6, Bytes());
  CHECK(bytes_of(request) ==
        with({u8(1, 0xaa), u16(2, 0x0102), u32(3, 0x01020304), u64(4, 0x0102030405060708),
              attribute(5, {7, 8, 9}), attribute(6, {})}));
}

TEST(strings_have_their_nul) {
  RequestWriter request = empty;
  const Exact name(text("ftp"));
  const Exact longer(text("sane"));
  request.string(1, name.bytes());
  request.string(2, longer.bytes());
  request.string(3, Bytes());
  CHECK(bytes_of(request) == with({attribute(1, {'f', 't', 'p', 0}),
                                   attribute(2, {'s', 'a', 'n', 'e', 0}), attribute(3, {0})}));
}

TEST(nests_know_their_length) {
  RequestWriter request = empty;
  {
    RequestWriter::Nest outer(request, 1);
    request.byte(2, 3);
    {
      RequestWriter::Nest inner(request, 4);
      request.integer(5, uint16_t{6});
    }
    RequestWriter::Nest nothing(request, 7);
  }
  request.byte(8, 9);
  CHECK(bytes_of(request) ==
        with({nest(1, {u8(2, 3), nest(4, {u16(5, 6)}), nest(7, {})}), u8(8, 9)}));
}

TEST(what_does_not_fit_is_told) {
  constexpr size_t room = 1024 - 20 - 4;
  const Exact full(Buffer(room, 1));
  RequestWriter request = empty;
  request.bytes(1, full.bytes());
  CHECK(request.complete());
  CHECK_EQUAL(request.request().size, 1024u);
  request.byte(2, 3);
  CHECK(!request.complete());
  CHECK_EQUAL(request.request().size, 1024u);

  const Exact more(Buffer(room + 1, 1));
  RequestWriter bytes = empty;
  bytes.bytes(1, more.bytes());
  CHECK(!bytes.complete());
  bytes.byte(2, 3);  // it would fit, but the request is broken already
  CHECK(!bytes.complete());
  CHECK_EQUAL(bytes.request().size, 20u);

  RequestWriter string = empty;
  string.string(1, full.bytes());  // no room for the NUL
  CHECK(!string.complete());

  RequestWriter nested = empty;
  {
    RequestWriter::Nest outer(nested, 1);
    nested.bytes(2, full.bytes());
    RequestWriter::Nest inner(nested, 3);
  }
  CHECK(!nested.complete());
}

int main() { return check::run_tests(); }
