/**
 * Encodes keys as records.
 */

import { ENTRY, ENTRY_PRESENT, SLAB } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeReply, writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN, uint16 } from '../record/words.js';
import type { Place } from '../request/place.js';
import type { CheckedKey } from './check-key.js';

/** Writes the record of a key: one tuple, perhaps a zone and an id. */
export function writeKey(place: Place, { protocol, original, reply, zone, id }: CheckedKey): void {
  const entry = new EntryWriter(place.view, place.at + SLAB.firstEntry);
  if (original !== undefined) entry.original(original, protocol);
  if (reply !== undefined) entry.reply(reply, protocol);
  if (zone !== undefined) entry.zone(zone);
  if (id !== undefined) entry.word(ENTRY.id, ENTRY_PRESENT.id, id);
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

/**
 * Writes the parts of an entry record. `field` is one of `ENTRY`, `bit` one of `ENTRY_PRESENT`: by
 * number, as to look each up by its name takes V8 as long as all that is written.
 */
export class EntryWriter {
  readonly view: DataView;
  readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  original(tuple: Tuple, protocol: number): void {
    writeTuple(this.view, this.offset + ENTRY.original, tuple, protocol);
    this.add(ENTRY_PRESENT.original);
  }

  reply(tuple: Tuple, protocol: number): void {
    writeTuple(this.view, this.offset + ENTRY.reply, tuple, protocol);
    this.add(ENTRY_PRESENT.reply);
  }

  zone(zone: number): void {
    this.view.setUint16(this.offset + ENTRY.zone, zone, LITTLE_ENDIAN);
    // Zone 0 equals no zone.
    if (zone !== 0) this.add(ENTRY_PRESENT.zone);
  }

  word(field: number, bit: number, value: number): void {
    this.view.setUint32(this.offset + field, value, LITTLE_ENDIAN);
    this.add(bit);
  }

  byte(field: number, bit: number, value: number): void {
    this.view.setUint8(this.offset + field, value);
    this.add(bit);
  }

  /** That of an original tuple that was written. */
  replyTo(original: Tuple, tuple: Tuple, protocol: number): void {
    const at = this.offset + ENTRY.reply;
    writeReply(this.view, at, tuple, protocol, [original, this.offset + ENTRY.original]);
    this.add(ENTRY_PRESENT.reply);
  }

  add(bit: number): void {
    this.set(ENTRY.present, bit);
  }

  /** The same of what stands in the extension: one of `EXTENSION_PRESENT`. */
  extend(bit: number): void {
    this.set(ENTRY.extensionPresent, bit);
  }

  private set(field: number, bit: number): void {
    const at = this.offset + field;
    this.view.setUint32(at, this.view.getUint32(at, LITTLE_ENDIAN) | bit, LITTLE_ENDIAN);
  }
}
