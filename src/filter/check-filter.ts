/**
 * Filters of arguments.
 */
import {
  arrayOf,
  bits,
  boolean,
  type Check,
  hasField,
  isArray,
  itemsOf,
  masked,
  object,
  optional,
  text,
  uint8,
  uint16,
  viewOf,
  word,
} from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { DCCP_STATES, SCTP_STATES, STATUS_FLAGS, TCP_STATES } from '../core/names.js';
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

/** A filter with its protocol as a number. */
export type CheckedFilter = Omit<EntryFilter, 'protocol'> & {
  readonly protocol: number | undefined;
};

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

const tuple = object<TupleFilter>({
  source: optional(network),
  destination: optional(network),
  sourcePort: optional(ports),
  destinationPort: optional(ports),
  icmp: optional(
    object<NonNullable<TupleFilter['icmp']>>({
      type: optional(uint8),
      code: optional(uint8),
      id: optional(uint16),
    }),
  ),
  zone: optional(uint16),
});

const flags = optional(arrayOf(word(STATUS_FLAGS)));
const stateWord: Check<StateFilter> = word([
  ...new Set([...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES]),
]);
const states = arrayOf(stateWord);

const FILTER_FORM = 'a plain object or an array of them';
const fields = object<CheckedFilter>(
  {
    family: optional(word(['ipv4', 'ipv6'])),
    protocol: optional(protocol),
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
    helper: optional(text(1, FILTER.size - FILTER.helper)),
    nat: optional(word(['source', 'destination', 'any', 'none'])),
  },
  FILTER_FORM,
);

const filter: Check<CheckedFilter> = (value, path) => {
  if (isEntry(value, path)) {
    throw typeError(
      path,
      `must be ${FILTER_FORM}, not an entry; getEntry(), updateEntry() and deleteEntry() take one`,
    );
  }
  const checked = fields(value, path);
  requireOneFamily(checked, path);
  return checked;
};

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
  if (!isArray(value, path)) return [{ path, filter: filter(value, path) }];
  return itemsOf(value, path, 'an array', LIMITS.filters).map((item, index) => {
    const itemPath = `${path}[${index}]`;
    return { path: itemPath, filter: filter(item, itemPath) };
  });
}
