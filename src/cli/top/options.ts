/**
 * What a command line asks of `top`.
 */
import type { EntryFilter } from '../../index.js';
import type { Api } from '../command.js';
import type { CommandLine } from '../line/parse.js';
import { limitIn } from '../read/limit.js';
import { read } from '../read/tuples.js';
import { type LabelBits, number32, wordIn } from '../read/values.js';
import { UsageError } from '../usage-error.js';
import { filtersOfText, textOf } from './filter-text.js';
import { GROUPING_NAMES } from './groupings.js';
import { KEPT_ROWS } from './survey.js';
import { ORDERS, ordersOf, UNITS, type Wanted } from './wanted.js';

export type TopApi = Pick<
  Api,
  'deleteEntry' | 'getEntry' | 'readPressure' | 'streamEntries' | 'updateEntry' | 'watchPressure'
>;

export interface TopOptions {
  readonly wanted: Wanted;
  readonly filterText: string;
  readonly filters: readonly EntryFilter[] | undefined;
  readonly intervalMs: number;
  readonly hasNames: boolean;
  /** Rows of each refresh, and refreshes, where the output is no terminal. */
  readonly rows: number;
  readonly refreshes: number;
}

const INTERVAL_MS = 1000;
const FASTEST_MS = 100;
const SLOWEST_MS = 3_600_000;
const ROWS = 20;

export function topOptionsIn({ given, alternatives }: CommandLine, labels: LabelBits): TopOptions {
  const filterText = textOf(alternatives);
  const grouping = read(given, 'group', (text, what) => wordIn(GROUPING_NAMES, text, what));
  const order = read(given, 'sort', (text, what) => wordIn(ORDERS, text, what)) ?? 'rate';
  if (!ordersOf(grouping).includes(order)) {
    const why = order === 'age' ? 'groups have no age' : 'it needs --group';
    throw new UsageError(`--sort ${order}: ${why}`);
  }
  return {
    wanted: {
      order,
      grouping,
      unit: read(given, 'unit', (text, what) => wordIn(UNITS, text, what)) ?? 'bytes',
      isReversed: false,
    },
    filterText,
    filters: filtersOfText(filterText, labels),
    intervalMs: read(given, 'intervalMs', intervalIn) ?? INTERVAL_MS,
    hasNames: given.names !== undefined,
    rows: read(given, 'rows', (text, what) => inRange(text, 1, KEPT_ROWS, what)) ?? ROWS,
    refreshes: limitIn(given),
  };
}

const intervalIn = (text: string, what: string) => inRange(text, FASTEST_MS, SLOWEST_MS, what);

function inRange(text: string, least: number, most: number, what: string): number {
  const number = number32(text, what);
  if (number >= least && number <= most) return number;
  throw new UsageError(`${what} must be from ${least} to ${most}, not ${number}`);
}
