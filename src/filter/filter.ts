/**
 * Which entries a function works on.
 *
 * @module
 */
import type {
  DccpState,
  Family,
  Protocol,
  SctpState,
  StatusFlag,
  TcpState,
} from '../core/names.js';

/** A port, or all from one to another, both included. */
export type PortFilter = number | { readonly from: number; readonly to: number };

/** One direction of a flow. What is not named is anything. */
export interface TupleFilter {
  /** An address, or a network such as `10.0.0.0/8` or `fd00::/8`. */
  readonly source?: string | undefined;
  /** An address, or a network. */
  readonly destination?: string | undefined;
  /** Flows without ports, and GRE with its keys, do not match. */
  readonly sourcePort?: PortFilter | undefined;
  /** As `sourcePort`. */
  readonly destinationPort?: PortFilter | undefined;
  /** Of ICMP and ICMPv6. */
  readonly icmp?:
    | {
        readonly type?: number | undefined;
        readonly code?: number | undefined;
        readonly id?: number | undefined;
      }
    | undefined;
  /** The zone of this direction alone (`CTA_TUPLE_ZONE`). */
  readonly zone?: number | undefined;
}

/**
 * An entry matches when it has everything that is named. Where a function takes
 * filters, an array of them means: any of these; an empty one matches nothing.
 *
 * @example
 * ```ts
 * import { type EntryFilter, listEntries } from 'conntrack';
 *
 * const filter: EntryFilter = { protocol: 'tcp', state: 'ESTABLISHED', address: '10.0.0.0/8' };
 * console.log((await listEntries([filter, { nat: 'destination' }])).length);
 * ```
 */
export interface EntryFilter {
  /** Only entries of this address family. */
  readonly family?: Family | undefined;
  /** A word, or an IP protocol number. */
  readonly protocol?: Exclude<Protocol, 'other'> | number | undefined;
  /** The direction of the first packet, as its sender saw it. */
  readonly original?: TupleFilter | undefined;
  /** The direction of the answers, as their sender saw it: behind NAT not the inverse. */
  readonly reply?: TupleFilter | undefined;
  /** An address or network that is any of the four: either end of either direction. */
  readonly address?: string | undefined;
  /** A port that is any of the four. */
  readonly port?: PortFilter | undefined;
  /** `CTA_MARK`, or those of its bits that `mask` has. */
  readonly mark?: number | { readonly value: number; readonly mask: number } | undefined;
  /** `CTA_ZONE`: the zone of both directions; 0 for those without one. */
  readonly zone?: number | undefined;
  /** Status bits that are all set, and those of which none is. */
  readonly status?:
    | {
        readonly all?: readonly StatusFlag[] | undefined;
        readonly none?: readonly StatusFlag[] | undefined;
      }
    | undefined;
  /** Whether the kernel keeps the entry when the table is full (`IPS_ASSURED`). */
  readonly assured?: boolean | undefined;
  /** A state, or any of several, of the protocols that have it. */
  readonly state?: StateFilter | readonly StateFilter[] | undefined;
  /** Bit sets, as `entry.labels` is one: all of these bits, and none of those. */
  readonly labels?:
    | { readonly all?: bigint | undefined; readonly none?: bigint | undefined }
    | undefined;
  /** The name of a helper, such as `ftp`. */
  readonly helper?: string | undefined;
  /** Whether and how the addresses are translated (`IPS_SRC_NAT`, `IPS_DST_NAT`). */
  readonly nat?: 'source' | 'destination' | 'any' | 'none' | undefined;
}

/** Where one condition of a filter is looked at, and why. */
export interface PlannedField {
  /** Such as `filter.original.source` or, of several filters, `filter[2].mark`. */
  readonly field: string;
  /**
   * `kernel`: entries that lack it are not sent. `package`: they are, and are left out
   * on the reading thread. What the kernel looks at is looked at again.
   */
  readonly evaluatedBy: 'kernel' | 'package';
  readonly reason: string;
}

/** How a filter is evaluated when the table is read: what `explainFilter` gives. */
export interface FilterPlan {
  /** The families that each walk over the table is for; none when nothing can match. */
  readonly passes: readonly (readonly Family[])[];
  readonly fields: readonly PlannedField[];
}

/** A state of TCP, SCTP or DCCP that has a name. */
export type StateFilter = Exclude<TcpState | SctpState | DccpState, `UNKNOWN(${number})`>;
