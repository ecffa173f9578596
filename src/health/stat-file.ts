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
  const columns = columnsOf(header);
  return lines.map((line, cpu) => {
    const stats: Counts & { readonly cpu: number } = { cpu, other: {} };
    const values = line.trim().split(/ +/);
    for (const { index, column, name } of columns) {
      const value = Number.parseInt(values[index] ?? '', 16);
      if (!Number.isNaN(value)) put(stats, name, column, value);
    }
    return stats;
  });
}

/**
 * The entries of the table, which each line begins with: the number of nf_conntrack_count
 * (ct_cpu_seq_show). `undefined`: there is no line.
 */
export function entriesIn(text: string): number | undefined {
  const [, entries] = /^entries .*\n *([\da-f]+) /.exec(text) ?? [];
  return entries === undefined ? undefined : Number.parseInt(entries, 16);
}

/** A column in which this kernel counts something. */
interface Column {
  readonly index: number;
  readonly column: string;
  readonly name: CounterName | undefined;
}

/** Those of the header that was read last, which does not change while the kernel runs. */
let last: { readonly header: string; readonly columns: readonly Column[] } | undefined;

function columnsOf(header: string): readonly Column[] {
  if (last?.header === header) return last.columns;
  const all = header.split(/ +/);
  const columns = all
    .map((column, index) => ({ index, column, name: BY_COLUMN.get(column) }))
    .filter(({ column }) => isCounted(column, all));
  last = { header, columns };
  return columns;
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
