/**
 * Which entries a function works on.
 *
 * @module
 */
import { typeError } from './errors.js';
import { FAMILY_NUMBERS } from './internal/layout.js';
import type { Family } from './names.js';

/**
 * An entry matches when it has every field that is named. Where a function takes
 * filters, an array of them means: any of these.
 */
export interface EntryFilter {
  /** Only entries of this address family. */
  readonly family?: Family | undefined;
}

const FIELDS = ['family'] satisfies (keyof EntryFilter)[];

/**
 * The families that a filter leaves in, as the number for the kernel: 0 for
 * both. `undefined` when it leaves none.
 */
export function familyNumber(
  filter: EntryFilter | readonly EntryFilter[] | undefined,
): number | undefined {
  const filters = filter === undefined ? [{}] : Array.isArray(filter) ? filter : [filter];
  const families = new Set(filters.map(familyOf));
  if (families.size === 0) return undefined;
  const [only] = families;
  return only !== undefined && families.size === 1 ? FAMILY_NUMBERS[only] : 0;
}

function familyOf(filter: unknown): Family | undefined {
  if (typeof filter !== 'object' || filter === null) {
    throw typeError('filter', 'must be an object or an array of objects');
  }
  for (const field of Object.keys(filter)) {
    if (!FIELDS.some((known) => known === field)) {
      throw typeError(`filter.${field}`, `no such field; there is ${FIELDS.join(', ')}`);
    }
  }
  const { family } = filter as EntryFilter;
  if (family !== undefined && !isFamily(family)) {
    throw typeError('filter.family', `must be 'ipv4' or 'ipv6', not ${JSON.stringify(family)}`);
  }
  return family;
}

function isFamily(value: unknown): value is Family {
  return typeof value === 'string' && Object.hasOwn(FAMILY_NUMBERS, value);
}
