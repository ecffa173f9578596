/**
 * The tuple that somebody looks for.
 *
 * @module
 */
import { PROTOCOL_NUMBERS, type Protocol, type ProtocolWord } from '../core/names.js';
import { flowTupleOf } from '../record/check-tuple.js';
import { FAMILY_NUMBERS, TUPLE } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeTuple } from '../record/tuple-writer.js';
import { byteShift, halfShift } from '../record/words.js';
import type { TuplePlace } from './tuple-hash.js';

const FIELDS = 5;

const SOURCE = TUPLE.source / 4;
const DESTINATION = TUPLE.destination / 4;
const PORTS = TUPLE.sourcePort / 4;
const SOURCE_SHIFT = halfShift(TUPLE.sourcePort);
const DESTINATION_SHIFT = halfShift(TUPLE.destinationPort);
const PROTOCOL = TUPLE.protocol >>> 2;

/** The word with the zone, the protocol and the family. */
const wordOf = (protocol: number) =>
  ((protocol << byteShift(TUPLE.protocol)) | (FAMILY_NUMBERS.ipv4 << byteShift(TUPLE.family))) >>>
  0;
const TCP = wordOf(PROTOCOL_NUMBERS.tcp);
const UDP = wordOf(PROTOCOL_NUMBERS.udp);

/** A tuple in either direction, with its protocol. `zone` is that of the direction; default: 0. */
export interface FlowKey extends Tuple {
  /** A word or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: Protocol | ProtocolWord | number;
  readonly protocolNumber?: number | undefined;
}

/** Writes tuples to one place, in which the next one replaces the one before. */
export class FlowKeyReader {
  private readonly words = new Uint32Array(TUPLE.size / 4);
  private readonly view = new DataView(this.words.buffer);
  /** Of IPv4, with words that stay 0. */
  private readonly quick: TuplePlace = {
    words: new Uint32Array(TUPLE.size / 4),
    at: 0,
    zone: 0,
  };

  read(key: FlowKey): TuplePlace {
    try {
      return this.readQuickly(key) ?? this.readAny(key);
    } catch {
      // A getter threw, or the key is wrong, which this names.
      return this.readAny(key);
    }
  }

  /** What nearly all keys are: TCP or UDP over IPv4, in the default zone; `undefined`: another. */
  private readQuickly(key: FlowKey): TuplePlace | undefined {
    if (Object.getPrototypeOf(key) !== PLAIN) return;
    let fields = 0;
    for (const _ in key) fields++;
    if (fields !== FIELDS) return;
    const { protocol, source, destination, sourcePort, destinationPort } = key;
    if (protocol !== 'tcp' && protocol !== 'udp') return;
    if (!isPort(sourcePort) || !isPort(destinationPort)) return;
    const from = ipv4Word(source);
    const to = ipv4Word(destination);
    if (from === -1 || to === -1) return;
    const { quick } = this;
    const { words } = quick;
    words[SOURCE] = from;
    words[DESTINATION] = to;
    words[PORTS] = ((sourcePort << SOURCE_SHIFT) | (destinationPort << DESTINATION_SHIFT)) >>> 0;
    words[PROTOCOL] = protocol === 'tcp' ? TCP : UDP;
    return quick;
  }

  private readAny(key: FlowKey): TuplePlace {
    const { protocol, tuple } = flowTupleOf(key, 'key');
    this.words.fill(0);
    writeTuple(this.view, 0, tuple, protocol);
    return { words: this.words, at: 0, zone: tuple.zone ?? 0 };
  }
}

const PLAIN = Object.prototype;

function isPort(value: unknown): value is number {
  return typeof value === 'number' && (value & 0xffff) === value;
}

/** The word of an address in four decimal numbers without leading zeros; -1: it is another text. */
function ipv4Word(text: unknown): number {
  if (typeof text !== 'string' || text.length > 15) return -1;
  let word = 0;
  let byte = -1;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === DOT) {
      if (byte === -1 || dots === 3) return -1;
      word |= byte << byteShift(dots++);
      byte = -1;
      continue;
    }
    const digit = character - ZERO;
    if (digit < 0 || digit > 9 || byte === 0) return -1;
    byte = byte === -1 ? digit : 10 * byte + digit;
    if (byte > 255) return -1;
  }
  if (byte === -1 || dots !== 3) return -1;
  return (word | (byte << byteShift(3))) >>> 0;
}

const DOT = 0x2e;
const ZERO = 0x30;
