/**
 * From a tuple to the slots of the flows that have it, in constant time.
 *
 * A table of 256 parts, each with open addressing: a part that grows is copied within a fraction
 * of a millisecond, where one table of a million flows would hold the event loop for 100.
 */
import { TUPLE, TUPLE_PRESENT } from '../record/layout.js';
import { LITTLE_ENDIAN, uint16, uint32 } from '../record/words.js';

const PARTS = 256;
const PART_SHIFT = 24;
/** A part is at most two thirds full. */
const SMALLEST = 16;

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

/** Pairs of a hash and a slot + 1; 0 is an empty place. */
interface Part {
  pairs: Uint32Array;
  count: number;
}

export class TupleHash {
  private readonly parts: Part[] = Array.from({ length: PARTS }, () => ({
    pairs: new Uint32Array(2 * SMALLEST),
    count: 0,
  }));
  /** The tuple of a slot. */
  private readonly tupleOf: (slot: number) => TuplePlace;

  constructor(tupleOf: (slot: number) => TuplePlace) {
    this.tupleOf = tupleOf;
  }

  /** The slot of a flow with this tuple, -1 when there is none. Of several, any. */
  find(tuple: TuplePlace): number {
    const hash = hashOf(tuple);
    const { pairs } = this.partOf(hash);
    const mask = pairs.length / 2 - 1;
    for (let place = hash & mask; pairs[2 * place + 1] !== 0; place = (place + 1) & mask) {
      if (pairs[2 * place] !== hash) continue;
      const slot = (pairs[2 * place + 1] as number) - 1;
      if (isSameTuple(tuple, this.tupleOf(slot))) return slot;
    }
    return -1;
  }

  add(slot: number): void {
    const hash = hashOf(this.tupleOf(slot));
    const part = this.partOf(hash);
    if (3 * ++part.count > part.pairs.length) grow(part);
    insert(part.pairs, hash, slot + 1);
  }

  /** The slot is in it, with the tuple that it was added with. */
  delete(slot: number): void {
    const hash = hashOf(this.tupleOf(slot));
    const part = this.partOf(hash);
    const { pairs } = part;
    const mask = pairs.length / 2 - 1;
    let place = hash & mask;
    while (pairs[2 * place + 1] !== slot + 1) place = (place + 1) & mask;
    part.count--;
    // What follows moves up, as far as it may stand there.
    for (let next = (place + 1) & mask; pairs[2 * next + 1] !== 0; next = (next + 1) & mask) {
      const wanted = (pairs[2 * next] as number) & mask;
      if (((next - wanted) & mask) < ((next - place) & mask)) continue;
      pairs[2 * place] = pairs[2 * next] as number;
      pairs[2 * place + 1] = pairs[2 * next + 1] as number;
      place = next;
    }
    pairs[2 * place + 1] = 0;
  }

  private partOf(hash: number): Part {
    return this.parts[hash >>> PART_SHIFT] as Part;
  }
}

function grow(part: Part): void {
  const { pairs } = part;
  part.pairs = new Uint32Array(2 * pairs.length);
  for (let at = 0; at < pairs.length; at += 2) {
    const taken = pairs[at + 1] as number;
    if (taken !== 0) insert(part.pairs, pairs[at] as number, taken);
  }
}

function insert(pairs: Uint32Array, hash: number, taken: number): void {
  const mask = pairs.length / 2 - 1;
  let place = hash & mask;
  while (pairs[2 * place + 1] !== 0) place = (place + 1) & mask;
  pairs[2 * place] = hash;
  pairs[2 * place + 1] = taken;
}
