/**
 * What one direction of a flow looks like.
 *
 * @module
 */
import type { Protocol } from '../core/names.js';

/** The id, type and code of an ICMP or ICMPv6 flow (`CTA_PROTO_ICMP_*`, `CTA_PROTO_ICMPV6_*`). */
export interface IcmpTuple {
  readonly type: number;
  readonly code: number;
  readonly id: number;
}

/**
 * One direction of a flow (`CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`). Which of the
 * optional fields are there depends on the protocol: ports for TCP, UDP,
 * UDP-Lite and SCTP, `icmp` for ICMP and ICMPv6, keys for GRE, none for a
 * protocol that the kernel tracks by its addresses alone.
 */
export interface Tuple {
  /** IPv4 in dotted form, IPv6 as in RFC 5952. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmp?: IcmpTuple | undefined;
  /** The GRE key; 0 for GRE without PPTP. */
  readonly sourceKey?: number | undefined;
  readonly destinationKey?: number | undefined;
  /** Set when the zone holds for this direction only (`CTA_TUPLE_ZONE`, Linux 4.3). */
  readonly zone?: number | undefined;
}

/** The tuple of another flow, which may be of another protocol. */
export interface MasterTuple extends Tuple {
  readonly protocol: Protocol;
  /** The IP protocol number, also when `protocol` is `'other'`. */
  readonly protocolNumber: number;
}
