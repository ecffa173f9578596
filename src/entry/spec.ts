/**
 * Specifications of entries to create, and changes to entries.
 *
 * @module
 */

import type { ConntrackError } from '../core/errors.js';
import type { Family, Protocol, ProtocolWord, TcpState } from '../core/names.js';
import type { MasterTuple, Tuple } from '../record/tuple.js';
import type {
  DccpInfo,
  Entry,
  EntryJson,
  Nat,
  SctpInfo,
  SequenceAdjust,
  Status,
  Synproxy,
  TcpDirection,
} from './entry.js';

/**
 * The status bits that a request can set. The kernel sets the others itself.
 *
 * @example
 * ```ts
 * import { listEntries, SETTABLE_STATUS } from 'conntrack';
 *
 * const [entry] = await listEntries();
 * // What a copy of the entry may be created with.
 * console.log(SETTABLE_STATUS.filter((flag) => entry?.status[flag]));
 * ```
 */
export const SETTABLE_STATUS = ['seenReply', 'assured', 'fixedTimeout'] as const;

/** One of {@link SETTABLE_STATUS}. */
export type SettableStatus = (typeof SETTABLE_STATUS)[number];

/** `CTA_PROTOINFO_TCP` in a request. Absent fields keep their value. */
export interface TcpSpec {
  readonly state?: TcpState | undefined;
  readonly original?: TcpDirection | undefined;
  readonly reply?: TcpDirection | undefined;
}

/**
 * The argument of `createEntry`. Every `Entry` is a valid one: `createEntry` restores all
 * fields but those that the kernel sets itself (counters, timestamps, `use`, `id`, the security
 * context).
 */
export interface EntrySpec {
  /** A word or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: Protocol | ProtocolWord | number;
  readonly protocolNumber?: number | undefined;
  readonly original: Tuple;
  /**
   * Defaults to the inverse of `original`. With `nat`, the kernel derives it, save for the ids of
   * ICMP and the keys of GRE. Without `nat` the kernel translates nothing, whatever it is.
   */
  readonly reply?: Tuple | undefined;
  /**
   * Seconds. The kernel (6.18) caps it at some 99 days. 0, which an entry has in its last second,
   * counts as 1. Only an offloaded entry may lack it.
   */
  readonly timeout: number | undefined;
  readonly mark?: number | undefined;
  /** The zone of both directions; defaults to 0. The zone of one direction is in its tuple. */
  readonly zone?: number | undefined;
  /** Bits to set. From the status of an entry, only the settable bits. */
  readonly status?: readonly SettableStatus[] | Status | undefined;
  readonly tcp?: TcpSpec | undefined;
  readonly sctp?: SctpInfo | undefined;
  readonly dccp?: DccpInfo | EntryJson['dccp'] | undefined;
  /**
   * A set of bits below 2 ** 128; in decimal digits, as `entry.toJSON()` has it, too. Needs a
   * rule that uses labels in the namespace.
   */
  readonly labels?: bigint | string | undefined;
  readonly helper?: string | undefined;
  /** The original tuple of an existing entry. Its protocol defaults to that of this one. */
  readonly master?: Tuple | MasterTuple | undefined;
  readonly nat?: Nat | undefined;
  readonly sequenceAdjust?: SequenceAdjust | undefined;
  readonly synproxy?: Synproxy | undefined;
}

/** The same by its reply tuple alone: the original tuple is the inverse of that. */
export interface ReplySpec extends Omit<EntrySpec, 'original' | 'reply'> {
  readonly original?: undefined;
  readonly reply: Tuple;
}

/** `CTA_PROTOINFO_SCTP` in a request: the kernel takes all three or none. */
export type SctpSpec = { readonly [Name in keyof SctpInfo]: NonNullable<SctpInfo[Name]> };

/** The result of `upsertEntry`. */
export interface UpsertResult {
  /** As the kernel stores it. */
  readonly entry: Entry;
  /** Whether it was created; otherwise one with its original tuple was there, and was changed. */
  readonly created: boolean;
}

/** The argument of `updateEntry` and `updateEntries`. Absent fields keep their value. */
export interface EntryChanges {
  /**
   * Seconds. With 0 the kernel ends the entry at once, whichever has its tuple by then: an update
   * compares no id. `deleteEntry` does.
   */
  readonly timeout?: number | undefined;
  /**
   * The mark, its bits in `mask`, bits outside of that to `toggle`, or both. The kernel changes them in
   * one step.
   */
  readonly mark?:
    | number
    | { readonly value: number; readonly mask: number; readonly toggle?: number | undefined }
    | { readonly toggle: number }
    | undefined;
  /** Bits to set. The kernel clears none. */
  readonly status?: readonly SettableStatus[] | undefined;
  /**
   * All labels, as in `EntrySpec`: the kernel clears the other bits. Or those to `set` and to
   * `clear`, which leaves the others as they are, in one step of the kernel (`CTA_LABELS_MASK`).
   */
  readonly labels?:
    | bigint
    | string
    | { readonly set?: bigint | string | undefined; readonly clear?: bigint | string | undefined }
    | undefined;
  /**
   * `''` removes the helper for good: the kernel attaches none to an existing entry. Some kernels
   * refuse it (`EOPNOTSUPP`): there an entry keeps its helper until it ends.
   */
  readonly helper?: string | undefined;
  readonly tcp?: TcpSpec | undefined;
  readonly sctp?: SctpSpec | undefined;
  readonly sequenceAdjust?: SequenceAdjust | undefined;
  readonly synproxy?: Synproxy | undefined;
}

/**
 * The result for one specification. A `TypeError` or `RangeError` names what is wrong in it, such
 * as `specs[3].timeout`; it was not sent.
 */
export type RequestResult =
  | { readonly entry: Entry; readonly error?: undefined }
  | { readonly entry?: undefined; readonly error: ConntrackError | TypeError | RangeError };

/** Counts of `deleteEntries` and of a {@link DeleteStream}. */
export interface DeleteCounts {
  /** Entries that matched. */
  readonly matched: number;
  readonly deleted: number;
  /** Matching entries that ended before the delete. */
  readonly vanished: number;
}

/** The result of `deleteEntries`. */
export interface DeleteResult extends DeleteCounts {
  /** With the option `entries`: see {@link DeletedEntries}. */
  readonly entries?: Entry[];
}

/** The same, and that of `flushEntries`, with the option `entries`. */
export interface DeletedEntries extends DeleteResult {
  /**
   * The entries that were deleted, or with `dryRun` those that would be. Where an entry is `final`, its
   * status, mark, counters, state and times are those that it ended with. Otherwise the kernel sent no
   * event for it, and all its fields are as the pass read them, a moment before the delete.
   */
  readonly entries: Entry[];
}

/** Counts of `updateEntries`. */
export interface UpdateResult {
  /** Entries that matched. */
  readonly matched: number;
  /** Updates that the kernel made, also where they left an entry as it was. */
  readonly updated: number;
  /** Matching entries that ended before the update. */
  readonly vanished: number;
}

/** Options of `deleteEntries`. */
export interface DeleteOptions {
  /** Counts the matching entries and deletes none. */
  readonly dryRun?: boolean | undefined;
  /** Returns the entries, too, which takes some 240 bytes for each. */
  readonly entries?: boolean | undefined;
  /**
   * Rejects at once with the signal's reason. The kernel may still do what was sent by then: up to
   * 128 entries.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `streamDeletes`. */
export interface StreamDeletesOptions {
  /** Ends the deleting; the pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How entries are changed. */
export interface UpdateOptions {
  /**
   * Rejects at once with the signal's reason. The kernel may still do what was sent by then: up to
   * 128 entries.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `getEntry`. */
export interface GetOptions {
  /** Sets the counters of the entry to zero in the step that reads them. */
  readonly zeroCounters?: boolean | undefined;
}

/** Options of `flushEntries`. */
export interface FlushOptions {
  /** Deletes only this address family. Default: both. */
  readonly family?: Family;
  /** Deletes the entries one by one, and returns them. */
  readonly entries?: boolean | undefined;
}
