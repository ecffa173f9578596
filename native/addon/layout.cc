#include "addon/layout.h"

#include <stddef.h>

#include "addon/to_js.h"
#include "wire/encode.h"
#include "wire/event_record.h"
#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::addon {

namespace {

napi_value describe_tuple(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(TupleRecord)})
      .set("source", uint32_t{offsetof(TupleRecord, source)})
      .set("destination", uint32_t{offsetof(TupleRecord, destination)})
      .set("sourcePort", uint32_t{offsetof(TupleRecord, source_port)})
      .set("destinationPort", uint32_t{offsetof(TupleRecord, destination_port)})
      .set("icmpId", uint32_t{offsetof(TupleRecord, icmp_id)})
      .set("icmpType", uint32_t{offsetof(TupleRecord, icmp_type)})
      .set("icmpCode", uint32_t{offsetof(TupleRecord, icmp_code)})
      .set("zone", uint32_t{offsetof(TupleRecord, zone)})
      .set("protocol", uint32_t{offsetof(TupleRecord, protocol)})
      .set("family", uint32_t{offsetof(TupleRecord, family)})
      .set("present", uint32_t{offsetof(TupleRecord, present)})
      .value();
}

napi_value describe_address_range(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(AddressRange)})
      .set("address", uint32_t{offsetof(AddressRange, address)})
      .set("family", uint32_t{offsetof(AddressRange, family)})
      .set("prefix", uint32_t{offsetof(AddressRange, prefix)})
      .value();
}

napi_value describe_tuple_filter(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(TupleFilterRecord)})
      .set("source", uint32_t{offsetof(TupleFilterRecord, source)})
      .set("destination", uint32_t{offsetof(TupleFilterRecord, destination)})
      .set("sourcePortFrom", uint32_t{offsetof(TupleFilterRecord, source_port)})
      .set("destinationPortFrom", uint32_t{offsetof(TupleFilterRecord, destination_port)})
      .set("icmpId", uint32_t{offsetof(TupleFilterRecord, icmp_id)})
      .set("icmpType", uint32_t{offsetof(TupleFilterRecord, icmp_type)})
      .set("icmpCode", uint32_t{offsetof(TupleFilterRecord, icmp_code)})
      .set("zone", uint32_t{offsetof(TupleFilterRecord, zone)})
      .set("present", uint32_t{offsetof(TupleFilterRecord, present)})
      .value();
}

napi_value describe_tuple_filter_present(napi_env env) {
  return JsObject(env)
      .set("source", uint32_t{TUPLE_FILTER_SOURCE})
      .set("destination", uint32_t{TUPLE_FILTER_DESTINATION})
      .set("sourcePort", uint32_t{TUPLE_FILTER_SOURCE_PORT})
      .set("destinationPort", uint32_t{TUPLE_FILTER_DESTINATION_PORT})
      .set("icmpId", uint32_t{TUPLE_FILTER_ICMP_ID})
      .set("icmpType", uint32_t{TUPLE_FILTER_ICMP_TYPE})
      .set("icmpCode", uint32_t{TUPLE_FILTER_ICMP_CODE})
      .set("zone", uint32_t{TUPLE_FILTER_ZONE})
      .value();
}

napi_value describe_filter(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(FilterRecord)})
      .set("present", uint32_t{offsetof(FilterRecord, present)})
      .set("mark", uint32_t{offsetof(FilterRecord, mark)})
      .set("markMask", uint32_t{offsetof(FilterRecord, mark_mask)})
      .set("statusAll", uint32_t{offsetof(FilterRecord, status_all)})
      .set("statusNone", uint32_t{offsetof(FilterRecord, status_none)})
      .set("statusAny", uint32_t{offsetof(FilterRecord, status_any)})
      .set("tcpStates", uint32_t{offsetof(FilterRecord, tcp_states)})
      .set("sctpStates", uint32_t{offsetof(FilterRecord, sctp_states)})
      .set("dccpStates", uint32_t{offsetof(FilterRecord, dccp_states)})
      .set("zone", uint32_t{offsetof(FilterRecord, zone)})
      .set("family", uint32_t{offsetof(FilterRecord, family)})
      .set("protocol", uint32_t{offsetof(FilterRecord, protocol)})
      .set("portFrom", uint32_t{offsetof(FilterRecord, port)})
      .set("address", uint32_t{offsetof(FilterRecord, address)})
      .set("original", uint32_t{offsetof(FilterRecord, original)})
      .set("reply", uint32_t{offsetof(FilterRecord, reply)})
      .set("labelsAll", uint32_t{offsetof(FilterRecord, labels_all)})
      .set("labelsNone", uint32_t{offsetof(FilterRecord, labels_none)})
      .set("helperLength", uint32_t{offsetof(FilterRecord, helper_length)})
      .set("helper", uint32_t{offsetof(FilterRecord, helper)})
      .value();
}

napi_value describe_filter_present(napi_env env) {
  return JsObject(env)
      .set("family", uint32_t{FILTER_FAMILY})
      .set("protocol", uint32_t{FILTER_PROTOCOL})
      .set("address", uint32_t{FILTER_ADDRESS})
      .set("port", uint32_t{FILTER_PORT})
      .set("mark", uint32_t{FILTER_MARK})
      .set("zone", uint32_t{FILTER_ZONE})
      .set("state", uint32_t{FILTER_STATE})
      .set("labels", uint32_t{FILTER_LABELS})
      .set("helper", uint32_t{FILTER_HELPER})
      .value();
}

napi_value describe_expectation(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(ExpectationRecord)})
      .set("present", uint32_t{offsetof(ExpectationRecord, present)})
      .set("timeout", uint32_t{offsetof(ExpectationRecord, timeout)})
      .set("id", uint32_t{offsetof(ExpectationRecord, id)})
      .set("flags", uint32_t{offsetof(ExpectationRecord, flags)})
      .set("class", uint32_t{offsetof(ExpectationRecord, helper_class)})
      .set("natDirection", uint32_t{offsetof(ExpectationRecord, nat_direction)})
      .set("zone", uint32_t{offsetof(ExpectationRecord, zone)})
      .set("extension", uint32_t{offsetof(ExpectationRecord, extension)})
      .set("unknownAttributes", uint32_t{offsetof(ExpectationRecord, unknown_attributes)})
      .set("tuple", uint32_t{offsetof(ExpectationRecord, tuple)})
      .set("mask", uint32_t{offsetof(ExpectationRecord, mask)})
      .set("master", uint32_t{offsetof(ExpectationRecord, master)})
      .value();
}

napi_value describe_expectation_present(napi_env env) {
  return JsObject(env)
      .set("timeout", uint32_t{EXPECTATION_TIMEOUT})
      .set("id", uint32_t{EXPECTATION_ID})
      .set("flags", uint32_t{EXPECTATION_FLAGS})
      .set("class", uint32_t{EXPECTATION_CLASS})
      .set("zone", uint32_t{EXPECTATION_ZONE})
      .set("tuple", uint32_t{EXPECTATION_TUPLE})
      .set("mask", uint32_t{EXPECTATION_MASK})
      .set("master", uint32_t{EXPECTATION_MASTER})
      .set("nat", uint32_t{EXPECTATION_NAT})
      .set("helper", uint32_t{EXPECTATION_HELPER})
      .set("function", uint32_t{EXPECTATION_FUNCTION})
      .value();
}

napi_value describe_expectation_extension(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(ExpectationExtensionRecord)})
      .set("nat", uint32_t{offsetof(ExpectationExtensionRecord, nat)})
      .set("helperLength", uint32_t{offsetof(ExpectationExtensionRecord, helper_length)})
      .set("functionLength", uint32_t{offsetof(ExpectationExtensionRecord, function_length)})
      .value();
}

napi_value describe_event(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(EventRecord)})
      .set("kind", uint32_t{offsetof(EventRecord, kind)})
      .set("originPortId", uint32_t{offsetof(EventRecord, origin_port_id)})
      .set("netns", uint32_t{offsetof(EventRecord, netns)})
      .set("maximum", uint32_t{offsetof(EventRecord, maximum)})
      .set("count", uint32_t{offsetof(EventRecord, count)})
      .set("record", uint32_t{offsetof(EventRecord, entry)})
      .value();
}

napi_value describe_event_kinds(napi_env env) {
  return JsObject(env)
      .set("new", uint32_t{EVENT_NEW})
      .set("update", uint32_t{EVENT_UPDATE})
      .set("destroy", uint32_t{EVENT_DESTROY})
      .set("expectationNew", uint32_t{EVENT_EXPECTATION_NEW})
      .set("expectationDestroy", uint32_t{EVENT_EXPECTATION_DESTROY})
      .set("lostInKernel", uint32_t{EVENT_LOST_IN_KERNEL})
      .set("lostInQueue", uint32_t{EVENT_LOST_IN_QUEUE})
      .set("reliabilityEnded", uint32_t{EVENT_RELIABILITY_ENDED})
      .value();
}

napi_value describe_event_groups(napi_env env) {
  return JsObject(env)
      .set("new", uapi::GROUP_NEW)
      .set("update", uapi::GROUP_UPDATE)
      .set("destroy", uapi::GROUP_DESTROY)
      .set("expectationNew", uapi::GROUP_EXPECTATION_NEW)
      .set("expectationDestroy", uapi::GROUP_EXPECTATION_DESTROY)
      .value();
}

napi_value describe_entry(napi_env env) {
  constexpr uint32_t info = offsetof(EntryRecord, info);
  return JsObject(env)
      .set("size", uint32_t{sizeof(EntryRecord)})
      .set("present", uint32_t{offsetof(EntryRecord, present)})
      .set("status", uint32_t{offsetof(EntryRecord, status)})
      .set("id", uint32_t{offsetof(EntryRecord, id)})
      .set("mark", uint32_t{offsetof(EntryRecord, mark)})
      .set("timeout", uint32_t{offsetof(EntryRecord, timeout)})
      .set("use", uint32_t{offsetof(EntryRecord, use)})
      .set("zone", uint32_t{offsetof(EntryRecord, zone)})
      .set("state", uint32_t{offsetof(EntryRecord, state)})
      .set("extension", uint32_t{offsetof(EntryRecord, extension)})
      .set("unknownAttributes", uint32_t{offsetof(EntryRecord, unknown_attributes)})
      .set("original", uint32_t{offsetof(EntryRecord, original)})
      .set("reply", uint32_t{offsetof(EntryRecord, reply)})
      .set("originalPackets", uint32_t{offsetof(EntryRecord, original_packets)})
      .set("originalBytes", uint32_t{offsetof(EntryRecord, original_bytes)})
      .set("replyPackets", uint32_t{offsetof(EntryRecord, reply_packets)})
      .set("replyBytes", uint32_t{offsetof(EntryRecord, reply_bytes)})
      .set("startTime", uint32_t{offsetof(EntryRecord, start_time)})
      .set("stopTime", uint32_t{offsetof(EntryRecord, stop_time)})
      .set("tcpOriginalWindowScale", info + uint32_t{offsetof(TcpRecord, original_window_scale)})
      .set("tcpReplyWindowScale", info + uint32_t{offsetof(TcpRecord, reply_window_scale)})
      .set("tcpOriginalFlags", info + uint32_t{offsetof(TcpRecord, original_flags)})
      .set("tcpReplyFlags", info + uint32_t{offsetof(TcpRecord, reply_flags)})
      .set("sctpOriginalTag", info + uint32_t{offsetof(SctpRecord, original_tag)})
      .set("sctpReplyTag", info + uint32_t{offsetof(SctpRecord, reply_tag)})
      .set("dccpHandshakeSequence", info + uint32_t{offsetof(DccpRecord, handshake_sequence)})
      .set("dccpRole", info + uint32_t{offsetof(DccpRecord, role)})
      .value();
}

napi_value describe_extension(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(ExtensionRecord)})
      .set("master", uint32_t{offsetof(ExtensionRecord, master)})
      .set("originalSequenceAdjust", uint32_t{offsetof(ExtensionRecord, original_sequence_adjust)})
      .set("replySequenceAdjust", uint32_t{offsetof(ExtensionRecord, reply_sequence_adjust)})
      .set("synproxy", uint32_t{offsetof(ExtensionRecord, synproxy)})
      .set("helperLength", uint32_t{offsetof(ExtensionRecord, helper_length)})
      .set("securityContextLength", uint32_t{offsetof(ExtensionRecord, security_context_length)})
      .set("eventTime", uint32_t{offsetof(ExtensionRecord, event_time)})
      .set("labels", uint32_t{offsetof(ExtensionRecord, labels)})
      .value();
}

napi_value describe_entry_present(napi_env env) {
  return JsObject(env)
      .set("status", uint32_t{ENTRY_STATUS})
      .set("id", uint32_t{ENTRY_ID})
      .set("mark", uint32_t{ENTRY_MARK})
      .set("timeout", uint32_t{ENTRY_TIMEOUT})
      .set("use", uint32_t{ENTRY_USE})
      .set("zone", uint32_t{ENTRY_ZONE})
      .set("tcpState", uint32_t{ENTRY_TCP_STATE})
      .set("tcpOriginalWindowScale", uint32_t{ENTRY_TCP_ORIGINAL_WINDOW_SCALE})
      .set("tcpReplyWindowScale", uint32_t{ENTRY_TCP_REPLY_WINDOW_SCALE})
      .set("tcpOriginalFlags", uint32_t{ENTRY_TCP_ORIGINAL_FLAGS})
      .set("tcpReplyFlags", uint32_t{ENTRY_TCP_REPLY_FLAGS})
      .set("sctpState", uint32_t{ENTRY_SCTP_STATE})
      .set("sctpOriginalTag", uint32_t{ENTRY_SCTP_ORIGINAL_TAG})
      .set("sctpReplyTag", uint32_t{ENTRY_SCTP_REPLY_TAG})
      .set("dccpState", uint32_t{ENTRY_DCCP_STATE})
      .set("dccpRole", uint32_t{ENTRY_DCCP_ROLE})
      .set("dccpHandshakeSequence", uint32_t{ENTRY_DCCP_HANDSHAKE_SEQUENCE})
      .set("originalCounters", uint32_t{ENTRY_ORIGINAL_COUNTERS})
      .set("replyCounters", uint32_t{ENTRY_REPLY_COUNTERS})
      .set("startTime", uint32_t{ENTRY_START_TIME})
      .set("stopTime", uint32_t{ENTRY_STOP_TIME})
      .set("eventTime", uint32_t{ENTRY_EVENT_TIME})
      .set("labels", uint32_t{ENTRY_LABELS})
      .set("helper", uint32_t{ENTRY_HELPER})
      .set("securityContext", uint32_t{ENTRY_SECURITY_CONTEXT})
      .set("master", uint32_t{ENTRY_MASTER})
      .set("originalSequenceAdjust", uint32_t{ENTRY_ORIGINAL_SEQUENCE_ADJUST})
      .set("replySequenceAdjust", uint32_t{ENTRY_REPLY_SEQUENCE_ADJUST})
      .set("synproxy", uint32_t{ENTRY_SYNPROXY})
      .set("original", uint32_t{ENTRY_ORIGINAL})
      .set("reply", uint32_t{ENTRY_REPLY})
      .set("synproxyNotZero", uint32_t{ENTRY_SYNPROXY_NOT_ZERO})
      .value();
}

napi_value describe_spec(napi_env env) {
  return JsObject(env)
      .set("size", uint32_t{sizeof(SpecRecord)})
      .set("entry", uint32_t{offsetof(SpecRecord, entry)})
      .set("markMask", uint32_t{offsetof(SpecRecord, mark_mask)})
      .set("present", uint32_t{offsetof(SpecRecord, present)})
      .set("sourcePort", uint32_t{offsetof(SpecRecord, source_port)})
      .set("destinationPort", uint32_t{offsetof(SpecRecord, destination_port)})
      .set("sourceAddress", uint32_t{offsetof(SpecRecord, source_address)})
      .set("destinationAddress", uint32_t{offsetof(SpecRecord, destination_address)})
      .value();
}

napi_value describe_spec_present(napi_env env) {
  return JsObject(env)
      .set("sourceNat", uint32_t{SPEC_SOURCE_NAT})
      .set("sourcePort", uint32_t{SPEC_SOURCE_PORT})
      .set("destinationNat", uint32_t{SPEC_DESTINATION_NAT})
      .set("destinationPort", uint32_t{SPEC_DESTINATION_PORT})
      .value();
}

napi_value describe_asked_fields(napi_env env) {
  return JsObject(env)
      .set("source", uint32_t{uapi::CTA_FILTER_IP_SRC})
      .set("destination", uint32_t{uapi::CTA_FILTER_IP_DST})
      .set("protocol", uint32_t{uapi::CTA_FILTER_PROTO_NUM})
      .set("sourcePort", uint32_t{uapi::CTA_FILTER_PROTO_SRC_PORT})
      .set("destinationPort", uint32_t{uapi::CTA_FILTER_PROTO_DST_PORT})
      .set("icmpType", uapi::CTA_FILTER_ICMP_TYPE | uapi::CTA_FILTER_ICMPV6_TYPE)
      .set("icmpCode", uapi::CTA_FILTER_ICMP_CODE | uapi::CTA_FILTER_ICMPV6_CODE)
      .set("icmpId", uapi::CTA_FILTER_ICMP_ID | uapi::CTA_FILTER_ICMPV6_ID)
      .set("mark", uint32_t{ASKED_MARK})
      .set("status", uint32_t{ASKED_STATUS})
      .set("zone", uint32_t{ASKED_ZONE})
      .value();
}

napi_value describe_tuple_present(napi_env env) {
  return JsObject(env)
      .set("sourcePort", uint32_t{TUPLE_SOURCE_PORT})
      .set("destinationPort", uint32_t{TUPLE_DESTINATION_PORT})
      .set("icmpId", uint32_t{TUPLE_ICMP_ID})
      .set("icmpType", uint32_t{TUPLE_ICMP_TYPE})
      .set("icmpCode", uint32_t{TUPLE_ICMP_CODE})
      .set("zone", uint32_t{TUPLE_ZONE})
      .set("sourceKey", uint32_t{TUPLE_SOURCE_KEY})
      .set("destinationKey", uint32_t{TUPLE_DESTINATION_KEY})
      .value();
}

}  // namespace

napi_value describe_layout(napi_env env) {
  napi_value slab = JsObject(env)
                        .set("size", static_cast<uint32_t>(slab_size))
                        .set("count", uint32_t{offsetof(SlabHeader, count)})
                        .set("readTime", uint32_t{offsetof(SlabHeader, read_time)})
                        .set("firstEntry", uint32_t{sizeof(SlabHeader)})
                        .value();
  return JsObject(env)
      .set("slab", slab)
      .set("entry", describe_entry(env))
      .set("extension", describe_extension(env))
      .set("tuple", describe_tuple(env))
      .set("addressRange", describe_address_range(env))
      .set("tupleFilter", describe_tuple_filter(env))
      .set("tupleFilterPresent", describe_tuple_filter_present(env))
      .set("filter", describe_filter(env))
      .set("filterPresent", describe_filter_present(env))
      .set("expectation", describe_expectation(env))
      .set("expectationPresent", describe_expectation_present(env))
      .set("expectationExtension", describe_expectation_extension(env))
      .set("event", describe_event(env))
      .set("eventKinds", describe_event_kinds(env))
      .set("eventGroups", describe_event_groups(env))
      .set("entryPresent", describe_entry_present(env))
      .set("tuplePresent", describe_tuple_present(env))
      .set("askedFields", describe_asked_fields(env))
      .set("spec", describe_spec(env))
      .set("specPresent", describe_spec_present(env))
      .value();
}

}  // namespace conntrack::addon
