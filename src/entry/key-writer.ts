/**
 * Encodes keys as records.
 */

import { ENTRY, ENTRY_PRESENT, EXTENSION_PRESENT, SLAB } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN, uint16 } from '../record/words.js';
import type { Place } from '../request/place.js';
import type { CheckedKey } from './check-key.js';

/** Writes the record of a key: one tuple, perhaps a zone and an id. */
export function writeKey(place: Place, { protocol, original, reply, zone, id }: CheckedKey): void {
  const entry = new EntryWriter(place.view, place.at + SLAB.firstEntry);
  if (original !== undefined) entry.tuple('original', original, protocol);
  if (reply !== undefined) entry.tuple('reply', reply, protocol);
  if (zone !== undefined) entry.zone(zone);
  if (id !== undefined) entry.value('id', id);
}

const IDENTITY = ENTRY_PRESENT.original | ENTRY_PRESENT.id;

/** Whether the record of an entry has its original tuple and its id: the kernel sends both. */
export function hasKey(words: Uint32Array, at: number): boolean {
  return ((words[at + ENTRY.present / 4] as number) & IDENTITY) === IDENTITY;
}

/** Leaves of the record of an entry what names it. */
export function trimToKey({ words, at }: Place): void {
  const record = (at + SLAB.firstEntry) / 4;
  const present = record + ENTRY.present / 4;
  // Zone 0 equals no zone.
  const zone = uint16(words, record, ENTRY.zone) === 0 ? 0 : ENTRY_PRESENT.zone;
  words[present] = (words[present] as number) & (IDENTITY | zone);
  words[record + ENTRY.extensionPresent / 4] = 0;
}

type Word = 'status' | 'id' | 'mark' | 'timeout' | 'sctpOriginalTag' | 'sctpReplyTag';

/** Writes the parts of an entry record. */
export class EntryWriter {
  readonly view: DataView;
  readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  tuple(direction: 'original' | 'reply', tuple: Tuple, protocol: number): void {
    writeTuple(this.view, this.offset + ENTRY[direction], tuple, protocol);
    this.add(direction);
  }

  zone(zone: number): void {
    this.view.setUint16(this.offset + ENTRY.zone, zone, LITTLE_ENDIAN);
    // Zone 0 equals no zone.
    if (zone !== 0) this.add('zone');
  }

  value(name: Word, value: number): void {
    this.view.setUint32(this.offset + ENTRY[name], value, LITTLE_ENDIAN);
    this.add(name);
  }

  byte(field: number, value: number, present: keyof typeof ENTRY_PRESENT): void {
    this.view.setUint8(this.offset + field, value);
    this.add(present);
  }

  add(present: keyof typeof ENTRY_PRESENT): void {
    this.set(ENTRY.present, ENTRY_PRESENT[present]);
  }

  /** The same of what stands in the extension. */
  extend(present: keyof typeof EXTENSION_PRESENT): void {
    this.set(ENTRY.extensionPresent, EXTENSION_PRESENT[present]);
  }

  private set(field: number, bit: number): void {
    const at = this.offset + field;
    this.view.setUint32(at, this.view.getUint32(at, LITTLE_ENDIAN) | bit, LITTLE_ENDIAN);
  }
}
