/**
 * Filters become records.
 */
import { DCCP_STATES, SCTP_STATES, type StatusFlag, statusBit, TCP_STATES } from '../core/names.js';
import { writeAddress } from '../record/ip-address.js';
import {
  ADDRESS_RANGE,
  FAMILY_NUMBERS,
  FILTER,
  FILTER_PRESENT,
  TUPLE_FILTER,
  TUPLE_FILTER_PRESENT,
} from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { type CheckedFilter, filtersOf, type NamedFilter } from './check-filter.js';
import type { EntryFilter, PortFilter, StateFilter, TupleFilter } from './filter.js';
import { networkOf } from './network.js';

export interface CompiledFilter {
  /** What was asked for. */
  readonly filters: readonly NamedFilter[];
  /** The kernel's part of the filter. `undefined`: no entry can match. */
  readonly ask: ArrayBuffer | undefined;
  /** The records to compare each entry with. `undefined`: every entry matches. */
  readonly records: ArrayBuffer | undefined;
  /** Whether the filter has no condition but the family, so that no entry needs a comparison. */
  readonly isFamily: boolean;
  /** Whether one of the filters matches all entries of a family, or of both. */
  readonly takesWholeFamily: boolean;
}

/** Throws a TypeError or a RangeError that names the field which is wrong. */
export function compileFilter(
  filter: EntryFilter | readonly EntryFilter[] | undefined,
  path = 'filter',
): CompiledFilter {
  const filters = filtersOf(filter === undefined ? {} : filter, path);
  const writers = filters.map((named) => new FilterWriter(named.filter));
  const [first, ...others] = writers;
  if (first === undefined) {
    const records = new ArrayBuffer(0);
    return { filters, ask: undefined, records, isFamily: true, takesWholeFamily: false };
  }
  const takesWholeFamily = writers.some((writer) => writer.takesWholeFamily());
  if (writers.some((writer) => writer.asksNothingBut(0))) {
    return { filters, ask: familyRecord(0), records: undefined, isFamily: true, takesWholeFamily };
  }
  const same = others.every(({ onlyFamily }) => onlyFamily === first.onlyFamily);
  const family = same ? first.onlyFamily : 0;
  const records = new Uint8Array(writers.length * FILTER.size);
  writers.forEach(({ bytes }, index) => {
    records.set(bytes, index * FILTER.size);
  });
  return {
    filters,
    // The kernel cannot combine filters: for several of them it evaluates only the family.
    ask: others.length === 0 ? first.withFamily(family) : familyRecord(family),
    records: records.buffer,
    isFamily: writers.some((writer) => writer.asksNothingBut(family)),
    takesWholeFamily,
  };
}

/** A record with a family as its only condition; without any condition for 0. */
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

type Fields = { readonly [Name in keyof CheckedFilter]-?: NonNullable<CheckedFilter[Name]> };

const FIELDS: {
  readonly [Name in keyof Fields]: (writer: FilterWriter, value: Fields[Name]) => void;
} = {
  family: (writer, value) => {
    writer.families.add(FAMILY_NUMBERS[value]);
    setFamily(writer.view, FAMILY_NUMBERS[value]);
  },
  protocol: (writer, value) => {
    writer.ask(FILTER_PRESENT.protocol);
    writer.view.setUint8(FILTER.protocol, value);
  },
  original: (writer, value) => {
    writer.tuple(value, FILTER.original);
  },
  reply: (writer, value) => {
    writer.tuple(value, FILTER.reply);
  },
  address: (writer, value) => {
    writer.ask(FILTER_PRESENT.address);
    writer.range(value, FILTER.address);
  },
  port: (writer, value) => {
    writer.ask(FILTER_PRESENT.port);
    writer.ports(value, FILTER.portFrom);
  },
  mark: (writer, given) => {
    const { value, mask } = typeof given === 'number' ? { value: given, mask: 0xffffffff } : given;
    if (mask === 0) return; // every mark
    writer.ask(FILTER_PRESENT.mark);
    writer.view.setUint32(FILTER.mark, value, LITTLE_ENDIAN);
    writer.view.setUint32(FILTER.markMask, mask, LITTLE_ENDIAN);
  },
  zone: (writer, value) => {
    writer.ask(FILTER_PRESENT.zone);
    writer.view.setUint16(FILTER.zone, value, LITTLE_ENDIAN);
  },
  status: (writer, { all = [], none = [] }) => {
    writer.addBits(FILTER.statusAll, bitsOf(all));
    writer.addBits(FILTER.statusNone, bitsOf(none));
  },
  assured: (writer, value) => {
    writer.addBits(value ? FILTER.statusAll : FILTER.statusNone, statusBit('assured'));
  },
  state: (writer, value) => {
    writer.ask(FILTER_PRESENT.state);
    for (const state of [value].flat()) writer.state(state);
  },
  labels: (writer, { all = 0n, none = 0n }) => {
    writer.labels(all, FILTER.labelsAll);
    writer.labels(none, FILTER.labelsNone);
    if (all !== 0n || none !== 0n) writer.ask(FILTER_PRESENT.labels);
  },
  helper: (writer, value) => {
    const name = Buffer.from(value);
    writer.ask(FILTER_PRESENT.helper);
    writer.view.setUint8(FILTER.helperLength, name.length);
    writer.bytes.set(name, FILTER.helper);
  },
  nat: (writer, value) => {
    const both = bitsOf(['sourceNat', 'destinationNat']);
    const [field, bits] = (
      {
        source: [FILTER.statusAll, statusBit('sourceNat')],
        destination: [FILTER.statusAll, statusBit('destinationNat')],
        any: [FILTER.statusAny, both],
        none: [FILTER.statusNone, both],
      } as const
    )[value];
    writer.addBits(field, bits);
  },
};

function bitsOf(flags: readonly StatusFlag[]): number {
  return flags.reduce((bits, flag) => bits | statusBit(flag), 0);
}

const STATES = [
  { names: TCP_STATES, at: FILTER.tcpStates },
  { names: SCTP_STATES, at: FILTER.sctpStates },
  { names: DCCP_STATES, at: FILTER.dccpStates },
] as const;

/** One filter as a record. */
class FilterWriter {
  readonly bytes = new Uint8Array(FILTER.size);
  readonly view = new DataView(this.bytes.buffer);
  /** The families of all addresses and of `family`; an entry has only one. */
  readonly families = new Set<number>();

  constructor(filter: CheckedFilter) {
    for (const name of Object.keys(FIELDS) as (keyof Fields)[]) {
      const write = FIELDS[name] as (writer: FilterWriter, value: unknown) => void;
      if (filter[name] !== undefined) write(this, filter[name]);
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

  addBits(at: number, bits: number): void {
    this.view.setUint32(at, this.view.getUint32(at, LITTLE_ENDIAN) | bits, LITTLE_ENDIAN);
  }

  state(state: StateFilter): void {
    for (const { names, at } of STATES) {
      const number = (names as readonly string[]).indexOf(state);
      if (number >= 0) this.addBits(at, 2 ** number);
    }
  }

  labels(labels: bigint, at: number): void {
    this.view.setBigUint64(at, BigInt.asUintN(64, labels), true);
    this.view.setBigUint64(at + 8, labels >> 64n, true);
  }

  /** An address, or a network. */
  range(text: string, at: number): void {
    const { address, family, prefix } = networkOf(text);
    writeAddress(this.view, at + ADDRESS_RANGE.address, address);
    this.view.setUint8(at + ADDRESS_RANGE.family, FAMILY_NUMBERS[family]);
    this.families.add(FAMILY_NUMBERS[family]);
    this.view.setUint8(at + ADDRESS_RANGE.prefix, prefix);
  }

  ports(ports: PortFilter, at: number): void {
    const { from, to } = typeof ports === 'number' ? { from: ports, to: ports } : ports;
    this.view.setUint16(at, from, LITTLE_ENDIAN);
    this.view.setUint16(at + 2, to, LITTLE_ENDIAN);
  }

  tuple(tuple: TupleFilter, at: number): void {
    const { view } = this;
    const { type, code, id } = tuple.icmp ?? {};
    let present = 0;
    const put = <T>(
      name: keyof typeof TUPLE_FILTER_PRESENT,
      value: T | undefined,
      write: (value: T) => void,
    ) => {
      if (value === undefined) return;
      present |= TUPLE_FILTER_PRESENT[name];
      write(value);
    };
    for (const end of ['source', 'destination'] as const) {
      put(end, tuple[end], (value) => {
        this.range(value, at + TUPLE_FILTER[end]);
      });
      put(`${end}Port`, tuple[`${end}Port`], (value) => {
        this.ports(value, at + TUPLE_FILTER[`${end}PortFrom`]);
      });
    }
    put('icmpType', type, (value) => {
      view.setUint8(at + TUPLE_FILTER.icmpType, value);
    });
    put('icmpCode', code, (value) => {
      view.setUint8(at + TUPLE_FILTER.icmpCode, value);
    });
    put('icmpId', id, (value) => {
      view.setUint16(at + TUPLE_FILTER.icmpId, value, LITTLE_ENDIAN);
    });
    put('zone', tuple.zone, (value) => {
      view.setUint16(at + TUPLE_FILTER.zone, value, LITTLE_ENDIAN);
    });
    view.setUint16(at + TUPLE_FILTER.present, present, LITTLE_ENDIAN);
  }
}
