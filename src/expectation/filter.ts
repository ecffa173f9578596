/**
 * Filters of expectations.
 *
 * @module
 */
import type { ExpectationFlag, Family, ProtocolWord } from '../core/names.js';
import type { PortFilter, RangeFilter, TupleFilter } from '../filter/filter.js';

/** Conditions on one tuple of an expectation: on its values as they are, whatever the mask has. */
export type ExpectationTupleFilter = Omit<TupleFilter, 'icmp' | 'zone'>;

/** Conditions on the original tuple of the master. */
export interface MasterFilter extends ExpectationTupleFilter {
  /** As that of the expectation. */
  readonly protocol?: ExpectationConditions['protocol'];
}

/**
 * An expectation matches if it meets every condition. It matches an array of filters if it matches
 * any of them; an empty array matches nothing. An array has at most 20,000 filters.
 *
 * @example
 * ```ts
 * import { type ExpectationFilter, listExpectations } from 'conntrack';
 *
 * const filter: ExpectationFilter = { helper: 'ftp', master: { source: '10.0.0.0/8' } };
 * console.log((await listExpectations(filter)).length);
 * ```
 */
export interface ExpectationFilter extends ExpectationConditions {
  /** A filter, or several, of which an expectation may match none. */
  readonly not?: ExpectationConditions | readonly ExpectationConditions[] | undefined;
}

/** The conditions of a filter. What an expectation lacks does not match. */
export interface ExpectationConditions {
  /** The address family. */
  readonly family?: Family | undefined;
  /** A word, an IP protocol number, or a list of them: any may match. */
  readonly protocol?: ProtocolWord | number | readonly (ProtocolWord | number)[] | undefined;
  /** The tuple that is expected (`CTA_EXPECT_TUPLE`). */
  readonly tuple?: ExpectationTupleFilter | undefined;
  /** The mask (`CTA_EXPECT_MASK`): `{ sourcePort: 0 }` matches where any port will do. */
  readonly mask?: ExpectationTupleFilter | undefined;
  /** The original tuple of the master (`CTA_EXPECT_MASTER`). */
  readonly master?: MasterFilter | undefined;
  /** An address or network that either end of the tuple or of the master matches. */
  readonly address?: string | undefined;
  /** A port or range that either port of the tuple or of the master matches. */
  readonly port?: PortFilter | undefined;
  /** `CTA_EXPECT_ID`. */
  readonly id?: number | undefined;
  /** Seconds that are left (`CTA_EXPECT_TIMEOUT`). */
  readonly timeout?: RangeFilter | undefined;
  /** Flags that must be set (`all`) or clear (`none`). */
  readonly flags?:
    | {
        readonly all?: readonly ExpectationFlag[] | undefined;
        readonly none?: readonly ExpectationFlag[] | undefined;
      }
    | undefined;
  /** The number of the helper's policy (`CTA_EXPECT_CLASS`). */
  readonly class?: number | undefined;
  /** The name of the helper (`CTA_EXPECT_HELP_NAME`), such as `ftp`. */
  readonly helper?: string | undefined;
  /** The kernel's function (`CTA_EXPECT_FN`), such as `nat-follow-master`. */
  readonly function?: string | undefined;
}
