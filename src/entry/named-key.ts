/**
 * The keys of requests.
 */
import { uncertainPorts } from '../record/check-tuple.js';
import { SLAB } from '../record/layout.js';
import type { Place } from '../request/place.js';
import { type CheckedKey, keyOf } from './check-key.js';
import type { Entry } from './entry.js';
import type { EntryKey } from './key.js';
import { trimToKey, writeKey } from './key-writer.js';
import { EntryView } from './view.js';

/** Of a key, what its answer is compared with. The rest is not kept while it waits. */
export interface Wanted {
  readonly id: number | undefined;
  readonly startTimeNs: bigint | undefined;
  /** Its protocol has ports, or keys, on most kernels, and it has none. */
  readonly lacksPorts: boolean;
}

/** The key of a request. */
export interface NamedKey {
  /** Writes what a request needs to name the entry. */
  readonly write: (place: Place) => void;
  readonly wanted: Wanted;
  /** A delete can name all that the key has: the original tuple, the id, and no start time. */
  readonly isComplete: boolean;
}

/**
 * `undefined`: the key is of an entry that has ended, such as that of a DESTROY event. What has
 * its tuple and its id now is a newer one.
 */
export function namedKey(key: EntryKey, path?: string): NamedKey | undefined {
  if (EntryView.isEntry(key)) return key.status.dying ? undefined : namedByEntry(key);
  return namedBy(keyOf(key, path));
}

/** By what was checked: a key, or the original tuple of a specification. */
export function namedBy(checked: CheckedKey): NamedKey | undefined {
  const { protocol, original, reply, id, startTimeNs, isOver } = checked;
  const tuple = original ?? reply;
  if (isOver) return undefined;
  return {
    write: (place) => {
      writeKey(place, checked);
    },
    wanted: {
      id,
      startTimeNs,
      lacksPorts: tuple !== undefined && uncertainPorts(tuple, protocol) === 'left out',
    },
    isComplete: original !== undefined && id !== undefined && startTimeNs === undefined,
  };
}

/** No address becomes text and is read again. */
export function namedByEntry(entry: Entry): NamedKey {
  const { id, startTimeNs } = entry;
  return {
    write: (place) => {
      writeRecord(place, entry, SLAB.firstEntry);
      trimToKey(place);
    },
    // The ports are as the kernel sent them.
    wanted: { id, startTimeNs, lacksPorts: false },
    isComplete: startTimeNs === undefined,
  };
}

/** Copies the record of an entry to `behind` the header. */
export function writeRecord({ words, at }: Place, entry: Entry, behind: number): void {
  EntryView.copyRecord(entry, words, (at + behind) / 4);
}
