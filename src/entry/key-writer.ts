/**
 * Encodes keys as records.
 */

import { ENTRY, ENTRY_PRESENT, EXTENSION_PRESENT, SLAB, TUPLE } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN, uint16 } from '../record/words.js';
import type { CheckedKey } from './check-key.js';

/** A slab whose first entry is the key: one tuple, perhaps a zone and an id. */
export function keySlab({ protocol, original, reply, zone, id }: CheckedKey): ArrayBuffer {
  const slab = new ArrayBuffer(SLAB.firstEntry + ENTRY.size);
  const entry = new EntryWriter(new DataView(slab), SLAB.firstEntry);
  if (original !== undefined) entry.tuple('original', original, protocol);
  if (reply !== undefined) entry.tuple('reply', reply, protocol);
  if (zone !== undefined) entry.zone(zone);
  if (id !== undefined) entry.value('id', id);
  return slab;
}

const IDENTITY = ENTRY_PRESENT.original | ENTRY_PRESENT.id;

/**
 * The same of an entry, whose record has the key already: no address becomes text and is read
 * again. `undefined`: the kernel sent no complete key.
 */
export function keySlabOfRecord(words: Uint32Array, at: number): ArrayBuffer | undefined {
  const present = words[at + ENTRY.present / 4] as number;
  if ((present & IDENTITY) !== IDENTITY) return undefined;
  const slab = new ArrayBuffer(SLAB.firstEntry + ENTRY.size);
  const key = new Uint32Array(slab);
  const first = SLAB.firstEntry / 4;
  key.set(words.subarray(at, at + ENTRY.size / 4), first);
  // Zone 0 equals no zone.
  const zone = uint16(words, at, ENTRY.zone) === 0 ? 0 : ENTRY_PRESENT.zone;
  key[first + ENTRY.present / 4] = present & (IDENTITY | zone);
  key[first + ENTRY.extensionPresent / 4] = 0;
  return slab;
}

/** Whether an entry has, in the direction that the key names, the tuple of the key. */
export function hasTupleOf(key: ArrayBuffer, entry: ArrayBuffer): boolean {
  const present = new DataView(key).getUint32(SLAB.firstEntry + ENTRY.present, LITTLE_ENDIAN);
  const tuple = SLAB.firstEntry + (present & ENTRY_PRESENT.original ? ENTRY.original : ENTRY.reply);
  const protocol = tuple + TUPLE.protocol;
  const bytes = (slab: ArrayBuffer) => Buffer.from(slab, tuple, TUPLE.zone);
  return (
    bytes(key).equals(bytes(entry)) &&
    new DataView(key).getUint8(protocol) === new DataView(entry).getUint8(protocol)
  );
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
