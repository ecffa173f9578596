/**
 * What the tool prints, as `-o` asks for it.
 */
import { type CpuStats, type Entry, type FormatOptions, formatEntry } from 'conntrack';
import type { CommandName } from './options.js';
import type { Given } from './parse.js';
import { UsageError } from './usage-error.js';

const OUTPUTS: readonly string[] = [
  ...['extended', 'xml', 'save', 'timestamp', 'id', 'ktimestamp', 'labels', 'userspace'],
];

export interface Output {
  readonly lines: (entries: readonly Entry[]) => string[];
}

/** What is about labels shows them, but for `-D`. */
const showsLabels = (given: Given, command: CommandName): boolean =>
  command !== 'delete' && (given.label ?? given.labelAdd ?? given.labelDelete) !== undefined;

const BEGIN = ['<?xml version="1.0" encoding="utf-8"?>', '<conntrack>'];

/** What the tool prints before and behind the flows; it ends no other document than that of `-L`. */
const DOCUMENTS: {
  readonly [Name in CommandName]?: readonly [first: readonly string[], last: readonly string[]];
} = { list: [BEGIN, ['</conntrack>']], get: [BEGIN, []] };

/** The letter that a line of `-o save` begins with. */
const SAVE_LETTERS: { readonly [Name in CommandName]?: string } = { delete: 'D', update: 'U' };

/** @param names The names of labels by bit. */
export function outputIn(
  given: Given,
  command: CommandName,
  names: ReadonlyMap<number, string>,
): Output {
  const words = (given.output ?? []).flatMap((text) => text.split(','));
  for (const word of words) {
    if (!OUTPUTS.includes(word)) throw new UsageError(`--output has no word "${word}"`);
  }
  const has = (word: string) => words.includes(word);
  if (has('save')) {
    if (words.length > 1) throw new UsageError('--output save stands alone');
    const letter = SAVE_LETTERS[command] ?? 'A';
    return {
      lines: (entries) =>
        entries.map((entry) => formatEntry(entry, { format: 'save' }).replace(/^-A/, `-${letter}`)),
    };
  }
  const isXml = has('xml');
  const options: FormatOptions = {
    format: isXml ? 'xml' : has('extended') ? 'extended' : 'line',
    id: has('id'),
    timestamps: has('ktimestamp'),
    labels: has('labels') || showsLabels(given, command) ? names : undefined,
  };
  return {
    lines: (entries) => {
      const lines = entries.map((entry) => formatEntry(entry, options));
      if (!isXml || lines.length === 0) return lines;
      const [first, last] = DOCUMENTS[command] ?? [[], []];
      return [...first, ...lines, ...last];
    },
  };
}

/** The counters of `-S` by their name in the API, in the order in which the tool prints them. */
const COUNTERS = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  error: 'error',
  searchRestart: 'search_restart',
  clashResolve: 'clash_resolve',
  chainTooLong: 'chaintoolong',
} as const;

export function statsLine(stats: CpuStats): string {
  const counters = Object.entries(COUNTERS).flatMap(([name, word]) => {
    const value = stats[name as keyof typeof COUNTERS];
    return value === undefined ? [] : `${word}=${value} `;
  });
  const cpu = `cpu=${stats.cpu}`.padEnd(8);
  return `${cpu}\t${counters.join('')}`;
}
