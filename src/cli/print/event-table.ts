/**
 * Events of entries as a table: its columns have a width before anything comes.
 */
import type { EntryEvent } from '../../index.js';
import { foldedRow, type Grid, headOf } from './columns.js';
import { destinationOf, type NameOf, protocolOf, sourceOf, stateOf } from './flow-table.js';
import { shortBytes } from './numbers.js';
import type { Paint } from './style.js';

const STYLES = { new: 'green', update: 'blue', destroy: 'magenta' } as const;

const COLUMNS = [
  { head: 'TIME' },
  { head: 'EVENT' },
  { head: 'PROTO' },
  { head: 'STATE' },
  { head: 'SOURCE' },
  { head: 'DESTINATION' },
  { head: 'SENT', isNumber: true },
  { head: 'RECEIVED', isNumber: true },
];

/** Of 80 columns. */
const NARROW = [8, 7, 5, 11, 20, 18];
const WIDE = [12, 7, 6, 11, 28, 28, 8, 8];
const WIDE_FROM = 124;
const AT_SOURCE = COLUMNS.findIndex(({ head }) => head === 'SOURCE');

export class EventTable {
  readonly #columns: number;
  readonly #grid: Grid;
  readonly #paint: Paint;
  readonly #nameOf: NameOf;

  constructor(columns: number, paint: Paint, nameOf: NameOf) {
    this.#columns = columns;
    const widths = columns < WIDE_FROM ? NARROW : WIDE;
    this.#grid = { columns: COLUMNS.slice(0, widths.length), widths };
    this.#paint = paint;
    this.#nameOf = nameOf;
  }

  get head(): string {
    return headOf(this.#grid, this.#paint);
  }

  row({ type, entry, eventTimeNs }: EntryEvent): string {
    const { original, counters } = entry;
    const time =
      eventTimeNs === undefined ? new Date() : new Date(Number(eventTimeNs / 1_000_000n));
    const bytes = (count: number | undefined) => (count === undefined ? '' : shortBytes(count));
    const cells = [
      { text: clock(time).slice(0, this.#grid.widths[0]), style: 'dim' as const },
      { text: type.toUpperCase(), style: STYLES[type] },
      { text: protocolOf(entry) },
      { text: stateOf(entry) },
      { text: sourceOf(original, this.#nameOf) },
      { text: destinationOf(original, this.#nameOf) },
      { text: bytes(counters?.original.bytes) },
      { text: bytes(counters?.reply.bytes) },
    ];
    return foldedRow(this.#grid, cells.slice(0, this.#grid.widths.length), this.#paint, {
      columns: this.#columns,
      at: AT_SOURCE,
    });
  }
}

/** Of the time zone of the process: `12:59:59.999`. */
function clock(time: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${day}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}
