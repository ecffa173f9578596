/**
 * Filters become records: checked here, field by field.
 */
import { isIP } from 'node:net';
import { rangeError, typeError } from '../errors.js';
import type { EntryFilter } from '../filter.js';
import {
  DCCP_STATES,
  type Family,
  PROTOCOL_NUMBERS,
  SCTP_STATES,
  STATUS_FLAGS,
  type StatusFlag,
  statusBit,
  TCP_STATES,
} from '../names.js';
import { addressFamily, writeAddress } from './ip-address.js';
import {
  ADDRESS_RANGE,
  FAMILY_NUMBERS,
  FILTER,
  FILTER_PRESENT,
  LITTLE_ENDIAN,
  TUPLE_FILTER,
  TUPLE_FILTER_PRESENT,
} from './layout.js';

export interface CompiledFilter {
  /** What the kernel is asked for: 0 for both families. `undefined`: nothing can match. */
  readonly family: number | undefined;
  /** What each entry is compared with. `undefined`: everything matches. */
  readonly records: ArrayBuffer | undefined;
  /** Whether entries of that family need not be compared. */
  readonly isFamily: boolean;
}

/** Throws a TypeError or a RangeError that names the field which is wrong. */
export function compileFilter(
  filter: EntryFilter | readonly EntryFilter[] | undefined,
): CompiledFilter {
  const filters = filter === undefined ? [{}] : Array.isArray(filter) ? filter : [filter];
  const writers = filters.map((one: unknown, index) => {
    const field = Array.isArray(filter) ? `filter[${index}]` : 'filter';
    return new FilterWriter(one, field);
  });
  const [first] = writers;
  if (first === undefined)
    return { family: undefined, records: new ArrayBuffer(0), isFamily: true };
  const same = writers.every(({ family }) => family === first.family);
  const family = same ? first.family : 0;
  if (writers.some((writer) => writer.asksNothingBut(0))) {
    return { family: 0, records: undefined, isFamily: true };
  }
  const records = new Uint8Array(writers.length * FILTER.size);
  writers.forEach(({ bytes }, index) => {
    records.set(bytes, index * FILTER.size);
  });
  const isFamily = writers.some((writer) => writer.asksNothingBut(family));
  return { family, records: records.buffer, isFamily };
}

const FIELDS = {
  family: (writer, value) => {
    writer.family = writer.word(value, 'family', FAMILY_NUMBERS);
    writer.ask(FILTER_PRESENT.family, () => {
      writer.view.setUint8(FILTER.family, writer.family);
    });
  },
  protocol: (writer, value) => {
    const number =
      typeof value === 'number'
        ? writer.integer(value, 'protocol', 255)
        : writer.word(value, 'protocol', PROTOCOL_NUMBERS);
    writer.ask(FILTER_PRESENT.protocol, () => {
      writer.view.setUint8(FILTER.protocol, number);
    });
  },
  original: (writer, value) => {
    writer.tuple(value, 'original', FILTER.original);
  },
  reply: (writer, value) => {
    writer.tuple(value, 'reply', FILTER.reply);
  },
  address: (writer, value) => {
    writer.ask(FILTER_PRESENT.address, () => {
      writer.range(value, 'address', FILTER.address);
    });
  },
  port: (writer, value) => {
    writer.ask(FILTER_PRESENT.port, () => {
      writer.ports(value, 'port', FILTER.portFrom);
    });
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
    writer.ask(FILTER_PRESENT.mark, () => {
      writer.view.setUint32(FILTER.mark, wanted, LITTLE_ENDIAN);
      writer.view.setUint32(FILTER.markMask, bits, LITTLE_ENDIAN);
    });
  },
  zone: (writer, value) => {
    const zone = writer.integer(value, 'zone', 0xffff);
    writer.ask(FILTER_PRESENT.zone, () => {
      writer.view.setUint16(FILTER.zone, zone, LITTLE_ENDIAN);
    });
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
    writer.ask(FILTER_PRESENT.state, () => {
      for (const word of words) writer.state(word);
    });
  },
  labels: (writer, value) => {
    const { all, none } = writer.fields(value, 'labels', ['all', 'none']);
    writer.ask(FILTER_PRESENT.labels, () => {
      writer.labels(all, 'labels.all', FILTER.labelsAll);
      writer.labels(none, 'labels.none', FILTER.labelsNone);
    });
  },
  helper: (writer, value) => {
    const name = typeof value === 'string' ? Buffer.from(value) : undefined;
    const most = FILTER.size - FILTER.helper;
    if (name === undefined || name.length === 0 || name.length > most) {
      throw typeError(`${writer.path}.helper`, `must be a string of 1 to ${most} bytes`);
    }
    writer.ask(FILTER_PRESENT.helper, () => {
      writer.view.setUint8(FILTER.helperLength, name.length);
      writer.bytes.set(name, FILTER.helper);
    });
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
  family = 0;

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
    const bare = new Uint8Array(FILTER.size);
    if (family !== 0) {
      const view = new DataView(bare.buffer);
      view.setUint32(FILTER.present, FILTER_PRESENT.family, LITTLE_ENDIAN);
      view.setUint8(FILTER.family, family);
    }
    return Buffer.compare(this.bytes, bare) === 0;
  }

  ask(present: number, write: () => void): void {
    const asked = this.view.getUint32(FILTER.present, LITTLE_ENDIAN);
    this.view.setUint32(FILTER.present, asked | present, LITTLE_ENDIAN);
    write();
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

  labels(value: unknown, field: string, at: number): void {
    if (value === undefined) return;
    if (typeof value !== 'bigint') throw typeError(this.nameOf(field), 'must be a bigint');
    if (value < 0n || value >= 1n << 128n) {
      throw rangeError(this.nameOf(field), 'must have no bit above 127');
    }
    this.view.setBigUint64(at, BigInt.asUintN(64, value), true);
    this.view.setBigUint64(at + 8, value >> 64n, true);
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
