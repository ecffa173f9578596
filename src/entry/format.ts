/**
 * Entries as text.
 *
 * @module
 */
import { types } from 'node:util';
import { boolean, type Check, optional, options, word } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { shown } from '../core/show-value.js';
import { printedOf } from './check-printed.js';
import type { Entry, EntryJson } from './entry.js';
import { flowXml } from './flow-xml.js';
import { conntrackLine } from './line.js';
import type { PrintedParts } from './printed.js';
import { saveLine } from './save-line.js';

/**
 * The formats of `formatEntry`.
 *
 * @example
 * ```ts
 * import { ENTRY_FORMATS, formatEntry, listEntries } from 'conntrack';
 *
 * const [entry] = await listEntries();
 * for (const format of ENTRY_FORMATS) {
 *   if (entry !== undefined) console.log(formatEntry(entry, { format }));
 * }
 * ```
 */
export const ENTRY_FORMATS = ['line', 'extended', 'save', 'xml'] as const;

/** One of {@link ENTRY_FORMATS}. */
export type EntryFormat = (typeof ENTRY_FORMATS)[number];

/** Options of `formatEntry`: those of `conntrack -L -o`. */
export interface FormatOptions {
  /**
   * `'line'`: `conntrack -L`. `'extended'`: `-o extended`, with the address family. `'save'`:
   * `-o save`, the options of the `conntrack -A` that creates the entry; it takes no other option.
   * `'xml'`: the `<flow>` of `-o xml`. Default: `'line'`.
   */
  readonly format?: EntryFormat | undefined;
  /** `-o id`: the id, which XML always has. */
  readonly id?: boolean | undefined;
  /**
   * `-o ktimestamp`: the times at which the flow began and ended, if the entry has them; in lines
   * to the second, in the time zone of the process. (`-o timestamp` is for events.)
   */
  readonly timestamps?: boolean | undefined;
  /**
   * `-o labels`: the names of labels by bit, such as `byBit` of {@link readLabelNames}. As the tool
   * does, it prints no bit without a name.
   */
  readonly labels?: ReadonlyMap<number, string> | undefined;
}

/** The names of labels by bit; each is checked when it is used. */
export const labelNames: Check<ReadonlyMap<number, string>> = (value, path) => {
  if (types.isMap(value)) return value as Map<number, string>;
  throw typeError(path, `must be a Map of bits to names, not ${shown(value)}`);
};

const optionsOf = options<FormatOptions>({
  format: optional(word(ENTRY_FORMATS)),
  id: optional(boolean),
  timestamps: optional(boolean),
  labels: optional(labelNames),
});

/**
 * Returns the text that conntrack-tools 1.4.7 (Debian 12) prints for an entry, byte for byte and
 * without a line break. Two things differ: control characters of names are escaped, and in XML
 * `&`, `<` and `>` are, because the tool prints them as they are.
 *
 * Takes an entry or what its `toJSON()` returns. The age of a flow (`delta-time`) is that at which
 * the entry was read; of JSON, that of now.
 *
 * A `'save'` line has no mark, labels, helper, master, or sequence numbers, and of NAT the
 * addresses; `toJSON()` has them all. The tool also prints the words of TCP for the states of SCTP
 * and DCCP in XML, and `(null)` for what it has no word for in `'save'`. An XML document is
 * `<?xml version="1.0" encoding="utf-8"?>`, `<conntrack>`, the flows, and `</conntrack>`, each on a
 * line.
 *
 * @throws TypeError or RangeError for a wrong entry or option, naming the field.
 *
 * @example
 * ```ts
 * import { formatEntry, streamEntries } from 'conntrack';
 *
 * for await (const entry of streamEntries()) {
 *   console.log(formatEntry(entry, { format: 'extended', id: true }));
 * }
 * ```
 */
export function formatEntry(entry: Entry | EntryJson, options?: FormatOptions): string {
  const { format = 'line', id, timestamps, labels } = optionsOf(options);
  const printed = printedOf(entry, 'entry');
  if (format === 'save') {
    const other = Object.entries({ id, timestamps, labels }).find(([, value]) => value);
    if (other !== undefined) {
      throw typeError(`options.${other[0]}`, `must be absent beside format: 'save'`);
    }
    return saveLine(printed.entry, printed.reading);
  }
  const parts: PrintedParts = { id, timestamps, labels: namesOf(printed.entry.labels, labels) };
  if (format === 'xml') return flowXml(printed.entry, printed.reading, parts);
  return conntrackLine(printed.entry, printed.reading, parts, format === 'extended');
}

function namesOf(
  bits: bigint | undefined,
  names: ReadonlyMap<number, string> | undefined,
): string[] | undefined {
  if (bits === undefined || names === undefined) return undefined;
  const set: string[] = [];
  for (let bit = 0; bits >> BigInt(bit) !== 0n; bit++) {
    const name = (bits >> BigInt(bit)) & 1n ? nameOfLabel(names, bit) : undefined;
    if (name !== undefined) set.push(name);
  }
  return set;
}

/** A name with a space, a comma or a control character could not be told from what is beside it. */
function nameOfLabel(names: ReadonlyMap<number, string>, bit: number): string | undefined {
  const name: unknown = Map.prototype.get.call(names, bit);
  if (name === undefined) return undefined;
  return labelName(name, `options.labels.get(${bit})`);
}

export const labelName: Check<string> = (name, path) => {
  if (typeof name === 'string' && /^[^\s,\p{Cc}\p{Cf}]{1,255}$/u.test(name)) return name;
  throw typeError(path, `must be a name without spaces and commas, not ${shown(name)}`);
};
