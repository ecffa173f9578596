/**
 * What filters of entries and filters of expectations have in common.
 */
import {
  arrayOf,
  type Check,
  type Checks,
  isArray,
  itemsOf,
  object,
  optional,
  uint16,
} from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { Family } from '../core/names.js';
import { protocol, requireFamily } from '../record/check-tuple.js';
import { familyOf } from '../record/ip-address.js';
import type { PortFilter, TupleFilter } from './filter.js';
import { network } from './network.js';

/** A filter, and what messages and plans call it: `filter`, or `filter[2]` of several. */
export interface Named<T> {
  readonly path: string;
  readonly filter: T;
}

export const FILTER_FORM = 'a plain object or an array of them';

const PORTS = 'an integer from 0 to 65535 or { from, to }';
const range = object<{ readonly from: number; readonly to: number }>(
  { from: uint16, to: uint16 },
  PORTS,
);

export const ports: Check<PortFilter> = (value, path) => {
  if (typeof value === 'number') return uint16(value, path);
  const { from, to } = range(value, path);
  if (from > to) throw rangeError(path, `from must not exceed to: ${from}, ${to}`);
  return { from, to };
};

export const protocols: Check<number | number[]> = (value, path) =>
  isArray(value, path) ? arrayOf(protocol)(value, path) : protocol(value, path);

/** The ends of a flow. */
export type EndsFilter = Omit<TupleFilter, 'icmp' | 'zone'>;

export const ENDS: Checks<EndsFilter> = {
  source: optional(network),
  destination: optional(network),
  sourcePort: optional(ports),
  destinationPort: optional(ports),
  sourceKey: optional(ports),
  destinationKey: optional(ports),
};

/** Keys are where other protocols have ports: no tuple has both. */
export function portsOrKeys<T extends EndsFilter>(check: Check<T>): Check<T> {
  return (value, path) => {
    const given = check(value, path);
    const { sourcePort, destinationPort, sourceKey, destinationKey } = given;
    if (
      (sourcePort ?? destinationPort) !== undefined &&
      (sourceKey ?? destinationKey) !== undefined
    ) {
      throw typeError(path, 'must have ports or keys (GRE), not both: no tuple has both');
    }
    return given;
  };
}

/** What matches has one address family: addresses of two would match nothing, in silence. */
export function requireOneFamily(
  family: Family | undefined,
  path: string,
  addresses: readonly (readonly [field: string, address: string | undefined])[],
): void {
  let first = family;
  let firstField = 'family';
  for (const [field, address] of addresses) {
    if (address === undefined) continue;
    if (first !== undefined) requireFamily(first, address, `${path}.${field}`, firstField);
    else [first, firstField] = [familyOf(address), field];
  }
}

/** Several filters of which none may match, or one. */
export function negationsBy<T>(filter: Check<T>): Check<T[]> {
  const several = arrayOf(filter);
  return (value, path) => (isArray(value, path) ? several(value, path) : [filter(value, path)]);
}

/** One filter, or several of which any may match. */
export function namedFilters<T extends { readonly not: readonly unknown[] | undefined }>(
  value: unknown,
  path: string,
  filter: Check<T>,
): Named<T>[] {
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
