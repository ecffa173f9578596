import type { TableStats } from './stats.js';

/** How much of its room a table uses. Without a limit (a maximum of 0) that is nothing, however full. */
export function utilizationOf({
  entries,
  maxEntries,
}: Pick<TableStats, 'entries' | 'maxEntries'>): number {
  return maxEntries === 0 ? 0 : entries / maxEntries;
}
