/**
 * Keys and specifications of expectations become records: checked here, field by
 * field, so that nothing wrong reaches the kernel.
 */

import { integer, object, objectOf, uint16, uint32 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { EXPECTATION_FLAGS, type Family, PROTOCOL_NUMBERS } from '../core/names.js';
import {
  EXPECTATION,
  EXPECTATION_EXTENSION,
  EXPECTATION_PRESENT,
  SLAB,
  TUPLE,
} from '../record/layout.js';
import type { Tuple } from '../record/tuple.js';
import { protocolNumber, requireAddress, writeTuple } from '../record/tuple-writer.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { ExpectationKey, ExpectationSpec } from './expectation.js';

/** The kernel's limits: NF_CT_HELPER_NAME_LEN, and what its own functions need. */
const LONGEST_NAME = 15;
const LONGEST_FUNCTION = 31;
const EXTENSION = SLAB.firstEntry + EXPECTATION.size;
const SIZE = EXTENSION + ((EXPECTATION_EXTENSION.size + LONGEST_NAME + LONGEST_FUNCTION + 7) & ~7);

/** A slab whose first expectation is the key. */
export function expectationKeySlab(key: ExpectationKey): ArrayBuffer {
  object(key, 'key', 'an expectation, or { protocol, tuple }');
  return new ExpectationWriter('key').key(key).slab;
}

/** A slab whose first expectation is the specification. */
export function expectationSpecSlab(spec: ExpectationSpec): ArrayBuffer {
  object(spec, 'spec', 'an object, such as an expectation');
  return new ExpectationWriter('spec').spec(spec).slab;
}

/** Whether the expectation has exactly the tuple of the key: the kernel compares under its mask. */
export function isOfTuple(key: ArrayBuffer, slab: ArrayBuffer): boolean {
  const bytes = (of: ArrayBuffer) =>
    Buffer.from(of, SLAB.firstEntry + EXPECTATION.tuple, TUPLE.present);
  return bytes(key).equals(bytes(slab));
}

class ExpectationWriter {
  readonly slab = new ArrayBuffer(SIZE);
  private readonly view = new DataView(this.slab);
  private readonly field: string;

  constructor(field: string) {
    this.field = field;
    this.uint16(EXPECTATION.extension, EXTENSION / 8);
  }

  key(key: ExpectationKey): this {
    const { field } = this;
    const { tuple, zone, id } = key;
    this.tuple('tuple', tuple, protocolNumber(key, field));
    if (zone !== undefined) {
      this.uint16(EXPECTATION.zone, uint16(zone, `${field}.zone`));
      if (zone !== 0) this.add('zone');
    }
    if (id !== undefined) this.word('id', uint32(id, `${field}.id`));
    return this;
  }

  spec(spec: ExpectationSpec): this {
    const { field } = this;
    const { protocol, protocolNumber: number, tuple, zone, master, nat } = spec;
    const own = protocolNumber(spec, field);
    this.key({ protocol, protocolNumber: number, tuple, zone });
    const family = requireAddress(tuple.source, `${field}.tuple.source`);
    this.tuple('mask', this.mask(spec.mask, tuple, family), own);
    object(master, `${field}.master`, 'the original tuple of an entry');
    const ofMaster = 'protocol' in master ? protocolNumber(master, `${field}.master`) : own;
    this.tuple('master', master, ofMaster);
    if (spec.timeout !== undefined) {
      this.word('timeout', integer(spec.timeout, `${field}.timeout`, 0xffffffff, 1));
    }
    if (spec.flags !== undefined) this.word('flags', this.flagBits(spec.flags));
    if (spec.class !== undefined) this.word('class', uint32(spec.class, `${field}.class`));
    this.texts(spec.helper, spec.function);
    if (nat !== undefined) this.nat(nat, own);
    return this;
  }

  private mask(mask: unknown, tuple: Tuple, family: Family): Tuple {
    const path = `${this.field}.mask`;
    const given = mask === undefined ? {} : object(mask, path, '{ source?, sourcePort? }');
    const ones = family === 'ipv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
    const { source = ones, sourcePort = 0xffff } = given as ExpectationSpec['mask'] & object;
    const ports = tuple.sourcePort === undefined ? {} : { sourcePort, destinationPort: 0xffff };
    const keys = tuple.sourceKey === undefined ? {} : { sourceKey: 0xffff, destinationKey: 0xffff };
    return { source, destination: ones, ...ports, ...keys };
  }

  private flagBits(flags: unknown): number {
    const path = `${this.field}.flags`;
    const words = Array.isArray(flags)
      ? (flags as unknown[])
      : EXPECTATION_FLAGS.filter(
          (flag) => (object(flags, path, 'a list of words') as Record<string, unknown>)[flag],
        );
    return words.reduce<number>((bits, word) => {
      const bit = (EXPECTATION_FLAGS as readonly unknown[]).indexOf(word);
      if (bit < 0) {
        throw typeError(
          path,
          `no flag ${JSON.stringify(word)}; there is ${EXPECTATION_FLAGS.join(', ')}`,
        );
      }
      return bits | (1 << bit);
    }, 0);
  }

  private texts(helper: unknown, functionName: unknown): void {
    const first = this.text(helper, 'helper', LONGEST_NAME);
    const second = this.text(functionName, 'function', LONGEST_FUNCTION);
    const bytes = new Uint8Array(this.slab, EXTENSION + EXPECTATION_EXTENSION.size);
    bytes.set(first);
    bytes.set(second, first.length);
    const lengths = EXTENSION - SLAB.firstEntry;
    this.uint16(lengths + EXPECTATION_EXTENSION.helperLength, first.length);
    this.uint16(lengths + EXPECTATION_EXTENSION.functionLength, second.length);
  }

  private text(value: unknown, name: 'helper' | 'function', most: number): Uint8Array {
    if (value === undefined) return new Uint8Array();
    const text = typeof value === 'string' ? Buffer.from(value) : undefined;
    if (text === undefined || text.length === 0 || text.length > most || text.includes(0)) {
      throw typeError(`${this.field}.${name}`, `must be a string of 1 to ${most} bytes`);
    }
    this.add(name);
    return text;
  }

  private nat(nat: unknown, protocol: number): void {
    const path = `${this.field}.nat`;
    const { direction, address, port } = objectOf(nat, path, ['direction', 'address', 'port']);
    if (direction !== 'original' && direction !== 'reply') {
      throw typeError(`${path}.direction`, "must be 'original' or 'reply'");
    }
    requireAddress(address, `${path}.address`);
    const { gre } = PROTOCOL_NUMBERS;
    const number = port === undefined ? 0 : uint16(port, `${path}.port`);
    const ports =
      protocol === gre
        ? { sourceKey: number, destinationKey: 0 }
        : { sourcePort: number, destinationPort: 0 };
    const tuple = { source: address as string, destination: address as string, ...ports };
    writeTuple(this.view, EXTENSION + EXPECTATION_EXTENSION.nat, tuple, protocol, path);
    this.view.setUint32(
      SLAB.firstEntry + EXPECTATION.natDirection,
      direction === 'original' ? 0 : 1,
      LITTLE_ENDIAN,
    );
    this.add('nat');
  }

  private tuple(name: 'tuple' | 'mask' | 'master', tuple: Tuple, protocol: number): void {
    const at = SLAB.firstEntry + EXPECTATION[name];
    writeTuple(this.view, at, tuple, protocol, `${this.field}.${name}`);
    this.add(name);
  }

  private word(name: 'timeout' | 'id' | 'flags' | 'class', value: number): void {
    this.view.setUint32(SLAB.firstEntry + EXPECTATION[name], value, LITTLE_ENDIAN);
    this.add(name);
  }

  private uint16(at: number, value: number): void {
    this.view.setUint16(SLAB.firstEntry + at, value, LITTLE_ENDIAN);
  }

  private add(present: keyof typeof EXPECTATION_PRESENT): void {
    const at = SLAB.firstEntry + EXPECTATION.present;
    const bits = this.view.getUint32(at, LITTLE_ENDIAN) | EXPECTATION_PRESENT[present];
    this.view.setUint32(at, bits, LITTLE_ENDIAN);
  }
}
