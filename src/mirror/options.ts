/**
 * Options of a mirror.
 *
 * @module
 */
import { arrayOf, integer, optional, options, signal, word } from '../core/check.js';
import { LIMITS } from '../core/limits.js';
import type { EntryFilter } from '../filter/filter.js';
import { lastingFilters } from '../filter/lasting.js';
import { INDEXED, type IndexName } from './dimensions.js';

/**
 * The names of indexes.
 *
 * @example
 * ```ts
 * import { MIRROR_INDEXES, mirrorTable } from 'conntrack';
 *
 * await using mirror = await mirrorTable({ indexes: MIRROR_INDEXES });
 * console.log(mirror.size);
 * ```
 */
export const MIRROR_INDEXES = Object.keys(INDEXED) as readonly IndexName[];

/** Options of `mirrorTable`. */
export interface MirrorOptions {
  /**
   * The part of the table to mirror. Only conditions that a flow meets or fails for its whole life
   * are possible: `family`, `protocol`, `original`, `reply`, `address`, `port`, `zone`, and `not` with
   * these. For all others, mirror the flows and filter with `entries(filter)`.
   */
  readonly filter?: EntryFilter | readonly EntryFilter[] | undefined;
  /**
   * The mirror ends with `ERR_CONNTRACK_FULL` when it would have more flows than that. A flow takes
   * some 250 bytes, and more with labels, a helper, or indexes. Default: no limit but the kernel's,
   * `nf_conntrack_max`.
   */
  readonly maxEntries?: number | undefined;
  /**
   * What `findAll()` and `countBy()` can find by. A flow takes 12 bytes in each, 24 in `service`, 48
   * in `address`, and each different key 32. Default: none.
   */
  readonly indexes?: readonly IndexName[] | undefined;
  /**
   * How many milliseconds at most pass between two checks of the flows that send no events, from 100
   * on. A check that takes longer than a fiftieth of that comes less often: checks take at most 2 % of
   * the time. Default: 30,000.
   */
  readonly recheckInterval?: number | undefined;
  /** As in `WatchOptions`. */
  readonly receiveBufferBytes?: number | undefined;
  /** As in `WatchOptions`. */
  readonly queueBytes?: number | undefined;
  /** Ends the mirror, whether it is in step or not. */
  readonly signal?: AbortSignal | undefined;
}

const checked = options<MirrorOptions>({
  filter: (value) => value as EntryFilter,
  maxEntries: optional(integer(1, 2 ** 31 - 1)),
  indexes: optional(arrayOf(word(MIRROR_INDEXES))),
  recheckInterval: optional(integer(LIMITS.leastRecheckMs, LIMITS.longestIntervalMs)),
  receiveBufferBytes: optional(integer(LIMITS.leastReceiveBufferBytes, LIMITS.mostBufferBytes)),
  queueBytes: optional(integer(LIMITS.leastQueueBytes, LIMITS.mostBufferBytes)),
  signal: optional(signal),
});

/** A copy, in which nothing changes afterwards. */
export function mirrorOptionsOf(value: MirrorOptions | undefined): MirrorOptions {
  const given = checked(value);
  if (given.filter === undefined) return given;
  const filter = lastingFilters(
    given.filter,
    'options.filter',
    (name) => `mirror the flows without it, and use entries({ ${name} })`,
  );
  return { ...given, filter };
}
