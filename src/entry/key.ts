/**
 * Keys: an entry's tuple in one direction names it.
 *
 * @module
 */

import type { Protocol, ProtocolWord } from '../core/names.js';
import type { Tuple } from '../record/tuple.js';

interface EntryKeyBase {
  /** A word or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: Protocol | ProtocolWord | number;
  readonly protocolNumber?: number | undefined;
  /** The zone of both directions; defaults to 0. The zone of one direction is in its tuple. */
  readonly zone?: number | undefined;
  /**
   * Matches only an entry with this id. The kernel (6.18) often gives the id of an entry that has
   * ended to the next one on the same tuple; only `startTimeNs` tells the two apart.
   */
  readonly id?: number | undefined;
  /**
   * Matches only an entry that began then: nanoseconds since 1970; in decimal digits, as
   * `entry.toJSON()` has it, too. No entry without a start time matches. Entries have one that
   * begin while `net.netfilter.nf_conntrack_timestamp` is 1.
   */
  readonly startTimeNs?: bigint | string | undefined;
}

/** Names an entry by its original tuple. Every `Entry` is such a key. */
export interface OriginalKey extends EntryKeyBase {
  readonly original: Tuple;
}

/** Names an entry by its reply tuple, which NAT has translated. */
export interface ReplyKey extends EntryKeyBase {
  readonly original?: undefined;
  readonly reply: Tuple;
}

/** Names one entry. */
export type EntryKey = OriginalKey | ReplyKey;
