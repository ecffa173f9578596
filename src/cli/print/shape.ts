/**
 * What --output asks for.
 */
import { suggestion } from '../../core/show-value.js';
import type { Given } from '../line/parse.js';
import { UsageError } from '../usage-error.js';
import type { Sink } from '../world.js';

const FORMATS = ['table', 'line', 'extended', 'save', 'xml', 'json'] as const;

export type Format = (typeof FORMATS)[number];

const PARTS = ['id', 'timestamps', 'labels'] as const;

/** `timestamp` and `userspace` of the tool are for events: these have both anyway. */
const OLD_PARTS = ['ktimestamp', 'timestamp', 'userspace'] as const;

export interface Shape {
  readonly format: Format;
  readonly id: boolean;
  readonly timestamps: boolean;
  readonly labels: boolean;
  /** `timestamp` of the tool: the time at which an event was printed. */
  readonly time: boolean;
}

/** A terminal gets a table, and everything else the lines of conntrack(8). */
export function shapeIn(given: Given, out: Sink): Shape {
  const words = (given.output ?? []).flatMap((text) => text.split(','));
  const known: readonly string[] = [...FORMATS, ...PARTS, ...OLD_PARTS];
  for (const word of words) {
    if (!known.includes(word)) {
      throw new UsageError(`--output has no word "${word}"${suggestion(word, known)}`);
    }
  }
  const has = (word: string) => words.includes(word);
  if (has('save') && words.length > 1) throw new UsageError('--output save stands alone');
  const formats = FORMATS.filter(has);
  const [format, other] = given.json === undefined ? formats : ['json' as const, ...formats];
  // conntrack(8) takes `extended` beside `xml`, which has those fields in any case.
  if (other !== undefined && other !== 'json' && !(has('xml') && has('extended'))) {
    throw new UsageError(`--output ${other} stands beside no other format`);
  }
  return {
    format: has('xml') ? 'xml' : (format ?? (isTable(words, out) ? 'table' : 'line')),
    id: has('id'),
    timestamps: has('timestamps') || has('ktimestamp'),
    labels: has('labels'),
    time: has('timestamp'),
  };
}

const isTable = (words: readonly string[], out: Sink) => words.length === 0 && out.isTTY === true;
