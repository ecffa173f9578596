/**
 * Entries from text.
 *
 * @module
 */
import { type Check, number, optional, options } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import { shown } from '../core/show-value.js';
import { labelName, labelNames } from './format.js';
import { specOfListLine } from './parse-list-line.js';
import { specOfSaveLine } from './parse-save-line.js';
import type { BitsOfLabels } from './parsed-spec.js';
import type { EntrySpec } from './spec.js';

/** Options of `parseEntries`. */
export interface ParseOptions {
  /**
   * The names of labels by bit, as `formatEntry` takes them. A line with a label whose name is not
   * among them is refused.
   */
  readonly labels?: ReadonlyMap<number, string> | undefined;
}

const parseOptionsOf = options<ParseOptions>({ labels: optional(labelNames) });

const textToParse: Check<string> = (value, path) => {
  if (typeof value !== 'string') throw typeError(path, `must be a string, not ${shown(value)}`);
  if (value.length <= LIMITS.textCharacters) return value;
  const most = `must have at most ${LIMITS.textCharacters} characters, not ${value.length}`;
  throw rangeError(path, `${most}; restoreEntries() reads a stream of any length`);
};

/**
 * Returns the specifications of the entries in a text that conntrack-tools has printed: lines of
 * `conntrack -L`, `-L -o extended` and `-L -o save` (1.4.7), in any mixture. Blank lines, and those
 * that begin with `#`, are skipped. `createEntries` takes the result.
 *
 * It leaves out what `createEntry` cannot set: counters, times, `use`, `id`, the security context. A
 * list does not tell whether a flow has NAT, and `-o save` tells it only where the address differs.
 * Otherwise this function takes a reply that is not the inverse of the original for the result of NAT,
 * because packets make no other. No line has TCP window scales and flags, sequence numbers, SYNPROXY
 * values and masters; a list has no SCTP tags and DCCP roles either, and `-o save` no marks, labels and
 * helpers. JSON has them all. A TCP flow gets the flags of `conntrack -A`, with which the kernel does
 * not check its windows: their scales are not known.
 *
 * A text has at most 268,435,456 characters, a line 65,536.
 *
 * @throws TypeError or RangeError for the first line that is neither, or that is no valid
 * specification, with its number and what is wrong in it. Events (`conntrack -E`) and XML are
 * refused.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { createEntries, parseEntries } from 'conntrack';
 *
 * const specs = parseEntries(await readFile('table.txt', 'utf8'));
 * for (const { error } of await createEntries(specs)) if (error) console.warn(error.message);
 * ```
 */
export function parseEntries(text: string, options?: ParseOptions): EntrySpec[] {
  const { labels } = parseOptionsOf(options);
  const lines = textToParse(text, 'text');
  const bits = bitsOf(labels);
  const specs: EntrySpec[] = [];
  let line = 0;
  for (let from = 0; from < lines.length; ) {
    const end = lines.indexOf('\n', from);
    const to = end === -1 ? lines.length : end;
    line++;
    try {
      const spec = specOfLine(lines.slice(from, to), bits);
      if (spec !== undefined) specs.push(spec);
    } catch (error) {
      throw errorOfLine(line, error as TypeError | RangeError);
    }
    from = to + 1;
  }
  return specs;
}

/** `undefined` for a line that says nothing. Throws a TypeError or a RangeError without a place. */
export function specOfLine(line: string, labels: BitsOfLabels | undefined): EntrySpec | undefined {
  lineLength(line.length, 'its length');
  const words = line.trim().split(/\s+/);
  const [first = ''] = words;
  if (first === '' || first.startsWith('#')) return undefined;
  if (first.startsWith('-')) return specOfSaveLine(words, labels);
  if (first.startsWith('[')) {
    throw typeError('it', 'is an event of conntrack -E; only lines of a table can be read');
  }
  if (first.startsWith('<')) throw typeError('it', 'is XML; only lines can be read');
  return specOfListLine(line, labels);
}

const lineLength = number(
  `at most ${LIMITS.lineCharacters} characters`,
  (length) => length <= LIMITS.lineCharacters,
);

function errorOfLine(line: number, error: TypeError | RangeError): Error {
  const make = error instanceof RangeError ? rangeError : typeError;
  return make('text', `line ${line}: ${error.message}`);
}

/** Of two bits with one name, the first. */
export function bitsOf(names: ReadonlyMap<number, string> | undefined): BitsOfLabels | undefined {
  if (names === undefined) return undefined;
  const bits = new Map<string, number>();
  for (const [bit, given] of Map.prototype.entries.call(names) as Iterable<[number, unknown]>) {
    const name = labelName(given, `options.labels.get(${String(bit)})`);
    if (!bits.has(name)) bits.set(name, labelBit(bit, 'options.labels'));
  }
  return bits;
}

const labelBit = number(
  'a Map of bits from 0 to 127',
  (bit) => Number.isInteger(bit) && bit >= 0 && bit <= 127,
);
