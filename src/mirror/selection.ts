/**
 * The flows of a mirror, all or those that a filter matches, one by one.
 */
import { errorOfFailure } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { Entry } from '../entry/entry.js';
import { compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import type { LiveTable } from './live-table.js';
import { SnapshotSlab } from './snapshots.js';

/**
 * Slots do not move: a flow that is there during the whole iteration comes exactly once, whatever
 * happens between two steps.
 */
export function* allEntries(live: LiveTable): Generator<Entry, undefined> {
  const { records } = live.table;
  for (let slot = 0; slot < records.end; slot++) {
    if (records.isLive(slot)) yield live.entryAt(slot);
  }
}

/** As one slab has room for them. */
export function entriesMatching(
  live: LiveTable,
  filter: EntryFilter | readonly EntryFilter[] | undefined,
): Generator<Entry, undefined> {
  const { records } = compileFilter(filter);
  return records === undefined ? allEntries(live) : matching(live, records);
}

function* matching(live: LiveTable, filter: ArrayBuffer): Generator<Entry, undefined> {
  const { FilterMatcher } = loadAddon();
  const matcher = new FilterMatcher(filter);
  if (matcher.failure !== undefined) throw errorOfFailure('mirrorTable', matcher.failure);
  const { table } = live;
  let slab = new SnapshotSlab();
  const selected = new Uint32Array(SnapshotSlab.most);
  for (let slot = 0; slot < table.records.end; ) {
    for (; slot < table.records.end; slot++) {
      if (!table.records.isLive(slot)) continue;
      if (!slab.add(table.record(slot), live.secondsOld(slot))) break;
    }
    const count = matcher.select(slab.buffer, selected.buffer);
    const filled = slab;
    // Entries that were given out keep theirs.
    slab = count === 0 ? filled.clear() : new SnapshotSlab();
    for (let index = 0; index < count; index++) yield filled.entry(selected[index] as number);
  }
}
