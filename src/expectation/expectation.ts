/**
 * Expectations: flows that a helper waits for.
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

/** What the expected flow's NAT will be (`CTA_EXPECT_NAT`). */
export interface ExpectationNat extends NatEndpoint {
  /** The direction of the master flow whose packets are followed (`CTA_EXPECT_NAT_DIR`). */
  readonly direction: 'original' | 'reply';
}

/**
 * A flow that a helper has announced, such as the data connection of FTP: when it
 * comes, it belongs to its master. A read-only value; fields that the kernel did
 * not send are `undefined`.
 */
export interface Expectation {
  readonly family: Family;
  readonly protocol: Protocol;
  /** The IP protocol number, also when `protocol` is `'other'`. */
  readonly protocolNumber: number;
  /** What the first packet will look like, as far as the mask says (`CTA_EXPECT_TUPLE`). */
  readonly tuple: Tuple;
  /** Which bits of the tuple's source and source port count (`CTA_EXPECT_MASK`). */
  readonly mask: Tuple;
  /** The original tuple of the flow that it belongs to (`CTA_EXPECT_MASTER`). */
  readonly master: MasterTuple;
  /** A number for its life (`CTA_EXPECT_ID`). */
  readonly id: number;
  /** `CTA_EXPECT_ZONE`; 0 when there is none. The kernel (6.18) never sends it. */
  readonly zone: number;
  /** Seconds until it ends (`CTA_EXPECT_TIMEOUT`). */
  readonly timeout: number | undefined;
  readonly flags: ExpectationFlags;
  /** Which of the helper's policies it falls under (`CTA_EXPECT_CLASS`). */
  readonly class: number | undefined;
  /** The helper of the master (`CTA_EXPECT_HELP_NAME`), such as `'ftp'`. */
  readonly helper: string | undefined;
  /** What the kernel runs when the flow comes (`CTA_EXPECT_FN`), such as `'nat-follow-master'`. */
  readonly function: string | undefined;
  readonly nat: ExpectationNat | undefined;
  /** How many attributes the kernel sent that this version does not know. */
  readonly unknownAttributes: number;

  /** A plain object with every field that is there, fit for `JSON.stringify`. */
  toJSON(): ExpectationJson;
  /** The line that `conntrack -L expect` prints for it (conntrack-tools 1.4.7). */
  toString(): string;
}

/** Names one expectation. Every `Expectation` is such a key. */
export interface ExpectationKey {
  /** A word or an IP protocol number. `'other'` needs `protocolNumber` beside it. */
  readonly protocol: Protocol | number;
  readonly protocolNumber?: number | undefined;
  readonly tuple: Tuple;
  readonly zone?: number | undefined;
  /** When given, another expectation of the same tuple is not the one that is meant. */
  readonly id?: number | undefined;
}

/** What `createExpectation` takes. Every `Expectation` is one. */
export interface ExpectationSpec extends ExpectationKey {
  /**
   * Which bits of the tuple's source and source port must be equal: all when absent. A
   * `sourcePort` of 0 is any port. Of the destination all count always.
   */
  readonly mask?:
    | { readonly source?: string; readonly sourcePort?: number | undefined }
    | undefined;
  /** The original tuple of an entry with a helper; of the same protocol unless it says. */
  readonly master: Tuple | MasterTuple;
  /** Seconds. The kernel takes that of the helper's policy instead where it has one. */
  readonly timeout?: number | undefined;
  readonly flags?: readonly ExpectationFlag[] | ExpectationFlags | undefined;
  readonly class?: number | undefined;
  readonly helper?: string | undefined;
  readonly function?: string | undefined;
  readonly nat?: ExpectationNat | undefined;
}

/** What `expectation.toJSON()` gives. Fields that it does not have are left out. */
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
