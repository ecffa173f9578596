/**
 * Records become JSON by themselves, and come back from it.
 *
 * @module
 */
import {
  arrayOf,
  boolean,
  type Check,
  type Checks,
  checked,
  integer,
  optional,
  text,
  uint8,
  uint16,
  uint32,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { PROTOCOL_NUMBERS, type Protocol } from '../core/names.js';
import { shown } from '../core/show-value.js';
import type { Nat, NatEndpoint } from '../entry/entry.js';
import { address } from '../record/check-tuple.js';
import type { IcmpTuple, Tuple } from '../record/tuple.js';
import type {
  FlowDeleter,
  FlowDoubt,
  FlowNotice,
  FlowPart,
  FlowRecord,
  FlowTraffic,
  GapRecord,
  LossRecord,
  TrafficCount,
} from './flow-record.js';

/** What JSON makes of an object: a plain one. */
function objectIn(value: unknown, path: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw typeError(path, `must be a plain object, not ${shown(value)}`);
  }
  return value;
}

/** Has these fields. Others, which a newer version may have written, are left out. */
function fields<T extends object>(checks: Checks<T>): Check<T> {
  return (value, path) => ({ ...checked(objectIn(value, path), path, checks) });
}

const count = integer(0, Number.MAX_SAFE_INTEGER);
const words = text(0, LIMITS.lineCharacters);
const port = optional(uint16);

const date: Check<Date> = (value, path) => {
  const time = new Date(typeof value === 'string' ? value : Number.NaN);
  if (Number.isNaN(time.getTime())) throw typeError(path, 'must be a time as Date.toJSON() writes');
  return time;
};

const tuple = fields<Tuple>({
  source: address,
  destination: address,
  sourcePort: port,
  destinationPort: port,
  icmp: optional(fields<IcmpTuple>({ type: uint8, code: uint8, id: uint16 })),
  sourceKey: port,
  destinationKey: port,
  zone: port,
});
const endpoint = optional(fields<NatEndpoint>({ address, port }));
const counts = fields<TrafficCount>({ packets: count, bytes: count });
const traffic = optional(fields<FlowTraffic>({ original: counts, reply: counts }));

const part = fields<FlowPart>({
  type: word(['flow']),
  flow: text(1, 256),
  part: integer(1, Number.MAX_SAFE_INTEGER),
  outcome: word(['open', 'expired', 'deleted', 'unobserved']),
  deletedBy: optional(
    fields<FlowDeleter>({ portId: uint32, pid: optional(uint32), name: optional(words) }),
  ),
  family: word(['ipv4', 'ipv6']),
  protocol: word<Protocol>([...(Object.keys(PROTOCOL_NUMBERS) as Protocol[]), 'other']),
  protocolNumber: uint8,
  zone: uint16,
  id: uint32,
  original: tuple,
  reply: tuple,
  nat: optional(fields<Nat>({ source: endpoint, destination: endpoint })),
  mark: optional(uint32),
  labels: optional(words),
  helper: optional(words),
  state: optional(words),
  replied: boolean,
  start: optional(date),
  end: optional(date),
  durationMs: optional(count),
  from: optional(date),
  to: date,
  traffic,
  total: traffic,
  counters: traffic,
  estimated: boolean,
  doubts: optional(arrayOf(words as Check<FlowDoubt>)),
});
const lost = fields<LossRecord>({
  type: word(['lost']),
  cause: word(['kernel', 'queue']),
  count,
  at: date,
});
const gap = fields<GapRecord>({ type: word(['gap']), from: date, to: date });
const notice = fields<FlowNotice>({
  type: word(['notice']),
  code: words as Check<FlowNotice['code']>,
  message: words,
  setting: optional(words),
  suggested: optional(count),
  at: date,
});

const CHECKS: { readonly [Type in FlowRecord['type']]: Check<FlowRecord> } = {
  flow: part,
  lost,
  gap,
  notice,
};

function valueIn(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw typeError('json', `must be the JSON of a record: ${(error as Error).message}`, error);
  }
}

/**
 * Returns the record that `JSON.stringify` has made the text of, with its dates. Fields that this
 * version does not know are left out.
 *
 * @throws TypeError or RangeError for a text that is no record, naming the field.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { parseFlowRecord } from 'conntrack/flow-log';
 *
 * for (const line of (await readFile('flows.ndjson', 'utf8')).trimEnd().split('\n')) {
 *   const record = parseFlowRecord(line);
 *   if (record.type === 'flow') console.log(record.original.source, record.traffic);
 * }
 * ```
 */
export function parseFlowRecord(json: string): FlowRecord {
  if (typeof json !== 'string') throw typeError('json', 'must be a string');
  const value = valueIn(json);
  const { type } = objectIn(value, 'record') as { readonly type?: unknown };
  return CHECKS[word(Object.keys(CHECKS) as FlowRecord['type'][])(type, 'record.type')](
    value,
    'record',
  );
}
