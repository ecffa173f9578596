#include "wire/encode_timeout.h"

namespace conntrack {

namespace {

using namespace uapi;
using Nest = RequestWriter::Nest;

void put_name(RequestWriter& out, const TimeoutRecord& record) {
  const size_t length = record.name_length;
  const bool is_named = (record.present & TIMEOUT_NAME) != 0 && length > 0;
  if (!is_named || length > longest_policy_name || memchr(record.name, 0, length)) {
    return out.spoil();
  }
  out.string(CTA_TIMEOUT_NAME, {record.name, length});
}

void put_protocol(RequestWriter& out, const TimeoutRecord& record) {
  constexpr uint32_t both = TIMEOUT_FAMILY | TIMEOUT_PROTOCOL;
  if ((record.present & both) != both) return out.spoil();
  out.integer(CTA_TIMEOUT_L3PROTO, record.family);
  out.byte(CTA_TIMEOUT_L4PROTO, record.protocol);
}

// The kernel demands the nest, which may be empty.
void put_seconds(RequestWriter& out, const TimeoutRecord& record) {
  Nest nest(out, CTA_TIMEOUT_DATA);
  for (uint16_t state = 1; state < timeout_states; state++) {
    if ((record.states >> state & 1) != 0) out.integer(state, record.seconds[state]);
  }
}

RequestWriter write(uint16_t flags, const TimeoutRecord& record) {
  RequestWriter out(MESSAGE_TIMEOUT_NEW, flags, FAMILY_UNSPECIFIED);
  put_name(out, record);
  put_protocol(out, record);
  put_seconds(out, record);
  return out;
}

RequestWriter named(uint16_t type, const TimeoutRecord& record) {
  RequestWriter out(type, 0, FAMILY_UNSPECIFIED);
  put_name(out, record);
  return out;
}

}  // namespace

RequestWriter encode_timeout_list() {
  return RequestWriter(MESSAGE_TIMEOUT_GET, NLM_F_DUMP, FAMILY_UNSPECIFIED);
}

RequestWriter encode_timeout_get(const TimeoutRecord& record) {
  return named(MESSAGE_TIMEOUT_GET, record);
}

RequestWriter encode_timeout_create(const TimeoutRecord& record) {
  return write(NLM_F_CREATE | NLM_F_EXCL, record);
}

RequestWriter encode_timeout_replace(const TimeoutRecord& record) {
  return write(NLM_F_REPLACE, record);
}

RequestWriter encode_timeout_delete(const TimeoutRecord& record) {
  return named(MESSAGE_TIMEOUT_DELETE, record);
}

RequestWriter encode_default_timeouts_get(const TimeoutRecord& record) {
  RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_GET, 0, FAMILY_UNSPECIFIED);
  put_protocol(out, record);
  return out;
}

RequestWriter encode_default_timeouts_set(const TimeoutRecord& record) {
  RequestWriter out(MESSAGE_TIMEOUT_DEFAULT_SET, 0, FAMILY_UNSPECIFIED);
  put_protocol(out, record);
  put_seconds(out, record);
  return out;
}

}  // namespace conntrack
