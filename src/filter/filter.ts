/**
 * Filters, and plans of their evaluation.
 *
 * @module
 */
import type {
  DccpRole,
  DccpState,
  Family,
  ProtocolWord,
  SctpState,
  StatusFlag,
  TcpState,
} from '../core/names.js';

/** A port, or a range that includes both ends. */
export type PortFilter = number | { readonly from: number; readonly to: number };

/** Both ends are included; one of them may be left out. */
export interface RangeFilter<T = number> {
  readonly from?: T | undefined;
  readonly to?: T | undefined;
}

/** Counters of one direction, or of both together. */
export interface CounterFilter {
  readonly packets?: RangeFilter<number | bigint> | undefined;
  readonly bytes?: RangeFilter<number | bigint> | undefined;
}

/** Conditions on one direction of a flow. */
export interface TupleFilter {
  /** An address, or a network such as `10.0.0.0/8` or `fd00::/8`. */
  readonly source?: string | undefined;
  /** An address, or a network. */
  readonly destination?: string | undefined;
  /** Flows without ports do not match; GRE has keys instead of ports. */
  readonly sourcePort?: PortFilter | undefined;
  /** As `sourcePort`. */
  readonly destinationPort?: PortFilter | undefined;
  /** A key of GRE, or a range of them. Other flows do not match. */
  readonly sourceKey?: PortFilter | undefined;
  /** As `sourceKey`. */
  readonly destinationKey?: PortFilter | undefined;
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
 * An entry matches if it meets every condition. It matches an array of filters if it matches
 * any of them; an empty array matches nothing. An array has at most 20,000 filters.
 *
 * @example
 * ```ts
 * import { type EntryFilter, listEntries } from 'conntrack';
 *
 * const filter: EntryFilter = { protocol: 'tcp', state: 'ESTABLISHED', address: '10.0.0.0/8' };
 * console.log((await listEntries([filter, { nat: 'destination' }])).length);
 * ```
 */
export interface EntryFilter extends EntryConditions {
  /**
   * A filter, or several, of which an entry may match none. What an entry lacks does not match:
   * `{ not: { state: 'ESTABLISHED' } }` matches all UDP.
   */
  readonly not?: EntryConditions | readonly EntryConditions[] | undefined;
}

/** The conditions of a filter. */
export interface EntryConditions {
  /** The address family. */
  readonly family?: Family | undefined;
  /** A word, an IP protocol number, or a list of them: any may match. */
  readonly protocol?: ProtocolWord | number | readonly (ProtocolWord | number)[] | undefined;
  /** The direction of the first packet, before NAT. */
  readonly original?: TupleFilter | undefined;
  /**
   * The direction of the answers, as their sender addresses them: with NAT not the inverse of
   * `original`.
   */
  readonly reply?: TupleFilter | undefined;
  /**
   * An address or network that any of the four addresses matches: either end of either
   * direction.
   */
  readonly address?: string | undefined;
  /** A port or range that any of the four ports matches. */
  readonly port?: PortFilter | undefined;
  /** `CTA_MARK`, or its bits in `mask`. An absent mark is 0. */
  readonly mark?: number | { readonly value: number; readonly mask: number } | undefined;
  /** `CTA_ZONE`: the zone of both directions. An absent zone is 0. */
  readonly zone?: number | undefined;
  /** Status bits that must be set (`all`) or clear (`none`). */
  readonly status?:
    | {
        readonly all?: readonly StatusFlag[] | undefined;
        readonly none?: readonly StatusFlag[] | undefined;
      }
    | undefined;
  /** Whether `IPS_ASSURED` is set: the kernel does not evict such an entry from a full table. */
  readonly assured?: boolean | undefined;
  /** A state, or any of several, of any protocol that has it. */
  readonly state?: StateFilter | readonly StateFilter[] | undefined;
  /** Labels, as bit sets, that must be set (`all`) or clear (`none`). Labels default to none. */
  readonly labels?:
    | { readonly all?: bigint | undefined; readonly none?: bigint | undefined }
    | undefined;
  /** The name of a helper, such as `ftp`. */
  readonly helper?: string | undefined;
  /** Whether and how the addresses are translated (`IPS_SRC_NAT`, `IPS_DST_NAT`). */
  readonly nat?: 'source' | 'destination' | 'any' | 'none' | undefined;
  /** `CTA_ID`. */
  readonly id?: number | undefined;
  /** Seconds that are left (`CTA_TIMEOUT`). Offloaded flows have none, and do not match. */
  readonly timeout?: RangeFilter | undefined;
  /**
   * Counters (`CTA_COUNTERS_ORIG`, `CTA_COUNTERS_REPLY`), or the sum of both (`total`). An entry
   * without accounting does not match.
   */
  readonly counters?:
    | {
        readonly original?: CounterFilter | undefined;
        readonly reply?: CounterFilter | undefined;
        readonly total?: CounterFilter | undefined;
      }
    | undefined;
  /**
   * When the flow began (`CTA_TIMESTAMP_START`), or later: a Date, or nanoseconds since 1970. An
   * entry without a start time does not match; `readSettings()` tells whether entries have one.
   */
  readonly startedAfter?: Date | bigint | undefined;
  /** The same, for flows that began before that time. */
  readonly startedBefore?: Date | bigint | undefined;
  /** Verification tags of SCTP (`CTA_PROTOINFO_SCTP_VTAG_*`). */
  readonly sctp?:
    | { readonly originalTag?: number | undefined; readonly replyTag?: number | undefined }
    | undefined;
  /** The role of DCCP (`CTA_PROTOINFO_DCCP_ROLE`). */
  readonly dccp?:
    | { readonly role?: Exclude<DccpRole, `UNKNOWN(${number})`> | undefined }
    | undefined;
}

/** Where one condition of a filter is evaluated, and why. */
export interface PlannedField {
  /** Such as `filter.original.source` or, of several filters, `filter[2].mark`. */
  readonly field: string;
  /**
   * `kernel`: the kernel sends only entries that meet it. `package`: the reading thread drops
   * the others. The reading thread repeats the kernel's comparisons.
   */
  readonly evaluatedBy: 'kernel' | 'package';
  readonly reason: string;
}

/** How the reading thread finds, among many filters, those that an entry may match. */
export interface FilterLookup {
  /** Filters in an index of addresses, networks, ports, protocols, marks and zones. */
  readonly indexed: number;
  /**
   * How many combinations of such conditions they have: an entry is looked up once for each, two
   * to four times for `address` or `port`, and for each pair of both.
   */
  readonly looks: number;
  /**
   * Filters that are compared with each entry, some 8 ns each: those of states, labels,
   * helpers and ranges alone.
   */
  readonly compared: number;
}

/** The result of `explainFilter`: how a filter is evaluated when the table is read. */
export interface FilterPlan {
  /** The families of each walk over the table; empty when no entry can match. */
  readonly passes: readonly (readonly Family[])[];
  readonly fields: readonly PlannedField[];
  readonly lookup: FilterLookup;
}

/** A state of TCP, SCTP or DCCP that has a name. */
export type StateFilter = Exclude<TcpState | SctpState | DccpState, `UNKNOWN(${number})`>;
