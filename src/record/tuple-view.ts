/**
 * A tuple as a view over a record.
 */
import { type InspectOptions, inspect } from 'node:util';
import { markAsView } from '../core/check.js';
import { type Protocol, protocolName } from '../core/names.js';
import { presentFields } from '../core/present-fields.js';
import { formatIPv4, formatIPv6 } from './ip-address.js';
import { FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from './layout.js';
import type { IcmpTuple, MasterTuple, Tuple } from './tuple.js';
import { byteShift, halfShift, uint8, uint16 } from './words.js';

type Inspect = (value: unknown, options: InspectOptions) => string;

// V8 always inlines getters of at most 27 bytes of bytecode: the getters that every reader
// calls keep to that. They pass numbers instead of `this`, so that V8 need not allocate a view
// that does not escape. For the same reason the constants are local to the module, and count
// words.
const SOURCE = TUPLE.source / 4;
const DESTINATION = TUPLE.destination / 4;
const PRESENT = TUPLE.present / 4;
const PORTS = TUPLE.sourcePort / 4;
const SOURCE_PORT_SHIFT = halfShift(TUPLE.sourcePort);
const DESTINATION_PORT_SHIFT = halfShift(TUPLE.destinationPort);
const { sourcePort: HAS_SOURCE_PORT, destinationPort: HAS_DESTINATION_PORT } = TUPLE_PRESENT;
const FAMILY = TUPLE.family >>> 2;
const FAMILY_SHIFT = byteShift(TUPLE.family);
const IPV6 = FAMILY_NUMBERS.ipv6;

function addressAt(words: Uint32Array, tuple: number, which: number): string {
  return (((words[tuple + FAMILY] as number) >>> FAMILY_SHIFT) & 0xff) === IPV6
    ? formatIPv6(words, tuple + which)
    : formatIPv4(words, tuple + which);
}

function sourcePortAt(words: Uint32Array, tuple: number): number | undefined {
  if (((words[tuple + PRESENT] as number) & HAS_SOURCE_PORT) === 0) return undefined;
  return ((words[tuple + PORTS] as number) >>> SOURCE_PORT_SHIFT) & 0xffff;
}

function destinationPortAt(words: Uint32Array, tuple: number): number | undefined {
  if (((words[tuple + PRESENT] as number) & HAS_DESTINATION_PORT) === 0) return undefined;
  return ((words[tuple + PORTS] as number) >>> DESTINATION_PORT_SHIFT) & 0xffff;
}

/** The tuple in the record that begins at `record`. */
export function tupleAt(words: Uint32Array, record: number, field: number): TupleView {
  return new TupleView(words, record + field);
}

export class TupleView implements Tuple {
  readonly #words: Uint32Array;
  readonly #at: number;

  constructor(words: Uint32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  get source(): string {
    return addressAt(this.#words, this.#at, SOURCE);
  }

  get destination(): string {
    return addressAt(this.#words, this.#at, DESTINATION);
  }

  get sourcePort(): number | undefined {
    return sourcePortAt(this.#words, this.#at);
  }

  get destinationPort(): number | undefined {
    return destinationPortAt(this.#words, this.#at);
  }

  get sourceKey(): number | undefined {
    return half(this.#words, this.#at, TUPLE_PRESENT.sourceKey, TUPLE.sourcePort);
  }

  get destinationKey(): number | undefined {
    return half(this.#words, this.#at, TUPLE_PRESENT.destinationKey, TUPLE.destinationPort);
  }

  get icmp(): IcmpTuple | undefined {
    const words = this.#words;
    const at = this.#at;
    const { icmpId, icmpType, icmpCode } = TUPLE_PRESENT;
    if (!(has(words, at, icmpId) && has(words, at, icmpType) && has(words, at, icmpCode)))
      return undefined;
    return {
      type: uint8(words, at, TUPLE.icmpType),
      code: uint8(words, at, TUPLE.icmpCode),
      id: uint16(words, at, TUPLE.icmpId),
    };
  }

  get zone(): number | undefined {
    return half(this.#words, this.#at, TUPLE_PRESENT.zone, TUPLE.zone);
  }

  toJSON(): Tuple {
    const { source, destination, sourcePort, destinationPort, icmp } = this;
    const { sourceKey, destinationKey, zone } = this;
    return presentFields({
      source,
      destination,
      sourcePort,
      destinationPort,
      icmp,
      sourceKey,
      destinationKey,
      zone,
    });
  }

  [inspect.custom](_depth: number, options: InspectOptions, format: Inspect): string {
    return format(this.toJSON(), options);
  }
}

function half(
  words: Uint32Array,
  tuple: number,
  present: number,
  field: number,
): number | undefined {
  return has(words, tuple, present) ? uint16(words, tuple, field) : undefined;
}

function has(words: Uint32Array, tuple: number, present: number): boolean {
  return ((words[tuple + PRESENT] as number) & present) !== 0;
}

export class MasterTupleView extends TupleView implements MasterTuple {
  readonly #protocolNumber: number;

  constructor(words: Uint32Array, at: number) {
    super(words, at);
    this.#protocolNumber = uint8(words, at, TUPLE.protocol);
  }

  get protocolNumber(): number {
    return this.#protocolNumber;
  }

  get protocol(): Protocol {
    return protocolName(this.protocolNumber);
  }

  override toJSON(): MasterTuple {
    const { protocol, protocolNumber } = this;
    return { protocol, protocolNumber, ...super.toJSON() };
  }
}

markAsView(TupleView, 'a tuple');
