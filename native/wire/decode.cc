#include "wire/decode.h"

#include "wire/decode_tuple.h"

namespace conntrack {

namespace {

using namespace uapi;

class EntryDecoder {
 public:
  EntryDecoder(EntryRecord& record, Extension& extension)
      : record_(record), extension_(extension) {}

  bool decode(Bytes attributes) {
    const bool complete =
        each_attribute(attributes, [this](const Attribute& a) { return attribute(a); });
    return complete && (record_.present & always_sent) == always_sent;
  }

 private:
  // An attribute that comes twice replaces the first, wholly: each function below
  // starts from nothing.

  // Every message about an entry has these, in dumps and in events.
  static constexpr uint32_t always_sent = ENTRY_ORIGINAL | ENTRY_REPLY | ENTRY_ID | ENTRY_STATUS;

  bool unknown() { return count_unknown(record_.unknown_attributes); }

  template <typename Integer>
  bool integer(const Attribute& a, Integer& field, uint32_t present) {
    record_.present |= present;
    return read_big_endian(a.payload, field);
  }

  bool byte(const Attribute& a, uint8_t& field, uint32_t present) {
    record_.present |= present;
    return read_u8(a.payload, 0, field);
  }

  // The first value of the extension makes the rest of it zero.
  ExtensionRecord& extend(uint32_t present) {
    if (record_.extension_present == 0) {
      extension_.record = {};
      extension_.helper = {};
      extension_.security_context = {};
    }
    record_.extension_present |= present;
    return extension_.record;
  }

  bool attribute(const Attribute& a) {
    switch (a.type) {
      case CTA_TUPLE_ORIG:
        return tuple(a, record_.original, ENTRY_ORIGINAL);
      case CTA_TUPLE_REPLY:
        return tuple(a, record_.reply, ENTRY_REPLY);
      case CTA_STATUS:
        return integer(a, record_.status, ENTRY_STATUS);
      case CTA_PROTOINFO:
        return protocol_info(a);
      case CTA_HELP:
        return helper(a);
      case CTA_TIMEOUT:
        return integer(a, record_.timeout, ENTRY_TIMEOUT);
      case CTA_MARK:
        return integer(a, record_.mark, ENTRY_MARK);
      case CTA_COUNTERS_ORIG:
        return counters(a, record_.original_packets, record_.original_bytes,
                        ENTRY_ORIGINAL_COUNTERS);
      case CTA_COUNTERS_REPLY:
        return counters(a, record_.reply_packets, record_.reply_bytes, ENTRY_REPLY_COUNTERS);
      case CTA_USE:
        return integer(a, record_.use, ENTRY_USE);
      case CTA_ID:
        return integer(a, record_.id, ENTRY_ID);
      case CTA_TUPLE_MASTER:
        return decode_tuple(a.payload, extend(EXTENSION_MASTER).master, record_.unknown_attributes);
      case CTA_SEQ_ADJ_ORIG:
        return sequence_adjust(a,
                               extend(EXTENSION_ORIGINAL_SEQUENCE_ADJUST).original_sequence_adjust);
      case CTA_SEQ_ADJ_REPLY:
        return sequence_adjust(a, extend(EXTENSION_REPLY_SEQUENCE_ADJUST).reply_sequence_adjust);
      case CTA_ZONE:
        return integer(a, record_.zone, ENTRY_ZONE);
      case CTA_SECCTX:
        return security_context(a);
      case CTA_TIMESTAMP:
        return timestamps(a);
      case CTA_LABELS:
        return labels(a);
      case CTA_SYNPROXY:
        return synproxy(a);
      case CTA_TIMESTAMP_EVENT:
        return read_big_endian(a.payload, extend(EXTENSION_EVENT_TIME).event_time);
      default:
        return unknown();
    }
  }

  bool tuple(const Attribute& a, TupleRecord& out, uint32_t present) {
    record_.present |= present;
    return decode_tuple(a.payload, out, record_.unknown_attributes);
  }

  // The three protocols share one place in the record: the last one has it.
  bool protocol_info(const Attribute& a) {
    if (has_shape<shapes::Tcp>(a.payload)) return tcp_of_shape(a.payload);
    forget_protocol_info();
    return each_attribute(a.payload, [this](const Attribute& protocol) {
      switch (protocol.type) {
        case CTA_PROTOINFO_TCP:
          forget_protocol_info();
          return each_attribute(protocol.payload,
                                [this](const Attribute& part) { return tcp(part); });
        case CTA_PROTOINFO_SCTP:
          forget_protocol_info();
          return each_attribute(protocol.payload,
                                [this](const Attribute& part) { return sctp(part); });
        case CTA_PROTOINFO_DCCP:
          forget_protocol_info();
          return each_attribute(protocol.payload,
                                [this](const Attribute& part) { return dccp(part); });
        default:
          return unknown();
      }
    });
  }

  bool tcp_of_shape(Bytes payload) {
    using Shape = shapes::Tcp;
    forget_protocol_info();
    record_.present |= ENTRY_TCP_STATE | ENTRY_TCP_ORIGINAL_WINDOW_SCALE |
                       ENTRY_TCP_REPLY_WINDOW_SCALE | ENTRY_TCP_ORIGINAL_FLAGS |
                       ENTRY_TCP_REPLY_FLAGS;
    TcpRecord& info = record_.info.tcp;
    return read_u8(payload, Shape::state, record_.state) &&
           read_u8(payload, Shape::original_window_scale, info.original_window_scale) &&
           read_u8(payload, Shape::reply_window_scale, info.reply_window_scale) &&
           read_u8(payload, Shape::original_flags, info.original_flags) &&
           read_u8(payload, Shape::original_flags + 1, info.original_flags_mask) &&
           read_u8(payload, Shape::reply_flags, info.reply_flags) &&
           read_u8(payload, Shape::reply_flags + 1, info.reply_flags_mask);
  }

  void forget_protocol_info() {
    record_.present &= ~ENTRY_PROTOCOL_INFO;
    record_.state = 0;
    record_.dccp_role = 0;
    memset(&record_.info, 0, sizeof record_.info);
  }

  bool tcp(const Attribute& a) {
    TcpRecord& info = record_.info.tcp;
    switch (a.type) {
      case CTA_PROTOINFO_TCP_STATE:
        return byte(a, record_.state, ENTRY_TCP_STATE);
      case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
        return byte(a, info.original_window_scale, ENTRY_TCP_ORIGINAL_WINDOW_SCALE);
      case CTA_PROTOINFO_TCP_WSCALE_REPLY:
        return byte(a, info.reply_window_scale, ENTRY_TCP_REPLY_WINDOW_SCALE);
      case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
        return byte(a, info.original_flags, ENTRY_TCP_ORIGINAL_FLAGS) &&
               read_u8(a.payload, 1, info.original_flags_mask);
      case CTA_PROTOINFO_TCP_FLAGS_REPLY:
        return byte(a, info.reply_flags, ENTRY_TCP_REPLY_FLAGS) &&
               read_u8(a.payload, 1, info.reply_flags_mask);
      default:
        return unknown();
    }
  }

  bool sctp(const Attribute& a) {
    SctpRecord& info = record_.info.sctp;
    switch (a.type) {
      case CTA_PROTOINFO_SCTP_STATE:
        return byte(a, record_.state, ENTRY_SCTP_STATE);
      case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL:
        return integer(a, info.original_tag, ENTRY_SCTP_ORIGINAL_TAG);
      case CTA_PROTOINFO_SCTP_VTAG_REPLY:
        return integer(a, info.reply_tag, ENTRY_SCTP_REPLY_TAG);
      default:
        return unknown();
    }
  }

  bool dccp(const Attribute& a) {
    switch (a.type) {
      case CTA_PROTOINFO_DCCP_STATE:
        return byte(a, record_.state, ENTRY_DCCP_STATE);
      case CTA_PROTOINFO_DCCP_ROLE:
        return byte(a, record_.dccp_role, ENTRY_DCCP_ROLE);
      case CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ:
        return integer(a, record_.info.dccp.handshake_sequence, ENTRY_DCCP_HANDSHAKE_SEQUENCE);
      case CTA_PROTOINFO_DCCP_PAD:
        return true;
      default:
        return unknown();
    }
  }

  // Half a pair of counters is no pair: the present bit needs both.
  bool counters(const Attribute& a, uint64_t& packets, uint64_t& bytes, uint32_t present) {
    if (has_shape<shapes::Counters>(a.payload)) {
      record_.present |= present;
      return read_big_endian(a.payload, packets, shapes::Counters::packets) &&
             read_big_endian(a.payload, bytes, shapes::Counters::bytes);
    }
    packets = bytes = 0;
    record_.present &= ~present;
    bool seen[2] = {};
    const bool complete = each_attribute(a.payload, [&](const Attribute& part) {
      switch (part.type) {
        case CTA_COUNTERS_PACKETS:
          return seen[0] = read_big_endian(part.payload, packets);
        case CTA_COUNTERS_BYTES:
          return seen[1] = read_big_endian(part.payload, bytes);
        case CTA_COUNTERS_PAD:
          return true;
        default:
          return unknown();
      }
    });
    if (seen[0] && seen[1]) record_.present |= present;
    return complete;
  }

  bool timestamps(const Attribute& a) {
    record_.present &= ~(ENTRY_START_TIME | ENTRY_STOP_TIME);
    record_.start_time = record_.stop_time = 0;
    return each_attribute(a.payload, [this](const Attribute& part) {
      switch (part.type) {
        case CTA_TIMESTAMP_START:
          return integer(part, record_.start_time, ENTRY_START_TIME);
        case CTA_TIMESTAMP_STOP:
          return integer(part, record_.stop_time, ENTRY_STOP_TIME);
        case CTA_TIMESTAMP_PAD:
          return true;
        default:
          return unknown();
      }
    });
  }

  void forget_text(uint32_t present, Bytes& text, uint16_t ExtensionRecord::*length) {
    if ((record_.extension_present & present) == 0) return;
    record_.extension_present &= ~present;
    text = {};
    extension_.record.*length = 0;
  }

  bool helper(const Attribute& a) {
    forget_text(EXTENSION_HELPER, extension_.helper, &ExtensionRecord::helper_length);
    return each_attribute(a.payload, [this](const Attribute& part) {
      switch (part.type) {
        case CTA_HELP_NAME: {
          ExtensionRecord& extension = extend(EXTENSION_HELPER);
          return decode_text(part.payload, extension_.helper, extension.helper_length);
        }
        case CTA_HELP_INFO:  // private to each helper, and none of the kernel's fills it
          return true;
        default:
          return unknown();
      }
    });
  }

  bool security_context(const Attribute& a) {
    forget_text(EXTENSION_SECURITY_CONTEXT, extension_.security_context,
                &ExtensionRecord::security_context_length);
    return each_attribute(a.payload, [this](const Attribute& part) {
      if (part.type != CTA_SECCTX_NAME) return unknown();
      ExtensionRecord& extension = extend(EXTENSION_SECURITY_CONTEXT);
      return decode_text(part.payload, extension_.security_context,
                         extension.security_context_length);
    });
  }

  bool sequence_adjust(const Attribute& a, SequenceAdjustRecord& out) {
    out = {};
    return each_attribute(a.payload, [&](const Attribute& part) {
      switch (part.type) {
        case CTA_SEQADJ_CORRECTION_POS:
          return read_big_endian(part.payload, out.correction_position);
        case CTA_SEQADJ_OFFSET_BEFORE:
          return read_big_endian(part.payload, out.offset_before);
        case CTA_SEQADJ_OFFSET_AFTER:
          return read_big_endian(part.payload, out.offset_after);
        default:
          return unknown();
      }
    });
  }

  bool synproxy(const Attribute& a) {
    SynproxyRecord out = {};
    if (!synproxy_values(a.payload, out)) return false;
    if ((record_.extension_present & EXTENSION_SYNPROXY) != 0) {
      record_.extension_present &= ~EXTENSION_SYNPROXY;
      extension_.record.synproxy = {};
    }
    record_.present |= ENTRY_SYNPROXY;
    if ((out.initial_sequence | out.initial_timestamp | out.timestamp_offset) != 0) {
      extend(EXTENSION_SYNPROXY).synproxy = out;
    }
    return true;
  }

  bool synproxy_values(Bytes payload, SynproxyRecord& out) {
    using Shape = shapes::Synproxy;
    if (has_shape<Shape>(payload)) {
      return read_big_endian(payload, out.initial_sequence, Shape::initial_sequence) &&
             read_big_endian(payload, out.initial_timestamp, Shape::initial_timestamp) &&
             read_big_endian(payload, out.timestamp_offset, Shape::timestamp_offset);
    }
    return each_attribute(payload, [&](const Attribute& part) {
      switch (part.type) {
        case CTA_SYNPROXY_ISN:
          return read_big_endian(part.payload, out.initial_sequence);
        case CTA_SYNPROXY_ITS:
          return read_big_endian(part.payload, out.initial_timestamp);
        case CTA_SYNPROXY_TSOFF:
          return read_big_endian(part.payload, out.timestamp_offset);
        default:
          return unknown();
      }
    });
  }

  bool labels(const Attribute& a) {
    ExtensionRecord& extension = extend(EXTENSION_LABELS);
    if (a.payload.size > sizeof extension.labels) return false;
    memset(extension.labels, 0, sizeof extension.labels);
    for (size_t i = 0; i < a.payload.size; i++) {
      read_u8(a.payload, i, extension.labels[label_byte(i)]);
    }
    return true;
  }

  EntryRecord& record_;
  Extension& extension_;
};

}  // namespace

bool decode_entry(const Message& message, EntryRecord& record, Extension& extension) {
  Bytes attributes;
  if (!read_attributes(message, attributes)) return false;
  if (message.type == MESSAGE_DELETE) record.present |= ENTRY_FINAL;
  return EntryDecoder(record, extension).decode(attributes);
}

}  // namespace conntrack
