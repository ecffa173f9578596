/**
 * What flows are found and counted by: each flow has a key, or several, in each dimension.
 *
 * @module
 */
import { DCCP_STATES, nameOf, protocolName, SCTP_STATES, TCP_STATES } from '../core/names.js';
import { formatIPv4, formatIPv6 } from '../record/ip-address.js';
import { ENTRY, ENTRY_PRESENT, FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from '../record/layout.js';
import { uint8, uint16, uint32 } from '../record/words.js';

/** What a mirror can find and count flows by, besides the tuple: see {@link MirrorOptions}. */
export type IndexName = 'address' | 'source' | 'destination' | 'service' | 'port' | 'mark' | 'zone';

/** What each mirror counts flows by. */
export type CountedName = 'protocol' | 'state';

/** A key has so many words: what it is, and an address. */
export const KEY_WORDS = 5;

/** The keys of a flow in a dimension. */
export interface Dimension {
  /** So many at most. */
  readonly most: number;
  /** Writes them behind each other; none is there twice. Returns how many there are. */
  readonly keys: (words: Uint32Array, at: number, to: Uint32Array) => number;
  /** The text of a key. */
  readonly text: (words: Uint32Array, at: number) => string;
}

const ORIGINAL = ENTRY.original / 4;
const REPLY = ENTRY.reply / 4;
const SOURCE = TUPLE.source / 4;
const DESTINATION = TUPLE.destination / 4;
const PORTED = TUPLE_PRESENT.sourcePort | TUPLE_PRESENT.destinationPort;
const FAMILY_SHIFT = 24;

/** The first word of the key of an address, and a port or 0. */
export const addressKey = (family: number, port: number) => ((family << FAMILY_SHIFT) | port) >>> 0;

/** Writes the key of an address, and a port or 0, that a tuple has. */
function putEnd(
  words: Uint32Array,
  [tuple, address, port]: readonly [tuple: number, address: number, port: number],
  to: Uint32Array,
  index: number,
): void {
  const at = index * KEY_WORDS;
  to[at] = addressKey(uint8(words, tuple, TUPLE.family), port);
  for (let word = 0; word < 4; word++) to[at + 1 + word] = words[tuple + address + word] as number;
}

function putNumber(number: number, to: Uint32Array): number {
  to.fill(0, 0, KEY_WORDS);
  to[0] = number;
  return 1;
}

/** Whether the key that was put is there before. */
function isRepeated(keys: Uint32Array, index: number): boolean {
  for (let other = 0; other < index; other++) {
    let word = 0;
    while (word < KEY_WORDS && keys[other * KEY_WORDS + word] === keys[index * KEY_WORDS + word])
      word++;
    if (word === KEY_WORDS) return true;
  }
  return false;
}

const hasPorts = (words: Uint32Array, tuple: number) =>
  (uint32(words, tuple, TUPLE.present) & PORTED) === PORTED;

function addressText(words: Uint32Array, at: number): string {
  return (words[at] as number) >>> FAMILY_SHIFT === FAMILY_NUMBERS.ipv6
    ? formatIPv6(words, at + 1)
    : formatIPv4(words, at + 1);
}

const portOfKey = (words: Uint32Array, at: number) => (words[at] as number) & 0xffff;

function endText(words: Uint32Array, at: number): string {
  const isIPv6 = (words[at] as number) >>> FAMILY_SHIFT === FAMILY_NUMBERS.ipv6;
  const address = addressText(words, at);
  return `${isIPv6 ? `[${address}]` : address}:${portOfKey(words, at)}`;
}

const numberText = (words: Uint32Array, at: number) => String(words[at]);

const FOUR_ENDS = [
  [ORIGINAL, SOURCE],
  [ORIGINAL, DESTINATION],
  [REPLY, SOURCE],
  [REPLY, DESTINATION],
] as const;

/** The number of a state, with its protocol; 0: the flow has none, and is not counted. */
function stateOf(words: Uint32Array, at: number): number {
  const present = words[at + ENTRY.present / 4] as number;
  const state = uint8(words, at, ENTRY.state);
  if ((present & ENTRY_PRESENT.tcpState) !== 0) return 0x100 | state;
  if ((present & ENTRY_PRESENT.sctpState) !== 0) return 0x200 | state;
  if ((present & ENTRY_PRESENT.dccpState) !== 0) return 0x300 | state;
  return 0;
}

const STATES = [[], TCP_STATES, SCTP_STATES, DCCP_STATES] as const;

/** Dimensions that an index is made of when it is asked for. */
export const INDEXED: Readonly<Record<IndexName, Dimension>> = {
  address: {
    most: 4,
    keys: (words, at, to) => {
      let count = 0;
      for (const [tuple, address] of FOUR_ENDS) {
        putEnd(words, [at + tuple, address, 0], to, count);
        if (!isRepeated(to, count)) count++;
      }
      return count;
    },
    text: addressText,
  },
  source: {
    most: 1,
    keys: (words, at, to) => {
      putEnd(words, [at + ORIGINAL, SOURCE, 0], to, 0);
      return 1;
    },
    text: addressText,
  },
  destination: {
    most: 1,
    keys: (words, at, to) => {
      putEnd(words, [at + ORIGINAL, DESTINATION, 0], to, 0);
      return 1;
    },
    text: addressText,
  },
  service: {
    most: 2,
    keys: (words, at, to) => {
      if (!hasPorts(words, at + ORIGINAL)) return 0;
      const port = uint16(words, at + ORIGINAL, TUPLE.destinationPort);
      putEnd(words, [at + ORIGINAL, DESTINATION, port], to, 0);
      const translated = uint16(words, at + REPLY, TUPLE.sourcePort);
      putEnd(words, [at + REPLY, SOURCE, translated], to, 1);
      return isRepeated(to, 1) ? 1 : 2;
    },
    text: endText,
  },
  port: {
    most: 1,
    keys: (words, at, to) => {
      if (!hasPorts(words, at + ORIGINAL)) return 0;
      return putNumber(uint16(words, at + ORIGINAL, TUPLE.destinationPort), to);
    },
    text: numberText,
  },
  mark: {
    most: 1,
    keys: (words, at, to) => putNumber(words[at + ENTRY.mark / 4] as number, to),
    text: numberText,
  },
  zone: {
    most: 1,
    keys: (words, at, to) => putNumber(uint16(words, at, ENTRY.zone), to),
    text: numberText,
  },
};

/** Dimensions that each mirror counts. They have few keys, which are numbers. */
export const COUNTED = {
  protocol: {
    end: 257,
    // HOPOPT is number 0, too.
    number: (words: Uint32Array, at: number) => 1 + uint8(words, at + ORIGINAL, TUPLE.protocol),
    text: (number: number) => {
      const name = protocolName(number - 1);
      return name === 'other' ? String(number - 1) : name;
    },
  },
  state: {
    end: 0x400,
    number: stateOf,
    text: (number: number) => nameOf(STATES[number >>> 8] ?? [], number & 0xff),
  },
} as const satisfies Record<CountedName, object>;
