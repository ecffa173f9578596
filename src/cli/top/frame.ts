/**
 * The lines of the screen.
 */
import type { CounterRate, PressureSample } from '../../index.js';
import { headOf, rowOf } from '../print/columns.js';
import type { NameOf } from '../print/flow-table.js';
import { counted, grouped, percent, shortSeconds } from '../print/numbers.js';
import { LEVEL_STYLES } from '../print/pressure.js';
import { type Paint, plain, type Style } from '../print/style.js';
import { amount, tableOf } from './columns.js';
import { apart, cutAtEnd, cutInMiddle } from './fit.js';
import { groupingOf } from './groupings.js';
import { SHOWN_KEYS } from './keys.js';
import type { Picture } from './picture.js';
import type { Cursor } from './screen.js';
import { indexOfSelected, type View } from './view.js';
import type { Wanted } from './wanted.js';

export interface Frame {
  readonly lines: readonly string[];
  readonly cursor: Cursor | undefined;
}

interface Size {
  readonly rows: number;
  readonly columns: number;
}

const SMALLEST: Size = { rows: 8, columns: 40 };
/** Lines above the rows, and below. */
const ABOVE = 4;
const BELOW = 1;

/** The rows of the table that have room. */
export const roomIn = ({ rows }: Size): number => Math.max(1, rows - ABOVE - BELOW);

export function frameOf(view: View, size: Size, nameOf: NameOf, paint: Paint): Frame {
  const { rows, columns } = size;
  if (rows < SMALLEST.rows || columns < SMALLEST.columns) {
    const wish = `needs ${SMALLEST.columns} x ${SMALLEST.rows}`;
    return { lines: [cutAtEnd(wish, columns)], cursor: undefined };
  }
  const head = [
    pressureLine(view.pressure, columns, paint),
    trafficLine(view, columns, paint),
    questionLine(view, columns, paint),
  ];
  const body = bodyOf(view, size, nameOf, paint).slice(0, rows - head.length - BELOW);
  const filling = Array.from({ length: rows - head.length - BELOW - body.length }, () => '');
  const lines = [...head, ...body, ...filling, lastLine(view, columns, paint)];
  const { prompt } = view;
  const cursor = prompt && {
    row: rows - 1,
    column: shownPrompt(prompt.label, prompt.text, columns).length,
  };
  return { lines, cursor };
}

type Refresh = Pick<View, 'wanted' | 'filterText' | 'picture' | 'pressure'> &
  Partial<Pick<View, 'isPaused' | 'isReading'>>;

/** The lines of a refresh for a file or a pipe. */
export function plainLines(view: Refresh, columns: number, nameOf: NameOf): string[] {
  const { picture, wanted, filterText } = view;
  if (picture === undefined) return [];
  const { grid, cells } = tableOf(picture.rows, wanted, nameOf, columns);
  return [
    pressureLine(view.pressure, columns, plain),
    trafficLine(view, columns, plain),
    ...(filterText === '' ? [] : [`only: ${filterText}`]),
    headOf(grid, plain),
    ...cells.map((row) => rowOf(grid, row, plain)),
  ];
}

function pressureLine(sample: PressureSample | undefined, columns: number, paint: Paint): string {
  if (sample === undefined) return '';
  const { entries, maxEntries, utilization, level, growthPerSecond, secondsUntilFull } = sample;
  const style = LEVEL_STYLES[level];
  const limit = maxEntries === 0 ? ', no limit' : ` of ${grouped(maxEntries)}`;
  const growth = Math.round(growthPerSecond ?? 0);
  const parts: Part[] = [
    { text: `${grouped(entries)}${limit} entries`, style: 'bold' },
    ...(maxEntries === 0 ? [] : [{ text: bar(utilization), style }]),
    ...(maxEntries === 0 ? [] : [{ text: `${percent(utilization)} ${level}`, style }]),
    ...(growth === 0 ? [] : [{ text: `${growth > 0 ? '+' : ''}${grouped(growth)}/s` }]),
    ...(secondsUntilFull === undefined || level === 'normal'
      ? []
      : [{ text: `full in ${shortSeconds(secondsUntilFull)}`, style: 'red' as const }]),
    ...lossOf('dropped', sample.dropped),
    ...lossOf('evicted', sample.earlyDropped),
    ...lossOf('failed', sample.insertFailed),
  ];
  return joined(parts, columns, paint);
}

interface Part {
  readonly text: string;
  readonly style?: Style | undefined;
}

const lossOf = (what: string, rate: CounterRate | undefined): Part[] =>
  rate?.perSecond === undefined || rate.perSecond <= 0
    ? []
    : [{ text: `${grouped(Math.ceil(rate.perSecond))} ${what}/s`, style: 'red' }];

const BAR = 20;

function bar(share: number): string {
  const filled = Math.min(BAR, Math.ceil(share * BAR));
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`;
}

/** Parts with gaps between them, as many as have room. */
function joined(parts: readonly Part[], columns: number, paint: Paint): string {
  let room = columns;
  let line = '';
  for (const { text, style } of parts) {
    const gap = line === '' ? '' : '  ';
    if (gap.length + text.length > room) break;
    room -= gap.length + text.length;
    line += gap + (style === undefined ? text : paint(style, text));
  }
  return line;
}

function trafficLine(view: Refresh, columns: number, paint: Paint): string {
  const { picture, isPaused = false, isReading = false } = view;
  const state = isPaused ? 'paused' : isReading ? 'reading ...' : '';
  if (picture === undefined) return apart('reading the table ...', '', columns).trimEnd();
  const { flows, uncounted, unmeasured, byteRate, packetRate, took, time } = picture;
  const clock = time.toTimeString().slice(0, 8);
  const rates =
    uncounted === flows && flows > 0
      ? []
      : Number.isNaN(byteRate)
        ? [{ text: 'measuring ...' }]
        : [
            { text: `${amount(byteRate, 'bytes')} bytes/s`, style: 'bold' as const },
            { text: `${amount(packetRate, 'packets')} packets/s` },
          ];
  const parts: Part[] = [
    { text: counted(flows, 'flow'), style: 'bold' },
    ...rates,
    ...(uncounted === 0 ? [] : [{ text: notCounted(picture), style: 'yellow' as const }]),
    ...(unmeasured === 0 || Number.isNaN(byteRate)
      ? []
      : [{ text: `${grouped(unmeasured)} not measured yet`, style: 'dim' as const }]),
    ...(took < 1 ? [] : [{ text: `read in ${took.toFixed(1)} s`, style: 'dim' as const }]),
  ];
  const right = [state, clock].filter((part) => part !== '').join('  ');
  const left = joined(parts, columns - right.length - 2, plain);
  const gap = ' '.repeat(Math.max(1, columns - left.length - right.length));
  const painted = isPaused ? paint('yellow', right) : paint('dim', right);
  return joined(parts, columns - right.length - 2, paint) + gap + painted;
}

const notCounted = ({ flows, uncounted }: Picture) =>
  uncounted === flows
    ? 'nothing is counted: settings accounting=on'
    : `${grouped(uncounted)} without counters`;

const ORDER_WORDS = {
  rate: ({ unit }: Wanted) => `${unit} per second`,
  total: ({ unit }: Wanted) => `${unit} in all`,
  age: () => 'age',
  flows: () => 'number of flows',
} as const;

function questionLine({ wanted, filterText, picture }: View, columns: number, paint: Paint) {
  const { grouping, order, isReversed } = wanted;
  const what = grouping === undefined ? 'flows' : groupingOf(grouping).plural;
  const by = `${what} by ${ORDER_WORDS[order](wanted)}${isReversed ? ', smallest first' : ''}`;
  const { rows = [], total = 0, ungrouped = 0 } = picture ?? {};
  const kept = rows.length < total ? `, ${grouped(rows.length)} of ${grouped(total)}` : '';
  const others = ungrouped > 0 ? `, ${grouped(ungrouped)} flows in others` : '';
  const beside = cutAtEnd(kept + others, columns - by.length);
  const room = columns - by.length - beside.length - 2;
  const filter = cutAtEnd(filterText === '' ? 'all' : filterText, room);
  const left = `${paint('bold', cutAtEnd(by, columns))}${beside}`;
  return filter === '' ? left : `${left}  ${paint('cyan', filter)}`;
}

function bodyOf(view: View, size: Size, nameOf: NameOf, paint: Paint): string[] {
  const { page, picture } = view;
  if (page === 'help') return helpLines(size.columns, paint);
  if (page !== undefined) {
    const lines = page.lines(nameOf, paint);
    return ['', ...lines.map((line) => cutPainted(line, size.columns))];
  }
  if (picture === undefined) return [];
  return rowLines(view, picture, size, nameOf, paint);
}

/** A painted text that is too long loses its paint. */
function cutPainted(line: string, columns: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what `paint` puts into a text.
  const text = line.replace(/\u001b\[\d+m/g, '');
  return text.length <= columns ? line : cutAtEnd(text, columns);
}

/** Stands before the row that is selected, and a space before all others. */
const MARKER = '>';

function rowLines(
  { wanted, selected, top }: View,
  picture: Picture,
  size: Size,
  nameOf: NameOf,
  paint: Paint,
): string[] {
  const { columns } = size;
  // The widths are those of all rows, so that scrolling moves no column.
  const { grid, cells } = tableOf(picture.rows, wanted, nameOf, columns - 1);
  const visible = cells.slice(top, top + roomIn(size));
  const head = ` ${headOf(grid, plain)}`.padEnd(columns).slice(0, columns);
  const at = selected === undefined ? -1 : indexOfSelected(picture, selected) - top;
  const lines = visible.map((row, index) => {
    if (index !== at) return ` ${rowOf(grid, row, paint)}`;
    return paint('inverse', `${MARKER}${rowOf(grid, row, plain)}`.padEnd(columns));
  });
  if (lines.length === 0) lines.push(paint('dim', ' No flow matches.'));
  return [paint('bold', head), ...lines];
}

function helpLines(columns: number, paint: Paint): string[] {
  const width = Math.max(...SHOWN_KEYS.map(({ shown }) => shown.length)) + 2;
  return SHOWN_KEYS.map(
    ({ shown, help }) => `${paint('bold', shown.padEnd(width))}${cutAtEnd(help, columns - width)}`,
  );
}

/** Columns for what is typed, and the cursor behind it, beside the longest label. */
const TYPED = 16;

/** The label and the end of what is typed. */
function shownPrompt(label: string, text: string, columns: number): string {
  const shown = cutInMiddle(label, columns - TYPED);
  const room = columns - shown.length - 1;
  return shown + (text.length <= room ? text : `~${text.slice(text.length - room + 1)}`);
}

function lastLine({ prompt, message, page }: View, columns: number, paint: Paint): string {
  if (prompt !== undefined) {
    const line = shownPrompt(prompt.label, prompt.text, columns);
    const room = columns - line.length - 3;
    if (message === undefined || room < message.text.length / 2) return line;
    return `${line}   ${paint('red', cutAtEnd(message.text, room))}`;
  }
  if (message !== undefined) {
    const text = cutAtEnd(message.text, columns);
    return message.isError ? paint('red', text) : paint('green', text);
  }
  if (page !== undefined) return paint('dim', 'Esc back');
  const hints = SHOWN_KEYS.flatMap(({ shown, short }) =>
    short === undefined ? [] : [{ key: shown.split(',')[0] ?? '', short }],
  );
  // A narrow screen keeps the way out.
  hints.unshift(...hints.splice(-2));
  const parts = hints.map(({ key, short }) => ({ text: `${key} ${short}`, style: 'dim' as const }));
  return joined(parts, columns, paint);
}
