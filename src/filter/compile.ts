/**
 * Filters become records.
 */
import {
  DCCP_ROLES,
  DCCP_STATES,
  SCTP_STATES,
  type StatusFlag,
  statusBit,
  TCP_STATES,
} from '../core/names.js';
import { writeAddress } from '../record/ip-address.js';
import {
  ADDRESS_RANGE,
  COUNTER_RANGE,
  FAMILY_NUMBERS,
  FILTER,
  FILTER_PRESENT,
  TUPLE_FILTER,
  TUPLE_FILTER_PRESENT,
} from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import {
  type CheckedFilter,
  type CounterRanges,
  filtersOf,
  type NamedFilter,
} from './check-filter.js';
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
  if (filters.length === 0) {
    const records = new ArrayBuffer(0);
    return { filters, ask: undefined, records, isFamily: true, takesWholeFamily: false };
  }
  const writer = new FilterWriter(filters.reduce((sum, { filter }) => sum + recordsOf(filter), 0));
  const families = new Set<number>();
  let takesWholeFamily = false;
  for (const { filter } of filters) {
    writer.write(filter);
    families.add(writer.onlyFamily);
    const hasCondition = writer.hasCondition();
    const { onlyFamily } = writer;
    for (const one of filter.not ?? []) writer.write(one);
    if (hasCondition) continue;
    takesWholeFamily = true;
    if (onlyFamily !== 0) continue;
    return {
      filters,
      ask: new ArrayBuffer(FILTER.size),
      records: undefined,
      isFamily: true,
      takesWholeFamily,
    };
  }
  const { records } = writer;
  const [first = 0] = families;
  const family = families.size === 1 ? first : 0;
  // The kernel cannot combine filters: for several of them it evaluates only the family.
  const ask = filters.length === 1 ? records.slice(0, FILTER.size) : new ArrayBuffer(FILTER.size);
  if (family !== 0) setFamily(new DataView(ask), 0, family);
  return { filters, ask, records, isFamily: takesWholeFamily && family !== 0, takesWholeFamily };
}

const recordsOf = ({ not = [] }: CheckedFilter) => 1 + not.length;

function setFamily(view: DataView, at: number, family: number): void {
  const present = view.getUint32(at + FILTER.present, LITTLE_ENDIAN) | FILTER_PRESENT.family;
  view.setUint32(at + FILTER.present, present, LITTLE_ENDIAN);
  view.setUint8(at + FILTER.family, family);
}

type Fields = { readonly [Name in keyof CheckedFilter]-?: NonNullable<CheckedFilter[Name]> };

const FIELDS: {
  readonly [Name in keyof Fields]: (writer: FilterWriter, value: Fields[Name]) => void;
} = {
  family: (writer, value) => {
    writer.setFamily(FAMILY_NUMBERS[value]);
  },
  protocol: (writer, given) => {
    const values = typeof given === 'number' ? [given] : given;
    const [only] = values;
    if (values.length === 1 && only !== undefined) {
      writer.ask(FILTER_PRESENT.protocol);
      writer.set8(FILTER.protocol, only);
      return;
    }
    writer.ask(FILTER_PRESENT.protocols);
    for (const value of values) writer.addBit(FILTER.protocols, value);
  },
  original: (writer, value) => {
    writer.tuple(value, FILTER.original);
  },
  reply: (writer, value) => {
    writer.tuple(value, FILTER.reply);
  },
  address: (writer, value) => {
    if (writer.range(value, FILTER.address)) writer.ask(FILTER_PRESENT.address);
  },
  port: (writer, value) => {
    writer.ask(FILTER_PRESENT.port);
    writer.ports(value, FILTER.portFrom);
  },
  mark: (writer, given) => {
    const { value, mask } = typeof given === 'number' ? { value: given, mask: 0xffffffff } : given;
    if (mask === 0) return; // every mark
    writer.ask(FILTER_PRESENT.mark);
    writer.set32(FILTER.mark, value);
    writer.set32(FILTER.markMask, mask);
  },
  zone: (writer, value) => {
    writer.ask(FILTER_PRESENT.zone);
    writer.set16(FILTER.zone, value);
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
    if (typeof value === 'string') writer.state(value);
    else for (const state of value) writer.state(state);
  },
  labels: (writer, { all = 0n, none = 0n }) => {
    writer.labels(all, FILTER.labelsAll);
    writer.labels(none, FILTER.labelsNone);
    if (all !== 0n || none !== 0n) writer.ask(FILTER_PRESENT.labels);
  },
  helper: (writer, value) => {
    writer.ask(FILTER_PRESENT.helper);
    writer.set8(FILTER.helperLength, writer.text(value, FILTER.helper));
  },
  nat: (writer, value) => {
    const [field, bits] = NAT_BITS[value];
    writer.addBits(field, bits);
  },
  id: (writer, value) => {
    writer.ask(FILTER_PRESENT.id);
    writer.set32(FILTER.id, value);
  },
  timeout: (writer, { from, to }) => {
    if (from === undefined && to === undefined) return;
    writer.ask(FILTER_PRESENT.timeout);
    writer.set32(FILTER.timeoutFrom, from ?? 0);
    writer.set32(FILTER.timeoutTo, to ?? 0xffffffff);
  },
  counters: (writer, { original, reply, total }) => {
    writer.counters(original, FILTER.originalCounters, FILTER_PRESENT.originalCounters);
    writer.counters(reply, FILTER.replyCounters, FILTER_PRESENT.replyCounters);
    writer.counters(total, FILTER.totalCounters, FILTER_PRESENT.totalCounters);
  },
  startedAfter: (writer, value) => {
    writer.ask(FILTER_PRESENT.startedAfter);
    writer.set64(FILTER.startedAfter, value);
  },
  startedBefore: (writer, value) => {
    writer.ask(FILTER_PRESENT.startedBefore);
    writer.set64(FILTER.startedBefore, value);
  },
  sctp: (writer, { originalTag, replyTag }) => {
    if (originalTag !== undefined) {
      writer.ask(FILTER_PRESENT.sctpOriginalTag);
      writer.set32(FILTER.sctpOriginalTag, originalTag);
    }
    if (replyTag !== undefined) {
      writer.ask(FILTER_PRESENT.sctpReplyTag);
      writer.set32(FILTER.sctpReplyTag, replyTag);
    }
  },
  dccp: (writer, { role }) => {
    if (role === undefined) return;
    writer.ask(FILTER_PRESENT.dccpRole);
    writer.set8(FILTER.dccpRole, (DCCP_ROLES as readonly string[]).indexOf(role));
  },
  // Their records follow.
  not: (writer, value) => {
    writer.set32(FILTER.negations, value.length);
  },
};

const NAMES = Object.keys(FIELDS) as (keyof Fields)[];

const BOTH_NATS = bitsOf(['sourceNat', 'destinationNat']);
const NAT_BITS = {
  source: [FILTER.statusAll, statusBit('sourceNat')],
  destination: [FILTER.statusAll, statusBit('destinationNat')],
  any: [FILTER.statusAny, BOTH_NATS],
  none: [FILTER.statusNone, BOTH_NATS],
} as const;

function bitsOf(flags: readonly StatusFlag[]): number {
  return flags.reduce((bits, flag) => bits | statusBit(flag), 0);
}

const STATES = [
  { names: TCP_STATES, at: FILTER.tcpStates },
  { names: SCTP_STATES, at: FILTER.sctpStates },
  { names: DCCP_STATES, at: FILTER.dccpStates },
] as const;

/** The greatest counter. */
const MOST = 2n ** 64n - 1n;

/** Filters as records, one behind the other. Offsets are those in the last one. */
class FilterWriter {
  readonly records: ArrayBuffer;
  /** That of all that can match the last one; 0 when it can be either. */
  onlyFamily = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = -FILTER.size;

  constructor(count: number) {
    this.records = new ArrayBuffer(count * FILTER.size);
    this.bytes = new Uint8Array(this.records);
    this.view = new DataView(this.records);
  }

  write(filter: CheckedFilter): void {
    this.at += FILTER.size;
    this.onlyFamily = 0;
    for (const name of NAMES) {
      const value = filter[name];
      if (value !== undefined)
        (FIELDS[name] as (writer: this, value: unknown) => void)(this, value);
    }
  }

  /** Whether the last one matches less than all entries of a family, or of both. */
  hasCondition(): boolean {
    const { present, family, size } = FILTER;
    if ((this.get32(present) & ~FILTER_PRESENT.family) !== 0) return true;
    for (let field = present + 4; field < size; field++) {
      if (field !== family && this.bytes[this.at + field] !== 0) return true;
    }
    return false;
  }

  ask(present: number): void {
    this.addBits(FILTER.present, present);
  }

  addBits(field: number, bits: number): void {
    this.set32(field, this.get32(field) | bits);
  }

  /** An entry has one family. */
  setFamily(family: number): void {
    this.onlyFamily = family;
    setFamily(this.view, this.at, family);
  }

  state(state: StateFilter): void {
    for (const { names, at } of STATES) {
      const number = (names as readonly string[]).indexOf(state);
      if (number >= 0) this.addBits(at, 2 ** number);
    }
  }

  labels(labels: bigint, field: number): void {
    this.view.setBigUint64(this.at + field, BigInt.asUintN(64, labels), true);
    this.view.setBigUint64(this.at + field + 8, labels >> 64n, true);
  }

  /** Returns its length in bytes. */
  text(text: string, field: number): number {
    return Buffer.from(this.records, this.at + field).write(text);
  }

  /** An address, or a network; false for the one that is a whole family. */
  range(text: string, field: number): boolean {
    const { address, family, prefix } = networkOf(text);
    if (prefix === 0) {
      this.setFamily(FAMILY_NUMBERS[family]);
      return false;
    }
    writeAddress(this.view, this.at + field + ADDRESS_RANGE.address, address);
    this.set8(field + ADDRESS_RANGE.family, FAMILY_NUMBERS[family]);
    this.set8(field + ADDRESS_RANGE.prefix, prefix);
    this.onlyFamily = FAMILY_NUMBERS[family];
    return true;
  }

  ports(ports: PortFilter, field: number): void {
    const { from, to } = typeof ports === 'number' ? { from: ports, to: ports } : ports;
    this.set16(field, from);
    this.set16(field + 2, to);
  }

  /** Without a range of either, no condition. */
  counters(ranges: CounterRanges | undefined, field: number, present: number): void {
    const { packets, bytes } = ranges ?? {};
    if ([packets?.from, packets?.to, bytes?.from, bytes?.to].every((end) => end === undefined))
      return;
    this.ask(present);
    this.set64(field + COUNTER_RANGE.packetsFrom, packets?.from ?? 0n);
    this.set64(field + COUNTER_RANGE.packetsTo, packets?.to ?? MOST);
    this.set64(field + COUNTER_RANGE.bytesFrom, bytes?.from ?? 0n);
    this.set64(field + COUNTER_RANGE.bytesTo, bytes?.to ?? MOST);
  }

  tuple(tuple: TupleFilter, field: number): void {
    const { source, destination, sourcePort, destinationPort, icmp = {}, zone } = tuple;
    const { sourceKey, destinationKey } = tuple;
    const { type, code, id } = icmp;
    let present = 0;
    if (source !== undefined && this.range(source, field + TUPLE_FILTER.source)) {
      present |= TUPLE_FILTER_PRESENT.source;
    }
    if (destination !== undefined && this.range(destination, field + TUPLE_FILTER.destination)) {
      present |= TUPLE_FILTER_PRESENT.destination;
    }
    if (sourcePort !== undefined) {
      present |= TUPLE_FILTER_PRESENT.sourcePort;
      this.ports(sourcePort, field + TUPLE_FILTER.sourcePortFrom);
    }
    if (destinationPort !== undefined) {
      present |= TUPLE_FILTER_PRESENT.destinationPort;
      this.ports(destinationPort, field + TUPLE_FILTER.destinationPortFrom);
    }
    if (sourceKey !== undefined) {
      present |= TUPLE_FILTER_PRESENT.sourceKey;
      this.ports(sourceKey, field + TUPLE_FILTER.sourcePortFrom);
    }
    if (destinationKey !== undefined) {
      present |= TUPLE_FILTER_PRESENT.destinationKey;
      this.ports(destinationKey, field + TUPLE_FILTER.destinationPortFrom);
    }
    if (type !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpType;
      this.set8(field + TUPLE_FILTER.icmpType, type);
    }
    if (code !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpCode;
      this.set8(field + TUPLE_FILTER.icmpCode, code);
    }
    if (id !== undefined) {
      present |= TUPLE_FILTER_PRESENT.icmpId;
      this.set16(field + TUPLE_FILTER.icmpId, id);
    }
    if (zone !== undefined) {
      present |= TUPLE_FILTER_PRESENT.zone;
      this.set16(field + TUPLE_FILTER.zone, zone);
    }
    this.set16(field + TUPLE_FILTER.present, present);
  }

  set8(field: number, value: number): void {
    this.view.setUint8(this.at + field, value);
  }

  set16(field: number, value: number): void {
    this.view.setUint16(this.at + field, value, LITTLE_ENDIAN);
  }

  set32(field: number, value: number): void {
    this.view.setUint32(this.at + field, value, LITTLE_ENDIAN);
  }

  set64(field: number, value: bigint): void {
    this.view.setBigUint64(this.at + field, value, LITTLE_ENDIAN);
  }

  addBit(field: number, bit: number): void {
    const at = field + (bit >> 3);
    this.set8(at, this.view.getUint8(this.at + at) | (1 << (bit & 7)));
  }

  private get32(field: number): number {
    return this.view.getUint32(this.at + field, LITTLE_ENDIAN);
  }
}
