/**
 * Whether expectations match a filter. The kernel compares none of it, and it has few: no more than
 * net.netfilter.nf_conntrack_expect_max.
 */
import type { Range } from '../core/check.js';
import type { Family } from '../core/names.js';
import type { EndsFilter } from '../filter/check-conditions.js';
import type { PortFilter } from '../filter/filter.js';
import { networkOf } from '../filter/network.js';
import { familyOf, writeAddress } from '../record/ip-address.js';
import type { Tuple } from '../record/tuple.js';
import {
  type CheckedExpectationFilter,
  type CheckedMasterFilter,
  expectationFiltersOf,
} from './check-filter.js';
import type { Expectation } from './expectation.js';
import type { ExpectationFilter } from './filter.js';

export interface ExpectationMatcher {
  readonly matches: (expectation: Expectation) => boolean;
  /** Whether one of the filters matches all expectations of a family, or of both. */
  readonly takesWholeFamily: boolean;
}

/** What is compared of an expectation, read once. */
interface Subject {
  readonly expectation: Expectation;
  readonly family: Family;
  readonly tuple: Ends;
  readonly mask: Ends;
  readonly master: Ends & { readonly protocol: number };
}

interface Ends {
  readonly values: Tuple;
  readonly source: Address;
  readonly destination: Address;
}

/** Four words, the first one of IPv4. */
type Address = readonly number[];

type Condition = (subject: Subject) => boolean;

/** Throws a TypeError or a RangeError that names the field which is wrong. */
export function expectationMatcher(
  filter: ExpectationFilter | readonly ExpectationFilter[] | undefined,
): ExpectationMatcher {
  const filters = expectationFiltersOf(filter === undefined ? {} : filter).map(({ filter }) => {
    const conditions = [...conditionsOf(filter)];
    return { ...filter, family: [...familiesOf(filter)], conditions };
  });
  const any = filters.map(({ family, conditions }) => all([...family, ...conditions]));
  return {
    matches: (expectation) => {
      const subject = subjectOf(expectation);
      return any.some((matches) => matches(subject));
    },
    takesWholeFamily: filters.some(({ conditions }) => conditions.length === 0),
  };
}

const all =
  (conditions: readonly Condition[]): Condition =>
  (subject) =>
    conditions.every((condition) => condition(subject));

/** The family of the filter, and those of its addresses: networks of all addresses are no more. */
function* familiesOf(filter: CheckedExpectationFilter): Iterable<Condition> {
  const { family, address, tuple, mask, master } = filter;
  const texts = [
    address,
    ...[tuple, mask, master].flatMap((ends) => [ends?.source, ends?.destination]),
  ];
  const families = texts.filter((text) => text !== undefined).map(familyOf);
  for (const wanted of new Set([...(family === undefined ? [] : [family]), ...families])) {
    yield (subject) => subject.family === wanted;
  }
}

function* conditionsOf(filter: CheckedExpectationFilter): Iterable<Condition> {
  const { protocol, tuple, mask, master, address, port, id, timeout, flags, not } = filter;
  if (protocol !== undefined) {
    const isOne = oneOf(protocol);
    yield ({ expectation }) => isOne(expectation.protocolNumber);
  }
  if (tuple !== undefined) yield* endsConditions(tuple, (subject) => subject.tuple);
  if (mask !== undefined) yield* endsConditions(mask, (subject) => subject.mask);
  if (master !== undefined) yield* masterConditions(master);
  if (address !== undefined) {
    const isIn = within(address);
    if (isIn !== undefined) {
      yield ({ tuple, master }) =>
        isIn(tuple.source) ||
        isIn(tuple.destination) ||
        isIn(master.source) ||
        isIn(master.destination);
    }
  }
  if (port !== undefined) {
    const isIn = among(port);
    yield ({ tuple, master }) =>
      [tuple.values, master.values].some(
        ({ sourcePort, destinationPort }) => isIn(sourcePort) || isIn(destinationPort),
      );
  }
  if (id !== undefined) yield ({ expectation }) => expectation.id === id;
  if (timeout !== undefined && (timeout.from ?? timeout.to) !== undefined) {
    const isIn = among(rangeOf(timeout));
    yield ({ expectation }) => isIn(expectation.timeout);
  }
  for (const flag of flags?.all ?? []) yield ({ expectation }) => expectation.flags[flag];
  for (const flag of flags?.none ?? []) yield ({ expectation }) => !expectation.flags[flag];
  for (const name of ['class', 'helper', 'function'] as const) {
    const wanted = filter[name];
    if (wanted !== undefined) yield ({ expectation }) => expectation[name] === wanted;
  }
  for (const one of not ?? []) {
    const matches = all([...familiesOf(one), ...conditionsOf(one)]);
    yield (subject) => !matches(subject);
  }
}

function* masterConditions(filter: CheckedMasterFilter): Iterable<Condition> {
  const { protocol } = filter;
  if (protocol !== undefined) {
    const isOne = oneOf(protocol);
    yield ({ master }) => isOne(master.protocol);
  }
  yield* endsConditions(filter, ({ master }) => master);
}

function* endsConditions(
  filter: EndsFilter,
  endsOf: (subject: Subject) => Ends,
): Iterable<Condition> {
  for (const name of ['source', 'destination'] as const) {
    const isIn = filter[name] === undefined ? undefined : within(filter[name]);
    if (isIn !== undefined) yield (subject) => isIn(endsOf(subject)[name]);
  }
  for (const name of PORTS) {
    if (filter[name] === undefined) continue;
    const isIn = among(filter[name]);
    yield (subject) => isIn(endsOf(subject).values[name]);
  }
}

const PORTS = ['sourcePort', 'destinationPort', 'sourceKey', 'destinationKey'] as const;

function oneOf(given: number | readonly number[]): (value: number) => boolean {
  const numbers = new Set([given].flat());
  return (value) => numbers.has(value);
}

function among(filter: PortFilter): (value: number | undefined) => boolean {
  const { from, to } = typeof filter === 'number' ? { from: filter, to: filter } : filter;
  return (value) => value !== undefined && value >= from && value <= to;
}

const rangeOf = ({ from = 0, to = 0xffffffff }: Partial<Range<number>>) => ({ from, to });

/** Whether an address of the same family is in a network; `undefined`: every one is. */
function within(text: string): ((address: Address) => boolean) | undefined {
  const { address, prefix } = networkOf(text);
  if (prefix === 0) return undefined;
  const wanted = wordsOf(address);
  const masks = wanted.map((_, word) => maskOf(prefix - 32 * word));
  return (given) =>
    masks.every((mask, word) => (((given[word] ?? 0) ^ (wanted[word] ?? 0)) & mask) === 0);
}

/** The first so many bits of a word. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits);
}

function wordsOf(address: string): Address {
  const view = new DataView(new ArrayBuffer(16));
  writeAddress(view, 0, address);
  return [0, 4, 8, 12].map((at) => view.getUint32(at));
}

function subjectOf(expectation: Expectation): Subject {
  const { family, tuple, mask, master } = expectation;
  return {
    expectation,
    family,
    tuple: endsOf(tuple),
    mask: endsOf(mask),
    master: { ...endsOf(master), protocol: master.protocolNumber },
  };
}

const endsOf = (values: Tuple): Ends => ({
  values,
  source: wordsOf(values.source),
  destination: wordsOf(values.destination),
});
