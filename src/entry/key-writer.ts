/**
 * Keys become records.
 */

import { uint16, uint32 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { ENTRY, ENTRY_PRESENT, EXTENSION_PRESENT, SLAB, TUPLE } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { protocolNumber, writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { EntryKey } from './key.js';

/** A slab whose first entry is the key: one tuple, perhaps a zone and an id. */
export function keySlab(key: EntryKey): ArrayBuffer {
  if (typeof key !== 'object' || (key as unknown) === null) {
    throw typeError('key', 'must be an entry, or { protocol, original } or { protocol, reply }');
  }
  const slab = new ArrayBuffer(SLAB.firstEntry + ENTRY.size);
  const entry = new EntryWriter(new DataView(slab), SLAB.firstEntry);
  const protocol = protocolNumber(key, 'key');
  if (key.original !== undefined) entry.original(key.original, protocol, 'key.original');
  else entry.reply(key.reply, protocol, 'key.reply');
  if (key.zone !== undefined) entry.zone(key.zone, 'key.zone');
  if (key.id !== undefined) entry.value('id', uint32(key.id, 'key.id'));
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

/** Writes the parts of an entry record. */
export class EntryWriter {
  readonly view: DataView;
  readonly offset: number;

  constructor(view: DataView, offset: number) {
    this.view = view;
    this.offset = offset;
  }

  original(tuple: Tuple, protocol: number, field: string): void {
    writeTuple(this.view, this.offset + ENTRY.original, tuple, protocol, field);
    this.add('original');
  }

  reply(tuple: Tuple, protocol: number, field: string): void {
    writeTuple(this.view, this.offset + ENTRY.reply, tuple, protocol, field);
    this.add('reply');
  }

  zone(zone: number, field: string): void {
    this.view.setUint16(this.offset + ENTRY.zone, uint16(zone, field), LITTLE_ENDIAN);
    // A zone 0 that is sent means the same as none.
    if (zone !== 0) this.add('zone');
  }

  value(name: 'status' | 'id' | 'mark' | 'timeout', value: number): void {
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
