// The kernel's numbers for connection tracking over netlink. They are spelled
// out here, not included, so that the addon builds the same with the headers of
// any distribution. Each block names its header; a number newer than Linux 4.18
// names the kernel that brought it.
#pragma once

#include <cstdint>

namespace conntrack::uapi {

// linux/netlink.h
constexpr uint16_t NLMSG_NOOP = 1;
constexpr uint16_t NLMSG_ERROR = 2;
constexpr uint16_t NLMSG_DONE = 3;

constexpr uint16_t NLM_F_REQUEST = 0x0001;
constexpr uint16_t NLM_F_ACK = 0x0004;
constexpr uint16_t NLM_F_ECHO = 0x0008;
constexpr uint16_t NLM_F_DUMP = 0x0300;
constexpr uint16_t NLM_F_REPLACE = 0x0100;
constexpr uint16_t NLM_F_EXCL = 0x0200;
constexpr uint16_t NLM_F_CREATE = 0x0400;
// Of a message of a dump.
constexpr uint16_t NLM_F_DUMP_FILTERED = 0x0020;
// Flags of an NLMSG_ERROR or NLMSG_DONE.
constexpr uint16_t NLM_F_CAPPED = 0x0100;
constexpr uint16_t NLM_F_ACK_TLVS = 0x0200;

constexpr uint16_t NLA_F_NESTED = 0x8000;
constexpr uint16_t NLA_TYPE_MASK = 0x3fff;

constexpr uint16_t NLMSGERR_ATTR_MSG = 1;
constexpr uint16_t NLMSGERR_ATTR_OFFS = 2;

// linux/socket.h
constexpr uint8_t FAMILY_UNSPECIFIED = 0;
constexpr uint8_t FAMILY_IPV4 = 2;
constexpr uint8_t FAMILY_IPV6 = 10;

// linux/rtnetlink.h, linux/net_namespace.h
constexpr uint16_t MESSAGE_NAMESPACE_ID = 88;      // RTM_NEWNSID
constexpr uint16_t MESSAGE_NAMESPACE_ID_GET = 90;  // RTM_GETNSID
constexpr uint16_t NETNSA_NSID = 1;
constexpr uint16_t NETNSA_FD = 3;

// linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h
constexpr uint16_t SUBSYSTEM_CTNETLINK = 1;
constexpr uint16_t MESSAGE_NEW = SUBSYSTEM_CTNETLINK << 8 | 0;
constexpr uint16_t MESSAGE_GET = SUBSYSTEM_CTNETLINK << 8 | 1;
constexpr uint16_t MESSAGE_DELETE = SUBSYSTEM_CTNETLINK << 8 | 2;
constexpr uint16_t MESSAGE_GET_CTRZERO = SUBSYSTEM_CTNETLINK << 8 | 3;
constexpr uint16_t MESSAGE_GET_STATS_CPU = SUBSYSTEM_CTNETLINK << 8 | 4;
constexpr uint16_t MESSAGE_GET_STATS = SUBSYSTEM_CTNETLINK << 8 | 5;
constexpr uint16_t MESSAGE_GET_DYING = SUBSYSTEM_CTNETLINK << 8 | 6;

constexpr uint16_t SUBSYSTEM_EXPECTATIONS = 2;  // NFNL_SUBSYS_CTNETLINK_EXP
constexpr uint16_t MESSAGE_EXPECTATION_NEW = SUBSYSTEM_EXPECTATIONS << 8 | 0;
constexpr uint16_t MESSAGE_EXPECTATION_GET = SUBSYSTEM_EXPECTATIONS << 8 | 1;
constexpr uint16_t MESSAGE_EXPECTATION_DELETE = SUBSYSTEM_EXPECTATIONS << 8 | 2;
constexpr uint16_t MESSAGE_EXPECTATION_GET_STATS_CPU = SUBSYSTEM_EXPECTATIONS << 8 | 3;
// Its answers name the other subsystem (6.18).
constexpr uint16_t MESSAGE_EXPECTATION_STATS_CPU = SUBSYSTEM_CTNETLINK << 8 | 3;

// Multicast groups.
constexpr uint32_t GROUP_NEW = 1;
constexpr uint32_t GROUP_UPDATE = 2;
constexpr uint32_t GROUP_DESTROY = 3;
constexpr uint32_t GROUP_EXPECTATION_NEW = 4;
constexpr uint32_t GROUP_EXPECTATION_DESTROY = 6;

constexpr uint16_t CTA_TUPLE_ORIG = 1;
constexpr uint16_t CTA_TUPLE_REPLY = 2;
constexpr uint16_t CTA_STATUS = 3;
constexpr uint16_t CTA_PROTOINFO = 4;
constexpr uint16_t CTA_HELP = 5;
constexpr uint16_t CTA_NAT_SRC = 6;
constexpr uint16_t CTA_TIMEOUT = 7;
constexpr uint16_t CTA_MARK = 8;
constexpr uint16_t CTA_COUNTERS_ORIG = 9;
constexpr uint16_t CTA_COUNTERS_REPLY = 10;
constexpr uint16_t CTA_USE = 11;
constexpr uint16_t CTA_ID = 12;
constexpr uint16_t CTA_NAT_DST = 13;
constexpr uint16_t CTA_TUPLE_MASTER = 14;
constexpr uint16_t CTA_SEQ_ADJ_ORIG = 15;
constexpr uint16_t CTA_SEQ_ADJ_REPLY = 16;
constexpr uint16_t CTA_ZONE = 18;
constexpr uint16_t CTA_SECCTX = 19;
constexpr uint16_t CTA_TIMESTAMP = 20;
constexpr uint16_t CTA_MARK_MASK = 21;
constexpr uint16_t CTA_LABELS = 22;
constexpr uint16_t CTA_LABELS_MASK = 23;
constexpr uint16_t CTA_SYNPROXY = 24;
constexpr uint16_t CTA_FILTER = 25;           // Linux 5.8
constexpr uint16_t CTA_STATUS_MASK = 26;      // Linux 5.15
constexpr uint16_t CTA_TIMESTAMP_EVENT = 27;  // Linux 6.14

// In host byte order, unlike every other number.
constexpr uint16_t CTA_FILTER_ORIG_FLAGS = 1;
constexpr uint16_t CTA_FILTER_REPLY_FLAGS = 2;

// net/netfilter/nf_internals.h: which values of the tuple a dump compares.
constexpr uint32_t CTA_FILTER_IP_SRC = 1 << 0;
constexpr uint32_t CTA_FILTER_IP_DST = 1 << 1;
constexpr uint32_t CTA_FILTER_PROTO_NUM = 1 << 3;
constexpr uint32_t CTA_FILTER_PROTO_SRC_PORT = 1 << 4;
constexpr uint32_t CTA_FILTER_PROTO_DST_PORT = 1 << 5;
constexpr uint32_t CTA_FILTER_ICMP_TYPE = 1 << 6;
constexpr uint32_t CTA_FILTER_ICMP_CODE = 1 << 7;
constexpr uint32_t CTA_FILTER_ICMP_ID = 1 << 8;
constexpr uint32_t CTA_FILTER_ICMPV6_TYPE = 1 << 9;
constexpr uint32_t CTA_FILTER_ICMPV6_CODE = 1 << 10;
constexpr uint32_t CTA_FILTER_ICMPV6_ID = 1 << 11;

constexpr uint16_t CTA_TUPLE_IP = 1;
constexpr uint16_t CTA_TUPLE_PROTO = 2;
constexpr uint16_t CTA_TUPLE_ZONE = 3;

constexpr uint16_t CTA_IP_V4_SRC = 1;
constexpr uint16_t CTA_IP_V4_DST = 2;
constexpr uint16_t CTA_IP_V6_SRC = 3;
constexpr uint16_t CTA_IP_V6_DST = 4;

constexpr uint16_t CTA_PROTO_NUM = 1;
constexpr uint16_t CTA_PROTO_SRC_PORT = 2;
constexpr uint16_t CTA_PROTO_DST_PORT = 3;
constexpr uint16_t CTA_PROTO_ICMP_ID = 4;
constexpr uint16_t CTA_PROTO_ICMP_TYPE = 5;
constexpr uint16_t CTA_PROTO_ICMP_CODE = 6;
constexpr uint16_t CTA_PROTO_ICMPV6_ID = 7;
constexpr uint16_t CTA_PROTO_ICMPV6_TYPE = 8;
constexpr uint16_t CTA_PROTO_ICMPV6_CODE = 9;

constexpr uint16_t CTA_PROTOINFO_TCP = 1;
constexpr uint16_t CTA_PROTOINFO_DCCP = 2;  // until Linux 6.16
constexpr uint16_t CTA_PROTOINFO_SCTP = 3;

constexpr uint16_t CTA_PROTOINFO_TCP_STATE = 1;
constexpr uint16_t CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2;
constexpr uint16_t CTA_PROTOINFO_TCP_WSCALE_REPLY = 3;
constexpr uint16_t CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
constexpr uint16_t CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

constexpr uint16_t CTA_PROTOINFO_DCCP_STATE = 1;
constexpr uint16_t CTA_PROTOINFO_DCCP_ROLE = 2;
constexpr uint16_t CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ = 3;
constexpr uint16_t CTA_PROTOINFO_DCCP_PAD = 4;

constexpr uint16_t CTA_PROTOINFO_SCTP_STATE = 1;
constexpr uint16_t CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
constexpr uint16_t CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

constexpr uint16_t CTA_NAT_V4_MINIP = 1;
constexpr uint16_t CTA_NAT_V4_MAXIP = 2;
constexpr uint16_t CTA_NAT_PROTO = 3;
constexpr uint16_t CTA_NAT_V6_MINIP = 4;
constexpr uint16_t CTA_NAT_V6_MAXIP = 5;

constexpr uint16_t CTA_PROTONAT_PORT_MIN = 1;
constexpr uint16_t CTA_PROTONAT_PORT_MAX = 2;

constexpr uint16_t CTA_HELP_NAME = 1;
constexpr uint16_t CTA_HELP_INFO = 2;

constexpr uint16_t CTA_COUNTERS_PACKETS = 1;
constexpr uint16_t CTA_COUNTERS_BYTES = 2;
constexpr uint16_t CTA_COUNTERS_PAD = 5;

constexpr uint16_t CTA_SEQADJ_CORRECTION_POS = 1;
constexpr uint16_t CTA_SEQADJ_OFFSET_BEFORE = 2;
constexpr uint16_t CTA_SEQADJ_OFFSET_AFTER = 3;

constexpr uint16_t CTA_SECCTX_NAME = 1;

constexpr uint16_t CTA_TIMESTAMP_START = 1;
constexpr uint16_t CTA_TIMESTAMP_STOP = 2;
constexpr uint16_t CTA_TIMESTAMP_PAD = 3;

constexpr uint16_t CTA_SYNPROXY_ISN = 1;
constexpr uint16_t CTA_SYNPROXY_ITS = 2;
constexpr uint16_t CTA_SYNPROXY_TSOFF = 3;

constexpr uint16_t CTA_EXPECT_MASTER = 1;
constexpr uint16_t CTA_EXPECT_TUPLE = 2;
constexpr uint16_t CTA_EXPECT_MASK = 3;
constexpr uint16_t CTA_EXPECT_TIMEOUT = 4;
constexpr uint16_t CTA_EXPECT_ID = 5;
constexpr uint16_t CTA_EXPECT_HELP_NAME = 6;
constexpr uint16_t CTA_EXPECT_ZONE = 7;
constexpr uint16_t CTA_EXPECT_FLAGS = 8;
constexpr uint16_t CTA_EXPECT_CLASS = 9;
constexpr uint16_t CTA_EXPECT_NAT = 10;
constexpr uint16_t CTA_EXPECT_FN = 11;

constexpr uint16_t CTA_EXPECT_NAT_DIR = 1;
constexpr uint16_t CTA_EXPECT_NAT_TUPLE = 2;

constexpr uint16_t CTA_STATS_GLOBAL_ENTRIES = 1;
constexpr uint16_t CTA_STATS_GLOBAL_MAX_ENTRIES = 2;

// linux/netfilter/nfnetlink_cttimeout.h
constexpr uint16_t SUBSYSTEM_TIMEOUTS = 8;  // NFNL_SUBSYS_CTNETLINK_TIMEOUT
constexpr uint16_t MESSAGE_TIMEOUT_NEW = SUBSYSTEM_TIMEOUTS << 8 | 0;
constexpr uint16_t MESSAGE_TIMEOUT_GET = SUBSYSTEM_TIMEOUTS << 8 | 1;
constexpr uint16_t MESSAGE_TIMEOUT_DELETE = SUBSYSTEM_TIMEOUTS << 8 | 2;
// The answer to the next one has this type, too (6.18).
constexpr uint16_t MESSAGE_TIMEOUT_DEFAULT_SET = SUBSYSTEM_TIMEOUTS << 8 | 3;
constexpr uint16_t MESSAGE_TIMEOUT_DEFAULT_GET = SUBSYSTEM_TIMEOUTS << 8 | 4;

constexpr uint16_t CTA_TIMEOUT_NAME = 1;
constexpr uint16_t CTA_TIMEOUT_L3PROTO = 2;
constexpr uint16_t CTA_TIMEOUT_L4PROTO = 3;
constexpr uint16_t CTA_TIMEOUT_DATA = 4;
constexpr uint16_t CTA_TIMEOUT_USE = 5;

constexpr uint8_t IPPROTO_ICMP = 1;
constexpr uint8_t IPPROTO_TCP = 6;
constexpr uint8_t IPPROTO_UDP = 17;
constexpr uint8_t IPPROTO_GRE = 47;
constexpr uint8_t IPPROTO_ICMPV6 = 58;

}  // namespace conntrack::uapi
