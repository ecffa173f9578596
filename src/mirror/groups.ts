/**
 * How many flows there are of each kind.
 *
 * @module
 */
import { integer, optional, options, word } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { COUNTED, type CountedName, type IndexName } from './dimensions.js';
import type { LiveTable } from './live-table.js';
import { MIRROR_INDEXES } from './options.js';

/** What `mirror.countBy()` counts by. All but `state` and `protocol` need an index. */
export type CountedBy = 'state' | 'protocol' | IndexName;

/** Options of `mirror.countBy()`. */
export interface CountOptions {
  /** The number of the largest counts to return. Default: all. */
  readonly limit?: number | undefined;
}

const COUNTED_NAMES = Object.keys(COUNTED) as CountedName[];
const named = word<CountedBy>([...COUNTED_NAMES, ...MIRROR_INDEXES]);
const countOptions = options<CountOptions>({ limit: optional(integer(1, 2 ** 31 - 1)) });

export function countBy(live: LiveTable, by: CountedBy, given?: CountOptions): Map<string, number> {
  const name = named(by, 'by');
  const { limit = Number.POSITIVE_INFINITY } = countOptions(given);
  const counts = new Map<string, number>();
  const add = (text: string, count: number) => {
    counts.set(text, (counts.get(text) ?? 0) + count);
  };
  if (isCounted(name)) {
    const { text } = COUNTED[name];
    live.tallies[name].forEach((number, count) => {
      add(text(number), count);
    });
  } else {
    const index = live.indexes[name];
    if (index === undefined) {
      throw typeError('by', `needs the index '${name}': mirrorTable({ indexes: ['${name}'] })`);
    }
    index.forEach(add);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return new Map(sorted.slice(0, limit));
}

function isCounted(name: CountedBy): name is CountedName {
  return (COUNTED_NAMES as readonly string[]).includes(name);
}
