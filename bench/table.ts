/**
 * Aligned columns: the first one to the left, the rest to the right.
 */
export type Cell = string;

export function renderTable(head: Cell[], rows: Cell[][], markdown: boolean): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width, column) =>
    markdown && column > 0 ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  const line = (row: Cell[]) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    return markdown ? `| ${cells.join(' | ')} |` : cells.join('  ');
  };
  return [head, rule, ...rows].map(line).join('\n');
}
