/**
 * Tables of text in columns.
 */
import { type Paint, plain, type Style } from './style.js';

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

export interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
}

const GAP = '  ';

export interface Grid {
  readonly columns: readonly Column[];
  readonly widths: readonly number[];
}

/** Columns as wide as their head and what is in them. */
export function gridOf(columns: readonly Column[], rows: readonly (readonly Cell[])[]): Grid {
  const widths = columns.map(({ head }, index) =>
    Math.max(head.length, ...rows.map((row) => row[index]?.text.length ?? 0)),
  );
  return { columns, widths };
}

export const widthOf = ({ widths }: Grid): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);

export function headOf({ columns, widths }: Grid, paint: Paint): string {
  const row = columns.map(({ head }) => ({ text: head, style: 'bold' as const }));
  return rowOf({ columns, widths }, row, paint);
}

/** A text that is wider than its column moves the rest of its row. */
export function rowOf({ columns, widths }: Grid, row: readonly Cell[], paint: Paint): string {
  const cells = columns.map(({ isNumber = false }, index) => {
    const { text, style } = row[index] ?? { text: '' };
    const painted = style === undefined ? text : paint(style, text);
    const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length));
    if (isNumber) return padding + painted;
    return index === columns.length - 1 ? painted : painted + padding;
  });
  return cells.join(GAP).trimEnd();
}

/**
 * The same in at most so many columns: what has no room goes below, under the column `at`, from the
 * column behind it on.
 */
export function foldedRow(
  grid: Grid,
  row: readonly Cell[],
  paint: Paint,
  { columns, at }: { readonly columns: number; readonly at: number },
): string {
  const isFit = rowOf(grid, row, plain).length <= columns;
  if (isFit) return rowOf(grid, row, paint);
  const part = (from: number, to?: number): Grid => ({
    columns: grid.columns.slice(from, to),
    widths: grid.widths.slice(from, to),
  });
  const indent = ' '.repeat(widthOf(part(0, at)) + GAP.length);
  const above = rowOf(part(0, at + 1), row.slice(0, at + 1), paint);
  return `${above}\n${indent}${rowOf(part(at + 1), row.slice(at + 1), paint)}`;
}

/** A table that is complete. */
export function tableOf(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  paint: Paint = plain,
): string[] {
  const grid = gridOf(columns, rows);
  return [headOf(grid, paint), ...rows.map((row) => rowOf(grid, row, paint))];
}

/** A text in lines of at most so many columns; the later ones are indented. */
export function wrapped(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const room = columns - (lines.length === 0 ? 0 : indent.length);
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((one, index) => (index === 0 ? one : indent + one));
}
