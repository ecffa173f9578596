/**
 * Timeout policies, and the default timeouts of the protocols.
 *
 * @module
 */
import type { Family, UnknownName } from '../core/names.js';

const UNREPLIED_REPLIED = ['unreplied', 'replied'] as const;

/**
 * The protocols that have timeouts, and the states of each in the order of the kernel's attributes
 * `CTA_TIMEOUT_*` (linux/netfilter/nfnetlink_cttimeout.h). `'generic'` is every protocol without
 * timeouts of its own.
 *
 * The names are those of the settings: `tcpEstablishedTimeout` is the default of `established`. Of
 * `udp`, `udplite` and `gre` the state `unreplied` is that of `udpTimeout` and `greTimeout`,
 * `replied` that of `udpStreamTimeout` and `greStreamTimeout`.
 *
 * @example
 * ```ts
 * import { TIMEOUT_STATES } from 'conntrack';
 *
 * console.log(TIMEOUT_STATES.udp); // [ 'unreplied', 'replied' ]
 * ```
 */
export const TIMEOUT_STATES = {
  icmp: ['timeout'],
  tcp: [
    'synSent',
    'synRecv',
    'established',
    'finWait',
    'closeWait',
    'lastAck',
    'timeWait',
    'close',
    'synSent2',
    'maxRetrans',
    'unacknowledged',
  ],
  udp: UNREPLIED_REPLIED,
  dccp: ['request', 'respond', 'partOpen', 'open', 'closeRequest', 'closing', 'timeWait'],
  gre: UNREPLIED_REPLIED,
  icmpv6: ['timeout'],
  sctp: [
    'closed',
    'cookieWait',
    'cookieEchoed',
    'established',
    'shutdownSent',
    'shutdownRecd',
    'shutdownAckSent',
    'heartbeatSent',
    'heartbeatAcked',
  ],
  udplite: UNREPLIED_REPLIED,
  generic: ['timeout'],
} as const;

/** A protocol that has timeouts. */
export type TimeoutProtocol = keyof typeof TIMEOUT_STATES;

/** A state that has a timeout, of any protocol. */
export type TimeoutState = (typeof TIMEOUT_STATES)[TimeoutProtocol][number];

/**
 * Seconds that an entry stays in a state without a packet, by state: those that
 * {@link TIMEOUT_STATES} lists for the protocol. 0 ends an entry with the packet that brings it into
 * the state.
 */
export type Timeouts = { readonly [State in TimeoutState]?: number | undefined };

/** What a protocol has. */
export interface DefaultTimeouts {
  /** `'other'`: a protocol without a name here. */
  readonly protocol: TimeoutProtocol | 'other';
  /** The IP protocol number; 255 (IPPROTO_RAW) for `'generic'`. */
  readonly protocolNumber: number;
  /** Without the states that the kernel did not send. */
  readonly timeouts: Timeouts;
  /** The number of attributes, and of states, that this version does not know. */
  readonly unknownAttributes: number;
}

/** Timeouts with a name, which a rule attaches to flows. A plain object. */
export interface TimeoutPolicy extends DefaultTimeouts {
  /** At most 31 bytes (`CTA_TIMEOUT_NAME`). */
  readonly name: string;
  /** Of the rules that can attach it (`CTA_TIMEOUT_L3PROTO`). */
  readonly family: Family | UnknownName;
  /** References to the policy: 1 while no rule uses it, else more (`CTA_TIMEOUT_USE`). */
  readonly use: number | undefined;
}

/** The argument of `createTimeoutPolicy`. Every `TimeoutPolicy` is a valid one. */
export interface TimeoutPolicySpec {
  /** 1 to 31 bytes. */
  readonly name: string;
  /** A rule of iptables attaches a policy of IPv4, one of ip6tables a policy of IPv6. */
  readonly family: Family | UnknownName;
  /** A name or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: TimeoutProtocol | 'other' | number;
  readonly protocolNumber?: number | undefined;
  /**
   * Seconds, from 0 to 2,147,483. States that are not named get the defaults that the protocol has
   * at this moment.
   */
  readonly timeouts?: Timeouts | undefined;
}
