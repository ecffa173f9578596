/**
 * How one entry is named: by its tuple in one direction.
 *
 * @module
 */

import type { Protocol } from '../core/names.js';
import type { Tuple } from '../record/tuple.js';

interface EntryKeyBase {
  /** A word or an IP protocol number. `'other'` needs `protocolNumber` beside it. */
  readonly protocol: Protocol | number;
  readonly protocolNumber?: number | undefined;
  /** The zone of both directions; 0 when absent. A zone of one direction stands in its tuple. */
  readonly zone?: number | undefined;
  /** When given, an entry on the same tuple with another id is not the one that is meant. */
  readonly id?: number | undefined;
}

/** Names an entry by its original tuple. Every `Entry` is such a key. */
export interface OriginalKey extends EntryKeyBase {
  readonly original: Tuple;
}

/** Names an entry by its reply tuple, which tells NATed flows apart as well. */
export interface ReplyKey extends EntryKeyBase {
  readonly original?: undefined;
  readonly reply: Tuple;
}

/** Names one entry. */
export type EntryKey = OriginalKey | ReplyKey;
