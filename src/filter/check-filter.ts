/**
 * Filters of arguments.
 */
import {
  arrayOf,
  bits,
  boolean,
  type Check,
  type Checks,
  hasField,
  isArray,
  itemsOf,
  masked,
  object,
  optional,
  type Range,
  rangeOf,
  text,
  uint8,
  uint16,
  uint32,
  uint64,
  viewOf,
  word,
} from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { DCCP_ROLES, DCCP_STATES, SCTP_STATES, STATUS_FLAGS, TCP_STATES } from '../core/names.js';
import { shown } from '../core/show-value.js';
import { protocol, requireFamily } from '../record/check-tuple.js';
import { familyOf } from '../record/ip-address.js';
import { FILTER } from '../record/layout.js';
import type { EntryFilter, PortFilter, StateFilter, TupleFilter } from './filter.js';
import { network } from './network.js';

/** A filter, and what messages and plans call it: `filter`, or `filter[2]` of several. */
export interface NamedFilter {
  readonly path: string;
  readonly filter: CheckedFilter;
}

/** A filter with its protocols, its times and its counters as numbers. */
export type CheckedFilter = Omit<
  EntryFilter,
  'protocol' | 'startedAfter' | 'startedBefore' | 'counters' | 'not' | 'timeout'
> & {
  readonly protocol: number | readonly number[] | undefined;
  readonly timeout: Range<number> | undefined;
  readonly counters: CheckedCounters | undefined;
  /** Nanoseconds since 1970. */
  readonly startedAfter: bigint | undefined;
  readonly startedBefore: bigint | undefined;
  /** Which have no `not` of their own. */
  readonly not: readonly CheckedFilter[] | undefined;
};

export interface CheckedCounters {
  readonly original: CounterRanges | undefined;
  readonly reply: CounterRanges | undefined;
  readonly total: CounterRanges | undefined;
}

export interface CounterRanges {
  readonly packets: Range<bigint> | undefined;
  readonly bytes: Range<bigint> | undefined;
}

const PORTS = 'an integer from 0 to 65535 or { from, to }';
const range = object<{ readonly from: number; readonly to: number }>(
  { from: uint16, to: uint16 },
  PORTS,
);

const ports: Check<PortFilter> = (value, path) => {
  if (typeof value === 'number') return uint16(value, path);
  const { from, to } = range(value, path);
  if (from > to) throw rangeError(path, `from must not exceed to: ${from}, ${to}`);
  return { from, to };
};

const tupleFields = object<TupleFilter>({
  source: optional(network),
  destination: optional(network),
  sourcePort: optional(ports),
  destinationPort: optional(ports),
  sourceKey: optional(ports),
  destinationKey: optional(ports),
  icmp: optional(
    object<NonNullable<TupleFilter['icmp']>>({
      type: optional(uint8),
      code: optional(uint8),
      id: optional(uint16),
    }),
  ),
  zone: optional(uint16),
});

/** Keys are where other protocols have ports: no tuple has both. */
const tuple: Check<TupleFilter> = (value, path) => {
  const given = tupleFields(value, path);
  const { sourcePort, destinationPort, sourceKey, destinationKey } = given;
  if (
    (sourcePort ?? destinationPort) !== undefined &&
    (sourceKey ?? destinationKey) !== undefined
  ) {
    throw typeError(path, 'must have ports or keys (GRE), not both: no tuple has both');
  }
  return given;
};

/** A Date, or nanoseconds as an entry's startTimeNs has them. */
const time: Check<bigint> = (value, path) => {
  if (typeof value === 'bigint') return uint64(value, path);
  let milliseconds: number;
  try {
    milliseconds = Date.prototype.getTime.call(value as Date);
  } catch (error) {
    throw typeError(
      path,
      `must be a Date, or nanoseconds since 1970 as a bigint, not ${shown(value)}`,
      error,
    );
  }
  if (!(milliseconds >= 0)) throw rangeError(path, `must be from 1970 on, not ${milliseconds} ms`);
  return uint64(BigInt(milliseconds) * 1_000_000n, path);
};

const counterRange = rangeOf(uint64);
const direction = optional(
  object<CounterRanges>({ packets: optional(counterRange), bytes: optional(counterRange) }),
);

const protocols: Check<number | number[]> = (value, path) =>
  isArray(value, path) ? arrayOf(protocol)(value, path) : protocol(value, path);

const flags = optional(arrayOf(word(STATUS_FLAGS)));
const stateWord: Check<StateFilter> = word([
  ...new Set([...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES]),
]);
const states = arrayOf(stateWord);

const FILTER_FORM = 'a plain object or an array of them';
const FIELDS: Checks<Omit<CheckedFilter, 'not'>> = {
  family: optional(word(['ipv4', 'ipv6'])),
  protocol: optional(protocols),
  original: optional(tuple),
  reply: optional(tuple),
  address: optional(network),
  port: optional(ports),
  mark: optional(masked),
  zone: optional(uint16),
  status: optional(object<NonNullable<EntryFilter['status']>>({ all: flags, none: flags })),
  assured: optional(boolean),
  state: optional((value, path) => (isArray(value, path) ? states : stateWord)(value, path)),
  labels: optional(
    object<NonNullable<EntryFilter['labels']>>({
      all: optional(bits(128)),
      none: optional(bits(128)),
    }),
  ),
  helper: optional(text(1, FILTER.protocols - FILTER.helper)),
  nat: optional(word(['source', 'destination', 'any', 'none'])),
  id: optional(uint32),
  timeout: optional(rangeOf(uint32)),
  counters: optional(
    object<CheckedCounters>({ original: direction, reply: direction, total: direction }),
  ),
  startedAfter: optional(time),
  startedBefore: optional(time),
  sctp: optional(
    object<NonNullable<EntryFilter['sctp']>>({
      originalTag: optional(uint32),
      replyTag: optional(uint32),
    }),
  ),
  dccp: optional(object<NonNullable<EntryFilter['dccp']>>({ role: optional(word(DCCP_ROLES)) })),
};

const withoutNot = object<Omit<CheckedFilter, 'not'>>(FIELDS, FILTER_FORM);
const withNot = object<CheckedFilter>({ ...FIELDS, not: optional(negations) }, FILTER_FORM);

function filterBy(fields: Check<object>): Check<CheckedFilter> {
  return (value, path) => {
    if (isEntry(value, path)) {
      throw typeError(
        path,
        `must be ${FILTER_FORM}, not an entry; getEntry(), updateEntry() and deleteEntry() take one`,
      );
    }
    const checked = { not: undefined, ...fields(value, path) } as CheckedFilter;
    requireOneFamily(checked, path);
    return checked;
  };
}

const filter = filterBy(withNot);
const negation = filterBy(withoutNot);

function negations(value: unknown, path: string): CheckedFilter[] {
  return isArray(value, path) ? arrayOf(negation)(value, path) : [negation(value, path)];
}

/** Whether it is an entry, or what its toJSON() returns. */
function isEntry(value: unknown, path: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (viewOf(value, path) === 'an entry') return true;
  return hasField(value, path, 'protocolNumber') && hasField(value, path, 'original');
}

/** An entry has one address family: addresses of two would match nothing, in silence. */
function requireOneFamily({ family, address, original, reply }: CheckedFilter, path: string): void {
  let first = family;
  let firstField = 'family';
  const require = (address: string | undefined, field: string) => {
    if (address === undefined) return;
    if (first !== undefined) requireFamily(first, address, `${path}.${field}`, firstField);
    else [first, firstField] = [familyOf(address), field];
  };
  require(address, 'address');
  require(original?.source, 'original.source');
  require(original?.destination, 'original.destination');
  require(reply?.source, 'reply.source');
  require(reply?.destination, 'reply.destination');
}

/** One filter, or several of which any may match. */
export function filtersOf(value: unknown, path: string): NamedFilter[] {
  const named = isArray(value, path)
    ? itemsOf(value, path, 'an array', LIMITS.filters).map((item, index) => {
        const itemPath = `${path}[${index}]`;
        return { path: itemPath, filter: filter(item, itemPath) };
      })
    : [{ path, filter: filter(value, path) }];
  const all = named.reduce((sum, { filter }) => sum + 1 + (filter.not?.length ?? 0), 0);
  if (all > LIMITS.filters) {
    throw rangeError(
      path,
      `must have at most ${LIMITS.filters} filters, those of not included, not ${all}`,
    );
  }
  return named;
}
