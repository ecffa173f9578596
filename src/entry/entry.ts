/**
 * What an entry of the connection tracking table looks like.
 *
 * @module
 */
import type {
  DccpRole,
  DccpState,
  Family,
  Protocol,
  SctpState,
  StatusFlag,
  TcpState,
} from '../core/names.js';
import type { MasterTuple, Tuple } from '../record/tuple.js';

/** The status bits of an entry (`CTA_STATUS`), each `IPS_*` bit as a boolean. */
export interface Status extends Readonly<Record<StatusFlag, boolean>> {
  /** All bits as the kernel sent them, unknown ones included. */
  readonly bits: number;
}

/** The kernel's state of one direction of a TCP connection. */
export interface TcpDirection {
  /** Shift count of the window scale option. */
  readonly windowScale?: number | undefined;
  /** `IP_CT_TCP_FLAG_*` bits: 1 window scale, 2 SACK, 4 closed first, 8 liberal, ... */
  readonly flags?: number | undefined;
  /** Which of `flags` a write applies; 0 in entries from the kernel. */
  readonly flagsMask?: number | undefined;
}

/** `CTA_PROTOINFO_TCP`. Absent for flows that are offloaded to a flow table. */
export interface TcpInfo {
  readonly state: TcpState;
  readonly original: TcpDirection;
  readonly reply: TcpDirection;
}

/** `CTA_PROTOINFO_SCTP`. */
export interface SctpInfo {
  readonly state: SctpState;
  /** Verification tags. A `destroy` event lacks them; a new entry then gets 0. */
  readonly originalTag: number | undefined;
  readonly replyTag: number | undefined;
}

/** `CTA_PROTOINFO_DCCP`, until Linux 6.16. */
export interface DccpInfo {
  readonly state: DccpState;
  /** A `destroy` event lacks it; a new entry then gets `'client'`. */
  readonly role: DccpRole | undefined;
  readonly handshakeSequence?: bigint | undefined;
}

/** Packets and bytes of one direction. */
export interface DirectionCounters {
  /** Exact up to 2^53 - 1. */
  readonly packets: number;
  readonly bytes: number;
  /** Always exact. */
  readonly packetsBig: bigint;
  readonly bytesBig: bigint;
}

/** `CTA_COUNTERS_ORIG` and `CTA_COUNTERS_REPLY`. */
export interface Counters {
  readonly original: DirectionCounters;
  readonly reply: DirectionCounters;
}

/** The address, and port, that NAT substitutes. */
export interface NatEndpoint {
  readonly address: string;
  /** For protocols with ports; the id of ICMP is in `reply`. */
  readonly port?: number | undefined;
}

/** The NAT of a flow, derived from its tuples and status bits. */
export interface Nat {
  /** The source that the destination sees. */
  readonly source?: NatEndpoint | undefined;
  /** Where packets to the original destination go. */
  readonly destination?: NatEndpoint | undefined;
}

/** The shift of sequence numbers after a helper changed the payload (`CTA_SEQ_ADJ_*`). */
export interface SequenceAdjustment {
  readonly correctionPosition: number;
  readonly offsetBefore: number;
  readonly offsetAfter: number;
}

/** Sequence adjustment per direction. */
export interface SequenceAdjust {
  readonly original?: SequenceAdjustment | undefined;
  readonly reply?: SequenceAdjustment | undefined;
}

/** `CTA_SYNPROXY`. All zero when the SYNPROXY target has not touched the flow. */
export interface Synproxy {
  readonly initialSequence: number;
  readonly initialTimestamp: number;
  readonly timestampOffset: number;
}

/** Fields of entries of every protocol. */
export interface EntryBase {
  readonly family: Family;
  /** The IP protocol number (`CTA_PROTO_NUM`), also when `protocol` is `'other'`. */
  readonly protocolNumber: number;
  /** The direction of the first packet. */
  readonly original: Tuple;
  /** The direction of the answers, after NAT. */
  readonly reply: Tuple;
  /**
   * A number, constant for the entry's life (`CTA_ID`). Only one entry at a time has it together
   * with `zone` and `original`; a later one may have all three.
   */
  readonly id: number;
  /** The zone of both directions (`CTA_ZONE`); defaults to 0. */
  readonly zone: number;
  readonly status: Status;
  /** `status.assured`: the flow has seen traffic in both directions and is not evicted early. */
  readonly assured: boolean;
  /**
   * Seconds until the entry expires without a packet (`CTA_TIMEOUT`). Absent for offloaded
   * flows.
   */
  readonly timeout: number | undefined;
  /** `CTA_MARK`. */
  readonly mark: number | undefined;
  /** Reference count (`CTA_USE`). */
  readonly use: number | undefined;
  /**
   * `undefined` if `net.netfilter.nf_conntrack_acct` was 0 when the flow began; 0 always means
   * that no packet came.
   */
  readonly counters: Counters | undefined;
  /**
   * When the flow began (`CTA_TIMESTAMP_START`), to the millisecond. `undefined` when
   * `net.netfilter.nf_conntrack_timestamp` was 0 then.
   */
  readonly startTime: Date | undefined;
  /** When the flow ended; of an entry that is `final` only. */
  readonly stopTime: Date | undefined;
  /** The same in nanoseconds since 1970. */
  readonly startTimeNs: bigint | undefined;
  readonly stopTimeNs: bigint | undefined;
  /** Connection labels as a set of bits (`CTA_LABELS`); `undefined` when none is set. */
  readonly labels: bigint | undefined;
  /** Name of the connection tracking helper (`CTA_HELP_NAME`), such as `'ftp'`. */
  readonly helper: string | undefined;
  /** `CTA_SECCTX`, such as an SELinux context. */
  readonly securityContext: string | undefined;
  /** The original tuple of the flow whose helper expected this one (`CTA_TUPLE_MASTER`). */
  readonly master: MasterTuple | undefined;
  readonly nat: Nat | undefined;
  readonly sequenceAdjust: SequenceAdjust | undefined;
  readonly synproxy: Synproxy | undefined;
  /**
   * Whether the kernel sent status, counters and times in the step that ended the entry, so that
   * they are its last ones: in a `destroy` event, and of a deleted entry that has events.
   */
  readonly final: boolean;
  /** The number of attributes that this version does not know. */
  readonly unknownAttributes: number;

  /**
   * Returns a plain object with the fields that are present, for `JSON.stringify` and
   * `structuredClone`. It keeps no memory of the batch.
   */
  toJSON(): EntryJson;
  /**
   * Returns the line that `conntrack -L` prints for the entry (conntrack-tools 1.4.7), with control
   * characters of names escaped.
   */
  toString(): string;
}

/** A TCP flow. */
export interface TcpEntry extends EntryBase {
  readonly protocol: 'tcp';
  readonly tcp: TcpInfo | undefined;
  readonly sctp: undefined;
  readonly dccp: undefined;
}

/** An SCTP association. */
export interface SctpEntry extends EntryBase {
  readonly protocol: 'sctp';
  readonly tcp: undefined;
  readonly sctp: SctpInfo | undefined;
  readonly dccp: undefined;
}

/** A DCCP connection. */
export interface DccpEntry extends EntryBase {
  readonly protocol: 'dccp';
  readonly tcp: undefined;
  readonly sctp: undefined;
  readonly dccp: DccpInfo | undefined;
}

/** A flow of a protocol without a state in the table. */
export interface StatelessEntry extends EntryBase {
  readonly protocol: Exclude<Protocol, 'tcp' | 'sctp' | 'dccp'>;
  readonly tcp: undefined;
  readonly sctp: undefined;
  readonly dccp: undefined;
}

/**
 * One entry of the connection tracking table: a read-only value. Fields that the kernel did not
 * send are `undefined`. Discriminated by `protocol`.
 *
 * Reading a field decodes it. A kept entry keeps at most 64 KiB of its batch in memory; the
 * object that `toJSON()` returns keeps none. Compare two entries through `toJSON()`.
 *
 * @example
 * ```ts
 * import { listEntries } from 'conntrack';
 *
 * for (const entry of await listEntries())
 *   if (entry.protocol === 'tcp') console.log(entry.original.source, entry.tcp?.state);
 * ```
 */
export type Entry = TcpEntry | SctpEntry | DccpEntry | StatelessEntry;

/** Counters as JSON; a number that is not exact has an exact decimal string beside it. */
export interface DirectionCountersJson {
  packets: number;
  bytes: number;
  packetsBig?: string;
  bytesBig?: string;
}

/** Counters of both directions as JSON. */
export interface CountersJson {
  original: DirectionCountersJson;
  reply: DirectionCountersJson;
}

/**
 * The result of `entry.toJSON()`. It omits the fields that the entry lacks. Big integers are
 * decimal strings, dates are ISO 8601.
 */
export interface EntryJson {
  family: Family;
  protocol: Protocol;
  protocolNumber: number;
  original: Tuple;
  reply: Tuple;
  id: number;
  zone: number;
  status: Status;
  assured: boolean;
  /** Demanded, because a specification is; of an offloaded entry it is absent. */
  timeout: number | undefined;
  mark?: number;
  use?: number;
  tcp?: TcpInfo;
  sctp?: SctpInfo;
  dccp?: Omit<DccpInfo, 'handshakeSequence'> & { readonly handshakeSequence?: string };
  counters?: CountersJson;
  startTime?: string;
  stopTime?: string;
  startTimeNs?: string;
  stopTimeNs?: string;
  labels?: string;
  helper?: string;
  securityContext?: string;
  master?: MasterTuple;
  nat?: Nat;
  sequenceAdjust?: SequenceAdjust;
  synproxy?: Synproxy;
  final?: true;
  unknownAttributes: number;
}
