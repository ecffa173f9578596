/**
 * Expectations: flows that a helper expects.
 *
 * @module
 */

import type { ExpectationFlag, Family, Protocol } from '../core/names.js';
import type { NatEndpoint } from '../entry/entry.js';
import type { MasterTuple, Tuple } from '../record/tuple.js';

/** The flags of an expectation (`CTA_EXPECT_FLAGS`), each `NF_CT_EXPECT_*` bit as a boolean. */
export interface ExpectationFlags extends Readonly<Record<ExpectationFlag, boolean>> {
  /** All bits as the kernel sent them, unknown ones included. */
  readonly bits: number;
}

/** The NAT of the expected flow (`CTA_EXPECT_NAT`). */
export interface ExpectationNat extends NatEndpoint {
  /** The direction of the master whose NAT the flow follows (`CTA_EXPECT_NAT_DIR`). */
  readonly direction: 'original' | 'reply';
}

/**
 * A flow that a helper has announced, such as the data connection of FTP. When it comes, the
 * kernel relates it to its master. A read-only value; fields that the kernel did not send are
 * `undefined`.
 */
export interface Expectation {
  readonly family: Family;
  readonly protocol: Protocol;
  /** The IP protocol number, also when `protocol` is `'other'`. */
  readonly protocolNumber: number;
  /** The tuple of the first packet, under `mask` (`CTA_EXPECT_TUPLE`). */
  readonly tuple: Tuple;
  /** The bits of source and source port that must be equal (`CTA_EXPECT_MASK`). */
  readonly mask: Tuple;
  /** The original tuple of the master (`CTA_EXPECT_MASTER`). */
  readonly master: MasterTuple;
  /** A number, constant for its life (`CTA_EXPECT_ID`). */
  readonly id: number;
  /** `CTA_EXPECT_ZONE`; defaults to 0. The kernel (6.18) never sends it. */
  readonly zone: number;
  /** Seconds until it ends (`CTA_EXPECT_TIMEOUT`). */
  readonly timeout: number | undefined;
  readonly flags: ExpectationFlags;
  /** The number of the helper's policy (`CTA_EXPECT_CLASS`). */
  readonly class: number | undefined;
  /** The helper of the master (`CTA_EXPECT_HELP_NAME`), such as `'ftp'`. */
  readonly helper: string | undefined;
  /**
   * The function that the kernel calls when the flow comes (`CTA_EXPECT_FN`), such as
   * `'nat-follow-master'`.
   */
  readonly function: string | undefined;
  readonly nat: ExpectationNat | undefined;
  /** The number of attributes that this version does not know. */
  readonly unknownAttributes: number;

  /** A plain object with every field that is there, fit for `JSON.stringify`. */
  toJSON(): ExpectationJson;
  /**
   * The line that `conntrack -L expect` prints for it (conntrack-tools 1.4.7), with control
   * characters of names escaped.
   */
  toString(): string;
}

/** Names one expectation. Every `Expectation` is such a key. */
export interface ExpectationKey {
  /** A name or an IP protocol number. `'other'` requires `protocolNumber`. */
  readonly protocol: Protocol | number;
  readonly protocolNumber?: number | undefined;
  readonly tuple: Tuple;
  readonly zone?: number | undefined;
  /** Matches only an expectation with this id, which may be that of an earlier one. */
  readonly id?: number | undefined;
}

/** The argument of `createExpectation`. Every `Expectation` is a valid one. */
export interface ExpectationSpec extends ExpectationKey {
  /**
   * The bits of source and source port that must be equal. Default: all. A `sourcePort` of 0
   * matches any port. The destination must always be equal.
   */
  readonly mask?:
    | { readonly source?: string; readonly sourcePort?: number | undefined }
    | undefined;
  /** The original tuple of an entry with a helper; of the same protocol unless it says. */
  readonly master: Tuple | MasterTuple;
  /**
   * Seconds; 0 counts as 1. The timeout of the helper's policy, if it has one, overrides it.
   */
  readonly timeout?: number | undefined;
  readonly flags?: readonly ExpectationFlag[] | ExpectationFlags | undefined;
  readonly class?: number | undefined;
  readonly helper?: string | undefined;
  readonly function?: string | undefined;
  readonly nat?: ExpectationNat | undefined;
}

/** The result of `expectation.toJSON()`. It omits the fields that the expectation lacks. */
export interface ExpectationJson {
  family: Family;
  protocol: Protocol;
  protocolNumber: number;
  tuple: Tuple;
  mask: Tuple;
  master: MasterTuple;
  id: number;
  zone: number;
  timeout?: number;
  flags: ExpectationFlags;
  class?: number;
  helper?: string;
  function?: string;
  nat?: ExpectationNat;
  unknownAttributes: number;
}

/** The argument of `updateExpectation`: the kernel (6.18) changes nothing else. */
export interface ExpectationChanges {
  /** Seconds from now on, from 0 to 2,147,483; 0 counts as 1. */
  readonly timeout: number;
}

/** Counts of `deleteExpectations`. */
export interface DeleteExpectationsResult {
  /** Expectations that matched. */
  readonly matched: number;
  readonly deleted: number;
  /** Matching expectations that ended before the delete. */
  readonly vanished: number;
}

/** Options of `flushExpectations`. */
export interface FlushExpectationOptions {
  /** The name of a helper, such as `ftp`: only its expectations. Default: all. */
  readonly helper?: string;
}
