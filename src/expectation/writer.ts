/**
 * Keys and specifications of expectations become records.
 */

import { familyOf } from '../record/ip-address.js';
import { EXPECTATION, EXPECTATION_EXTENSION, EXPECTATION_PRESENT, SLAB } from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Place } from '../request/place.js';
import {
  type CheckedExpectation,
  type CheckedExpectationKey,
  LONGEST_FUNCTION,
  LONGEST_NAME,
} from './check-expectation.js';
import type { ExpectationNat } from './expectation.js';

/** Where the extension is behind the header. */
const EXTENSION = SLAB.firstEntry + EXPECTATION.size;

/** What a specification takes: its record and its extension. */
export const EXPECTATION_BYTES =
  EXPECTATION.size + ((EXPECTATION_EXTENSION.size + LONGEST_NAME + LONGEST_FUNCTION + 7) & ~7);

/** Writes the record of a key. */
export function writeExpectationKey(place: Place, key: CheckedExpectationKey): void {
  new ExpectationWriter(place).key(key);
}

/** Writes the record of a specification. */
export function writeExpectation(place: Place, spec: CheckedExpectation): void {
  new ExpectationWriter(place).spec(spec);
}

/** Writes the record of a new timeout. */
export function writeExpectationUpdate(
  place: Place,
  spec: CheckedExpectation,
  timeout: number,
): void {
  new ExpectationWriter(place).update(spec, timeout);
}

/** Writes a record that has the name of a helper alone. */
export function writeHelper(place: Place, helper: string): void {
  new ExpectationWriter(place).texts(helper, undefined);
}

class ExpectationWriter {
  private readonly view: DataView;
  private readonly at: number;

  constructor({ view, at }: Place) {
    this.view = view;
    this.at = at;
    this.uint16(EXPECTATION.extension, EXTENSION / 8);
  }

  key({ protocol, tuple, zone, id }: CheckedExpectationKey): void {
    this.tuple('tuple', tuple, protocol);
    if (zone !== undefined) {
      this.uint16(EXPECTATION.zone, zone);
      if (zone !== 0) this.add('zone');
    }
    if (id !== undefined) this.word('id', id);
  }

  spec(spec: CheckedExpectation): void {
    const { nat, timeout, flags } = spec;
    this.tuples(spec);
    if (timeout !== undefined) this.word('timeout', timeout);
    if (flags !== undefined) this.word('flags', flags);
    if (spec.class !== undefined) this.word('class', spec.class);
    this.texts(spec.helper, spec.function);
    if (nat !== undefined) this.nat(nat, spec);
  }

  update(spec: CheckedExpectation, timeout: number): void {
    this.tuples(spec);
    this.word('timeout', timeout);
  }

  texts(helper: string | undefined, functionName: string | undefined): void {
    const first = Buffer.from(helper ?? '');
    const second = Buffer.from(functionName ?? '');
    const bytes = new Uint8Array(
      this.view.buffer,
      this.view.byteOffset + this.at + EXTENSION + EXPECTATION_EXTENSION.size,
    );
    bytes.set(first);
    bytes.set(second, first.length);
    const lengths = EXTENSION - SLAB.firstEntry;
    this.uint16(lengths + EXPECTATION_EXTENSION.helperLength, first.length);
    this.uint16(lengths + EXPECTATION_EXTENSION.functionLength, second.length);
    if (helper !== undefined) this.add('helper');
    if (functionName !== undefined) this.add('function');
  }

  private tuples(spec: CheckedExpectation): void {
    const { protocol, master } = spec;
    this.key({ ...spec, id: undefined });
    this.tuple('mask', maskOf(spec), protocol);
    this.tuple('master', master.tuple, master.protocol);
  }

  private nat({ direction, address, port = 0 }: ExpectationNat, spec: CheckedExpectation): void {
    const { protocol } = spec;
    const ports = inPlaceOfPorts(spec.tuple, port, 0);
    const tuple = { source: address, destination: address, ...ports };
    writeTuple(this.view, this.at + EXTENSION + EXPECTATION_EXTENSION.nat, tuple, protocol);
    this.view.setUint32(
      this.at + SLAB.firstEntry + EXPECTATION.natDirection,
      direction === 'original' ? 0 : 1,
      LITTLE_ENDIAN,
    );
    this.add('nat');
  }

  private tuple(name: 'tuple' | 'mask' | 'master', tuple: Tuple, protocol: number): void {
    writeTuple(this.view, this.at + SLAB.firstEntry + EXPECTATION[name], tuple, protocol);
    this.add(name);
  }

  private word(name: 'timeout' | 'id' | 'flags' | 'class', value: number): void {
    this.view.setUint32(this.at + SLAB.firstEntry + EXPECTATION[name], value, LITTLE_ENDIAN);
    this.add(name);
  }

  private uint16(at: number, value: number): void {
    this.view.setUint16(this.at + SLAB.firstEntry + at, value, LITTLE_ENDIAN);
  }

  private add(present: keyof typeof EXPECTATION_PRESENT): void {
    const at = this.at + SLAB.firstEntry + EXPECTATION.present;
    const bits = this.view.getUint32(at, LITTLE_ENDIAN) | EXPECTATION_PRESENT[present];
    this.view.setUint32(at, bits, LITTLE_ENDIAN);
  }
}

/** All bits count, but those that a mask leaves out. */
function maskOf({ mask, tuple }: CheckedExpectation): Tuple {
  const isIPv4 = familyOf(tuple.source) === 'ipv4';
  const ones = isIPv4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const { source = ones, sourcePort = 0xffff } = mask ?? {};
  return { source, destination: ones, ...inPlaceOfPorts(tuple, sourcePort, 0xffff) };
}

/** Ports for a tuple that has ports, and for one of GRE its keys. */
function inPlaceOfPorts({ sourcePort, sourceKey }: Tuple, source: number, destination: number) {
  if (sourceKey !== undefined) return { sourceKey: source, destinationKey: destination };
  return sourcePort === undefined ? {} : { sourcePort: source, destinationPort: destination };
}
