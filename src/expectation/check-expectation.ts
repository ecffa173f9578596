/**
 * Keys and specifications of expectations in arguments, so that nothing wrong reaches
 * the kernel.
 */
import {
  arrayOf,
  boolean,
  type Check,
  checked,
  type Fields,
  integer,
  isArray,
  newTimeout,
  object,
  objectOf,
  optional,
  record,
  recordOf,
  text,
  uint16,
  uint32,
  word,
} from '../core/check.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { EXPECTATION_FLAGS, type ExpectationFlag } from '../core/names.js';
import {
  address,
  masterOf,
  protocolOf,
  refuseZone,
  requireFamily,
  TUPLE_FIELDS,
  type TupleOfProtocol,
  tupleOf,
} from '../record/check-tuple.js';
import { familyOf } from '../record/ip-address.js';
import type { Tuple } from '../record/tuple.js';
import type {
  ExpectationChanges,
  ExpectationJson,
  ExpectationNat,
  ExpectationSpec,
  FlushExpectationOptions,
} from './expectation.js';

/** The kernel's limits: NF_CT_HELPER_NAME_LEN, and what its own functions need. */
export const LONGEST_NAME = 15;
export const LONGEST_FUNCTION = 31;

export interface CheckedExpectationKey {
  readonly protocol: number;
  readonly tuple: Tuple;
  readonly zone: number | undefined;
  readonly id: number | undefined;
}

interface Mask {
  readonly source: string | undefined;
  readonly sourcePort: number | undefined;
}

interface Values {
  readonly mask: Mask | undefined;
  readonly timeout: number | undefined;
  readonly flags: number | undefined;
  readonly class: number | undefined;
  readonly helper: string | undefined;
  readonly function: string | undefined;
  readonly nat: ExpectationNat | undefined;
}

export interface CheckedExpectation extends Values, Omit<CheckedExpectationKey, 'id'> {
  readonly master: TupleOfProtocol;
}

/** What an expectation has, and so what a key or a specification may have. */
const EXPECTATION_FIELDS: readonly string[] = Object.keys({
  family: true,
  protocol: true,
  protocolNumber: true,
  tuple: true,
  mask: true,
  master: true,
  id: true,
  zone: true,
  timeout: true,
  flags: true,
  class: true,
  helper: true,
  function: true,
  nat: true,
  unknownAttributes: true,
} satisfies Record<keyof ExpectationJson, true>);

const EXPECTATION_FORM = {
  view: 'an expectation',
  others: EXPECTATION_FIELDS,
  needs: ['protocol', 'tuple'],
};

const listedFlags = arrayOf(word(EXPECTATION_FLAGS));

const flagsOfExpectation = record<Record<ExpectationFlag, boolean | undefined>>(
  { permanent: optional(boolean), inactive: optional(boolean), userspace: optional(boolean) },
  { expected: 'an array of words, or the flags of an expectation', others: ['bits'] },
);

const flags: Check<number> = (value, path) => {
  const named = isArray(value, path) ? listedFlags(value, path) : namesIn(value, path);
  return named.reduce((bits, flag) => bits | (1 << EXPECTATION_FLAGS.indexOf(flag)), 0);
};

function namesIn(value: unknown, path: string): ExpectationFlag[] {
  const given = flagsOfExpectation(value, path);
  return EXPECTATION_FLAGS.filter((flag) => given[flag] === true);
}

const VALUES = {
  mask: optional(
    record<Mask>(
      { source: optional(address), sourcePort: optional(uint16) },
      { expected: '{ source, sourcePort }', view: 'a tuple', others: TUPLE_FIELDS },
    ),
  ),
  timeout: optional(newTimeout),
  flags: optional(flags),
  class: optional(uint32),
  helper: optional(text(1, LONGEST_NAME)),
  function: optional(text(1, LONGEST_FUNCTION)),
  nat: optional(
    object<ExpectationNat>({
      direction: word(['original', 'reply']),
      address,
      port: optional(uint16),
    }),
  ),
};

const KEY_FIELDS = ['protocol', 'protocolNumber', 'tuple', 'zone', 'id'] as const;

const SPEC_FIELDS = [
  'protocol',
  'protocolNumber',
  'tuple',
  'zone',
  'master',
  ...(Object.keys(VALUES) as (keyof Values)[]),
] as const satisfies (keyof ExpectationSpec)[];

const KEY_FORM = { ...EXPECTATION_FORM, expected: 'an expectation, or { protocol, tuple }' };
const SPEC_FORM = {
  ...EXPECTATION_FORM,
  expected: 'an expectation, or { protocol, tuple, master }',
};

export function expectationKeyOf(value: unknown): CheckedExpectationKey {
  const given = recordOf(value, 'key', KEY_FIELDS, KEY_FORM);
  return { ...flowOf(given, 'key'), id: optional(uint32)(given.id, 'key.id') };
}

export function expectationSpecOf(value: unknown): CheckedExpectation {
  const given = recordOf(value, 'spec', SPEC_FIELDS, SPEC_FORM);
  const flow = flowOf(given, 'spec');
  const values = checked<Values>(given, 'spec', VALUES);
  if (flow.tuple.icmp !== undefined) {
    throw typeError('spec.tuple.icmp', 'cannot be expected: the kernel takes no mask for it');
  }
  const { mask, nat } = values;
  const { source, sourcePort, sourceKey } = flow.tuple;
  if (mask?.source !== undefined) {
    requireFamily(familyOf(source), mask.source, 'spec.mask.source', 'tuple');
  }
  if (mask?.sourcePort !== undefined && sourcePort === undefined) {
    throw typeError('spec.mask.sourcePort', `protocol ${flow.protocol} has none`);
  }
  if (nat?.port !== undefined && (sourcePort ?? sourceKey) === undefined) {
    throw typeError('spec.nat.port', `protocol ${flow.protocol} has none`);
  }
  return { ...flow, ...values, master: masterOf(given.master, 'spec.master', flow.protocol) };
}

function flowOf(
  given: Fields<'protocol' | 'protocolNumber' | 'tuple' | 'zone'>,
  path: string,
): Omit<CheckedExpectationKey, 'id'> {
  const protocol = protocolOf(given, path);
  const tuple = tupleOf(given.tuple, `${path}.tuple`, protocol);
  refuseZone(tuple, `${path}.tuple`);
  return { protocol, tuple, zone: optional(uint16)(given.zone, `${path}.zone`) };
}

/** Anything else the kernel ignores, and reports success. */
export const expectationChangesOf = (value: unknown): ExpectationChanges =>
  changes(value, 'changes');

const seconds = integer(0, LIMITS.longestTimeoutSeconds);
const changes = object<ExpectationChanges>(
  { timeout: (value, path) => Math.max(1, seconds(value, path)) },
  '{ timeout }',
);

/** A helper that is misspelled, or undefined by accident, does not mean all. */
export function flushedHelper(options: FlushExpectationOptions = {}): string | undefined {
  const given = objectOf(options, 'options', ['helper']);
  return 'helper' in given ? text(1, LONGEST_NAME)(given.helper, 'options.helper') : undefined;
}
