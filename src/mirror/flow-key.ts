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
import { LITTLE_ENDIAN } from '../record/words.js';
import type { TuplePlace } from './tuple-hash.js';

const FIELDS = 5;

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
    const { words, view } = this;
    words.fill(0);
    if (!putIPv4(view, TUPLE.source, source)) return;
    if (!putIPv4(view, TUPLE.destination, destination)) return;
    view.setUint16(TUPLE.sourcePort, sourcePort, LITTLE_ENDIAN);
    view.setUint16(TUPLE.destinationPort, destinationPort, LITTLE_ENDIAN);
    view.setUint8(TUPLE.protocol, PROTOCOL_NUMBERS[protocol]);
    view.setUint8(TUPLE.family, FAMILY_NUMBERS.ipv4);
    return { words, at: 0, zone: 0 };
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

/** Writes an address in four decimal numbers without leading zeros; `false`: it is another text. */
function putIPv4(view: DataView, at: number, text: unknown): boolean {
  if (typeof text !== 'string' || text.length > 15) return false;
  let byte = -1;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === DOT) {
      if (byte === -1 || dots === 3) return false;
      view.setUint8(at + dots++, byte);
      byte = -1;
      continue;
    }
    const digit = character - ZERO;
    if (digit < 0 || digit > 9 || byte === 0) return false;
    byte = byte === -1 ? digit : 10 * byte + digit;
    if (byte > 255) return false;
  }
  if (byte === -1 || dots !== 3) return false;
  view.setUint8(at + 3, byte);
  return true;
}

const DOT = 0x2e;
const ZERO = 0x30;
