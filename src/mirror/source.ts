/**
 * What a mirror learns from: functions that everybody has.
 */
import type { Entry } from '../entry/entry.js';
import type { EntryKey } from '../entry/key.js';
import type { EntryStream, ReadOptions } from '../entry/stream.js';
import type { WatchOptions } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { EntryFilter } from '../filter/filter.js';

export interface MirrorSource {
  watchEvents(options: WatchOptions): EventStream;
  streamEntries(
    filter: EntryFilter | readonly EntryFilter[] | undefined,
    options: ReadOptions,
  ): EntryStream;
  getEntries(keys: readonly EntryKey[]): Promise<(Entry | undefined)[]>;
}
