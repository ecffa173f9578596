/**
 * What entries are created from, and what of them can be changed.
 *
 * @module
 */

import type { ConntrackError } from '../core/errors.js';
import type { Family, Protocol, TcpState } from '../core/names.js';
import type { MasterTuple, Tuple } from '../record/tuple.js';
import type {
  DccpInfo,
  Entry,
  Nat,
  SctpInfo,
  SequenceAdjust,
  Status,
  Synproxy,
  TcpDirection,
} from './entry.js';

/** The status bits that a request can set; the others are the kernel's own. */
export const SETTABLE_STATUS = ['seenReply', 'assured', 'fixedTimeout'] as const;

/** One of {@link SETTABLE_STATUS}. */
export type SettableStatus = (typeof SETTABLE_STATUS)[number];

/** `CTA_PROTOINFO_TCP` in a request. What is absent stays as it is. */
export interface TcpSpec {
  readonly state?: TcpState | undefined;
  readonly original?: TcpDirection | undefined;
  readonly reply?: TcpDirection | undefined;
}

/**
 * What `createEntry` takes. Every `Entry` is one: what was read can be created
 * again, with `nat`, `helper`, `master` and all, save for what the kernel counts
 * itself (counters, timestamps, `use`, `id`, the security context).
 */
export interface EntrySpec {
  /** A word or an IP protocol number. `'other'` needs `protocolNumber` beside it. */
  readonly protocol: Protocol | number;
  readonly protocolNumber?: number | undefined;
  readonly original: Tuple;
  /** The inverse of `original` when absent. With `nat`, the kernel derives it. */
  readonly reply?: Tuple | undefined;
  /** Seconds, from 1 on. The kernel (6.18) caps it at some 99 days. */
  readonly timeout: number | undefined;
  readonly mark?: number | undefined;
  /** The zone of both directions; 0 when absent. A zone of one direction stands in its tuple. */
  readonly zone?: number | undefined;
  /** Bits to set. Of an entry's status those that can be set are. */
  readonly status?: readonly SettableStatus[] | Status | undefined;
  readonly tcp?: TcpSpec | undefined;
  readonly sctp?: SctpInfo | undefined;
  readonly dccp?: DccpInfo | undefined;
  /** A set of bits below 2 ** 128. Needs a rule that uses labels in the namespace. */
  readonly labels?: bigint | undefined;
  readonly helper?: string | undefined;
  /** The original tuple of an entry that exists; of the same protocol unless it says. */
  readonly master?: Tuple | MasterTuple | undefined;
  readonly nat?: Nat | undefined;
  readonly sequenceAdjust?: SequenceAdjust | undefined;
  readonly synproxy?: Synproxy | undefined;
}

/** What `updateEntry` and `updateEntries` change: what is named, and nothing else. */
export interface EntryChanges {
  /** Seconds, from 1 on. */
  readonly timeout?: number | undefined;
  /** The mark, or those of its bits that `mask` has: changed in the kernel, in one step. */
  readonly mark?: number | { readonly value: number; readonly mask: number } | undefined;
  /** Bits to set; the kernel lets none be cleared. */
  readonly status?: readonly SettableStatus[] | undefined;
  /** All labels: bits that are not named are cleared. */
  readonly labels?: bigint | undefined;
  /** `''` takes the helper away, for good: the kernel gives an entry that exists no other one. */
  readonly helper?: string | undefined;
  readonly tcp?: TcpSpec | undefined;
  readonly sctp?: SctpInfo | undefined;
  readonly sequenceAdjust?: SequenceAdjust | undefined;
  readonly synproxy?: Synproxy | undefined;
}

/** What became of one specification. */
export type RequestResult =
  | { readonly entry: Entry; readonly error?: undefined }
  | { readonly entry?: undefined; readonly error: ConntrackError };

/** What `deleteEntries` did. */
export interface DeleteResult {
  /** Entries that matched. */
  readonly matched: number;
  readonly deleted: number;
  /** Those that were gone before they could be deleted. */
  readonly vanished: number;
}

/** What `updateEntries` did. */
export interface UpdateResult {
  /** Entries that matched. */
  readonly matched: number;
  readonly updated: number;
  /** Those that were gone before they could be changed. */
  readonly vanished: number;
}

/** How entries are deleted. */
export interface DeleteOptions {
  /** Only counts what matches. */
  readonly dryRun?: boolean | undefined;
  /** Ends it after the part that is under way; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How entries are changed. */
export interface UpdateOptions {
  /** Ends it after the part that is under way; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What is emptied. */
export interface FlushOptions {
  /** Only entries of this address family. Both when it is left out. */
  readonly family?: Family;
}
