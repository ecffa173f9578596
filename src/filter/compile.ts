/**
 * Filters become records: checked here, field by field.
 */
import { isIP } from 'node:net';
import { rangeError, typeError } from '../core/errors.js';
import {
  DCCP_STATES,
  type Family,
  PROTOCOL_NUMBERS,
  SCTP_STATES,
  STATUS_FLAGS,
  type StatusFlag,
  statusBit,
  TCP_STATES,
} from '../core/names.js';
import { addressFamily, writeAddress } from '../record/ip-address.js';
import {
  ADDRESS_RANGE,
  FAMILY_NUMBERS,
  FILTER,
  FILTER_PRESENT,
  TUPLE_FILTER,
  TUPLE_FILTER_PRESENT,
} from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { EntryFilter } from './filter.js';

export interface CompiledFilter {
  /** A record of what the kernel is asked to leave out. `undefined`: nothing can match. */
  readonly ask: ArrayBuffer | undefined;
  /** What each entry is compared with. `undefined`: everything matches. */
  readonly records: ArrayBuffer | undefined;
  /** Whether all that is asked is the family, so that entries need not be compared. */
  readonly isFamily: boolean;
  /** Whether one of the filters matches all entries of a family, or of both. */
  readonly takesWholeFamily: boolean;
}

/** Throws a TypeError or a RangeError that names the field which is wrong. */
export function compileFilter(
  filter: EntryFilter | readonly EntryFilter[] | undefined,
): CompiledFilter {
  const filters = filter === undefined ? [{}] : Array.isArray(filter) ? filter : [filter];
  const writers = filters
    .map((one: unknown, index) => {
      const field = Array.isArray(filter) ? `filter[${index}]` : 'filter';
      return new FilterWriter(one, field);
    })
    // What asks for both families at once matches nothing.
    .filter(({ families }) => families.size < 2);
  const [first, ...others] = writers;
  if (first === undefined) {
    const records = new ArrayBuffer(0);
    return { ask: undefined, records, isFamily: true, takesWholeFamily: false };
  }
  const takesWholeFamily = writers.some((writer) => writer.takesWholeFamily());
  if (writers.some((writer) => writer.asksNothingBut(0))) {
    return { ask: familyRecord(0), records: undefined, isFamily: true, takesWholeFamily };
  }
  const same = others.every(({ onlyFamily }) => onlyFamily === first.onlyFamily);
  const family = same ? first.onlyFamily : 0;
  const records = new Uint8Array(writers.length * FILTER.size);
  writers.forEach(({ bytes }, index) => {
    records.set(bytes, index * FILTER.size);
  });
  return {
    // The kernel knows no "or": of several filters it can be asked for the family alone.
    ask: others.length === 0 ? first.withFamily(family) : familyRecord(family),
    records: records.buffer,
    isFamily: writers.some((writer) => writer.asksNothingBut(family)),
    takesWholeFamily,
  };
}

/** A record that asks for a family, and for nothing at all when it is 0. */
function familyRecord(family: number): ArrayBuffer {
  const record = new ArrayBuffer(FILTER.size);
  if (family !== 0) setFamily(new DataView(record), family);
  return record;
}

function setFamily(view: DataView, family: number): void {
  const present = view.getUint32(FILTER.present, LITTLE_ENDIAN) | FILTER_PRESENT.family;
  view.setUint32(FILTER.present, present, LITTLE_ENDIAN);
  view.setUint8(FILTER.family, family);
}

const FIELDS = {
  family: (writer, value) => {
    const family = writer.word(value, 'family', FAMILY_NUMBERS);
    writer.families.add(family);
    setFamily(writer.view, family);
  },
  protocol: (writer, value) => {
    const number =
      typeof value === 'number'
        ? writer.integer(value, 'protocol', 255)
        : writer.word(value, 'protocol', PROTOCOL_NUMBERS);
    writer.ask(FILTER_PRESENT.protocol);
    writer.view.setUint8(FILTER.protocol, number);
  },
  original: (writer, value) => {
    writer.tuple(value, 'original', FILTER.original);
  },
  reply: (writer, value) => {
    writer.tuple(value, 'reply', FILTER.reply);
  },
  address: (writer, value) => {
    writer.ask(FILTER_PRESENT.address);
    writer.range(value, 'address', FILTER.address);
  },
  port: (writer, value) => {
    writer.ask(FILTER_PRESENT.port);
    writer.ports(value, 'port', FILTER.portFrom);
  },
  mark: (writer, value) => {
    const whole = typeof value === 'number';
    const { value: mark, mask } = whole
      ? { value, mask: 0xffffffff }
      : writer.fields(value, 'mark', ['value', 'mask']);
    const bits = writer.integer(mask, whole ? 'mark' : 'mark.mask', 0xffffffff);
    const wanted = writer.integer(mark, whole ? 'mark' : 'mark.value', 0xffffffff);
    if ((wanted & ~bits) !== 0) {
      throw rangeError(
        `${writer.path}.mark.value`,
        'has bits that the mask has not: never matches',
      );
    }
    if (bits === 0) return; // every mark
    writer.ask(FILTER_PRESENT.mark);
    writer.view.setUint32(FILTER.mark, wanted, LITTLE_ENDIAN);
    writer.view.setUint32(FILTER.markMask, bits, LITTLE_ENDIAN);
  },
  zone: (writer, value) => {
    const zone = writer.integer(value, 'zone', 0xffff);
    writer.ask(FILTER_PRESENT.zone);
    writer.view.setUint16(FILTER.zone, zone, LITTLE_ENDIAN);
  },
  status: (writer, value) => {
    const { all = [], none = [] } = writer.fields(value, 'status', ['all', 'none']);
    writer.addStatus(FILTER.statusAll, writer.flags(all, 'status.all'));
    writer.addStatus(FILTER.statusNone, writer.flags(none, 'status.none'));
  },
  assured: (writer, value) => {
    if (typeof value !== 'boolean') throw typeError(`${writer.path}.assured`, 'must be a boolean');
    writer.addStatus(value ? FILTER.statusAll : FILTER.statusNone, statusBit('assured'));
  },
  state: (writer, value) => {
    const words: unknown[] = Array.isArray(value) ? value : [value];
    writer.ask(FILTER_PRESENT.state);
    for (const word of words) writer.state(word);
  },
  labels: (writer, value) => {
    const { all, none } = writer.fields(value, 'labels', ['all', 'none']);
    const set = writer.labels(all, 'labels.all', FILTER.labelsAll);
    const unset = writer.labels(none, 'labels.none', FILTER.labelsNone);
    if (set || unset) writer.ask(FILTER_PRESENT.labels);
  },
  helper: (writer, value) => {
    const name = typeof value === 'string' ? Buffer.from(value) : undefined;
    const most = FILTER.size - FILTER.helper;
    if (name === undefined || name.length === 0 || name.length > most) {
      throw typeError(`${writer.path}.helper`, `must be a string of 1 to ${most} bytes`);
    }
    writer.ask(FILTER_PRESENT.helper);
    writer.view.setUint8(FILTER.helperLength, name.length);
    writer.bytes.set(name, FILTER.helper);
  },
  nat: (writer, value) => {
    const both = statusBit('sourceNat') | statusBit('destinationNat');
    const [field, bits] = writer.word(value, 'nat', {
      source: [FILTER.statusAll, statusBit('sourceNat')],
      destination: [FILTER.statusAll, statusBit('destinationNat')],
      any: [FILTER.statusAny, both],
      none: [FILTER.statusNone, both],
    } as const);
    writer.addStatus(field, bits);
  },
} satisfies Record<keyof EntryFilter, (writer: FilterWriter, value: unknown) => void>;

const STATES = [
  { names: TCP_STATES, at: FILTER.tcpStates },
  { names: SCTP_STATES, at: FILTER.sctpStates },
  { names: DCCP_STATES, at: FILTER.dccpStates },
] as const;

const TUPLE_FIELDS = [
  'source',
  'destination',
  'sourcePort',
  'destinationPort',
  'icmp',
  'zone',
] as const;

/** One filter as a record. */
class FilterWriter {
  readonly path: string;
  readonly bytes = new Uint8Array(FILTER.size);
  readonly view = new DataView(this.bytes.buffer);
  /** Of the addresses, and the one that is named: an entry has one of them only. */
  readonly families = new Set<number>();

  constructor(filter: unknown, path: string) {
    this.path = path;
    const names = Object.keys(FIELDS) as (keyof EntryFilter)[];
    const fields = this.fields(filter, '', names);
    for (const name of names) {
      const value = fields[name];
      if (value !== undefined) FIELDS[name](this, value);
    }
  }

  /** Whether it matches all entries of a family (0: of both). */
  asksNothingBut(family: number): boolean {
    return Buffer.compare(this.bytes, new Uint8Array(familyRecord(family))) === 0;
  }

  /** The family of all that can match; 0 when it can be either. */
  get onlyFamily(): number {
    const [family = 0] = this.families;
    return family;
  }

  withFamily(family: number): ArrayBuffer {
    const record = this.bytes.slice();
    if (family !== 0) setFamily(new DataView(record.buffer), family);
    return record.buffer;
  }

  /** Whether it matches all entries of a family, in whatever words: `0.0.0.0/0` is one. */
  takesWholeFamily(): boolean {
    const record = this.bytes.slice();
    const view = new DataView(record.buffer);
    const ignore = (at: number, present: number, of: number, ranges: readonly number[]) => {
      if (ranges.some((range) => view.getUint8(range + ADDRESS_RANGE.prefix) !== 0)) return;
      if (of === 2) view.setUint16(at, view.getUint16(at, LITTLE_ENDIAN) & ~present, LITTLE_ENDIAN);
      else view.setUint32(at, view.getUint32(at, LITTLE_ENDIAN) & ~present, LITTLE_ENDIAN);
      for (const range of ranges) record.fill(0, range, range + ADDRESS_RANGE.size);
    };
    ignore(FILTER.present, FILTER_PRESENT.address, 4, [FILTER.address]);
    for (const tuple of [FILTER.original, FILTER.reply]) {
      for (const end of ['source', 'destination'] as const) {
        const range = tuple + TUPLE_FILTER[end];
        ignore(tuple + TUPLE_FILTER.present, TUPLE_FILTER_PRESENT[end], 2, [range]);
      }
    }
    ignore(FILTER.present, FILTER_PRESENT.family, 4, []);
    view.setUint8(FILTER.family, 0);
    return record.every((byte) => byte === 0);
  }

  ask(present: number): void {
    const asked = this.view.getUint32(FILTER.present, LITTLE_ENDIAN);
    this.view.setUint32(FILTER.present, asked | present, LITTLE_ENDIAN);
  }

  addStatus(at: number, bits: number): void {
    this.view.setUint32(at, this.view.getUint32(at, LITTLE_ENDIAN) | bits, LITTLE_ENDIAN);
  }

  /** The fields of an object that may have these. */
  fields<Name extends string>(
    value: unknown,
    field: string,
    names: readonly Name[],
  ): Partial<Record<Name, unknown>> {
    const path = this.nameOf(field);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw typeError(path, `must be an object${field === '' ? ' or an array of objects' : ''}`);
    }
    for (const name of Object.keys(value)) {
      if (!names.some((known) => known === name)) {
        throw typeError(`${path}.${name}`, `no such field; there is ${names.join(', ')}`);
      }
    }
    return value;
  }

  word<Words extends object>(value: unknown, field: string, words: Words): Words[keyof Words] {
    if (typeof value === 'string' && Object.hasOwn(words, value)) {
      return words[value as keyof Words];
    }
    const known = Object.keys(words).map((word) => `'${word}'`);
    throw typeError(this.nameOf(field), `must be ${either(known)}, not ${shown(value)}`);
  }

  integer(value: unknown, field: string, most: number): number {
    if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) {
      return value as number;
    }
    const expected = `must be an integer from 0 to ${most}, not ${shown(value)}`;
    throw typeof value === 'number'
      ? rangeError(this.nameOf(field), expected)
      : typeError(this.nameOf(field), expected);
  }

  flags(value: unknown, field: string): number {
    if (!Array.isArray(value)) throw typeError(this.nameOf(field), 'must be an array');
    return value.reduce<number>((bits, flag: unknown) => {
      if (!STATUS_FLAGS.some((known) => known === flag)) {
        throw typeError(
          this.nameOf(field),
          `no flag ${shown(flag)}; there is ${STATUS_FLAGS.join(', ')}`,
        );
      }
      return bits | statusBit(flag as StatusFlag);
    }, 0);
  }

  state(word: unknown): void {
    let known = false;
    for (const { names, at } of STATES) {
      const state = (names as readonly unknown[]).indexOf(word);
      if (state < 0) continue;
      known = true;
      this.addStatus(at, 2 ** state);
    }
    if (known) return;
    const words = new Set(STATES.flatMap(({ names }) => [...names]));
    throw typeError(
      this.nameOf('state'),
      `no state ${shown(word)}; there is ${[...words].join(', ')}`,
    );
  }

  /** Whether there is any. */
  labels(value: unknown, field: string, at: number): boolean {
    if (value === undefined) return false;
    if (typeof value !== 'bigint') throw typeError(this.nameOf(field), 'must be a bigint');
    if (value < 0n || value >= 1n << 128n) {
      throw rangeError(this.nameOf(field), 'must have no bit above 127');
    }
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
    this.view.setBigUint64(at + 8, value >> 64n, true);
    return value !== 0n;
  }

  /** An address, or a network. */
  range(value: unknown, field: string, at: number): void {
    const path = this.nameOf(field);
    const [address = '', length, ...rest] = typeof value === 'string' ? value.split('/') : [];
    const family = addressFamily(address);
    if (family === undefined || rest.length > 0) {
      throw typeError(path, `must be an IPv4 or IPv6 address or network, not ${shown(value)}`);
    }
    const bits = isIP(address) === 4 ? 32 : 128;
    const prefix = length === undefined ? bits : prefixOf(length, bits);
    if (prefix === undefined) {
      throw rangeError(path, `the length of a network is 0 to ${bits}, not ${shown(length)}`);
    }
    writeAddress(this.view, at + ADDRESS_RANGE.address, address);
    const bytes = this.bytes.subarray(at + ADDRESS_RANGE.address, at + ADDRESS_RANGE.family);
    if (hasBitsFrom(bytes, prefix)) {
      throw typeError(path, `${shown(value)} has bits beyond the length of its network`);
    }
    this.view.setUint8(at + ADDRESS_RANGE.family, FAMILY_NUMBERS[family satisfies Family]);
    this.families.add(FAMILY_NUMBERS[family]);
    this.view.setUint8(at + ADDRESS_RANGE.prefix, prefix);
  }

  ports(value: unknown, field: string, at: number): void {
    const { from, to } =
      typeof value === 'number'
        ? { from: value, to: value }
        : this.fields(value, field, ['from', 'to']);
    const single = typeof value === 'number';
    const first = this.integer(from, single ? field : `${field}.from`, 0xffff);
    const last = this.integer(to, single ? field : `${field}.to`, 0xffff);
    if (first > last) throw rangeError(this.nameOf(field), 'from is greater than to');
    this.view.setUint16(at, first, LITTLE_ENDIAN);
    this.view.setUint16(at + 2, last, LITTLE_ENDIAN);
  }

  tuple(value: unknown, field: 'original' | 'reply', at: number): void {
    const { source, destination, sourcePort, destinationPort, icmp, zone } = this.fields(
      value,
      field,
      TUPLE_FIELDS,
    );
    let present = 0;
    if (source !== undefined) {
      present |= TUPLE_FILTER_PRESENT.source;
      this.range(source, `${field}.source`, at + TUPLE_FILTER.source);
    }
    if (destination !== undefined) {
      present |= TUPLE_FILTER_PRESENT.destination;
      this.range(destination, `${field}.destination`, at + TUPLE_FILTER.destination);
    }
    if (sourcePort !== undefined) {
      present |= TUPLE_FILTER_PRESENT.sourcePort;
      this.ports(sourcePort, `${field}.sourcePort`, at + TUPLE_FILTER.sourcePortFrom);
    }
    if (destinationPort !== undefined) {
      present |= TUPLE_FILTER_PRESENT.destinationPort;
      this.ports(
        destinationPort,
        `${field}.destinationPort`,
        at + TUPLE_FILTER.destinationPortFrom,
      );
    }
    if (icmp !== undefined) present |= this.icmp(icmp, `${field}.icmp`, at);
    if (zone !== undefined) {
      present |= TUPLE_FILTER_PRESENT.zone;
      const number = this.integer(zone, `${field}.zone`, 0xffff);
      this.view.setUint16(at + TUPLE_FILTER.zone, number, LITTLE_ENDIAN);
    }
    this.view.setUint16(at + TUPLE_FILTER.present, present, LITTLE_ENDIAN);
  }

  private icmp(value: unknown, field: string, at: number): number {
    const { type, code, id } = this.fields(value, field, ['type', 'code', 'id']);
    let present = 0;
    if (type !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpType;
      this.view.setUint8(at + TUPLE_FILTER.icmpType, this.integer(type, `${field}.type`, 255));
    }
    if (code !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpCode;
      this.view.setUint8(at + TUPLE_FILTER.icmpCode, this.integer(code, `${field}.code`, 255));
    }
    if (id !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpId;
      const number = this.integer(id, `${field}.id`, 0xffff);
      this.view.setUint16(at + TUPLE_FILTER.icmpId, number, LITTLE_ENDIAN);
    }
    return present;
  }

  private nameOf(field: string): string {
    return field === '' ? this.path : `${this.path}.${field}`;
  }
}

function prefixOf(text: string, bits: number): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= bits ? Number(text) : undefined;
}

/** Whether any bit is set at or behind this position. */
function hasBitsFrom(bytes: Uint8Array, position: number): boolean {
  return bytes.some((byte, index) => {
    const kept = Math.min(Math.max(position - 8 * index, 0), 8);
    return (byte & (0xff >> kept)) !== 0;
  });
}

function either(words: string[]): string {
  return [words.slice(0, -1).join(', '), words.at(-1)].filter(Boolean).join(' or ');
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? JSON.stringify(value)
    : typeof value;
}
