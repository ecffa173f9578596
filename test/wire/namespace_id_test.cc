#include "wire/namespace_id.h"

#include "check.h"
#include "message_builder.h"
#include "wire/uapi.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static bool decoded(const Buffer& attributes, int32_t& id) {
  const Exact bytes(message(MESSAGE_NAMESPACE_ID, 0, join({{0, 0, 0, 0}, attributes})));
  MessageReader reader(bytes.bytes());
  Message first;
  CHECK(reader.next(first));
  return decode_namespace_id(first, id);
}

// Both in host byte order, unlike what netfilter sends.
TEST(a_request_names_the_descriptor) {
  const RequestWriter request = encode_namespace_id_get(77);
  CHECK(request.complete());
  Message sent;
  MessageReader reader(request.request());
  CHECK(reader.next(sent));
  CHECK_EQUAL(sent.type, MESSAGE_NAMESPACE_ID_GET);
  CHECK_EQUAL(sent.flags & NLM_F_DUMP, 0u);
  Bytes attributes;
  CHECK(read_attributes(sent, attributes));
  AttributeReader each(attributes);
  Attribute attribute;
  CHECK(each.next(attribute));
  CHECK_EQUAL(attribute.type, NETNSA_FD);
  int32_t fd = 0;
  CHECK(read_host(attribute.payload, 0, fd));
  CHECK_EQUAL(fd, 77);
  CHECK(!each.next(attribute));
}

TEST(an_id_is_read_among_others) {
  int32_t id = 0;
  const auto number = [](uint16_t type, int32_t value) { return attribute(type, host(value)); };
  for (const int32_t wanted : {-1, 0, 7, 0x7fffffff}) {
    CHECK(decoded(join({number(5, 9), number(NETNSA_NSID, wanted)}), id));
    CHECK_EQUAL(id, wanted);
  }
  CHECK(!decoded({}, id));
  CHECK(!decoded(number(5, 9), id));
  CHECK(!decoded(attribute(NETNSA_NSID, Buffer(2, 0)), id));
  // A length that lies.
  CHECK(!decoded(join({number(NETNSA_NSID, 7), {9, 0, 1, 0}}), id));
}

int main() { return check::run_tests(); }
