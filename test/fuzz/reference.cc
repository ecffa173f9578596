#include "reference.h"

namespace conntrack::test {

using namespace uapi;

namespace {

uint16_t saturated(uint32_t count) { return static_cast<uint16_t>(std::min(count, 0xffffu)); }

uint32_t host_u32(const uint8_t* at) {
  return host_is_little_endian ? host_u16(at) | host_u16(at + 2) << 16
                               : host_u16(at) << 16 | host_u16(at + 2);
}

// The attributes behind the four bytes of nfgenmsg.
Bytes behind_nfgenmsg(const Message& message, Reading& reading) {
  if (message.payload.size < 4) reading.ok = false;
  return reading.ok ? Bytes{message.payload.data + 4, message.payload.size - 4} : Bytes{};
}

struct AddressAttribute {
  uint32_t type;
  uint8_t family;
  size_t size;
  bool source;
};
constexpr AddressAttribute addresses[] = {{CTA_IP_V4_SRC, FAMILY_IPV4, 4, true},
                                          {CTA_IP_V4_DST, FAMILY_IPV4, 4, false},
                                          {CTA_IP_V6_SRC, FAMILY_IPV6, 16, true},
                                          {CTA_IP_V6_DST, FAMILY_IPV6, 16, false}};

}  // namespace

TupleRecord reference_tuple(Bytes payload, Reading& reading) {
  auto tuple = zeroed<TupleRecord>();
  bool source = false;
  bool destination = false;
  bool protocol = false;
  Attributes parts(payload, reading);
  parts.known({CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE});
  parts.each(CTA_TUPLE_IP, [&](Bytes nest) {
    Attributes all(nest, reading);
    all.known({CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST});
    for (const AddressAttribute& known : addresses) {
      all.each(known.type, [&](Bytes address) {
        if (address.size < known.size) reading.ok = false;
        if (tuple.family != 0 && tuple.family != known.family) reading.ok = false;
        if (!reading.ok) return;
        tuple.family = known.family;
        memcpy(known.source ? tuple.source : tuple.destination, address.data, known.size);
        (known.source ? source : destination) = true;
      });
    }
  });
  parts.each(CTA_TUPLE_PROTO, [&](Bytes nest) {
    Attributes all(nest, reading);
    all.known({1, 2, 3, 4, 5, 6, 7, 8, 9});
    for (const Attributes::One& one : all.all()) {
      switch (one.type) {
        case CTA_PROTO_NUM:
          tuple.protocol = all.number<uint8_t>(one.payload);
          protocol = true;
          break;
        case CTA_PROTO_SRC_PORT:
          tuple.source_port = all.number<uint16_t>(one.payload);
          tuple.present |= TUPLE_SOURCE_PORT;
          break;
        case CTA_PROTO_DST_PORT:
          tuple.destination_port = all.number<uint16_t>(one.payload);
          tuple.present |= TUPLE_DESTINATION_PORT;
          break;
        case CTA_PROTO_ICMP_ID:
        case CTA_PROTO_ICMPV6_ID:
          tuple.icmp_id = all.number<uint16_t>(one.payload);
          tuple.present |= TUPLE_ICMP_ID;
          break;
        case CTA_PROTO_ICMP_TYPE:
        case CTA_PROTO_ICMPV6_TYPE:
          tuple.icmp_type = all.number<uint8_t>(one.payload);
          tuple.present |= TUPLE_ICMP_TYPE;
          break;
        case CTA_PROTO_ICMP_CODE:
        case CTA_PROTO_ICMPV6_CODE:
          tuple.icmp_code = all.number<uint8_t>(one.payload);
          tuple.present |= TUPLE_ICMP_CODE;
          break;
        default:
          break;
      }
    }
  });
  parts.each(CTA_TUPLE_ZONE, [&](Bytes zone) {
    tuple.zone = parts.number<uint16_t>(zone);
    tuple.present |= TUPLE_ZONE;
  });
  // GRE has keys in the place of ports.
  if (tuple.protocol == 47 && (tuple.present & TUPLE_SOURCE_PORT) != 0) {
    tuple.present = (tuple.present & ~TUPLE_SOURCE_PORT) | TUPLE_SOURCE_KEY;
  }
  if (tuple.protocol == 47 && (tuple.present & TUPLE_DESTINATION_PORT) != 0) {
    tuple.present = (tuple.present & ~TUPLE_DESTINATION_PORT) | TUPLE_DESTINATION_KEY;
  }
  if (!source || !destination || !protocol) reading.ok = false;
  return tuple;
}

namespace {

class EntryReading {
 public:
  EntryReading(EntryRecord& record, ExtensionRecord& extension, Bytes& helper, Bytes& context)
      : record_(record), extension_(extension), helper_(helper), context_(context) {}

  bool read(const Message& message) {
    Attributes all(behind_nfgenmsg(message, reading_), reading_);
    all.known({1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18, 19, 20, 22, 24, 27});
    tuple(all, CTA_TUPLE_ORIG, record_.original, ENTRY_ORIGINAL);
    tuple(all, CTA_TUPLE_REPLY, record_.reply, ENTRY_REPLY);
    integer(all, CTA_STATUS, record_.status, ENTRY_STATUS);
    integer(all, CTA_TIMEOUT, record_.timeout, ENTRY_TIMEOUT);
    integer(all, CTA_MARK, record_.mark, ENTRY_MARK);
    integer(all, CTA_USE, record_.use, ENTRY_USE);
    integer(all, CTA_ID, record_.id, ENTRY_ID);
    integer(all, CTA_ZONE, record_.zone, ENTRY_ZONE);
    counters(all, CTA_COUNTERS_ORIG, record_.original_packets, record_.original_bytes,
             ENTRY_ORIGINAL_COUNTERS);
    counters(all, CTA_COUNTERS_REPLY, record_.reply_packets, record_.reply_bytes,
             ENTRY_REPLY_COUNTERS);
    all.each(CTA_PROTOINFO, [this](Bytes nest) { protocol_info(nest); });
    all.each(CTA_TIMESTAMP, [this](Bytes nest) { times(nest); });
    all.each(CTA_TUPLE_MASTER, [this](Bytes nest) {
      extension_.master = reference_tuple(nest, reading_);
      record_.extension_present |= EXTENSION_MASTER;
    });
    adjust(all, CTA_SEQ_ADJ_ORIG, extension_.original_sequence_adjust,
           EXTENSION_ORIGINAL_SEQUENCE_ADJUST);
    adjust(all, CTA_SEQ_ADJ_REPLY, extension_.reply_sequence_adjust,
           EXTENSION_REPLY_SEQUENCE_ADJUST);
    all.each(CTA_HELP, [this](Bytes nest) { help(nest); });
    all.each(CTA_SECCTX, [this](Bytes nest) { security_context(nest); });
    all.each(CTA_LABELS, [this](Bytes bits) { labels(bits); });
    all.each(CTA_SYNPROXY, [this](Bytes nest) { synproxy(nest); });
    all.each(CTA_TIMESTAMP_EVENT, [&](Bytes time) {
      extension_.event_time = all.number<uint64_t>(time);
      record_.extension_present |= EXTENSION_EVENT_TIME;
    });
    if (message.type == MESSAGE_DELETE) record_.present |= ENTRY_FINAL;
    record_.unknown_attributes = saturated(reading_.unknown);
    const uint32_t always = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS;
    return reading_.ok && (record_.present & always) == always;
  }

 private:
  void tuple(const Attributes& all, uint32_t type, TupleRecord& field, uint32_t present) {
    all.each(type, [&](Bytes nest) {
      field = reference_tuple(nest, reading_);
      record_.present |= present;
    });
  }

  template <typename Integer>
  void integer(const Attributes& all, uint32_t type, Integer& field, uint32_t present) {
    all.each(type, [&](Bytes payload) {
      field = all.number<Integer>(payload);
      record_.present |= present;
    });
  }

  // Both or none.
  void counters(const Attributes& all, uint32_t type, uint64_t& packets, uint64_t& bytes,
                uint32_t present) {
    all.each(type, [&](Bytes nest) {
      Attributes parts(nest, reading_);
      parts.known({CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES, CTA_COUNTERS_PAD});
      packets = bytes = 0;
      parts.each(CTA_COUNTERS_PACKETS, [&](Bytes at) { packets = parts.number<uint64_t>(at); });
      parts.each(CTA_COUNTERS_BYTES, [&](Bytes at) { bytes = parts.number<uint64_t>(at); });
      const bool both = parts.last(CTA_COUNTERS_PACKETS) && parts.last(CTA_COUNTERS_BYTES);
      record_.present = both ? record_.present | present : record_.present & ~present;
    });
  }

  void protocol_info(Bytes nest) {
    forget_protocol_info();
    Attributes protocols(nest, reading_);
    protocols.known({CTA_PROTOINFO_TCP, CTA_PROTOINFO_DCCP, CTA_PROTOINFO_SCTP});
    for (const Attributes::One& protocol : protocols.all()) {
      if (protocol.type == CTA_PROTOINFO_TCP) tcp(protocol.payload);
      if (protocol.type == CTA_PROTOINFO_SCTP) sctp(protocol.payload);
      if (protocol.type == CTA_PROTOINFO_DCCP) dccp(protocol.payload);
    }
  }

  void forget_protocol_info() {
    record_.present &= ~ENTRY_PROTOCOL_INFO;
    record_.state = record_.dccp_role = 0;
    memset(&record_.info, 0, sizeof record_.info);
  }

  void tcp(Bytes nest) {
    forget_protocol_info();
    Attributes parts(nest, reading_);
    parts.known({1, 2, 3, 4, 5});
    TcpRecord& tcp = record_.info.tcp;
    integer(parts, CTA_PROTOINFO_TCP_STATE, record_.state, ENTRY_TCP_STATE);
    integer(parts, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp.original_window_scale,
            ENTRY_TCP_ORIGINAL_WINDOW_SCALE);
    integer(parts, CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp.reply_window_scale,
            ENTRY_TCP_REPLY_WINDOW_SCALE);
    flags(parts, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, tcp.original_flags, tcp.original_flags_mask,
          ENTRY_TCP_ORIGINAL_FLAGS);
    flags(parts, CTA_PROTOINFO_TCP_FLAGS_REPLY, tcp.reply_flags, tcp.reply_flags_mask,
          ENTRY_TCP_REPLY_FLAGS);
  }

  void flags(const Attributes& parts, uint32_t type, uint8_t& bits, uint8_t& mask,
             uint32_t present) {
    integer(parts, type, bits, present);
    parts.each(type, [&](Bytes payload) { mask = parts.number<uint8_t>(payload, 1); });
  }

  void sctp(Bytes nest) {
    forget_protocol_info();
    Attributes parts(nest, reading_);
    parts.known({1, 2, 3});
    integer(parts, CTA_PROTOINFO_SCTP_STATE, record_.state, ENTRY_SCTP_STATE);
    integer(parts, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, record_.info.sctp.original_tag,
            ENTRY_SCTP_ORIGINAL_TAG);
    integer(parts, CTA_PROTOINFO_SCTP_VTAG_REPLY, record_.info.sctp.reply_tag,
            ENTRY_SCTP_REPLY_TAG);
  }

  void dccp(Bytes nest) {
    forget_protocol_info();
    Attributes parts(nest, reading_);
    parts.known({1, 2, 3, CTA_PROTOINFO_DCCP_PAD});
    integer(parts, CTA_PROTOINFO_DCCP_STATE, record_.state, ENTRY_DCCP_STATE);
    integer(parts, CTA_PROTOINFO_DCCP_ROLE, record_.dccp_role, ENTRY_DCCP_ROLE);
    integer(parts, CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ, record_.info.dccp.handshake_sequence,
            ENTRY_DCCP_HANDSHAKE_SEQUENCE);
  }

  void times(Bytes nest) {
    record_.present &= ~(ENTRY_START_TIME | ENTRY_STOP_TIME);
    record_.start_time = record_.stop_time = 0;
    Attributes parts(nest, reading_);
    parts.known({CTA_TIMESTAMP_START, CTA_TIMESTAMP_STOP, CTA_TIMESTAMP_PAD});
    integer(parts, CTA_TIMESTAMP_START, record_.start_time, ENTRY_START_TIME);
    integer(parts, CTA_TIMESTAMP_STOP, record_.stop_time, ENTRY_STOP_TIME);
  }

  void adjust(const Attributes& all, uint32_t type, SequenceAdjustRecord& field, uint32_t present) {
    all.each(type, [&](Bytes nest) {
      Attributes parts(nest, reading_);
      parts.known({1, 2, 3});
      field = {};
      record_.extension_present |= present;
      parts.each(CTA_SEQADJ_CORRECTION_POS,
                 [&](Bytes at) { field.correction_position = parts.number<uint32_t>(at); });
      parts.each(CTA_SEQADJ_OFFSET_BEFORE,
                 [&](Bytes at) { field.offset_before = parts.number<uint32_t>(at); });
      parts.each(CTA_SEQADJ_OFFSET_AFTER,
                 [&](Bytes at) { field.offset_after = parts.number<uint32_t>(at); });
    });
  }

  void help(Bytes nest) {
    Attributes parts(nest, reading_);
    parts.known({CTA_HELP_NAME, CTA_HELP_INFO});
    text(parts, CTA_HELP_NAME, helper_, extension_.helper_length, EXTENSION_HELPER);
  }

  void security_context(Bytes nest) {
    Attributes parts(nest, reading_);
    parts.known({CTA_SECCTX_NAME});
    text(parts, CTA_SECCTX_NAME, context_, extension_.security_context_length,
         EXTENSION_SECURITY_CONTEXT);
  }

  void text(const Attributes& parts, uint32_t type, Bytes& field, uint16_t& length,
            uint32_t present) {
    field = {};
    length = 0;
    record_.extension_present &= ~present;
    parts.each(type, [&](Bytes payload) {
      field = parts.text(payload, max_string);
      length = static_cast<uint16_t>(field.size);
      record_.extension_present |= present;
    });
  }

  // Words of the host, of the size of a long.
  void labels(Bytes bits) {
    record_.extension_present |= EXTENSION_LABELS;
    memset(extension_.labels, 0, sizeof extension_.labels);
    if (bits.size > sizeof extension_.labels) reading_.ok = false;
    for (size_t i = 0; reading_.ok && i < bits.size; i++) {
      const size_t word = i / sizeof(long) * sizeof(long);
      const size_t in_word = i % sizeof(long);
      const size_t at = host_is_little_endian ? in_word : sizeof(long) - 1 - in_word;
      extension_.labels[word + at] = bits.data[i];
    }
  }

  void synproxy(Bytes nest) {
    Attributes parts(nest, reading_);
    parts.known({1, 2, 3});
    SynproxyRecord& out = extension_.synproxy;
    out = {};
    parts.each(CTA_SYNPROXY_ISN,
               [&](Bytes at) { out.initial_sequence = parts.number<uint32_t>(at); });
    parts.each(CTA_SYNPROXY_ITS,
               [&](Bytes at) { out.initial_timestamp = parts.number<uint32_t>(at); });
    parts.each(CTA_SYNPROXY_TSOFF,
               [&](Bytes at) { out.timestamp_offset = parts.number<uint32_t>(at); });
    record_.present |= ENTRY_SYNPROXY;
    record_.extension_present &= ~EXTENSION_SYNPROXY;
    const bool zero =
        out.initial_sequence == 0 && out.initial_timestamp == 0 && out.timestamp_offset == 0;
    if (!zero) record_.extension_present |= EXTENSION_SYNPROXY;
  }

  EntryRecord& record_;
  ExtensionRecord& extension_;
  Bytes& helper_;
  Bytes& context_;
  Reading reading_;
};

}  // namespace

bool reference_entry(const Message& message, EntryRecord& record, ExtensionRecord& extension,
                     Bytes& helper, Bytes& security_context) {
  record = zeroed<EntryRecord>();
  extension = zeroed<ExtensionRecord>();
  helper = security_context = {};
  return EntryReading(record, extension, helper, security_context).read(message);
}

bool reference_expectation(const Message& message, ExpectationRecord& record,
                           ExpectationExtensionRecord& extension, Bytes& helper, Bytes& function) {
  record = zeroed<ExpectationRecord>();
  extension = zeroed<ExpectationExtensionRecord>();
  helper = function = {};
  Reading reading;
  Attributes all(behind_nfgenmsg(message, reading), reading);
  all.known({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto tuple = [&](uint32_t type, TupleRecord& field, uint32_t present) {
    all.each(type, [&](Bytes nest) {
      field = reference_tuple(nest, reading);
      record.present |= present;
    });
  };
  const auto integer = [&](uint32_t type, auto& field, uint32_t present) {
    all.each(type, [&](Bytes payload) {
      field = all.number<std::decay_t<decltype(field)>>(payload);
      record.present |= present;
    });
  };
  const auto text = [&](uint32_t type, Bytes& field, uint16_t& length, uint32_t present) {
    all.each(type, [&](Bytes payload) {
      field = all.text(payload, max_string);
      length = static_cast<uint16_t>(field.size);
      record.present |= present;
    });
  };
  tuple(CTA_EXPECT_MASTER, record.master, EXPECTATION_MASTER);
  tuple(CTA_EXPECT_TUPLE, record.tuple, EXPECTATION_TUPLE);
  tuple(CTA_EXPECT_MASK, record.mask, EXPECTATION_MASK);
  integer(CTA_EXPECT_TIMEOUT, record.timeout, EXPECTATION_TIMEOUT);
  integer(CTA_EXPECT_ID, record.id, EXPECTATION_ID);
  integer(CTA_EXPECT_ZONE, record.zone, EXPECTATION_ZONE);
  integer(CTA_EXPECT_FLAGS, record.flags, EXPECTATION_FLAGS);
  integer(CTA_EXPECT_CLASS, record.helper_class, EXPECTATION_CLASS);
  text(CTA_EXPECT_HELP_NAME, helper, extension.helper_length, EXPECTATION_HELPER);
  text(CTA_EXPECT_FN, function, extension.function_length, EXPECTATION_FUNCTION);
  all.each(CTA_EXPECT_NAT, [&](Bytes nest) {
    Attributes parts(nest, reading);
    parts.known({CTA_EXPECT_NAT_DIR, CTA_EXPECT_NAT_TUPLE});
    parts.each(CTA_EXPECT_NAT_DIR,
               [&](Bytes at) { record.nat_direction = parts.number<uint32_t>(at); });
    parts.each(CTA_EXPECT_NAT_TUPLE,
               [&](Bytes at) { extension.nat = reference_tuple(at, reading); });
    if (!parts.last(CTA_EXPECT_NAT_DIR) || !parts.last(CTA_EXPECT_NAT_TUPLE)) reading.ok = false;
    record.present |= EXPECTATION_NAT;
  });
  record.unknown_attributes = saturated(reading.unknown);
  const uint32_t always =
      EXPECTATION_TUPLE | EXPECTATION_MASK | EXPECTATION_MASTER | EXPECTATION_ID;
  return reading.ok && (record.present & always) == always;
}

bool reference_timeouts(const Message& message, uint32_t needed, TimeoutRecord& record) {
  record = zeroed<TimeoutRecord>();
  Reading reading;
  Attributes all(behind_nfgenmsg(message, reading), reading);
  all.known({1, 2, 3, 4, 5});
  all.each(CTA_TIMEOUT_NAME, [&](Bytes payload) {
    const Bytes name = all.text(payload, longest_policy_name);
    memset(record.name, 0, sizeof record.name);
    if (reading.ok && name.size > 0) memcpy(record.name, name.data, name.size);
    record.name_length = static_cast<uint8_t>(name.size);
    record.present |= TIMEOUT_NAME;
  });
  all.each(CTA_TIMEOUT_L3PROTO, [&](Bytes payload) {
    record.family = all.number<uint16_t>(payload);
    record.present |= TIMEOUT_FAMILY;
  });
  all.each(CTA_TIMEOUT_L4PROTO, [&](Bytes payload) {
    record.protocol = all.number<uint8_t>(payload);
    record.present |= TIMEOUT_PROTOCOL;
  });
  all.each(CTA_TIMEOUT_USE, [&](Bytes payload) {
    record.use = all.number<uint32_t>(payload);
    record.present |= TIMEOUT_USE;
  });
  all.each(CTA_TIMEOUT_DATA, [&](Bytes nest) {
    Attributes states(nest, reading);
    memset(record.seconds, 0, sizeof record.seconds);
    record.states = 0;
    record.present |= TIMEOUT_SECONDS;
    for (const Attributes::One& state : states.all()) {
      if (state.type == 0 || state.type >= timeout_states) {
        reading.unknown++;
        continue;
      }
      record.seconds[state.type] = states.number<uint32_t>(state.payload);
      record.states |= 1u << state.type;
    }
  });
  record.unknown_attributes = saturated(reading.unknown);
  return reading.ok && (record.present & needed) == needed;
}

std::vector<Message> reference_messages(Bytes datagram, bool& malformed) {
  std::vector<Message> messages;
  malformed = false;
  for (size_t at = 0; at < datagram.size;) {
    const uint8_t* header = datagram.data + at;
    const size_t left = datagram.size - at;
    const uint32_t length = left < 4 ? 0 : host_u32(header);
    if (length < 16 || length > left) {
      malformed = true;
      break;
    }
    Message message;
    message.type = static_cast<uint16_t>(host_u16(header + 4));
    message.flags = static_cast<uint16_t>(host_u16(header + 6));
    message.sequence = host_u32(header + 8);
    message.port_id = host_u32(header + 12);
    message.payload = {header + 16, length - 16};
    messages.push_back(message);
    at += (size_t{length} + 3) / 4 * 4;
  }
  return messages;
}

}  // namespace conntrack::test
