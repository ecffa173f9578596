/**
 * Tuples: one direction of a flow.
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
 * One direction of a flow (`CTA_TUPLE_ORIG`, `CTA_TUPLE_REPLY`). The protocol determines the
 * optional fields: TCP, UDP, UDP-Lite and SCTP have ports, ICMP and ICMPv6 have `icmp`, GRE has
 * keys. The kernel tracks other protocols by address only; some kernels track UDP-Lite, SCTP and
 * GRE like that, too, and send tuples without ports and keys.
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
  /** The zone of this direction only (`CTA_TUPLE_ZONE`, Linux 4.3). */
  readonly zone?: number | undefined;
}

/** The tuple of another flow, which may be of another protocol. */
export interface MasterTuple extends Tuple {
  readonly protocol: Protocol;
  /** The IP protocol number, also when `protocol` is `'other'`. */
  readonly protocolNumber: number;
}
