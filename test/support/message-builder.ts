/**
 * Builds the messages that the kernel sends, from plain descriptions and from the
 * kernel's headers alone: it shares no code and no numbers with what it tests.
 */
import { isIPv4 } from 'node:net';

export const NLMSG = { noop: 1, error: 2, done: 3 } as const;
export const NLM_F = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dump: 0x300,
  /** Of a message that creates. */
  excl: 0x200,
  create: 0x400,
  replace: 0x100,
  capped: 0x100,
  ackTlvs: 0x200,
} as const;
export const CTNETLINK = {
  new: 0x100,
  get: 0x101,
  delete: 0x102,
  getCtrZero: 0x103,
  getStatsCpu: 0x104,
  getStats: 0x105,
} as const;
export const CTNETLINK_EXPECTATIONS = { new: 0x200, get: 0x201, delete: 0x202 } as const;
export const CTNETLINK_TIMEOUTS = {
  new: 0x800,
  get: 0x801,
  delete: 0x802,
  defaultSet: 0x803,
  defaultGet: 0x804,
} as const;
export const FAMILY = { unspecified: 0, ipv4: 2, ipv6: 10 } as const;

const NLA_F_NESTED = 0x8000;

/** Host byte order, as netlink's own headers have it. */
const host16 = (...values: number[]) => Buffer.from(Uint16Array.from(values).buffer);
const host32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
const host64 = (...values: bigint[]) => Buffer.from(BigUint64Array.from(values).buffer);

export const u8 = (...values: number[]): Buffer => Buffer.from(values);
export const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 255);
export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
export const u64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

const padding = (size: number) => Buffer.alloc(-size & 3);

export function attribute(type: number, ...payload: Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 4);
  return Buffer.concat([host16(length, type), ...payload, padding(length)]);
}

export function nest(type: number, ...attributes: Buffer[]): Buffer {
  return attribute(type | NLA_F_NESTED, ...attributes);
}

/** An attribute, unless there is no value for it. */
function optional<T>(value: T | undefined, build: (value: T) => Buffer): Buffer[] {
  return value === undefined ? [] : [build(value)];
}

export interface TupleDescription {
  source: string;
  destination: string;
  protocol: number;
  /** Ports, or the keys of GRE. */
  ports?: readonly [source: number, destination: number];
  icmp?: { type: number; code: number; id: number };
  zone?: number;
}

export interface SequenceAdjustDescription {
  position: number;
  before: number;
  after: number;
}

/** What is not named is not sent, save for what the kernel always sends. */
export interface EntryDescription {
  original: TupleDescription;
  /** The inverse of `original` when absent. */
  reply?: TupleDescription;
  id?: number;
  status?: number;
  zone?: number;
  mark?: number;
  securityContext?: string;
  use?: number;
  master?: TupleDescription;
  timeout?: number;
  tcp?: { state: number; windowScales?: [number, number]; flags?: [number, number] };
  sctp?: { state: number; tags: [number, number] };
  dccp?: { state: number; role: number; handshakeSequence: bigint };
  /** Packets and bytes. */
  counters?: { original: [bigint, bigint]; reply: [bigint, bigint] };
  startTime?: bigint;
  stopTime?: bigint;
  helper?: string;
  labels?: bigint;
  sequenceAdjust?: { original: SequenceAdjustDescription; reply: SequenceAdjustDescription };
  synproxy?: { initialSequence: number; initialTimestamp: number; timestampOffset: number };
  eventTime?: bigint;
  /** Attributes that stand at the end as they are. */
  more?: Buffer[];
}

/** The bytes of an IP address. Not for IPv6 addresses that end in dotted form. */
function address(value: string): Buffer {
  if (isIPv4(value)) return Buffer.from(value.split('.').map(Number));
  const [head = '', tail = ''] = value.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const words = [...before, ...zeros, ...after];
  return Buffer.concat(words.map((word) => u16(Number.parseInt(word, 16))));
}

/** CTA_TUPLE_ORIG, _REPLY and _MASTER. */
export function tuple(type: number, description: TupleDescription): Buffer {
  const { source, destination, protocol, ports, icmp, zone } = description;
  const [firstIp, firstIcmp] = [isIPv4(source) ? 1 : 3, protocol === 58 ? 7 : 4];
  return nest(
    type,
    nest(1, attribute(firstIp, address(source)), attribute(firstIp + 1, address(destination))),
    nest(
      2,
      attribute(1, u8(protocol)),
      ...optional(ports, ([from]) => attribute(2, u16(from))),
      ...optional(ports, ([, to]) => attribute(3, u16(to))),
      ...optional(icmp, ({ id }) => attribute(firstIcmp, u16(id))),
      ...optional(icmp, (value) => attribute(firstIcmp + 1, u8(value.type))),
      ...optional(icmp, ({ code }) => attribute(firstIcmp + 2, u8(code))),
    ),
    ...optional(zone, (value) => attribute(3, u16(value))),
  );
}

/** The tuple of the answers to a flow without NAT. */
export function inverse({ source, destination, ...rest }: TupleDescription): TupleDescription {
  const { ports } = rest;
  return {
    ...rest,
    source: destination,
    destination: source,
    ...(ports && { ports: [ports[1], ports[0]] }),
  };
}

function protocolInfo({ tcp, sctp, dccp }: EntryDescription): Buffer[] {
  const info = [
    ...optional(tcp, ({ state, windowScales, flags }) =>
      nest(
        1,
        attribute(1, u8(state)),
        ...optional(windowScales, ([original]) => attribute(2, u8(original))),
        ...optional(windowScales, ([, reply]) => attribute(3, u8(reply))),
        ...optional(flags, ([original]) => attribute(4, u8(original, 0))),
        ...optional(flags, ([, reply]) => attribute(5, u8(reply, 0))),
      ),
    ),
    ...optional(dccp, ({ state, role, handshakeSequence }) =>
      nest(
        2,
        attribute(1, u8(state)),
        attribute(2, u8(role)),
        attribute(3, u64(handshakeSequence)),
      ),
    ),
    ...optional(sctp, ({ state, tags: [original, reply] }) =>
      nest(3, attribute(1, u8(state)), attribute(2, u32(original)), attribute(3, u32(reply))),
    ),
  ];
  return info.length === 0 ? [] : [nest(4, ...info)];
}

function counters(type: number, [packets, bytes]: [bigint, bigint]): Buffer {
  return nest(type, attribute(1, u64(packets)), attribute(2, u64(bytes)));
}

function sequenceAdjust(type: number, adjust: SequenceAdjustDescription): Buffer {
  const { position, before, after } = adjust;
  return nest(
    type,
    attribute(1, u32(position)),
    attribute(2, u32(before)),
    attribute(3, u32(after)),
  );
}

function timestamps({ startTime, stopTime }: EntryDescription): Buffer[] {
  const times = [
    ...optional(startTime, (value) => attribute(1, u64(value))),
    ...optional(stopTime, (value) => attribute(2, u64(value))),
  ];
  return times.length === 0 ? [] : [nest(20, ...times)];
}

/** The attributes of an entry in the order of ctnetlink_fill_info. */
export function entryAttributes(entry: EntryDescription): Buffer {
  const { original, reply = inverse(original), id = 1, status = 0x8 } = entry;
  const { synproxy, sequenceAdjust: adjust } = entry;
  return Buffer.concat([
    tuple(1, original),
    tuple(2, reply),
    ...optional(entry.zone, (value) => attribute(18, u16(value))),
    attribute(3, u32(status)),
    ...optional(entry.mark, (value) => attribute(8, u32(value))),
    ...optional(entry.securityContext, (value) => nest(19, attribute(1, text(value)))),
    attribute(12, u32(id)),
    ...optional(entry.use, (value) => attribute(11, u32(value))),
    ...optional(entry.master, (value) => tuple(14, value)),
    ...optional(entry.timeout, (value) => attribute(7, u32(value))),
    ...protocolInfo(entry),
    ...optional(entry.counters, (value) => counters(9, value.original)),
    ...optional(entry.counters, (value) => counters(10, value.reply)),
    ...timestamps(entry),
    ...optional(entry.helper, (value) => nest(5, attribute(1, text(value)))),
    ...optional(entry.labels, (value) =>
      attribute(22, host64(value & 0xffff_ffff_ffff_ffffn, value >> 64n)),
    ),
    ...optional(adjust, (value) => sequenceAdjust(15, value.original)),
    ...optional(adjust, (value) => sequenceAdjust(16, value.reply)),
    ...optional(synproxy, (value) =>
      nest(
        24,
        attribute(1, u32(value.initialSequence)),
        attribute(2, u32(value.initialTimestamp)),
        attribute(3, u32(value.timestampOffset)),
      ),
    ),
    ...optional(entry.eventTime, (value) => attribute(27, u64(value))),
    ...(entry.more ?? []),
  ]);
}

/** To whom a message is an answer. */
export interface Address {
  sequence: number;
  portId: number;
}

/** A message. What it leaves open of its address is that of the request. */
export interface Message extends Partial<Address> {
  type: number;
  flags: number;
  payload: Buffer;
  /** What the header says instead of the length that is true. */
  length?: number;
}

export function messageBytes(message: Message, request: Address): Buffer {
  const { type, flags, payload, sequence = request.sequence, portId = request.portId } = message;
  const length = 16 + payload.length;
  return Buffer.concat([
    host32(message.length ?? length),
    host16(type, flags),
    host32(sequence, portId),
    payload,
    padding(length),
  ]);
}

/** struct nfgenmsg. */
export function nfgenmsg(family: number): Buffer {
  return u8(family, 0, 0, 0);
}

/** The message of a dump or of a GET that holds an entry. */
export function entryMessage(entry: EntryDescription): Message {
  const family = isIPv4(entry.original.source) ? FAMILY.ipv4 : FAMILY.ipv6;
  return {
    type: CTNETLINK.new,
    flags: NLM_F.multi,
    payload: Buffer.concat([nfgenmsg(family), entryAttributes(entry)]),
  };
}

/** What is not named is not sent. */
export interface ExpectationDescription {
  tuple: TupleDescription;
  mask?: TupleDescription;
  master?: TupleDescription;
  zone?: number;
  timeout?: number | undefined;
  id?: number;
  flags?: number;
  class?: number;
  helper?: string | undefined;
  function?: string;
  nat?: { direction: number; tuple: TupleDescription };
}

/** The attributes of an expectation, in the order of requests. */
export function expectationAttributes(expectation: ExpectationDescription): Buffer[] {
  const { tuple: expected, nat } = expectation;
  return [
    tuple(2, expected),
    ...optional(expectation.zone, (value) => attribute(7, u16(value))),
    ...optional(expectation.mask, (value) => tuple(3, value)),
    ...optional(expectation.master, (value) => tuple(1, value)),
    ...optional(expectation.timeout, (value) => attribute(4, u32(value))),
    ...optional(expectation.id, (value) => attribute(5, u32(value))),
    ...optional(expectation.flags, (value) => attribute(8, u32(value))),
    ...optional(expectation.class, (value) => attribute(9, u32(value))),
    ...optional(expectation.helper, (value) => attribute(6, text(value))),
    ...optional(expectation.function, (value) => attribute(11, text(value))),
    ...optional(nat, (value) =>
      nest(10, attribute(1, u32(value.direction)), tuple(2, value.tuple)),
    ),
  ];
}

const FTP_FLOW = { source: '10.0.0.1', destination: '10.0.0.2', protocol: 6 };

/** The message of a dump that holds an expectation, of FTP unless it says. */
export function expectationMessage(
  id: number,
  expectation: Partial<ExpectationDescription> = {},
): Message {
  const whole = {
    master: { ...FTP_FLOW, ports: [40000, 21] },
    tuple: { ...FTP_FLOW, ports: [0, 50000] },
    mask: {
      source: '255.255.255.255',
      destination: '255.255.255.255',
      protocol: 6,
      ports: [0, 65535],
    },
    timeout: 300,
    id,
    helper: 'ftp',
    ...expectation,
  } satisfies ExpectationDescription;
  const family = isIPv4(whole.tuple.source) ? FAMILY.ipv4 : FAMILY.ipv6;
  return {
    type: CTNETLINK_EXPECTATIONS.new,
    flags: NLM_F.multi,
    payload: Buffer.concat([nfgenmsg(family), ...expectationAttributes(whole)]),
  };
}

export interface TimeoutsDescription {
  /** Absent: defaults. */
  name?: string;
  family?: number;
  protocol: number;
  /** Seconds by the number of the state. */
  seconds: Readonly<Record<number, number>>;
  use?: number;
  more?: readonly Buffer[];
}

/** The attributes of timeouts, in the order of the kernel's answers. */
export function timeoutAttributes(timeouts: TimeoutsDescription): Buffer[] {
  const { name, family = FAMILY.ipv4, protocol, seconds, use, more = [] } = timeouts;
  const states = Object.entries(seconds);
  return [
    ...optional(name, (value) => attribute(1, text(value))),
    attribute(2, u16(family)),
    attribute(3, u8(protocol)),
    ...optional(use, (value) => attribute(5, u32(value))),
    nest(4, ...states.map(([state, value]) => attribute(Number(state), u32(value)))),
    ...more,
  ];
}

/** The message that has a timeout policy, or the defaults of a protocol. */
export function timeoutMessage(timeouts: TimeoutsDescription): Message {
  return {
    type: timeouts.name === undefined ? CTNETLINK_TIMEOUTS.defaultSet : CTNETLINK_TIMEOUTS.new,
    flags: NLM_F.multi,
    payload: Buffer.concat([nfgenmsg(FAMILY.unspecified), ...timeoutAttributes(timeouts)]),
  };
}

/** The answer to GET_STATS, with CTA_STATS_GLOBAL_ENTRIES and _MAX_ENTRIES. */
export function statsMessage(entries: number): Message {
  const attributes = [attribute(1, u32(entries)), attribute(2, u32(262144))];
  return {
    type: CTNETLINK.getStats,
    flags: NLM_F.multi,
    payload: Buffer.concat([nfgenmsg(FAMILY.unspecified), ...attributes]),
  };
}

const extendedAck = (detail: string) => attribute(1, text(detail));

/** NLMSG_DONE. `error` is positive. */
export function doneMessage(error = 0, detail?: string): Message {
  return {
    type: NLMSG.done,
    flags: NLM_F.multi | (detail === undefined ? 0 : NLM_F.ackTlvs),
    payload: Buffer.concat([host32(-error), ...optional(detail, extendedAck)]),
  };
}

/**
 * NLMSG_ERROR, as a socket with NETLINK_CAP_ACK gets it: it quotes the header of
 * the request. `error` is positive; 0 makes it an ack.
 */
export function errorMessage(error: number, detail?: string): Message {
  const quoted = Buffer.concat([host32(20), Buffer.alloc(12)]);
  return {
    type: NLMSG.error,
    flags: NLM_F.capped | (detail === undefined ? 0 : NLM_F.ackTlvs),
    payload: Buffer.concat([host32(-error), quoted, ...optional(detail, extendedAck)]),
  };
}

/** NLMSG_ERROR with the whole request quoted, as without NETLINK_CAP_ACK. */
export function errorQuoting(request: Buffer, error: number, detail: string): Message {
  return {
    type: NLMSG.error,
    flags: NLM_F.ackTlvs,
    payload: Buffer.concat([host32(-error), request, padding(request.length), extendedAck(detail)]),
  };
}

export const ackMessage = (): Message => errorMessage(0);
