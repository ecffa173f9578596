/**
 * Runs a command line of nfct(8), of its subsystem `timeout`, as `timeouts` of this package.
 */
import {
  type DefaultTimeouts,
  type Family,
  TIMEOUT_STATES,
  type TimeoutPolicy,
  type TimeoutProtocol,
  type TimeoutState,
} from 'conntrack';
import type { ToolEnded } from './twin.js';

/** Runs a command line of this package. */
type Run = (words: readonly string[]) => Promise<ToolEnded>;

/** What has no meaning in nfct, either. */
class Nonsense extends Error {
  override readonly name = 'Nonsense';
}

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
export const nfctWith =
  (run: Run) =>
  async (words: readonly string[]): Promise<ToolEnded> => {
    try {
      return await perform(words, run);
    } catch (error) {
      if (!(error instanceof Nonsense)) throw error;
      return { code: 1, lines: [], message: error.message };
    }
  };

async function perform(
  [command = '', subsystem = '', ...rest]: readonly string[],
  run: Run,
): Promise<ToolEnded> {
  if (subsystem !== 'timeout') throw new Nonsense(`unknown subsystem "${subsystem}"`);
  const timeouts = async (...words: readonly string[]) => run(['timeouts', ...words]);
  switch (command) {
    case 'list':
      return printed(await timeouts('list', '--json'), ({ kind }) => kind === 'policy');
    case 'add': {
      const [name = '', family, protocol, ...pairs] = rest;
      const known = ['--family', familyIn(family).family, '--protocol', protocolIn(protocol)];
      return silent(await timeouts('create', ...known, '--', name, ...pairsIn(protocol, pairs)));
    }
    case 'get':
      return printed(await timeouts('get', '--json', '--', nameIn(rest)));
    case 'delete':
    case 'del':
      return silent(await timeouts('delete', '--', nameIn(rest)));
    case 'flush': {
      const { lines } = await timeouts('list', '--json');
      for (const { name } of lines.map(policyOf)) {
        if (name !== undefined) await timeouts('delete', '--', name);
      }
      return { code: 0, lines: [], message: '' };
    }
    case 'default-get': {
      const [family, protocol] = rest;
      const { number } = familyIn(family);
      return printed(await timeouts('get', '--json', protocolIn(protocol)), undefined, number);
    }
    case 'default-set': {
      const [family, protocol, ...pairs] = rest;
      familyIn(family);
      return silent(await timeouts('set', protocolIn(protocol), ...pairsIn(protocol, pairs)));
    }
    default:
      throw new Nonsense(`unknown command "${command}"`);
  }
}

type Line = { readonly kind: string; readonly name?: string } & (DefaultTimeouts | TimeoutPolicy);

const policyOf = (line: string) => JSON.parse(line) as Line;

/** The lines of JSON, as nfct prints them. */
function printed(
  { code, lines, message }: ToolEnded,
  isWanted: (line: Line) => boolean = () => true,
  family?: number,
): ToolEnded {
  const wanted = lines.map(policyOf).filter(isWanted);
  return { code, message, lines: wanted.flatMap((one) => linesOfPolicy(one, family)) };
}

const silent = ({ code, message }: ToolEnded): ToolEnded => ({ code, message, lines: [] });

function nameIn([name]: readonly string[]): string {
  if (name === undefined) throw new Nonsense('the name of the policy is missing');
  return name;
}

function familyIn(word = ''): { family: Family; number: number } {
  if (!Object.hasOwn(FAMILIES, word)) throw new Nonsense(`unknown family "${word}"`);
  const [family, number] = FAMILIES[word as keyof typeof FAMILIES];
  return { family, number };
}

function protocolIn(word = ''): TimeoutProtocol {
  if (!Object.hasOwn(TIMEOUT_STATES, word)) throw new Nonsense(`unknown protocol "${word}"`);
  return word as TimeoutProtocol;
}

/** `established 100` is `established=100`. */
function pairsIn(word: string | undefined, words: readonly string[]): string[] {
  const protocol = protocolIn(word);
  const states: readonly TimeoutState[] = TIMEOUT_STATES[protocol];
  return Array.from({ length: Math.ceil(words.length / 2) }, (_, index) => {
    const [name = '', seconds] = words.slice(index * 2, index * 2 + 2);
    const state = states.find((one) => wordOf(one, protocol) === name) ?? name;
    return seconds === undefined ? state : `${state}=${seconds}`;
  });
}

function linesOfPolicy(line: Line, family = 2): string[] {
  if (!('name' in line)) return linesOf(line, family);
  const policy = line as TimeoutPolicy;
  return [`.${policy.name} = {`, ...linesOf(policy, policy.family === 'ipv6' ? 10 : 2)];
}

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
