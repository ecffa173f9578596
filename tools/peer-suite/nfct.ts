/**
 * Runs a command line of nfct(8), of its subsystem `timeout`, through the API of this package.
 */
import {
  type Conntrack,
  ConntrackError,
  type DefaultTimeouts,
  type Family,
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutProtocol,
  type TimeoutState,
  type Timeouts,
} from 'conntrack';
import type { Ended } from './translate/run.js';
import { UsageError } from './translate/usage-error.js';
import { number32 } from './translate/values.js';

/** The words of nfct that are not ours in small letters. */
const WORDS: { readonly [State in TimeoutState]?: string } = {
  closeRequest: 'closereq',
  maxRetrans: 'retrans',
  partOpen: 'partopen',
};

/** `timeWait` is `time_wait`, of DCCP `timewait`. */
export function wordOf(state: TimeoutState, protocol: TimeoutProtocol): string {
  const separator = protocol === 'dccp' ? '' : '_';
  return WORDS[state] ?? state.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);
}

const FAMILIES = { inet: ['ipv4', 2], inet6: ['ipv6', 10] } as const;

/** It prints a list or a policy; its exit code is 1 for all that goes wrong. */
export async function runNfct(words: readonly string[], handle: Conntrack): Promise<Ended> {
  try {
    return { code: 0, lines: await perform(words, handle), message: '' };
  } catch (error) {
    const known = [UsageError, ConntrackError, TypeError, RangeError];
    if (!known.some((one) => error instanceof one)) throw error;
    return { code: 1, lines: [], message: (error as Error).message };
  }
}

async function perform(
  [command = '', subsystem = '', ...rest]: readonly string[],
  handle: Conntrack,
): Promise<readonly string[]> {
  if (subsystem !== 'timeout') throw new UsageError(`unknown subsystem "${subsystem}"`);
  switch (command) {
    case 'list':
      return (await handle.listTimeoutPolicies()).flatMap(linesOfPolicy);
    case 'add': {
      const [name = '', family, protocol, ...pairs] = rest;
      const { family: known } = familyIn(family);
      const spec = { name, family: known, ...timeoutsIn(protocol, pairs) };
      await handle.createTimeoutPolicy(spec);
      return [];
    }
    case 'get': {
      const policy = await handle.getTimeoutPolicy(nameIn(rest));
      if (policy === undefined) throw new UsageError('no such policy');
      return linesOfPolicy(policy);
    }
    case 'delete':
    case 'del':
      if (await handle.deleteTimeoutPolicy(nameIn(rest))) return [];
      throw new UsageError('no such policy');
    case 'flush':
      for (const { name } of await handle.listTimeoutPolicies()) {
        await handle.deleteTimeoutPolicy(name);
      }
      return [];
    case 'default-get': {
      const [family, protocol] = rest;
      const { number } = familyIn(family);
      return linesOf(await handle.readDefaultTimeouts(protocolIn(protocol)), number);
    }
    case 'default-set': {
      const [family, protocol, ...pairs] = rest;
      familyIn(family);
      const { protocol: known, timeouts } = timeoutsIn(protocol, pairs);
      await handle.writeDefaultTimeouts(known, timeouts);
      return [];
    }
    default:
      throw new UsageError(`unknown command "${command}"`);
  }
}

function nameIn([name]: readonly string[]): string {
  if (name === undefined) throw new UsageError('the name of the policy is missing');
  return name;
}

function familyIn(word = ''): { family: Family; number: number } {
  if (!Object.hasOwn(FAMILIES, word)) throw new UsageError(`unknown family "${word}"`);
  const [family, number] = FAMILIES[word as keyof typeof FAMILIES];
  return { family, number };
}

function protocolIn(word = ''): TimeoutProtocol {
  if (!Object.hasOwn(TIMEOUT_STATES, word)) throw new UsageError(`unknown protocol "${word}"`);
  return word as TimeoutProtocol;
}

function timeoutsIn(
  word: string | undefined,
  pairs: readonly string[],
): { protocol: TimeoutProtocol; timeouts: Timeouts } {
  const protocol = protocolIn(word);
  const states: readonly TimeoutState[] = TIMEOUT_STATES[protocol];
  const timeouts: { [State in TimeoutState]?: number } = {};
  for (let at = 0; at < pairs.length; at += 2) {
    const [name = '', seconds] = pairs.slice(at, at + 2);
    const state = states.find((one) => wordOf(one, protocol) === name);
    if (state === undefined) throw new UsageError(`${protocol} has no state "${name}"`);
    if (seconds === undefined) throw new UsageError(`the seconds of ${name} are missing`);
    timeouts[state] = number32(seconds, name);
  }
  return { protocol, timeouts };
}

const linesOfPolicy = (policy: TimeoutPolicy): string[] => [
  `.${policy.name} = {`,
  ...linesOf(policy, policy.family === 'ipv6' ? 10 : 2),
];

function linesOf(defaults: DefaultTimeouts, family: number): string[] {
  const { protocol, protocolNumber, timeouts } = defaults;
  const states: readonly TimeoutState[] = protocol === 'other' ? [] : TIMEOUT_STATES[protocol];
  return [
    `\t.l3proto = ${family},`,
    `\t.l4proto = ${protocolNumber},`,
    '\t.policy = {',
    ...states.flatMap((state) =>
      timeouts[state] === undefined
        ? []
        : [
            `\t\t.${wordOf(state, protocol as TimeoutProtocol).toUpperCase()} = ${timeouts[state]},`,
          ],
    ),
    '\t},',
    '};',
  ];
}
