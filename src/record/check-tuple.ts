/**
 * Tuples of arguments, so that nothing wrong reaches the kernel.
 */
import {
  type Check,
  type FieldCopy,
  type Fields,
  field,
  object,
  recordOf,
  uint8,
  uint16,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { type Family, OTHER_PROTOCOL_NUMBERS, PROTOCOL_NUMBERS } from '../core/names.js';
import { shown } from '../core/show-value.js';
import { addressFamily, familyOf, mappedIPv4 } from './ip-address.js';
import type { IcmpTuple, MasterTuple, Tuple } from './tuple.js';

const { tcp, udp, udplite, sctp, dccp, gre, icmp, icmpv6 } = PROTOCOL_NUMBERS;

/** Every kernel refuses tuples of these without ports (nf_ct_port_nlattr_to_tuple). */
const NEED_PORTS = new Set<number>([tcp, udp]);
/**
 * A kernel may track these by their addresses alone, and then sends no ports, and no keys of GRE:
 * it has DCCP until Linux 6.16, 7.2 has no UDP-Lite, and each has a CONFIG_NF_CT_PROTO_*.
 */
const MAY_LACK_PORTS = new Set<number>([sctp, dccp, udplite, gre]);
const MAY_HAVE_PORTS = new Set<number>([tcp, udp, sctp, dccp, udplite]);
const NEED_ICMP = new Set<number>([icmp, icmpv6]);

/**
 * A protocol, by one of these words or its number. An error names these; the words of `others` are
 * taken as well.
 */
export function protocolAmong<Word extends string>(
  numbers: Readonly<Record<Word, number>>,
  others: Readonly<Record<string, number>> = {},
): Check<number> {
  const also = Object.keys(others).length > 0 ? ", or another protocol's word, such as 'esp'" : '';
  const hint = `; an IP protocol number will do as well${also}`;
  const protocolWord = word(Object.keys(numbers) as Word[], hint);
  const known = new Map<unknown, number>(Object.entries({ ...others, ...numbers }));
  return (value, path) => {
    const number = known.get(value);
    if (number !== undefined) return number;
    if (typeof value === 'number' || isNumeral(value)) return uint8(value, path);
    return numbers[protocolWord(value, path)];
  };
}

/** Of fifty words an error names the eight that most flows have. */
export const protocol = protocolAmong(PROTOCOL_NUMBERS, OTHER_PROTOCOL_NUMBERS);

/** Such as `'6'`, which uint8 refuses as the string that it is. */
function isNumeral(value: unknown): boolean {
  return typeof value === 'string' && /^\d+$/.test(value);
}

/** The protocol of an entry, for which `'other'` is a word as well. */
export function protocolOf(
  { protocol: given, protocolNumber }: Fields<'protocol' | 'protocolNumber'>,
  path: string,
): number {
  return given === 'other'
    ? uint8(protocolNumber, `${path}.protocolNumber`)
    : protocol(given, `${path}.protocol`);
}

/** An address; an IPv4-mapped one becomes IPv4. */
export const address: Check<string> = (value, path) => {
  const family = typeof value === 'string' ? addressFamily(value) : undefined;
  if (family === undefined) {
    throw typeError(
      path,
      `must be an IPv4 or IPv6 address, not ${shown(value)}${addressHint(value)}`,
    );
  }
  const text = value as string;
  return family === 'ipv6' ? (mappedIPv4(text) ?? text) : text;
};

/** What an address has too much, such as `fe80::1%eth0`, `10.0.0.1:53` or `10.0.0.0/8`. */
export function addressHint(value: unknown): string {
  const parts =
    typeof value === 'string' ? /^\[?([\d.a-f:]+?)(%.*|\]|:\d+|\]:\d+|\/.*)$/i.exec(value) : null;
  const [, address = '', rest = ''] = parts ?? [];
  if (addressFamily(address) === undefined) return '';
  if (rest.startsWith('%')) return '; leave out the scope, which the kernel does not track';
  if (rest.startsWith('/')) return '; one address is needed, and only filters take networks';
  return `; did you mean '${address}'? A port has a field of its own`;
}

export function requireFamily(family: Family, text: string, path: string, of: string): void {
  if (familyOf(text) !== family) {
    throw typeError(path, `must have the address family of ${of}, ${family}, not ${shown(text)}`);
  }
}

const icmpOf = object<IcmpTuple>({ type: uint8, code: uint8, id: uint16 }, '{ type, code, id }');

/** What a tuple may have, that of a master included. */
export const TUPLE_FIELDS = [
  'source',
  'destination',
  'sourcePort',
  'destinationPort',
  'icmp',
  'sourceKey',
  'destinationKey',
  'zone',
  'protocol',
  'protocolNumber',
] as const satisfies (keyof MasterTuple)[];

type TupleField = (typeof TUPLE_FIELDS)[number];

const copy: FieldCopy<TupleField> = {
  empty: () => ({
    source: undefined,
    destination: undefined,
    sourcePort: undefined,
    destinationPort: undefined,
    icmp: undefined,
    sourceKey: undefined,
    destinationKey: undefined,
    zone: undefined,
    protocol: undefined,
    protocolNumber: undefined,
  }),
  field: (to, from, name) => {
    if (name === 'source') to.source = from.source;
    else if (name === 'destination') to.destination = from.destination;
    else if (name === 'sourcePort') to.sourcePort = from.sourcePort;
    else if (name === 'destinationPort') to.destinationPort = from.destinationPort;
    else if (name === 'icmp') to.icmp = from.icmp;
    else if (name === 'sourceKey') to.sourceKey = from.sourceKey;
    else if (name === 'destinationKey') to.destinationKey = from.destinationKey;
    else if (name === 'zone') to.zone = from.zone;
    else if (name === 'protocol') to.protocol = from.protocol;
    else to.protocolNumber = from.protocolNumber;
  },
};

/**
 * An entry has one zone, of both directions or of one. Behind one that is not 0 the kernel
 * refuses another in a request, even 0 (ctnetlink_parse_tuple_zone). The order is the kernel's.
 */
export function requireOneZone(
  path: string,
  zone: number | undefined,
  original: Tuple | undefined,
  reply: Tuple | undefined,
): void {
  let first = zoneBehind(undefined, path, 'zone', zone);
  first = zoneBehind(first, path, 'original.zone', original?.zone);
  zoneBehind(first, path, 'reply.zone', reply?.zone);
}

/** The name of the zone that is not 0: `first`, or this one. */
function zoneBehind(
  first: string | undefined,
  path: string,
  name: string,
  value: number | undefined,
): string | undefined {
  if (value === undefined) return first;
  if (first !== undefined) {
    const why = `must be absent beside ${path}.${first}: the zone is that of both directions or of one`;
    throw typeError(`${path}.${name}`, why);
  }
  return value === 0 ? undefined : name;
}

const TUPLE_FORM = {
  expected: 'a tuple with source and destination',
  view: 'a tuple',
  needs: ['source', 'destination'],
  copy,
};

/** Whether a tuple names the ports, or keys of GRE, that some kernels leave out. */
export type UncertainPorts = 'named' | 'left out';

/** `undefined`: every kernel tracks the protocol alike. */
export function uncertainPorts(
  { sourcePort, sourceKey }: Tuple,
  protocol: number,
): UncertainPorts | undefined {
  if (!MAY_LACK_PORTS.has(protocol)) return undefined;
  return (sourcePort ?? sourceKey) === undefined ? 'left out' : 'named';
}

/** A tuple, and the number of its protocol. */
export interface TupleOfProtocol {
  readonly protocol: number;
  readonly tuple: Tuple;
}

/** A tuple of this protocol. */
export function tupleOf(value: unknown, path: string, number: number): Tuple {
  const { protocol: own, tuple } = tupleOfAny(value, path, number);
  if (own !== number) throw typeError(`${path}.protocol`, `must be ${number} here, not ${own}`);
  return tuple;
}

/** The tuple of a flow, which names its protocol. */
export function flowTupleOf(value: unknown, path: string): TupleOfProtocol {
  const given = recordOf(value, path, ['protocol', 'protocolNumber'], {
    expected: 'a tuple with protocol, source and destination',
    others: TUPLE_FIELDS,
  });
  return tupleOfAny(value, path, protocolOf(given, path));
}

/** The tuple of another flow: of this protocol, unless it has one of its own. */
export function masterOf(value: unknown, path: string, number: number): TupleOfProtocol {
  const master = tupleOfAny(value, path, number);
  refuseZone(master.tuple, path);
  return master;
}

/** The kernel refuses the zone of one direction here (ctnetlink_parse_tuple without a zone). */
export function refuseZone({ zone }: Tuple, path: string): void {
  if (zone !== undefined) throw typeError(`${path}.zone`, 'must be absent in this tuple');
}

function tupleOfAny(value: unknown, path: string, number: number): TupleOfProtocol {
  const given = recordOf(value, path, TUPLE_FIELDS, TUPLE_FORM);
  const own = given.protocol === undefined ? number : protocolOf(given, path);
  const tuple: Tuple = {
    source: address(given.source, `${path}.source`),
    destination: address(given.destination, `${path}.destination`),
    sourcePort: field(uint16, given.sourcePort, path, '.sourcePort'),
    destinationPort: field(uint16, given.destinationPort, path, '.destinationPort'),
    icmp: field(icmpOf, given.icmp, path, '.icmp'),
    sourceKey: field(uint16, given.sourceKey, path, '.sourceKey'),
    destinationKey: field(uint16, given.destinationKey, path, '.destinationKey'),
    zone: field(uint16, given.zone, path, '.zone'),
  };
  const { source, destination } = tuple;
  requireFamily(familyOf(source), destination, `${path}.destination`, 'source');
  const { sourcePort, destinationPort, sourceKey, destinationKey } = tuple;
  const mayHavePorts = MAY_HAVE_PORTS.has(own);
  // Both, or neither where that may be.
  const needsPorts =
    mayHavePorts && (NEED_PORTS.has(own) || (sourcePort ?? destinationPort) !== undefined);
  const isGre = own === gre;
  const needsKeys = isGre && (sourceKey ?? destinationKey) !== undefined;
  const isIcmp = NEED_ICMP.has(own);
  expectField(tuple.sourcePort, path, 'sourcePort', own, mayHavePorts, needsPorts);
  expectField(tuple.destinationPort, path, 'destinationPort', own, mayHavePorts, needsPorts);
  expectField(tuple.sourceKey, path, 'sourceKey', own, isGre, needsKeys);
  expectField(tuple.destinationKey, path, 'destinationKey', own, isGre, needsKeys);
  expectField(tuple.icmp, path, 'icmp', own, isIcmp, isIcmp);
  return { protocol: own, tuple };
}

function expectField(
  value: unknown,
  path: string,
  name: keyof Tuple,
  number: number,
  allowed: boolean,
  needed: boolean,
): void {
  const isThere = value !== undefined;
  if (!isThere && needed) throw typeError(`${path}.${name}`, `protocol ${number} requires it`);
  if (isThere && !allowed)
    throw typeError(`${path}.${name}`, `protocol ${number} does not have it`);
}
