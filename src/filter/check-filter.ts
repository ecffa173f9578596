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
import { DCCP_ROLES, DCCP_STATES, SCTP_STATES, STATUS_FLAGS, TCP_STATES } from '../core/names.js';
import { shown } from '../core/show-value.js';
import { FILTER } from '../record/layout.js';
import {
  ENDS,
  FILTER_FORM,
  type Named,
  namedFilters,
  negationsBy,
  ports,
  portsOrKeys,
  protocols,
  requireOneFamily,
} from './check-conditions.js';
import type { EntryFilter, StateFilter, TupleFilter } from './filter.js';
import { network } from './network.js';

export type NamedFilter = Named<CheckedFilter>;

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

const tuple = portsOrKeys(
  object<TupleFilter>({
    ...ENDS,
    icmp: optional(
      object<NonNullable<TupleFilter['icmp']>>({
        type: optional(uint8),
        code: optional(uint8),
        id: optional(uint16),
      }),
    ),
    zone: optional(uint16),
  }),
);

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

const flags = optional(arrayOf(word(STATUS_FLAGS)));
const stateWord: Check<StateFilter> = word([
  ...new Set([...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES]),
]);
const states = arrayOf(stateWord);

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

const negation = filterBy(object<Omit<CheckedFilter, 'not'>>(FIELDS, FILTER_FORM));
const withNot = object<CheckedFilter>(
  { ...FIELDS, not: optional(negationsBy(negation)) },
  FILTER_FORM,
);

function filterBy(fields: Check<object>): Check<CheckedFilter> {
  return (value, path) => {
    if (isEntry(value, path)) {
      throw typeError(
        path,
        `must be ${FILTER_FORM}, not an entry; getEntry(), updateEntry() and deleteEntry() take one`,
      );
    }
    const checked = { not: undefined, ...fields(value, path) } as CheckedFilter;
    const { family, address, original, reply } = checked;
    requireOneFamily(family, path, [
      ['address', address],
      ['original.source', original?.source],
      ['original.destination', original?.destination],
      ['reply.source', reply?.source],
      ['reply.destination', reply?.destination],
    ]);
    return checked;
  };
}

const filter = filterBy(withNot);

/** Whether it is an entry, or what its toJSON() returns. */
function isEntry(value: unknown, path: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (viewOf(value, path) === 'an entry') return true;
  return hasField(value, path, 'protocolNumber') && hasField(value, path, 'original');
}

/** One filter, or several of which any may match. */
export function filtersOf(value: unknown, path: string): NamedFilter[] {
  return namedFilters(value, path, filter);
}
