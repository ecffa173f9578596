/**
 * The entries of slabs that the addon has filled.
 */
import { setImmediate } from 'node:timers/promises';
import { ENTRY, SLAB } from '../record/layout.js';
import { slabCount } from '../record/words.js';
import type { Entry, EntryBase } from './entry.js';
import { EntryView } from './view.js';

/** The entry at a word of a slab. */
export function entryAt(words: Uint32Array, at: number): Entry {
  return new EntryView(words, at) as EntryBase as Entry;
}

/** The entries of slabs that the addon has filled. */
export function entriesOf(slabs: readonly ArrayBuffer[]): Entry[] {
  const all = slabs.map((slab) => new Uint32Array(slab));
  const entries = roomFor(all);
  let index = 0;
  for (const words of all) index = viewEntries(words, entries, index);
  return entries as Entry[];
}

/** The same of many slabs: the event loop turns between some and the next. */
export async function entriesInTurns(slabs: readonly ArrayBuffer[]): Promise<Entry[]> {
  const all = slabs.map((slab) => new Uint32Array(slab));
  const entries = roomFor(all);
  let index = 0;
  for (const [slab, words] of all.entries()) {
    if (slab % SLABS_A_TURN === SLABS_A_TURN - 1) await setImmediate();
    index = viewEntries(words, entries, index);
  }
  return entries as Entry[];
}

/** Some thousand entries, less than a millisecond. */
const SLABS_A_TURN = 12;

/** Allocates the array at its final size: growing it would cost as much as filling it. */
function roomFor(slabs: readonly Uint32Array[]): EntryBase[] {
  return new Array<EntryBase>(slabs.reduce((sum, words) => sum + slabCount(words), 0));
}

/** Appends the entries of a slab to `entries` and returns the next index. */
function viewEntries(words: Uint32Array, entries: EntryBase[], index: number): number {
  const end = index + slabCount(words);
  for (let at = SLAB.firstEntry / 4; index < end; at += ENTRY.size / 4) {
    entries[index++] = new EntryView(words, at);
  }
  return end;
}
