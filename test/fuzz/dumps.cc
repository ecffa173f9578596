// Any filter and a few entries. A model of the kernel (ctnetlink_filter_match) reads the request of
// the dump: it must send each entry that the filter matches, and compare each part of the request.
#include "filter_input.h"
#include "filter_model.h"
#include "request_reading.h"
#include "wire/encode.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

namespace {

// The parts of the filter that a dump asks for.
uint32_t model_asked(const FilterRecord& ask) {
  const TupleFilterRecord& tuple = ask.original;
  const auto asks = [&](uint32_t field) { return (tuple.present & field) != 0; };
  const auto has = [&](uint32_t field) { return (ask.present & field) != 0; };
  const auto one_ipv4 = [](const AddressRange& range) {
    return range.family == FAMILY_IPV4 && range.prefix == 32;
  };
  const auto one_port = [](const PortRange& range) { return range.from == range.to; };
  const uint8_t protocol = has(FILTER_PROTOCOL) ? ask.protocol : 0;
  const bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
  const bool icmp = protocol == IPPROTO_ICMP;
  const bool icmpv6 = protocol == IPPROTO_ICMPV6;
  const struct {
    bool asked;
    uint32_t bit;
  } all[] = {
      {asks(TUPLE_FILTER_SOURCE) && one_ipv4(tuple.source), 1 << 0},
      {asks(TUPLE_FILTER_DESTINATION) && one_ipv4(tuple.destination), 1 << 1},
      {has(FILTER_PROTOCOL), 1 << 3},
      {ports && asks(TUPLE_FILTER_SOURCE_PORT) && one_port(tuple.source_port), 1 << 4},
      {ports && asks(TUPLE_FILTER_DESTINATION_PORT) && one_port(tuple.destination_port), 1 << 5},
      {icmp && asks(TUPLE_FILTER_ICMP_TYPE), 1 << 6},
      {icmp && asks(TUPLE_FILTER_ICMP_CODE), 1 << 7},
      {icmp && asks(TUPLE_FILTER_ICMP_ID), 1 << 8},
      {icmpv6 && asks(TUPLE_FILTER_ICMP_TYPE), 1 << 9},
      {icmpv6 && asks(TUPLE_FILTER_ICMP_CODE), 1 << 10},
      {icmpv6 && asks(TUPLE_FILTER_ICMP_ID), 1 << 11},
      {has(FILTER_MARK), ASKED_MARK},
      {(ask.status_all | ask.status_none) != 0, ASKED_STATUS},
      {has(FILTER_ZONE) && ask.zone != 0, ASKED_ZONE},
  };
  uint32_t asked = 0;
  for (const auto& [is_asked, bit] : all) asked |= is_asked ? bit : 0;
  return asked;
}

// A value of the tuple that a flag of CTA_FILTER_ORIG_FLAGS names.
struct Flag {
  uint32_t bit;
  bool address;
  uint16_t type;
  size_t size;
};
constexpr Flag flags_of_tuples[] = {
    {1 << 0, true, CTA_IP_V4_SRC, 4},          {1 << 1, true, CTA_IP_V4_DST, 4},
    {1 << 3, false, CTA_PROTO_NUM, 1},         {1 << 4, false, CTA_PROTO_SRC_PORT, 2},
    {1 << 5, false, CTA_PROTO_DST_PORT, 2},    {1 << 6, false, CTA_PROTO_ICMP_TYPE, 1},
    {1 << 7, false, CTA_PROTO_ICMP_CODE, 1},   {1 << 8, false, CTA_PROTO_ICMP_ID, 2},
    {1 << 9, false, CTA_PROTO_ICMPV6_TYPE, 1}, {1 << 10, false, CTA_PROTO_ICMPV6_CODE, 1},
    {1 << 11, false, CTA_PROTO_ICMPV6_ID, 2},
};

// The value of an entry for this flag.
uint32_t value_of(const TupleRecord& tuple, uint32_t bit) {
  const auto of = [](const uint8_t(&address)[16]) {
    return uint32_t{address[0]} << 24 | uint32_t{address[1]} << 16 | uint32_t{address[2]} << 8 |
           uint32_t{address[3]};
  };
  switch (bit) {
    case 1 << 0:
      return of(tuple.source);
    case 1 << 1:
      return of(tuple.destination);
    case 1 << 3:
      return tuple.protocol;
    case 1 << 4:
      return tuple.source_port;
    case 1 << 5:
      return tuple.destination_port;
    case 1 << 6:
    case 1 << 9:
      return tuple.icmp_type;
    case 1 << 7:
    case 1 << 10:
      return tuple.icmp_code;
    default:
      return tuple.icmp_id;
  }
}

uint32_t number_of(Bytes payload) {
  uint32_t value = 0;
  for (size_t i = 0; i < payload.size; i++) value = value << 8 | payload.data[i];
  return value;
}

class Kernel {
 public:
  Kernel(const RequestReading& request, uint8_t family) : request_(request), family_(family) {
    REQUIRE(request.has(CTA_FILTER) == request.has(CTA_TUPLE_ORIG));
    if (!request.has(CTA_FILTER)) return;
    const Attributes filter(*request.all().last(CTA_FILTER), reading_);
    const Bytes flags = *filter.last(CTA_FILTER_ORIG_FLAGS);
    REQUIRE(filter.all().size() == 1 && flags.size == sizeof flags_);
    memcpy(&flags_, flags.data, sizeof flags_);
    read_tuple();
  }

  uint32_t flags() const { return flags_; }

  bool sends(const EntryRecord& entry) const {
    const Attributes& all = request_.all();
    const auto word = [&](uint16_t type) { return all.number<uint32_t>(*all.last(type)); };
    if (family_ != 0 && entry.original.family != family_) return false;
    if (request_.has(CTA_MARK)) {
      REQUIRE(request_.has(CTA_MARK_MASK));
      if ((entry.mark & word(CTA_MARK_MASK)) != word(CTA_MARK)) return false;
    }
    if (request_.has(CTA_STATUS)) {
      REQUIRE(request_.has(CTA_STATUS_MASK) && word(CTA_STATUS_MASK) != 0);
      if ((entry.status & word(CTA_STATUS_MASK)) != word(CTA_STATUS)) return false;
    }
    if (request_.has(CTA_ZONE) && entry.zone != all.number<uint16_t>(*all.last(CTA_ZONE))) {
      return false;
    }
    for (size_t i = 0; i < std::size(flags_of_tuples); i++) {
      const uint32_t bit = flags_of_tuples[i].bit;
      if ((flags_ & bit) != 0 && value_of(entry.original, bit) != values_[i]) return false;
    }
    return true;
  }

 private:
  // It refuses a flag without its attribute, and looks at no other attribute.
  void read_tuple() {
    const Attributes tuple(*request_.all().last(CTA_TUPLE_ORIG), reading_);
    const Bytes* nests[] = {tuple.last(CTA_TUPLE_PROTO), tuple.last(CTA_TUPLE_IP)};
    size_t values = 0;
    for (size_t i = 0; i < std::size(flags_of_tuples); i++) {
      const Flag& flag = flags_of_tuples[i];
      if ((flags_ & flag.bit) == 0) continue;
      const Bytes* nest = nests[flag.address ? 1 : 0];
      REQUIRE(nest);
      const Attributes parts(*nest, reading_);
      REQUIRE(parts.last(flag.type) && parts.last(flag.type)->size == flag.size);
      values_[i] = number_of(*parts.last(flag.type));
      values++;
    }
    for (const Bytes* nest : nests) {
      if (nest) values -= Attributes(*nest, reading_).all().size();
    }
    REQUIRE(values == 0 && reading_.ok);
  }

  const RequestReading& request_;
  const uint8_t family_;
  Reading reading_;
  uint32_t flags_ = 0;
  uint32_t values_[std::size(flags_of_tuples)] = {};
};

void require_probes() {
  const RequestWriter tuple = encode_tuple_probe();
  const RequestReading of_tuple(tuple, MESSAGE_GET, NLM_F_DUMP, 0);
  REQUIRE(Kernel(of_tuple, 0).flags() == CTA_FILTER_PROTO_NUM);
  const RequestWriter status = encode_status_probe();
  const RequestReading of_status(status, MESSAGE_GET, NLM_F_DUMP, FAMILY_IPV4);
  of_status.require(CTA_STATUS_MASK, true, uint32_t{1});
  REQUIRE(of_status.all().all().size() == 1);
  const RequestWriter zone = encode_zone_probe();
  const RequestReading of_zone(zone, MESSAGE_GET, NLM_F_DUMP, 0);
  of_zone.require(CTA_ZONE, true, uint16_t{0});
  REQUIRE(of_zone.all().all().size() == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const FilterRecord ask = any_filter(input)[0];
  const uint8_t family = input.coin() ? FAMILY_UNSPECIFIED : FAMILY_IPV4;
  const bool zeroing = input.coin();
  const RequestWriter writer =
      encode_dump(family, ask, zeroing ? DumpKind::zeroing : DumpKind::entries);
  const RequestReading request(writer, zeroing ? MESSAGE_GET_CTRZERO : MESSAGE_GET, NLM_F_DUMP,
                               family);
  const Kernel kernel(request, family);
  const uint32_t asked = asked_fields(ask);
  REQUIRE(asked == model_asked(ask));
  REQUIRE(kernel.flags() == (asked & ASKED_TUPLE));
  REQUIRE(request.has(CTA_MARK) == ((asked & ASKED_MARK) != 0));
  REQUIRE(request.has(CTA_STATUS) == ((asked & ASKED_STATUS) != 0));
  REQUIRE(request.has(CTA_ZONE) == ((asked & ASKED_ZONE) != 0));
  for (int i = 0; i < 8; i++) {
    const ModelEntry entry = any_entry(input);
    const bool wanted = (family == 0 || entry.record.original.family == family) &&
                        model_matches(ask, entry.record, entry.extension);
    REQUIRE(!wanted || kernel.sends(entry.record));
  }
  const RequestWriter dying = encode_dump(family, ask, DumpKind::dying);
  REQUIRE(RequestReading(dying, MESSAGE_GET_DYING, NLM_F_DUMP, family).all().all().empty());
  require_probes();
  return 0;
}
