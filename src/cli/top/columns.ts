/**
 * The columns of `top`.
 */

import type { Cell, Column, Grid } from '../print/columns.js';
import {
  destinationOf,
  markOf,
  type NameOf,
  natOf,
  sourceOf,
  styleOfState,
} from '../print/flow-table.js';
import { grouped, shortBytes, shortCount, shortSeconds } from '../print/numbers.js';
import { cutAtEnd, cutInMiddle } from './fit.js';
import { groupingOf } from './groupings.js';
import type { FlowRow, GroupRow, Measures, Row } from './picture.js';
import type { Order, Unit, Wanted } from './wanted.js';

interface Facts {
  readonly unit: Unit;
  readonly nameOf: NameOf;
  /** Milliseconds since 1970. */
  readonly now: number;
}

interface Shape<Of extends Row> extends Column {
  readonly of: (row: Of, facts: Facts) => string;
  readonly style?: (text: string) => Cell['style'];
  /** Takes what others leave, and is cut in its middle. */
  readonly isWide?: true;
  readonly order?: Order;
}

const UNKNOWN = '-';

export const amount = (number: number, unit: Unit): string => {
  if (Number.isNaN(number)) return UNKNOWN;
  return unit === 'bytes' ? shortBytes(number) : shortCount(number);
};

const rate = ({ byteRate, packetRate }: Measures, { unit }: Facts) =>
  amount(unit === 'bytes' ? byteRate : packetRate, unit);

const total = ({ bytes, packets }: Measures, { unit }: Facts) =>
  amount(unit === 'bytes' ? bytes : packets, unit);

const MEASURED = (unit: Unit) =>
  [
    { head: unit === 'bytes' ? 'BYTES/s' : 'PKTS/s', isNumber: true, of: rate, order: 'rate' },
    { head: unit === 'bytes' ? 'BYTES' : 'PKTS', isNumber: true, of: total, order: 'total' },
  ] as const;

/** In their order on the screen. A narrow one gives up those of the largest `priority` first. */
const flowColumns = (unit: Unit): readonly (Shape<FlowRow> & { readonly priority: number })[] => {
  const [rates, totals] = MEASURED(unit);
  return [
    { head: 'PROTO', of: ({ protocol }) => protocol, priority: 0 },
    { head: 'STATE', of: ({ state }) => state, style: styleOfState, priority: 2 },
    {
      head: 'SOURCE',
      isWide: true,
      of: ({ entry }, { nameOf }) => sourceOf(entry.original, nameOf),
      priority: 0,
    },
    {
      head: 'DESTINATION',
      isWide: true,
      of: ({ entry }, { nameOf }) => destinationOf(entry.original, nameOf),
      priority: 0,
    },
    {
      head: 'NAT',
      of: ({ entry }, { nameOf }) => natOf(entry, nameOf),
      style: () => 'cyan',
      priority: 7,
    },
    { ...rates, priority: 1 },
    { ...totals, priority: 3 },
    {
      head: 'AGE',
      isNumber: true,
      of: ({ began }, { now }) =>
        Number.isNaN(began) ? UNKNOWN : shortSeconds(Math.max(0, (now - began) / 1000)),
      order: 'age',
      priority: 4,
    },
    {
      head: 'LEFT',
      isNumber: true,
      of: ({ entry: { timeout } }) => (timeout === undefined ? UNKNOWN : shortSeconds(timeout)),
      priority: 5,
    },
    {
      head: 'MARK',
      isNumber: true,
      of: ({ entry: { mark = 0 } }) => (mark === 0 ? '' : markOf(mark)),
      priority: 6,
    },
    {
      head: 'ZONE',
      isNumber: true,
      of: ({ entry: { zone } }) => (zone === 0 ? '' : String(zone)),
      priority: 8,
    },
  ];
};

const groupColumns = (
  row: GroupRow,
  unit: Unit,
): readonly (Shape<GroupRow> & { readonly priority: number })[] => {
  const [rates, totals] = MEASURED(unit);
  return [
    {
      head: groupingOf(row.grouping).head,
      isWide: true,
      of: ({ name }, { nameOf }) => nameOf(name),
      priority: 0,
    },
    {
      head: 'FLOWS',
      isNumber: true,
      of: ({ flows }) => grouped(flows),
      order: 'flows',
      priority: 0,
    },
    { ...rates, priority: 0 },
    { ...totals, priority: 0 },
  ];
};

export interface Table {
  readonly grid: Grid;
  readonly cells: readonly (readonly Cell[])[];
}

/** Between two columns. */
const GAP = 2;
/** A wide column has at least the room of an address of IPv4. */
const ADDRESS = 15;
/** A name or an address of IPv6 is cut behind that many columns, unless there is room. */
const LONGEST = 47;

/** Chooses the columns of the rows that have room, and cuts their texts. */
export function tableOf(
  rows: readonly Row[],
  wanted: Wanted,
  nameOf: NameOf,
  columns: number,
): Table {
  const facts = { unit: wanted.unit, nameOf, now: Date.now() };
  const [first] = rows;
  return first?.kind === 'group'
    ? fitted(rows as GroupRow[], groupColumns(first, wanted.unit), facts, wanted, columns)
    : fitted(rows as FlowRow[], flowColumns(wanted.unit), facts, wanted, columns);
}

function fitted<Of extends Row>(
  rows: readonly Of[],
  shapes: readonly (Shape<Of> & { readonly priority: number })[],
  facts: Facts,
  { order }: Wanted,
  columns: number,
): Table {
  const all = shapes.map((given) => {
    // A star stands in the head of the column that the rows are sorted by.
    const shape = given.order === order ? { ...given, head: `*${given.head}` } : given;
    const texts = rows.map((row) => shape.of(row, facts));
    const longest = Math.max(...texts.map(({ length }) => length), 0);
    const least = shape.isWide ? ADDRESS : 0;
    const width = Math.max(shape.head.length, Math.min(Math.max(longest, least), LONGEST));
    const isEmpty = longest === 0 && rows.length > 0;
    // A rate that is a second old moves no column.
    return { shape, texts, width: shape.isNumber ? Math.max(width, 6) : width, isEmpty };
  });
  const rank = ({ shape }: (typeof all)[number]) => (shape.order === order ? 0 : shape.priority);
  const byRank = all
    .filter(({ isEmpty }) => !isEmpty)
    .sort((one, other) => rank(one) - rank(other));
  const chosen = new Set<(typeof all)[number]>();
  let used = -GAP;
  for (const one of byRank) {
    const isNeeded = rank(one) === 0;
    if (!isNeeded && used + GAP + one.width > columns) continue;
    chosen.add(one);
    used += GAP + one.width;
  }
  const shown = all.filter((one) => chosen.has(one));
  const wide = shown.filter(({ shape }) => shape.isWide);
  // The addresses share the columns that are missing, or left.
  const spare = Math.floor((columns - used) / Math.max(1, wide.length));
  const widths = shown.map(({ shape, texts, width }) => {
    if (!shape.isWide) return width;
    const longest = Math.max(...texts.map(({ length }) => length), ADDRESS);
    return Math.max(8, Math.min(longest, width + spare));
  });
  const cells = rows.map((_, row) =>
    shown.map(({ shape, texts }, index): Cell => {
      const text = texts[row] ?? '';
      const room = widths[index] ?? 0;
      const cut = shape.isWide ? cutInMiddle(text, room) : cutAtEnd(text, room);
      return { text: cut, style: shape.style?.(text) };
    }),
  );
  return { grid: { columns: shown.map(({ shape }) => shape), widths }, cells };
}
