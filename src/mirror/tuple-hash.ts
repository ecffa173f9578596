/**
 * From a tuple to the slots of the flows that have it, in constant time.
 */
import { TUPLE, TUPLE_PRESENT } from '../record/layout.js';
import { LITTLE_ENDIAN, uint16, uint32 } from '../record/words.js';
import { SlotHash } from './slot-hash.js';

/** Of the word with the zone, the protocol and the family, the last two. */
const PROTOCOL_AND_FAMILY = LITTLE_ENDIAN ? 0xffff_0000 : 0x0000_ffff;
const PROTOCOL_WORD = TUPLE.zone >>> 2;
/** Addresses, ports, and those of ICMP. */
const IDENTITY_WORDS = PROTOCOL_WORD;

/** A tuple in a record, and the zone that it is in. */
export interface TuplePlace {
  readonly words: Uint32Array;
  /** Where the tuple begins, in words. */
  readonly at: number;
  readonly zone: number;
}

/** The zone of a tuple: that of its entry, or of its direction alone. */
export function zoneOf(words: Uint32Array, at: number, entryZone: number): number {
  const hasOwn = (uint32(words, at, TUPLE.present) & TUPLE_PRESENT.zone) !== 0;
  return hasOwn ? uint16(words, at, TUPLE.zone) : entryZone;
}

export function hashOf({ words, at, zone }: TuplePlace): number {
  let hash = Math.imul(zone ^ ((words[at + PROTOCOL_WORD] as number) & PROTOCOL_AND_FAMILY), 31);
  for (let word = at; word < at + IDENTITY_WORDS; word++) {
    hash = Math.imul(hash ^ (words[word] as number), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function isSameTuple(one: TuplePlace, other: TuplePlace): boolean {
  if (one.zone !== other.zone) return false;
  for (let word = 0; word < IDENTITY_WORDS; word++) {
    if (one.words[one.at + word] !== other.words[other.at + word]) return false;
  }
  const [a, b] = [one.words[one.at + PROTOCOL_WORD], other.words[other.at + PROTOCOL_WORD]];
  return (((a as number) ^ (b as number)) & PROTOCOL_AND_FAMILY) === 0;
}

export class TupleHash {
  private readonly slots = new SlotHash();
  /** The tuple of a slot. */
  private readonly tupleOf: (slot: number) => TuplePlace;

  constructor(tupleOf: (slot: number) => TuplePlace) {
    this.tupleOf = tupleOf;
  }

  /** The slot of a flow with this tuple, -1 when there is none. Of several, any. */
  find(tuple: TuplePlace): number {
    const { slots } = this;
    let slot = slots.first(hashOf(tuple));
    while (slot !== -1 && !isSameTuple(tuple, this.tupleOf(slot))) slot = slots.next();
    return slot;
  }

  add(slot: number): void {
    this.slots.add(hashOf(this.tupleOf(slot)), slot);
  }

  /** The slot is in it, with the tuple that it was added with. */
  delete(slot: number): void {
    this.slots.delete(hashOf(this.tupleOf(slot)), slot);
  }
}
