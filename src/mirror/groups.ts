/**
 * How many flows there are of each kind.
 *
 * @module
 */
import { boolean, integer, optional, options, word } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { COUNTED, type CountedName, type IndexName } from './dimensions.js';
import { Largest } from './largest.js';
import type { LiveTable } from './live-table.js';
import { MIRROR_INDEXES } from './options.js';

/** What `mirror.countBy()` counts by. All but `state` and `protocol` need an index. */
export type CountedBy = 'state' | 'protocol' | IndexName;

/** Options of `mirror.countBy()`. */
export interface CountOptions {
  /** The number of the largest counts to return. Default: all. */
  readonly limit?: number | undefined;
  /** Adds the sum of the counts beyond the limit, if any, as the last one: `other`. Default: no. */
  readonly other?: boolean | undefined;
}

/** No key has this text. */
const OTHER = 'other';

const COUNTED_NAMES = Object.keys(COUNTED) as CountedName[];
const named = word<CountedBy>([...COUNTED_NAMES, ...MIRROR_INDEXES]);
const countOptions = options<CountOptions>({
  limit: optional(integer(1, 2 ** 31 - 1)),
  other: optional(boolean),
});

export function countBy(live: LiveTable, by: CountedBy, given?: CountOptions): Map<string, number> {
  const name = named(by, 'by');
  const { limit = Number.POSITIVE_INFINITY, other = false } = countOptions(given);
  const { top, rest } = isCounted(name)
    ? largestOfTally(live, name, limit)
    : largestOfIndex(live, name, limit);
  const counts = new Map(top);
  if (other && rest > 0) counts.set(OTHER, rest);
  return counts;
}

interface Counted {
  readonly top: readonly (readonly [text: string, count: number])[];
  readonly rest: number;
}

function largestOfTally(live: LiveTable, name: CountedName, limit: number): Counted {
  const { text } = COUNTED[name];
  // Protocols share the names of states.
  const counts = new Map<string, number>();
  live.tallies[name].forEach((number, count) => {
    counts.set(text(number), (counts.get(text(number)) ?? 0) + count);
  });
  const largest = new Largest<string>(limit);
  for (const [key, count] of counts) largest.add(key, count);
  return { top: largest.top(), rest: largest.rest() };
}

function largestOfIndex(live: LiveTable, name: IndexName, limit: number): Counted {
  const index = live.indexes[name];
  if (index === undefined) {
    throw typeError('by', `needs the index '${name}': mirrorTable({ indexes: ['${name}'] })`);
  }
  const largest = new Largest<number>(limit);
  index.forEach((group, count) => {
    largest.add(group, count);
  });
  const top = largest.top().map(([group, count]) => [index.textOf(group), count] as const);
  return { top, rest: largest.rest() };
}

function isCounted(name: CountedBy): name is CountedName {
  return (COUNTED_NAMES as readonly string[]).includes(name);
}
