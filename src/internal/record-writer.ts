/**
 * Keys and specifications become records: checked here, field by field, so that
 * nothing wrong reaches the kernel.
 */
import type { IcmpTuple, Tuple } from '../entry.js';
import type { EntryKey } from '../entry-key.js';
import { rangeError, typeError } from '../errors.js';
import { PROTOCOL_NUMBERS, statusBit, TCP_STATES, type TcpState } from '../names.js';
import { addressFamily, writeAddress } from './ip-address.js';
import {
  ENTRY,
  ENTRY_PRESENT,
  FAMILY_NUMBERS,
  LITTLE_ENDIAN,
  SLAB,
  TUPLE,
  TUPLE_PRESENT,
} from './layout.js';

const { tcp, udp, udplite, sctp, dccp, gre, icmp, icmpv6 } = PROTOCOL_NUMBERS;

/** The kernel refuses tuples of these without ports (nf_ct_port_nlattr_to_tuple). */
const NEED_PORTS = new Set<number>([tcp, udp, udplite, sctp]);
/** Tracked with ports until Linux 6.16, by its addresses since. */
const MAY_HAVE_PORTS = new Set<number>([...NEED_PORTS, dccp]);
const NEED_ICMP = new Set<number>([icmp, icmpv6]);

/** A slab whose first entry is the key: one tuple, perhaps a zone. */
export function keySlab(key: EntryKey): ArrayBuffer {
  if (typeof key !== 'object' || (key as unknown) === null) {
    throw typeError('key', 'must be an entry, or { protocol, original } or { protocol, reply }');
  }
  const record = new RecordWriter();
  const protocol = protocolNumber(key, 'key');
  if (key.original !== undefined) record.original(key.original, protocol, 'key.original');
  else record.reply(key.reply, protocol, 'key.reply');
  if (key.zone !== undefined) record.zone(key.zone, 'key.zone');
  return record.slab;
}

/** What an entry that is created through ctnetlink needs at least. */
export interface MinimalSpec {
  protocol: keyof typeof PROTOCOL_NUMBERS;
  original: Tuple;
  reply: Tuple;
  timeout: number;
  tcpState?: TcpState;
}

/** A slab whose first entry is the specification. */
export function specSlab(spec: MinimalSpec): ArrayBuffer {
  const record = new RecordWriter();
  const protocol = PROTOCOL_NUMBERS[spec.protocol];
  record.original(spec.original, protocol, 'spec.original');
  record.reply(spec.reply, protocol, 'spec.reply');
  record.timeout(spec.timeout);
  record.confirmed();
  if (spec.tcpState !== undefined) record.tcpState(spec.tcpState);
  return record.slab;
}

/** Whether an entry has, in the direction that the key names, the tuple of the key. */
export function hasTupleOf(key: ArrayBuffer, entry: ArrayBuffer): boolean {
  const present = new DataView(key).getUint32(SLAB.firstEntry + ENTRY.present, LITTLE_ENDIAN);
  const tuple = SLAB.firstEntry + (present & ENTRY_PRESENT.original ? ENTRY.original : ENTRY.reply);
  const protocol = tuple + TUPLE.protocol;
  const bytes = (slab: ArrayBuffer) => Buffer.from(slab, tuple, TUPLE.zone);
  return (
    bytes(key).equals(bytes(entry)) &&
    new DataView(key).getUint8(protocol) === new DataView(entry).getUint8(protocol)
  );
}

class RecordWriter {
  readonly slab = new ArrayBuffer(SLAB.firstEntry + ENTRY.size);
  private readonly view = new DataView(this.slab, SLAB.firstEntry, ENTRY.size);

  original(tuple: Tuple, protocol: number, field: string): void {
    this.tuple(ENTRY.original, tuple, protocol, field);
    this.add(ENTRY_PRESENT.original);
  }

  reply(tuple: Tuple, protocol: number, field: string): void {
    this.tuple(ENTRY.reply, tuple, protocol, field);
    this.add(ENTRY_PRESENT.reply);
  }

  zone(zone: number, field: string): void {
    this.view.setUint16(ENTRY.zone, uint16(zone, field), LITTLE_ENDIAN);
    // A zone 0 that is sent means the same as none.
    if (zone !== 0) this.add(ENTRY_PRESENT.zone);
  }

  timeout(seconds: number): void {
    this.view.setUint32(ENTRY.timeout, seconds, LITTLE_ENDIAN);
    this.add(ENTRY_PRESENT.timeout);
  }

  confirmed(): void {
    this.view.setUint32(ENTRY.status, statusBit('confirmed'), LITTLE_ENDIAN);
    this.add(ENTRY_PRESENT.status);
  }

  tcpState(state: TcpState): void {
    this.view.setUint8(ENTRY.state, (TCP_STATES as readonly string[]).indexOf(state));
    this.add(ENTRY_PRESENT.tcpState);
  }

  private tuple(at: number, tuple: Tuple, protocol: number, field: string): void {
    if (typeof tuple !== 'object' || (tuple as unknown) === null) {
      throw typeError(field, 'must be an object with source and destination');
    }
    const { view } = this;
    const family = requireAddress(tuple.source, `${field}.source`);
    if (requireAddress(tuple.destination, `${field}.destination`) !== family) {
      throw typeError(`${field}.destination`, `must be of the same family as source, ${family}`);
    }
    writeAddress(view, at + TUPLE.source, tuple.source);
    writeAddress(view, at + TUPLE.destination, tuple.destination);
    view.setUint8(at + TUPLE.family, FAMILY_NUMBERS[family]);
    view.setUint8(at + TUPLE.protocol, protocol);

    let present = 0;
    const put = (name: 'sourcePort' | 'destinationPort' | 'icmpId' | 'zone', value: number) => {
      view.setUint16(at + TUPLE[name], value, LITTLE_ENDIAN);
      present |= TUPLE_PRESENT[name];
    };
    for (const [name, value, wanted, needed] of portFields(tuple, protocol)) {
      const path = `${field}.${name}`;
      if (value === undefined) {
        if (needed) throw typeError(path, `is needed for protocol ${protocol}`);
      } else if (!wanted) {
        throw typeError(path, `protocol ${protocol} has none`);
      } else {
        put(name.startsWith('source') ? 'sourcePort' : 'destinationPort', uint16(value, path));
      }
    }
    if (NEED_ICMP.has(protocol)) {
      const { id, type, code } = requireIcmp(tuple.icmp, `${field}.icmp`);
      put('icmpId', id);
      view.setUint8(at + TUPLE.icmpType, type);
      view.setUint8(at + TUPLE.icmpCode, code);
      present |= TUPLE_PRESENT.icmpType | TUPLE_PRESENT.icmpCode;
    } else if (tuple.icmp !== undefined) {
      throw typeError(`${field}.icmp`, `protocol ${protocol} has none`);
    }
    if (tuple.zone !== undefined) put('zone', uint16(tuple.zone, `${field}.zone`));
    view.setUint16(at + TUPLE.present, present, LITTLE_ENDIAN);
  }

  private add(present: number): void {
    const { view } = this;
    view.setUint32(
      ENTRY.present,
      view.getUint32(ENTRY.present, LITTLE_ENDIAN) | present,
      LITTLE_ENDIAN,
    );
  }
}

function portFields(tuple: Tuple, protocol: number) {
  const isGre = protocol === gre;
  const ports = [MAY_HAVE_PORTS.has(protocol), NEED_PORTS.has(protocol)] as const;
  const keys = [isGre, isGre] as const;
  return [
    ['sourcePort', tuple.sourcePort, ...ports],
    ['destinationPort', tuple.destinationPort, ...ports],
    ['sourceKey', tuple.sourceKey, ...keys],
    ['destinationKey', tuple.destinationKey, ...keys],
  ] as const;
}

function requireAddress(text: unknown, field: string) {
  const family = typeof text === 'string' ? addressFamily(text) : undefined;
  if (family === undefined) {
    throw typeError(field, `must be an IPv4 or IPv6 address, not ${JSON.stringify(text)}`);
  }
  return family;
}

function requireIcmp(value: IcmpTuple | undefined, field: string): IcmpTuple {
  if (typeof value !== 'object' || (value as unknown) === null) {
    throw typeError(field, 'must be { type, code, id }');
  }
  return {
    type: integer(value.type, 255, `${field}.type`),
    code: integer(value.code, 255, `${field}.code`),
    id: uint16(value.id, `${field}.id`),
  };
}

function protocolNumber(key: EntryKey, field: string): number {
  const { protocol } = key;
  if (typeof protocol === 'number') return integer(protocol, 255, `${field}.protocol`);
  if (protocol === 'other') return integer(key.protocolNumber, 255, `${field}.protocolNumber`);
  if (typeof protocol !== 'string' || !Object.hasOwn(PROTOCOL_NUMBERS, protocol)) {
    const words = Object.keys(PROTOCOL_NUMBERS).join(', ');
    throw typeError(`${field}.protocol`, `must be a number or one of ${words}`);
  }
  return PROTOCOL_NUMBERS[protocol];
}

function uint16(value: unknown, field: string): number {
  return integer(value, 65535, field);
}

function integer(value: unknown, max: number, field: string): number {
  if (typeof value !== 'number') throw typeError(field, 'must be a number');
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw rangeError(field, `must be an integer from 0 to ${max}, not ${value}`);
  }
  return value;
}
