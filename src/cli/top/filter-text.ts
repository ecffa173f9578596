/**
 * The filter that a person types: conditions of `list`, and shorter words for the most wanted.
 *
 *     10.0.0.0/8 443            --address 10.0.0.0/8 --port 443
 *     tcp established           --protocol tcp --state ESTABLISHED
 *     mark 7 or not tcp         --mark 7 --or --not --protocol tcp
 */
import { isIP } from 'node:net';
import { suggestion } from '../../core/show-value.js';
import {
  DCCP_STATES,
  type EntryFilter,
  OTHER_PROTOCOL_NUMBERS,
  PROTOCOL_NUMBERS,
  SCTP_STATES,
  TCP_STATES,
} from '../../index.js';
import { CONDITIONS, longOf, type OptionName, shapeOf } from '../line/options.js';
import { type Alternative, type Given, parseLine } from '../line/parse.js';
import { filtersIn } from '../read/filters.js';
import type { LabelBits } from '../read/values.js';
import { UsageError } from '../usage-error.js';
import type { Conditions } from './groupings.js';

const JOINING = ['or', 'not'] as const;

const PROTOCOLS = new Set([
  ...Object.keys(PROTOCOL_NUMBERS),
  ...Object.keys(OTHER_PROTOCOL_NUMBERS),
]);

const STATES: ReadonlySet<string> = new Set([...TCP_STATES, ...SCTP_STATES, ...DCCP_STATES]);

/** Long names of conditions, here and in conntrack(8). */
const NAMES = new Map<string, OptionName>(
  CONDITIONS.flatMap((name) =>
    [longOf(name), ...(shapeOf(name).old ?? [])].map((long) => [long, name] as const),
  ),
);

/** The same with the words of options; a text that is already so stays as it is. */
export function expanded(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const found: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const isOption = word.startsWith('-');
    const name = isOption ? optionIn(word) : NAMES.get(word.toLowerCase());
    if (!isOption && name === undefined) found.push(...meaningOf(word));
    else found.push(isOption ? word : `--${word.toLowerCase()}`);
    // The value of an option is no word of its own.
    const next = words[at + 1];
    if (name !== undefined && takesNext(name, next)) {
      found.push(next ?? '');
      at++;
    }
  }
  return found.join(' ');
}

/** The option whose value is the next word. */
function optionIn(word: string): OptionName | undefined {
  if (word.startsWith('--')) return NAMES.get(word.slice(2));
  return word.length === 2
    ? CONDITIONS.find((name) => shapeOf(name).letter === word[1])
    : undefined;
}

function takesNext(name: OptionName, next: string | undefined): boolean {
  const { value, isOptional = false } = shapeOf(name);
  return value !== undefined && next !== undefined && !(isOptional && next.startsWith('-'));
}

function meaningOf(word: string): readonly string[] {
  const small = word.toLowerCase();
  if (JOINING.some((one) => one === small)) return [`--${small}`];
  if (PROTOCOLS.has(small)) return ['--protocol', small];
  const [address = ''] = word.split('/');
  if (isIP(address) !== 0) return ['--address', word];
  if (/^\d+(-\d+)?$/.test(word)) return ['--port', word];
  const state = word.toUpperCase();
  if (STATES.has(state)) return ['--state', state];
  const words = [...NAMES.keys(), ...PROTOCOLS, ...JOINING, ...STATES];
  throw new UsageError(
    `"${word}" is no address, port, protocol, state or condition${suggestion(word, words)}`,
  );
}

/**
 * @returns `undefined`: the text has no conditions, and every flow matches.
 * @throws UsageError
 */
export function filtersOfText(text: string, labels: LabelBits): EntryFilter[] | undefined {
  const words = expanded(text).split(' ');
  if (words[0] === '') return undefined;
  const line = parseLine(['top', ...words]);
  const others = Object.keys(line.given).filter((name) => !CONDITIONS.includes(name as OptionName));
  const isOther = words.includes('--') || line.words.length > 0 || others.length > 0;
  if (line.command !== 'top' || isOther) {
    throw new UsageError('a filter has conditions alone');
  }
  return filtersIn(line, labels);
}

/** The text of the conditions of a command line. */
export function textOf(alternatives: readonly Alternative[]): string {
  const texts = alternatives.map(({ all, not }) =>
    [wordsOf(all), ...not.map((one) => `--not ${wordsOf(one)}`)]
      .filter((part) => part !== '')
      .join(' '),
  );
  return texts.join(' --or ');
}

function wordsOf(given: Given): string {
  const words = CONDITIONS.flatMap((name) =>
    (given[name] ?? []).flatMap((value) => {
      const { value: takes, isOptional = false } = shapeOf(name);
      if (takes === undefined || (isOptional && value === '')) return [`--${longOf(name)}`];
      return [`--${longOf(name)}`, value];
    }),
  );
  return words.join(' ');
}

/** A text whose flows meet the conditions as well. */
export function within(text: string, { all, not = [] }: Conditions): string {
  const alternatives = expanded(text).split(/(?:^| )--or(?= |$)/);
  const narrowed = alternatives.map((one) => {
    const at = one.search(/(?:^| )--not(?= |$)/);
    const [first, rest] = at === -1 ? [one, ''] : [one.slice(0, at), one.slice(at)];
    const behind = not.length === 0 ? '' : `--not ${not.join(' ')}`;
    return [first.trim(), all.join(' '), rest.trim(), behind]
      .filter((part) => part !== '')
      .join(' ');
  });
  return narrowed.join(' --or ');
}
