/**
 * /proc/net/stat/nf_conntrack: hexadecimal numbers under a line of names, which differ between
 * kernels, as their order does.
 */
import { COUNTER_LIST, COUNTERS, type CounterName, columnOf, OTHER_COLUMNS } from './counters.js';
import { type Counts, put } from './counts.js';
import type { CpuStats } from './stats.js';

/** A kernel without CONFIG_NF_CONNTRACK_PROCFS has none. */
export const STAT_FILE = '/proc/thread-self/net/stat/nf_conntrack';

export function parseStatFile(text: string): CpuStats[] {
  const [header = '', ...lines] = text.trim().split('\n');
  const columns = header.trim().split(/ +/);
  const dead = deadAmong(columns);
  return lines.map((line, cpu) => {
    const counts: Counts = { other: {} };
    const values = line.trim().split(/ +/);
    for (const [index, column] of columns.entries()) {
      const value = Number.parseInt(values[index] ?? '', 16);
      if (Number.isNaN(value) || dead.has(column)) continue;
      put(counts, BY_COLUMN.get(column), column, value);
    }
    return { cpu, ...counts };
  });
}

const BY_COLUMN: ReadonlyMap<string, CounterName> = new Map(
  COUNTER_LIST.map(([name, counter]) => [columnOf(counter), name]),
);

/** The columns in which this kernel counts nothing. */
function deadAmong(columns: readonly string[]): ReadonlySet<string> {
  const replaced = COUNTER_LIST.map(([, counter]) => counter).filter(
    ({ replacedBy }) =>
      replacedBy !== undefined && columns.includes(columnOf(COUNTERS[replacedBy])),
  );
  return new Set([...OTHER_COLUMNS, ...replaced.map(columnOf)]);
}
