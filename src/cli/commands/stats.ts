/** Prints the counters of each processor. */
import { type CpuStats, readStats, type TableCounters, type TableStats } from '../../index.js';
import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { type Cell, gridOf, tableOf, widthOf } from '../print/columns.js';
import { jsonLine } from '../print/json.js';
import { counted, grouped, percent } from '../print/numbers.js';
import { type Paint, paintOf } from '../print/style.js';

export default command({ readStats }, async (api, { line, world, writer }) => {
  const stats = await api.readStats();
  const { out } = world;
  if (line.given.json !== undefined) await writer.line(jsonLine(stats));
  else if (out.isTTY === true) {
    const paint = paintOf(world, line.given.noColor !== undefined);
    await writer.lines(tableOfStats(stats, out.columns ?? 80, paint));
  } else await writer.lines(stats.cpus.map(statsLine));
  await writer.flush();
  return EXIT.done;
});

/** The counters of `-S` by their name in the API, in the order in which the tool prints them. */
const COUNTERS = {
  found: 'found',
  invalid: 'invalid',
  insert: 'insert',
  insertFailed: 'insert_failed',
  drop: 'drop',
  earlyDrop: 'early_drop',
  error: 'error',
  searchRestart: 'search_restart',
  clashResolve: 'clash_resolve',
  chainTooLong: 'chaintoolong',
} as const;

export function statsLine(stats: CpuStats): string {
  const counters = Object.entries(COUNTERS).flatMap(([name, word]) => {
    const value = stats[name as keyof typeof COUNTERS];
    return value === undefined ? [] : `${word}=${value} `;
  });
  const cpu = `cpu=${stats.cpu}`.padEnd(8);
  return `${cpu}\t${counters.join('')}`;
}

/** A row for each counter; a column for each processor if all of them fit, or for the busiest. */
export function tableOfStats(stats: TableStats, columns: number, paint: Paint): string[] {
  const { entries, maxEntries, cpus, total } = stats;
  const names = Object.keys(total).filter((name) => name !== 'other') as CounterName[];
  const others = Object.keys(total.other);
  const rowsOf = (shown: readonly CpuStats[]): Cell[][] => [
    ...names.map((name) =>
      rowFor(
        name,
        total[name],
        shown.map((cpu) => cpu[name]),
      ),
    ),
    ...others.map((name) =>
      rowFor(
        name,
        total.other[name],
        shown.map((cpu) => cpu.other[name]),
      ),
    ),
  ];
  const columnsOf = (shown: readonly CpuStats[]) => [
    { head: 'COUNTER' },
    { head: 'TOTAL', isNumber: true },
    ...shown.map(({ cpu }) => ({ head: `CPU ${cpu}`, isNumber: true })),
  ];
  const isFit = widthOf(gridOf(columnsOf(cpus), rowsOf(cpus))) <= columns;
  const shown = isFit ? cpus : [];
  const limit =
    maxEntries === 0 ? 'no limit' : `${grouped(maxEntries)} (${percent(entries / maxEntries)})`;
  return [
    `${counted(entries, 'entry', 'entries')} of at most ${limit}`,
    '',
    ...tableOf(columnsOf(shown), rowsOf(shown), paint),
    ...(isFit ? [] : ['', `--json has each of the ${cpus.length} processors.`]),
  ];
}

type CounterName = Exclude<keyof TableCounters, 'other'>;

/** Counters of what was lost. */
const BAD: ReadonlySet<string> = new Set([
  ...(['insertFailed', 'drop', 'earlyDrop', 'chainTooLong'] satisfies CounterName[]),
]);

function rowFor(
  name: string,
  total: number | undefined,
  each: readonly (number | undefined)[],
): Cell[] {
  const style = (count: number | undefined) =>
    (count ?? 0) === 0 ? ('dim' as const) : BAD.has(name) ? ('red' as const) : undefined;
  const cell = (count: number | undefined): Cell => ({
    text: count === undefined ? '' : grouped(count),
    style: style(count),
  });
  return [{ text: name }, cell(total), ...each.map(cell)];
}
