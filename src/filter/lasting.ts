/**
 * Filters by conditions that hold, or do not, for the whole life of a flow.
 */
import { typeError } from '../core/errors.js';
import { compileFilter } from './compile.js';
import type { EntryConditions, EntryFilter } from './filter.js';

const LASTING: ReadonlySet<keyof EntryFilter> = new Set([
  'family',
  'protocol',
  'original',
  'reply',
  'address',
  'port',
  'zone',
  'not',
]);

/** Copies, in which nothing changes afterwards. `instead`: what to do for another condition. */
export function lastingFilters(
  value: EntryFilter | readonly EntryFilter[],
  path: string,
  instead: (name: string) => string,
): readonly EntryFilter[] {
  return compileFilter(value, path).filters.map(({ filter, path: place }) => {
    requireLasting(filter, place, instead);
    for (const [index, negation] of (filter.not ?? []).entries()) {
      requireLasting(negation, `${place}.not[${index}]`, instead);
    }
    // Texts and numbers; what is undefined is left out.
    return JSON.parse(JSON.stringify(filter)) as EntryFilter;
  });
}

function requireLasting(filter: object, path: string, instead: (name: string) => string): void {
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined || LASTING.has(name as keyof EntryConditions)) continue;
    throw typeError(`${path}.${name}`, `may change while a flow lives; ${instead(name)}`);
  }
}
