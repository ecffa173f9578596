/**
 * Filters of expectations in arguments.
 */
import {
  arrayOf,
  type Check,
  type Checks,
  hasField,
  object,
  optional,
  type Range,
  rangeOf,
  text,
  uint32,
  viewOf,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { EXPECTATION_FLAGS } from '../core/names.js';
import {
  ENDS,
  type EndsFilter,
  FILTER_FORM,
  type Named,
  namedFilters,
  negationsBy,
  ports,
  portsOrKeys,
  protocols,
  requireOneFamily,
} from '../filter/check-conditions.js';
import { network } from '../filter/network.js';
import { LONGEST_FUNCTION, LONGEST_NAME } from './check-expectation.js';
import type { ExpectationFilter } from './filter.js';

/** A filter with its protocols as numbers. */
export type CheckedExpectationFilter = Omit<
  ExpectationFilter,
  'protocol' | 'master' | 'timeout' | 'not'
> & {
  readonly protocol: number | readonly number[] | undefined;
  readonly master: CheckedMasterFilter | undefined;
  readonly timeout: Range<number> | undefined;
  /** Which have no `not` of their own. */
  readonly not: readonly CheckedExpectationFilter[] | undefined;
};

export interface CheckedMasterFilter extends EndsFilter {
  readonly protocol: number | readonly number[] | undefined;
}

const ends = portsOrKeys(object<EndsFilter>(ENDS));
const flags = optional(arrayOf(word(EXPECTATION_FLAGS)));

const FIELDS: Checks<Omit<CheckedExpectationFilter, 'not'>> = {
  family: optional(word(['ipv4', 'ipv6'])),
  protocol: optional(protocols),
  tuple: optional(ends),
  mask: optional(ends),
  master: optional(
    portsOrKeys(object<CheckedMasterFilter>({ ...ENDS, protocol: optional(protocols) })),
  ),
  address: optional(network),
  port: optional(ports),
  id: optional(uint32),
  timeout: optional(rangeOf(uint32)),
  flags: optional(object<NonNullable<ExpectationFilter['flags']>>({ all: flags, none: flags })),
  class: optional(uint32),
  helper: optional(text(1, LONGEST_NAME)),
  function: optional(text(1, LONGEST_FUNCTION)),
};

function filterBy(fields: Check<object>): Check<CheckedExpectationFilter> {
  return (value, path) => {
    if (isExpectation(value, path)) {
      throw typeError(
        path,
        `must be ${FILTER_FORM}, not an expectation; getExpectation(), updateExpectation() and ` +
          'deleteExpectation() take one',
      );
    }
    const checked = { not: undefined, ...fields(value, path) } as CheckedExpectationFilter;
    const { family, address, tuple, mask, master } = checked;
    requireOneFamily(family, path, [
      ['address', address],
      ['tuple.source', tuple?.source],
      ['tuple.destination', tuple?.destination],
      ['mask.source', mask?.source],
      ['mask.destination', mask?.destination],
      ['master.source', master?.source],
      ['master.destination', master?.destination],
    ]);
    return checked;
  };
}

const negation = filterBy(object<Omit<CheckedExpectationFilter, 'not'>>(FIELDS, FILTER_FORM));
const filter = filterBy(
  object<CheckedExpectationFilter>(
    { ...FIELDS, not: optional(negationsBy(negation)) },
    FILTER_FORM,
  ),
);

/** Whether it is an expectation, or what its toJSON() returns. */
function isExpectation(value: unknown, path: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (viewOf(value, path) === 'an expectation') return true;
  return hasField(value, path, 'protocolNumber') && hasField(value, path, 'master');
}

/** One filter, or several of which any may match. */
export function expectationFiltersOf(
  value: unknown,
  path = 'filter',
): Named<CheckedExpectationFilter>[] {
  return namedFilters(value, path, filter);
}
