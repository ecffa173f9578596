/**
 * From a tuple to the slot of a flow that has it in one direction, in constant time.
 */
import { FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from '../record/layout.js';
import { byteShift, halfShift, LITTLE_ENDIAN, uint16, uint32 } from '../record/words.js';
import type { FlowRecords } from './flow-records.js';
import { SlotHash } from './slot-hash.js';

const PROTOCOL_WORD = TUPLE.zone >>> 2;
/** Of the word with the zone, the protocol and the family, the last two. */
const PROTOCOL_AND_FAMILY = LITTLE_ENDIAN ? 0xffff_0000 : 0x0000_ffff;
const FAMILY_SHIFT = byteShift(TUPLE.family);
const DESTINATION = TUPLE.destination / 4;
const PORTS = TUPLE.sourcePort / 4;
const SOURCE_SHIFT = halfShift(TUPLE.sourcePort);
const DESTINATION_SHIFT = halfShift(TUPLE.destinationPort);
const ICMP = TUPLE.icmpId / 4;
const PRESENT = TUPLE.present / 4;
/** Addresses, ports, and those of ICMP. */
const IDENTITY_WORDS = PROTOCOL_WORD;

/** A tuple in memory, and the zone that it is in. */
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

const mixed = (hash: number, word: number) => {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
};

/** One end: an address, which begins at a word, and a port. */
function hashOfEnd(words: Uint32Array, address: number, port: number, isIPv6: boolean): number {
  const hash = mixed(port, words[address] as number);
  if (!isIPv6) return hash;
  const [b, c] = [words[address + 1] as number, words[address + 2] as number];
  return mixed(mixed(mixed(hash, b), c), words[address + 3] as number);
}

/** The same for a tuple and for that of the answers without NAT: a flow is at one place for both. */
export function hashOf(words: Uint32Array, at: number, zone: number): number {
  const protocol = (words[at + PROTOCOL_WORD] as number) & PROTOCOL_AND_FAMILY;
  const isIPv6 = ((protocol >>> FAMILY_SHIFT) & 0xff) === FAMILY_NUMBERS.ipv6;
  const ports = words[at + PORTS] as number;
  const source = hashOfEnd(words, at, (ports >>> SOURCE_SHIFT) & 0xffff, isIPv6);
  const destination = (ports >>> DESTINATION_SHIFT) & 0xffff;
  const ends = (source + hashOfEnd(words, at + DESTINATION, destination, isIPv6)) | 0;
  const hash = mixed(mixed(zone ^ protocol, words[at + ICMP] as number), ends);
  const last = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b);
  return (last ^ (last >>> 16)) >>> 0;
}

/** Whether two tuples are one, but for their zones. */
export function isSameTuple(
  words: Uint32Array,
  at: number,
  others: Uint32Array,
  other: number,
): boolean {
  for (let word = 0; word < IDENTITY_WORDS; word++) {
    if (words[at + word] !== others[other + word]) return false;
  }
  const [a, b] = [words[at + PROTOCOL_WORD], others[other + PROTOCOL_WORD]];
  return (((a as number) ^ (b as number)) & PROTOCOL_AND_FAMILY) === 0;
}

/** Whether the reply tuple of a flow follows from the original: no NAT, no ICMP, no own zone. */
export function isPlain(words: Uint32Array, original: number, reply: number): boolean {
  const present = (words[original + PRESENT] as number) | (words[reply + PRESENT] as number);
  if ((present & TUPLE_PRESENT.zone) !== 0) return false;
  if (words[original + ICMP] !== 0 || words[reply + ICMP] !== 0) return false;
  const ports = words[original + PORTS] as number;
  if (words[reply + PORTS] !== ((ports << 16) | (ports >>> 16)) >>> 0) return false;
  for (let word = 0; word < 4; word++) {
    if (words[original + word] !== words[reply + DESTINATION + word]) return false;
    if (words[original + DESTINATION + word] !== words[reply + word]) return false;
  }
  return true;
}

/** The flows by the tuple that begins `tuple` words behind their records. */
export class TupleHash {
  private readonly slots = new SlotHash();
  private readonly records: FlowRecords;
  private readonly tuple: number;
  /** The zone of the flow of a slot. */
  private readonly entryZone: (words: Uint32Array, at: number) => number;

  constructor(
    records: FlowRecords,
    tuple: number,
    entryZone: (words: Uint32Array, at: number) => number,
  ) {
    this.records = records;
    this.tuple = tuple;
    this.entryZone = entryZone;
  }

  /** The slot of a flow with this tuple, -1 when there is none. Of several, any. */
  find(words: Uint32Array, at: number, zone: number): number {
    const { slots } = this;
    let slot = slots.first(hashOf(words, at, zone));
    while (slot !== -1 && !this.hasTuple(slot, words, at, zone)) slot = slots.next();
    return slot;
  }

  /**
   * The slot of a plain flow that has the tuple in one direction, or of another in this one; of none
   * that has ended.
   */
  findEither(words: Uint32Array, at: number, zone: number, reply: TupleHash): number {
    const { slots, records } = this;
    let slot = slots.first(hashOf(words, at, zone));
    while (slot !== -1) {
      const isOfIt = this.hasTuple(slot, words, at, zone) || reply.hasTuple(slot, words, at, zone);
      if (isOfIt && records.isLive(slot)) break;
      slot = slots.next();
    }
    return slot;
  }

  add(slot: number): void {
    this.slots.add(this.hashOfSlot(slot), slot);
  }

  /** The slot is in it, with the tuple that it was added with. */
  delete(slot: number): void {
    this.slots.delete(this.hashOfSlot(slot), slot);
  }

  private hasTuple(slot: number, words: Uint32Array, at: number, zone: number): boolean {
    const { records, tuple } = this;
    const own = records.words(slot);
    const record = records.at(slot);
    if (!isSameTuple(words, at, own, record + tuple)) return false;
    return zoneOf(own, record + tuple, this.entryZone(own, record)) === zone;
  }

  private hashOfSlot(slot: number): number {
    const { records, tuple } = this;
    const words = records.words(slot);
    const at = records.at(slot);
    return hashOf(words, at + tuple, zoneOf(words, at + tuple, this.entryZone(words, at)));
  }
}
