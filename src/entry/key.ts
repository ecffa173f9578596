/**
 * Keys: an entry's tuple in one direction names it.
 *
 * @module
 */

import type { Protocol } from '../core/names.js';
import type { Tuple } from '../record/tuple.js';

interface EntryKeyBase {
  /** A name or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: Protocol | number;
  readonly protocolNumber?: number | undefined;
  /** The zone of both directions; defaults to 0. The zone of one direction is in its tuple. */
  readonly zone?: number | undefined;
  /** Matches only the entry with this id, and no newer one on the same tuple. */
  readonly id?: number | undefined;
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
