/**
 * The kernel's numbers and their names. Union types and lookups derive from these lists.
 *
 * @module
 */

/**
 * Transport protocols with a name, and their IP protocol numbers.
 *
 * @example
 * ```ts
 * import { PROTOCOL_NUMBERS } from 'conntrack';
 *
 * console.log(PROTOCOL_NUMBERS.udp); // 17
 * ```
 */
export const PROTOCOL_NUMBERS = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
} as const;

/**
 * Words for the other IP protocols, which filters, keys and specifications take: those of IANA, of
 * /etc/protocols and of the kernel's `IPPROTO_*`. Entries of these have `protocol: 'other'`.
 *
 * @example
 * ```ts
 * import { listEntries, OTHER_PROTOCOL_NUMBERS } from 'conntrack';
 *
 * console.log(OTHER_PROTOCOL_NUMBERS.esp); // 50
 * console.log((await listEntries({ protocol: 'esp' })).length);
 * ```
 */
export const OTHER_PROTOCOL_NUMBERS = {
  hopopt: 0,
  igmp: 2,
  ggp: 3,
  /** IPv4 in IPv4: the kernel's `IPPROTO_IPIP`. That of /etc/protocols, 94, nobody uses. */
  ipip: 4,
  ipencap: 4,
  st: 5,
  egp: 8,
  igp: 9,
  pup: 12,
  hmp: 20,
  'xns-idp': 22,
  rdp: 27,
  'iso-tp4': 29,
  xtp: 36,
  ddp: 37,
  'idpr-cmtp': 38,
  ipv6: 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  idrp: 45,
  rsvp: 46,
  esp: 50,
  ah: 51,
  skip: 57,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  rspf: 73,
  vmtp: 81,
  eigrp: 88,
  ospf: 89,
  'ax.25': 93,
  etherip: 97,
  encap: 98,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  isis: 124,
  fc: 133,
  'mobility-header': 135,
  'mpls-in-ip': 137,
  manet: 138,
  hip: 139,
  shim6: 140,
  wesp: 141,
  rohc: 142,
  ethernet: 143,
  raw: 255,
} as const;

/** The word of any IP protocol, as filters, keys and specifications take it. */
export type ProtocolWord = NamedProtocol | keyof typeof OTHER_PROTOCOL_NUMBERS;

/** A transport protocol with a name. */
export type NamedProtocol = keyof typeof PROTOCOL_NUMBERS;

/** A transport protocol; `'other'` is any protocol without a name. */
export type Protocol = NamedProtocol | 'other';

/** An address family. */
export type Family = 'ipv4' | 'ipv6';

/**
 * TCP states by number: the kernel's `enum tcp_conntrack`, linux/netfilter/nf_conntrack_tcp.h.
 *
 * @example
 * ```ts
 * import { listEntries, TCP_STATES } from 'conntrack';
 *
 * const counts = new Map<string, number>(TCP_STATES.map((state) => [state, 0]));
 * for (const { tcp } of await listEntries({ protocol: 'tcp' })) {
 *   if (tcp !== undefined) counts.set(tcp.state, (counts.get(tcp.state) ?? 0) + 1);
 * }
 * console.log(counts);
 * ```
 */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;

/**
 * SCTP states by number: `enum sctp_conntrack`, linux/netfilter/nf_conntrack_sctp.h.
 *
 * @example
 * ```ts
 * import { listEntries, SCTP_STATES } from 'conntrack';
 *
 * for (const state of SCTP_STATES) {
 *   console.log(state, (await listEntries({ protocol: 'sctp', state })).length);
 * }
 * ```
 */
export const SCTP_STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
  'HEARTBEAT_ACKED',
] as const;

/**
 * DCCP states by number: `enum ct_dccp_states`, until Linux 6.16.
 *
 * @example
 * ```ts
 * import { DCCP_STATES } from 'conntrack';
 *
 * console.log(DCCP_STATES.indexOf('OPEN')); // the number of the kernel
 * ```
 */
export const DCCP_STATES = [
  'NONE',
  'REQUEST',
  'RESPOND',
  'PARTOPEN',
  'OPEN',
  'CLOSEREQ',
  'CLOSING',
  'TIMEWAIT',
  'IGNORE',
  'INVALID',
] as const;

/**
 * The DCCP role of the original direction's sender: `enum ct_dccp_roles`.
 *
 * @example
 * ```ts
 * import { DCCP_ROLES } from 'conntrack';
 *
 * console.log(DCCP_ROLES[0]); // client
 * ```
 */
export const DCCP_ROLES = ['client', 'server'] as const;

/** A number of the kernel without a name in this version. */
export type UnknownName = `UNKNOWN(${number})`;

/** A TCP state. */
export type TcpState = (typeof TCP_STATES)[number] | UnknownName;
/** An SCTP state. */
export type SctpState = (typeof SCTP_STATES)[number] | UnknownName;
/** A DCCP state. */
export type DccpState = (typeof DCCP_STATES)[number] | UnknownName;
/** A DCCP role. */
export type DccpRole = (typeof DCCP_ROLES)[number] | UnknownName;

/**
 * Status bits by position: the kernel's `enum ip_conntrack_status`,
 * linux/netfilter/nf_conntrack_common.h.
 *
 * @example
 * ```ts
 * import { listEntries, STATUS_FLAGS } from 'conntrack';
 *
 * const entries = await listEntries();
 * for (const flag of STATUS_FLAGS) {
 *   console.log(flag, entries.filter(({ status }) => status[flag]).length);
 * }
 * ```
 */
export const STATUS_FLAGS = [
  'expected',
  'seenReply',
  'assured',
  'confirmed',
  'sourceNat',
  'destinationNat',
  'sequenceAdjust',
  'sourceNatDone',
  'destinationNatDone',
  'dying',
  'fixedTimeout',
  'template',
  'natClash',
  'helper',
  'offload',
  'hardwareOffload',
] as const;

/** The name of a status bit. */
export type StatusFlag = (typeof STATUS_FLAGS)[number];

/**
 * Flags of expectations by position: `NF_CT_EXPECT_*`, linux/netfilter/nf_conntrack_common.h.
 *
 * @example
 * ```ts
 * import { EXPECTATION_FLAGS, listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations()) {
 *   console.log(EXPECTATION_FLAGS.filter((flag) => expectation.flags[flag]));
 * }
 * ```
 */
export const EXPECTATION_FLAGS = ['permanent', 'inactive', 'userspace'] as const;

/** The name of an expectation's flag. */
export type ExpectationFlag = (typeof EXPECTATION_FLAGS)[number];

/** The bit of a status flag, as in `IPS_*`. */
export function statusBit(flag: StatusFlag): number {
  return 1 << STATUS_FLAGS.indexOf(flag);
}

const PROTOCOLS_BY_NUMBER: readonly Protocol[] = Array.from(
  { length: 256 },
  (_, number) =>
    (Object.keys(PROTOCOL_NUMBERS) as NamedProtocol[]).find(
      (name) => PROTOCOL_NUMBERS[name] === number,
    ) ?? 'other',
);

/** Returns the name of an IP protocol number. */
export function protocolName(number: number): Protocol {
  return PROTOCOLS_BY_NUMBER[number] ?? 'other';
}

/** Returns the name of a number in a list, or `UNKNOWN(n)`. */
export function nameOf<Name extends string>(
  names: readonly Name[],
  number: number,
): Name | UnknownName {
  return names[number] ?? `UNKNOWN(${number})`;
}
