/**
 * Tuples become records: checked here, field by field, so that nothing wrong
 * reaches the kernel.
 */

import { integer, uint16 } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { type Family, PROTOCOL_NUMBERS, type Protocol } from '../core/names.js';
import { addressFamily, writeAddress } from './ip-address.js';
import { FAMILY_NUMBERS, TUPLE, TUPLE_PRESENT } from './layout.js';
import type { IcmpTuple, Tuple } from './tuple.js';
import { LITTLE_ENDIAN } from './words.js';

const { tcp, udp, udplite, sctp, dccp, gre, icmp, icmpv6 } = PROTOCOL_NUMBERS;

/** The kernel refuses tuples of these without ports (nf_ct_port_nlattr_to_tuple). */
const NEED_PORTS = new Set<number>([tcp, udp, udplite, sctp]);
/** Tracked with ports until Linux 6.16, by its addresses since. */
const MAY_HAVE_PORTS = new Set<number>([...NEED_PORTS, dccp]);
const NEED_ICMP = new Set<number>([icmp, icmpv6]);

/** What an answer to an ICMP message is, for those that the kernel tracks. */
const ICMP_ANSWERS: Readonly<Record<number, ReadonlyMap<number, number>>> = {
  [icmp]: pairs([8, 0], [13, 14], [15, 16], [17, 18]),
  [icmpv6]: pairs([128, 129], [139, 140]),
};

function pairs(...all: [number, number][]): ReadonlyMap<number, number> {
  return new Map(all.flatMap(([one, other]) => [[one, other] as const, [other, one] as const]));
}

/** Fields of sixteen bits. */
type Half = 'sourcePort' | 'destinationPort' | 'icmpId' | 'zone';

/** Writes the record at `at`. */
export function writeTuple(
  view: DataView,
  at: number,
  tuple: Tuple,
  protocol: number,
  field: string,
): void {
  if (typeof tuple !== 'object' || (tuple as unknown) === null) {
    throw typeError(field, 'must be an object with source and destination');
  }
  const family = requireAddress(tuple.source, `${field}.source`);
  if (requireAddress(tuple.destination, `${field}.destination`) !== family) {
    throw typeError(`${field}.destination`, `must be of the same family as source, ${family}`);
  }
  writeAddress(view, at + TUPLE.source, tuple.source);
  writeAddress(view, at + TUPLE.destination, tuple.destination);
  view.setUint8(at + TUPLE.family, FAMILY_NUMBERS[family]);
  view.setUint8(at + TUPLE.protocol, protocol);

  let present = 0;
  const put = (name: Half, value: number, as: keyof typeof TUPLE_PRESENT = name) => {
    view.setUint16(at + TUPLE[name], value, LITTLE_ENDIAN);
    present |= TUPLE_PRESENT[as];
  };
  for (const [name, value, wanted, needed] of portFields(tuple, protocol)) {
    const path = `${field}.${name}`;
    if (value === undefined) {
      if (needed) throw typeError(path, `is needed for protocol ${protocol}`);
    } else if (!wanted) {
      throw typeError(path, `protocol ${protocol} has none`);
    } else {
      // The keys of GRE stand where others have their ports.
      put(name.startsWith('source') ? 'sourcePort' : 'destinationPort', uint16(value, path), name);
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
  view.setUint32(at + TUPLE.present, present, LITTLE_ENDIAN);
}

/** The tuple of the answers, where nothing is translated. */
export function inverseTuple(tuple: Tuple, protocol: number, field: string): Tuple {
  const { source, destination, sourcePort, destinationPort, sourceKey, destinationKey } = tuple;
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    sourceKey: destinationKey,
    destinationKey: sourceKey,
    icmp: tuple.icmp && answerTo(tuple.icmp, protocol, field),
  };
}

function answerTo(message: IcmpTuple, protocol: number, field: string): IcmpTuple {
  const answers = ICMP_ANSWERS[protocol];
  const type = answers?.get(message.type);
  if (type === undefined) {
    const tracked = [...(answers?.keys() ?? [])].join(', ');
    throw typeError(`${field}.icmp.type`, `the kernel tracks ${tracked} alone`);
  }
  return { ...message, type };
}

export function requireAddress(text: unknown, field: string): Family {
  const family = typeof text === 'string' ? addressFamily(text) : undefined;
  if (family === undefined) {
    throw typeError(field, `must be an IPv4 or IPv6 address, not ${JSON.stringify(text)}`);
  }
  return family;
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

function requireIcmp(value: IcmpTuple | undefined, field: string): IcmpTuple {
  if (typeof value !== 'object' || (value as unknown) === null) {
    throw typeError(field, 'must be { type, code, id }');
  }
  return {
    type: integer(value.type, `${field}.type`, 255),
    code: integer(value.code, `${field}.code`, 255),
    id: uint16(value.id, `${field}.id`),
  };
}

export function protocolNumber(
  {
    protocol,
    protocolNumber: number,
  }: { readonly protocol?: Protocol | number; readonly protocolNumber?: number | undefined },
  field: string,
): number {
  if (typeof protocol === 'number') return integer(protocol, `${field}.protocol`, 255);
  if (protocol === 'other') return integer(number, `${field}.protocolNumber`, 255);
  if (typeof protocol !== 'string' || !Object.hasOwn(PROTOCOL_NUMBERS, protocol)) {
    const words = Object.keys(PROTOCOL_NUMBERS).join(', ');
    throw typeError(`${field}.protocol`, `must be a number or one of ${words}`);
  }
  return PROTOCOL_NUMBERS[protocol];
}
