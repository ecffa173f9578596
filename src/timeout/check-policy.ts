/**
 * Timeout policies of arguments, so that nothing wrong reaches the kernel.
 */
import { integer, objectOf, recordOf, text, uint8, word } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { PROTOCOL_NUMBERS } from '../core/names.js';
import { protocolAmong } from '../record/check-tuple.js';
import { FAMILY_NUMBERS, TIMEOUTS } from '../record/layout.js';
import {
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutPolicySpec,
  type TimeoutProtocol,
  type TimeoutState,
  type Timeouts,
} from './policy.js';

/** Seconds by the number of the kernel's attribute. */
export type SecondsOfStates = ReadonlyMap<number, number>;

export interface CheckedPolicy {
  readonly name: string;
  readonly family: number;
  readonly protocol: number;
  readonly seconds: SecondsOfStates;
}

const NUMBERS: Readonly<Record<TimeoutProtocol, number>> = {
  ...PROTOCOL_NUMBERS,
  generic: 255, // IPPROTO_RAW
};
const ALL_STATES = [...new Set(Object.values(TIMEOUT_STATES).flat())] as TimeoutState[];

export function timeoutProtocolName(number: number): TimeoutProtocol | undefined {
  const names = Object.keys(TIMEOUT_STATES) as TimeoutProtocol[];
  return names.find((name) => NUMBERS[name] === number);
}

/** None of a protocol without a name. */
export function statesOf(protocol: number): readonly TimeoutState[] {
  const name = timeoutProtocolName(protocol);
  return name === undefined ? [] : TIMEOUT_STATES[name];
}

const protocol = protocolAmong(NUMBERS);

/** The kernel multiplies seconds by its ticks per second, in 32 bits and unnoticed. */
const seconds = integer(0, LIMITS.longestTimeoutSeconds);

const policyName = text(1, TIMEOUTS.longestName);
const familyWord = word(['ipv4', 'ipv6']);

const SPEC_FIELDS = [
  'name',
  'family',
  'protocol',
  'protocolNumber',
  'timeouts',
] as const satisfies (keyof TimeoutPolicySpec)[];

const SPEC_FORM = {
  expected: 'a timeout policy, or { name, family, protocol, timeouts }',
  others: ['use', 'unknownAttributes'] satisfies (keyof TimeoutPolicy)[],
};

export function policySpecOf(value: unknown): CheckedPolicy {
  const given = recordOf(value, 'spec', SPEC_FIELDS, SPEC_FORM);
  const number =
    given.protocol === 'other'
      ? uint8(given.protocolNumber, 'spec.protocolNumber')
      : protocol(given.protocol, 'spec.protocol');
  return {
    name: policyName(given.name, 'spec.name'),
    family: FAMILY_NUMBERS[familyWord(given.family, 'spec.family')],
    protocol: number,
    seconds:
      given.timeouts === undefined
        ? new Map()
        : secondsOf(number, timeoutsOf(given.timeouts, 'spec.timeouts'), 'spec.timeouts'),
  };
}

export const policyNameOf = (value: unknown): string => policyName(value, 'name');

export const timeoutProtocolOf = (value: unknown): number => protocol(value, 'protocol');

/** The states that are named, of any protocol. */
export function timeoutsOf(value: unknown, path: string): Timeouts {
  const given = objectOf(value, path, ALL_STATES);
  const timeouts: { -readonly [State in TimeoutState]?: number } = {};
  for (const state of ALL_STATES) {
    if (given[state] !== undefined) timeouts[state] = seconds(given[state], `${path}.${state}`);
  }
  return timeouts;
}

/** The same of a change, which names one at least. */
export function timeoutChangesOf(value: unknown): Timeouts {
  const timeouts = timeoutsOf(value, 'timeouts');
  if (Object.keys(timeouts).length === 0) throw typeError('timeouts', 'must name a state');
  return timeouts;
}

/** States of a protocol as the kernel numbers them; refuses those of another. */
export function secondsOf(protocol: number, timeouts: Timeouts, path: string): SecondsOfStates {
  const states = statesOf(protocol);
  const entries = Object.entries(timeouts) as [TimeoutState, number][];
  return new Map(
    entries.map(([state, value]) => {
      const index = states.indexOf(state);
      if (index < 0) throw typeError(`${path}.${state}`, otherStates(protocol, states));
      return [index + 1, value];
    }),
  );
}

function otherStates(protocol: number, states: readonly TimeoutState[]): string {
  const name = timeoutProtocolName(protocol);
  return name === undefined
    ? `protocol ${protocol} has no states with names`
    : `no state of protocol ${name}; known: ${states.join(', ')}`;
}
