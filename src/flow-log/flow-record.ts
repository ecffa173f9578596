/**
 * Records of flows.
 *
 * @module
 */
import type { Family, Protocol } from '../core/names.js';
import type { Nat } from '../entry/entry.js';
import type { Tuple } from '../record/tuple.js';

/** Packets and bytes of one direction. */
export interface TrafficCount {
  /** Exact up to 2^53 - 1, as `bytes`. */
  readonly packets: number;
  readonly bytes: number;
}

/** Packets and bytes of a flow. */
export interface FlowTraffic {
  readonly original: TrafficCount;
  readonly reply: TrafficCount;
}

/**
 * How the flow stood at the end of the record's period:
 *
 * - `open`: it goes on.
 * - `expired`: the kernel ended it: its time was over, or the table needed room.
 * - `deleted`: a program ended it; see `deletedBy`.
 * - `unobserved`: it has ended, and no event told how and when.
 */
export type FlowOutcome = 'open' | 'expired' | 'deleted' | 'unobserved';

/**
 * Why a record knows less than others:
 *
 * - `no-counters`: `net.netfilter.nf_conntrack_acct` was 0 when the flow began.
 * - `no-times`: `net.netfilter.nf_conntrack_timestamp` was 0 when the flow began.
 * - `lost`: the flow was gone after events were lost. Traffic since the last reading is missing.
 * - `no-event`: the flow was gone, and sends no events. Traffic since the last reading is missing.
 * - `not-recorded`: the flow ended while no recorder ran. Traffic since its last record is missing.
 * - `zeroed`: another program set the flow's counters to 0. Traffic between the last reading and
 *   that is missing.
 */
export type FlowDoubt =
  | 'no-counters'
  | 'no-times'
  | 'lost'
  | 'no-event'
  | 'not-recorded'
  | 'zeroed';

/** The program that deleted a flow. */
export interface FlowDeleter {
  /** Its netlink port id. */
  readonly portId: number;
  /** Its process id and name. Absent when it had ended, or its socket had closed, before a look. */
  readonly pid?: number | undefined;
  readonly name?: string | undefined;
}

/**
 * A flow, or its part within an interval. The traffic of all parts of a flow is `total` of the last
 * one.
 */
export interface FlowPart {
  readonly type: 'flow';
  /** The same in all parts of a flow, and in no other flow. */
  readonly flow: string;
  /** 1 in the first part. `flow` and `part` together are in no other record. */
  readonly part: number;
  readonly outcome: FlowOutcome;
  /** Only where `outcome` is `deleted`. */
  readonly deletedBy?: FlowDeleter | undefined;

  readonly family: Family;
  readonly protocol: Protocol;
  readonly protocolNumber: number;
  readonly zone: number;
  /** The kernel's id of the entry. Without timestamps another flow may get the same one. */
  readonly id: number;
  /** The direction of the first packet, before NAT. */
  readonly original: Tuple;
  /** The direction of the answers, after NAT. */
  readonly reply: Tuple;
  readonly nat?: Nat | undefined;
  /** Absent where the kernel sent none: an event has no mark of 0. */
  readonly mark?: number | undefined;
  /**
   * A decimal number, bit n of which is label n. A DESTROY event has none: it is that of the last
   * reading.
   */
  readonly labels?: string | undefined;
  /** As `labels`. */
  readonly helper?: string | undefined;
  /** The state of TCP, SCTP or DCCP. */
  readonly state?: string | undefined;
  /** The kernel saw traffic in both directions. */
  readonly replied: boolean;

  /** When the flow began and ended, where the kernel said it. */
  readonly start?: Date | undefined;
  readonly end?: Date | undefined;
  /** From `start` to `end`, in milliseconds. */
  readonly durationMs?: number | undefined;
  /** When the period of `traffic` begins and ends. Absent: before the first look at the flow. */
  readonly from?: Date | undefined;
  readonly to: Date;
  /** Of this part. Absent where the kernel counts none. */
  readonly traffic?: FlowTraffic | undefined;
  /** Of this part and all before it. */
  readonly total?: FlowTraffic | undefined;
  /** What the kernel's counters said. Only where another program has set them to 0: `total` has more. */
  readonly counters?: FlowTraffic | undefined;
  /** Traffic may be missing; `doubts` has the reason. */
  readonly estimated: boolean;
  /** Absent where the record lacks nothing. */
  readonly doubts?: readonly FlowDoubt[] | undefined;
}

/** Events are missing. A reading of the table follows, which finds the flows that are gone. */
export interface LossRecord {
  readonly type: 'lost';
  /** As of a `lost` event. */
  readonly cause: 'kernel' | 'queue';
  readonly count: number;
  readonly at: Date;
}

/**
 * No recorder ran in this time: flows that began and ended in it have no record. The first record with
 * `resume`, where there are earlier ones.
 */
export interface GapRecord {
  readonly type: 'gap';
  readonly from: Date;
  readonly to: Date;
}

/**
 * The cause of incomplete records:
 *
 * - `accounting-off`, `timestamps-off`, `events-off`: a setting of the table; flows that begin while
 *   it is off have no counters, no times, or no events.
 * - `older-flows-silent`: flows that began before anybody listened send no events. Readings find
 *   their ends.
 * - `settings-unreadable`: nothing says whether one of these applies.
 * - `reliability-ended`: from here on DESTROY events can be lost.
 * - `finished`: `finish()` has ended the recorder; what comes later is not recorded.
 */
export type FlowNoticeCode =
  | 'accounting-off'
  | 'timestamps-off'
  | 'events-off'
  | 'older-flows-silent'
  | 'settings-unreadable'
  | 'reliability-ended'
  | 'finished';

/** Reports a cause of incomplete records. */
export interface FlowNotice {
  readonly type: 'notice';
  readonly code: FlowNoticeCode;
  /** Names the missing part, the cause and the remedy. */
  readonly message: string;
  /** The sysctl to change, and the value. */
  readonly setting?: string | undefined;
  readonly suggested?: number | undefined;
  readonly at: Date;
}

/** A record of {@link recordFlows}, discriminated by `type`. */
export type FlowRecord = FlowPart | LossRecord | GapRecord | FlowNotice;
