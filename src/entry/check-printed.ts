/**
 * Entries of arguments that are to be printed: a view as it is, and what `entry.toJSON()` returns.
 */
import {
  bits,
  type Check,
  checked,
  number,
  object,
  optional,
  record,
  recordOf,
  text,
  uint8,
  uint16,
  uint32,
  viewOf,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import {
  DCCP_ROLES,
  DCCP_STATES,
  type Family,
  nameOf,
  SCTP_STATES,
  STATUS_FLAGS,
  TCP_STATES,
} from '../core/names.js';
import { shown } from '../core/show-value.js';
import { addressFamily } from '../record/ip-address.js';
import type { IcmpTuple, Tuple } from '../record/tuple.js';
import { ENTRY_FORM } from './check-key.js';
import { decimal, labels, nanoseconds, numberOf } from './check-values.js';
import type { Entry, Status } from './entry.js';
import type { Printed, PrintedCounters, Reading } from './printed.js';
import { StatusView } from './status-view.js';
import { EntryView } from './view.js';

/** The longest name that the kernel could send in an attribute. */
const LONGEST_NAME = 0xffff;

/** As it is written: an IPv4-mapped address is one that the kernel has sent. */
const address: Check<string> = (value, path) => {
  if (typeof value === 'string' && addressFamily(value) !== undefined) return value;
  throw typeError(path, `must be an IPv4 or IPv6 address, not ${shown(value)}`);
};

const tuple = record<Tuple>(
  {
    source: address,
    destination: address,
    sourcePort: optional(uint16),
    destinationPort: optional(uint16),
    icmp: optional(object<IcmpTuple>({ type: uint8, code: uint8, id: uint16 })),
    sourceKey: optional(uint16),
    destinationKey: optional(uint16),
    zone: optional(uint16),
  },
  { expected: 'a tuple with source and destination', view: 'a tuple' },
);

const statusBits = record<{ readonly bits: number }>(
  { bits: uint32 },
  {
    expected: 'the status of an entry',
    view: 'the status of an entry',
    others: STATUS_FLAGS,
  },
);

const status: Check<Status> = (value, path) =>
  new StatusView(statusBits(value, path).bits) as StatusView & Status;

function wordOf(words: readonly string[]): Check<string> {
  const check = numberOf(words);
  return (value, path) => nameOf(words, check(value, path));
}

const count = number('an integer from 0', (value) => Number.isInteger(value) && value >= 0);
const exact = optional(decimal(bits(64)));

interface CountersOfJson {
  readonly packets: number;
  readonly bytes: number;
  readonly packetsBig?: bigint | undefined;
  readonly bytesBig?: bigint | undefined;
}

const counted = object<CountersOfJson>({
  packets: count,
  bytes: count,
  packetsBig: exact,
  bytesBig: exact,
});

const directionCounters: Check<PrintedCounters> = (value, path) => {
  const { packets, bytes, packetsBig, bytesBig } = counted(value, path);
  return { packetsBig: packetsBig ?? BigInt(packets), bytesBig: bytesBig ?? BigInt(bytes) };
};

const anything: Check<undefined> = () => undefined;

/** `assured`, `nat` and others are in the status and the tuples, or are not printed. */
const PRINTED = {
  family: word<Family>(['ipv4', 'ipv6']),
  protocolNumber: uint8,
  original: tuple,
  reply: tuple,
  id: uint32,
  zone: uint16,
  status,
  timeout: optional(uint32),
  mark: optional(uint32),
  use: optional(uint32),
  tcp: optional(
    record<{ readonly state: string }>(
      { state: wordOf(TCP_STATES) },
      { expected: '{ state }', view: 'the tcp of an entry', others: ['original', 'reply'] },
    ),
  ),
  sctp: optional(
    object<NonNullable<Printed['sctp']>>({
      state: wordOf(SCTP_STATES),
      originalTag: optional(uint32),
      replyTag: optional(uint32),
    }),
  ),
  dccp: optional(
    object<NonNullable<Printed['dccp']> & { readonly handshakeSequence?: undefined }>({
      state: wordOf(DCCP_STATES),
      role: optional(wordOf(DCCP_ROLES)),
      handshakeSequence: anything,
    }),
  ),
  counters: optional(
    object<NonNullable<Printed['counters']>>({
      original: directionCounters,
      reply: directionCounters,
    }),
  ),
  startTimeNs: optional(nanoseconds),
  stopTimeNs: optional(nanoseconds),
  labels: optional(labels),
  helper: optional(text(0, LONGEST_NAME)),
  securityContext: optional(text(0, LONGEST_NAME)),
};

const FIELDS = Object.keys(PRINTED) as (keyof Printed)[];
const FORM = { ...ENTRY_FORM, expected: 'an entry, or what its toJSON() returns' };

export interface PrintedEntry {
  readonly entry: Printed;
  readonly reading: Reading;
}

export function printedOf(value: unknown, path: string): PrintedEntry {
  if (typeof value === 'object' && value !== null && viewOf(value, path) === FORM.view) {
    const reading = EntryView.readingOf(value);
    // A view holds what the kernel has sent, which nobody has to check.
    if (reading !== undefined) return { entry: value as Entry, reading };
  }
  const entry = checked<Printed>(recordOf(value, path, FIELDS, FORM), path, PRINTED);
  // Its JSON does not say when it was read; and the kernel sends no zone 0.
  const timeNs = BigInt(Date.now()) * 1_000_000n;
  return { entry, reading: { timeNs, hasZone: entry.zone !== 0 } };
}
