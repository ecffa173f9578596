/**
 * /proc/net/stat/nf_conntrack: hexadecimal numbers under a line of names, which differ between
 * kernels, as their order does.
 */
import {
  COUNTER_LIST,
  COUNTERS,
  type Counter,
  type CounterName,
  columnOf,
  OTHER_COLUMNS,
} from './counters.js';
import { type Counts, put } from './counts.js';
import type { CpuStats } from './stats.js';

/** A kernel without CONFIG_NF_CONNTRACK_PROCFS has none. */
export const STAT_FILE = '/proc/thread-self/net/stat/nf_conntrack';

export function parseStatFile(text: string): CpuStats[] {
  const [header = '', ...lines] = text.trim().split('\n');
  const columns = header.trim().split(/ +/);
  const counted = columns.map((column) => isCounted(column, columns));
  return lines.map((line, cpu) => {
    const counts: Counts = { other: {} };
    const values = line.trim().split(/ +/);
    for (const [index, column] of columns.entries()) {
      const value = Number.parseInt(values[index] ?? '', 16);
      if (Number.isNaN(value) || counted[index] !== true) continue;
      put(counts, BY_COLUMN.get(column), column, value);
    }
    return { cpu, ...counts };
  });
}

const BY_COLUMN: ReadonlyMap<string, CounterName> = new Map(
  COUNTER_LIST.map(([name, counter]) => [columnOf(counter), name]),
);

/** Whether this kernel counts something in the column. */
function isCounted(column: string, columns: readonly string[]): boolean {
  if (OTHER_COLUMNS.includes(column)) return false;
  const name = BY_COLUMN.get(column);
  const { replacedBy }: Partial<Counter> = name === undefined ? {} : COUNTERS[name];
  return replacedBy === undefined || !columns.includes(columnOf(COUNTERS[replacedBy]));
}
