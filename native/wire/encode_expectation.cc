#include "wire/encode_expectation.h"

#include "wire/encode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;
using Nest = RequestWriter::Nest;

void put_key(RequestWriter& out, const ExpectationRecord& record) {
  const uint8_t family = record.tuple.family;
  const bool complete = family == FAMILY_IPV4 || family == FAMILY_IPV6;
  if ((record.present & EXPECTATION_TUPLE) == 0 || !complete) return out.spoil();
  put_tuple(out, CTA_EXPECT_TUPLE, record.tuple);
  if (record.present & EXPECTATION_ZONE) out.integer(CTA_EXPECT_ZONE, record.zone);
}

}  // namespace

RequestWriter encode_expectation_list() {
  return RequestWriter(MESSAGE_EXPECTATION_GET, NLM_F_DUMP, FAMILY_UNSPECIFIED);
}

RequestWriter encode_expectation_get(const ExpectationRecord& record) {
  RequestWriter out(MESSAGE_EXPECTATION_GET, 0, record.tuple.family);
  put_key(out, record);
  if (record.present & EXPECTATION_ID) out.integer(CTA_EXPECT_ID, record.id);
  return out;
}

RequestWriter encode_expectation_create(const ExpectationRecord& record,
                                        const ExpectationExtension& extension) {
  const auto has = [&record](uint32_t present) { return (record.present & present) != 0; };
  RequestWriter out(MESSAGE_EXPECTATION_NEW, NLM_F_CREATE | NLM_F_EXCL, record.tuple.family);
  put_key(out, record);
  put_tuple(out, CTA_EXPECT_MASK, record.mask);
  put_tuple(out, CTA_EXPECT_MASTER, record.master);
  if (has(EXPECTATION_TIMEOUT)) out.integer(CTA_EXPECT_TIMEOUT, record.timeout);
  if (has(EXPECTATION_FLAGS)) out.integer(CTA_EXPECT_FLAGS, record.flags);
  if (has(EXPECTATION_CLASS)) out.integer(CTA_EXPECT_CLASS, record.helper_class);
  if (has(EXPECTATION_HELPER)) out.string(CTA_EXPECT_HELP_NAME, extension.helper);
  if (has(EXPECTATION_FUNCTION)) out.string(CTA_EXPECT_FN, extension.function);
  if (has(EXPECTATION_NAT)) {
    Nest nest(out, CTA_EXPECT_NAT);
    out.integer(CTA_EXPECT_NAT_DIR, record.nat_direction);
    put_tuple(out, CTA_EXPECT_NAT_TUPLE, extension.record.nat);
  }
  return out;
}

RequestWriter encode_expectation_update(const ExpectationRecord& record) {
  // The kernel (6.18) wants mask and master, and does not look at them (ctnetlink_new_expect).
  constexpr uint32_t needed = EXPECTATION_MASK | EXPECTATION_MASTER | EXPECTATION_TIMEOUT;
  RequestWriter out(MESSAGE_EXPECTATION_NEW, 0, record.tuple.family);
  if ((record.present & needed) != needed) out.spoil();
  put_key(out, record);
  put_tuple(out, CTA_EXPECT_MASK, record.mask);
  put_tuple(out, CTA_EXPECT_MASTER, record.master);
  out.integer(CTA_EXPECT_TIMEOUT, record.timeout);
  return out;
}

RequestWriter encode_expectation_delete(const ExpectationRecord& record) {
  RequestWriter out(MESSAGE_EXPECTATION_DELETE, 0, record.tuple.family);
  put_key(out, record);
  if (record.present & EXPECTATION_ID) out.integer(CTA_EXPECT_ID, record.id);
  return out;
}

RequestWriter encode_expectation_flush() {
  return RequestWriter(MESSAGE_EXPECTATION_DELETE, 0, FAMILY_UNSPECIFIED);
}

RequestWriter encode_expectation_flush_of(Bytes helper) {
  RequestWriter out(MESSAGE_EXPECTATION_DELETE, 0, FAMILY_UNSPECIFIED);
  // The kernel reads the name up to its first NUL.
  if (helper.size == 0 || memchr(helper.data, 0, helper.size)) out.spoil();
  out.string(CTA_EXPECT_HELP_NAME, helper);
  return out;
}

}  // namespace conntrack
