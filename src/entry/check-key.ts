/**
 * Keys of arguments.
 */
import {
  boolean,
  type Check,
  isArray,
  optional,
  record,
  recordOf,
  uint16,
  uint32,
} from '../core/check.js';
import { STATUS_FLAGS } from '../core/names.js';
import { protocolOf, requireOneZone, tupleOf } from '../record/check-tuple.js';
import type { Tuple } from '../record/tuple.js';
import { nanoseconds } from './check-values.js';
import type { EntryJson } from './entry.js';

/** A key that was checked: one of the tuples. */
export interface CheckedKey {
  readonly protocol: number;
  readonly original: Tuple | undefined;
  readonly reply: Tuple | undefined;
  readonly zone: number | undefined;
  readonly id: number | undefined;
  readonly startTimeNs: bigint | undefined;
  /** It is that of an entry that has ended. */
  readonly isOver: boolean;
}

/** What an entry has, and so what a key or a specification may have. */
const ENTRY_FIELDS = Object.keys({
  family: true,
  protocol: true,
  protocolNumber: true,
  original: true,
  reply: true,
  id: true,
  zone: true,
  status: true,
  assured: true,
  timeout: true,
  mark: true,
  use: true,
  tcp: true,
  sctp: true,
  dccp: true,
  counters: true,
  startTime: true,
  stopTime: true,
  startTimeNs: true,
  stopTimeNs: true,
  labels: true,
  helper: true,
  securityContext: true,
  master: true,
  nat: true,
  sequenceAdjust: true,
  synproxy: true,
  final: true,
  unknownAttributes: true,
} satisfies Record<keyof EntryJson, true>);

/** What an entry, its JSON, a key and a specification have in common. */
export const ENTRY_FORM = {
  view: 'an entry',
  others: ENTRY_FIELDS,
  needs: ['protocol', 'original', 'reply'],
};

const KEY_FIELDS = [
  'protocol',
  'protocolNumber',
  'original',
  'reply',
  'zone',
  'id',
  'startTimeNs',
  'status',
] as const;

const KEY_FORM = {
  ...ENTRY_FORM,
  expected: 'an entry, or { protocol, original } or { protocol, reply }',
};

const zone = optional(uint16);
const id = optional(uint32);
const startTimeNs = optional(nanoseconds);

const statusOfEntry = record<{ dying?: boolean | undefined }>(
  { dying: optional(boolean) },
  {
    expected: 'the status of an entry',
    view: 'the status of an entry',
    others: ['bits', ...STATUS_FLAGS],
  },
);

/** The words of a specification, which is a key too, name no entry that has ended. */
const isDying: Check<boolean> = (status, path) =>
  status !== undefined && !isArray(status, path) && statusOfEntry(status, path).dying === true;

export function keyOf(value: unknown, path = 'key'): CheckedKey {
  const given = recordOf(value, path, KEY_FIELDS, KEY_FORM);
  const protocol = protocolOf(given, path);
  const { original, reply } = given;
  const key: CheckedKey = {
    protocol,
    original: original === undefined ? undefined : tupleOf(original, `${path}.original`, protocol),
    reply: original === undefined ? tupleOf(reply, `${path}.reply`, protocol) : undefined,
    zone: zone(given.zone, `${path}.zone`),
    id: id(given.id, `${path}.id`),
    startTimeNs: startTimeNs(given.startTimeNs, `${path}.startTimeNs`),
    isOver: isDying(given.status, `${path}.status`),
  };
  requireOneZone(path, key.zone, key.original, key.reply);
  return key;
}
