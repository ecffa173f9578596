/**
 * Reads the statistics: from netlink, or from /proc where that is not allowed.
 */
import { errorOfPlainFailure } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NativeFailure, NetNamespaceArgument } from '../core/native.js';
import type { RequestQueue } from '../core/request-queue.js';
import { settingPath } from '../core/setting-path.js';
import { untrackedError } from './errors.js';
import type { CpuStats, TableCounters, TableStats } from './stats.js';

type CounterName = Exclude<keyof TableCounters, 'other'>;
type Counters = { -readonly [Name in CounterName]?: number } & { other: Record<string, number> };

/** `enum ctattr_stats_cpu`. Those of other numbers are not sent any more (Linux 4.9). */
const BY_ID: Readonly<Record<number, CounterName>> = {
  2: 'found',
  4: 'invalid',
  5: 'ignore',
  8: 'insert',
  9: 'insertFailed',
  10: 'drop',
  11: 'earlyDrop',
  12: 'error',
  13: 'searchRestart',
  14: 'clashResolve',
  15: 'chainTooLong',
};

/** `enum ctattr_expect_stats`. */
const EXPECTATIONS_BY_ID: Readonly<Record<number, CounterName>> = {
  1: 'expectNew',
  2: 'expectCreate',
  3: 'expectDelete',
};

/** Columns of /proc/net/stat/nf_conntrack, whose names and order differ between kernels. */
const BY_COLUMN: Readonly<Record<string, CounterName>> = {
  found: 'found',
  invalid: 'invalid',
  ignore: 'ignore',
  insert: 'insert',
  insert_failed: 'insertFailed',
  drop: 'drop',
  early_drop: 'earlyDrop',
  icmp_error: 'error',
  search_restart: 'searchRestart',
  clashres: 'clashResolve',
  chainlength: 'chainTooLong',
  expect_new: 'expectNew',
  expect_create: 'expectCreate',
  expect_delete: 'expectDelete',
};

/** These columns have been 0 in every line since Linux 4.9: nothing is counted in them. */
const DEAD_COLUMNS: readonly string[] = ['searched', 'new', 'delete', 'delete_list'];

export async function readStats(
  requests: RequestQueue,
  netns: NetNamespaceArgument,
): Promise<TableStats> {
  const usage = await requests.run('readStats', (socket) => socket.usage());
  if (usage.failure !== undefined) {
    if (isRefusal(usage.failure)) return readFromProc(netns);
    throw errorOfPlainFailure('readStats', usage.failure);
  }
  const cpus = new Map<number, Counters>();
  addAll(cpus, await countersOf(requests, 'stats'), BY_ID, '');
  addAll(cpus, await countersOf(requests, 'expectationStats'), EXPECTATIONS_BY_ID, 'expect.');
  return statsOf('netlink', {
    entries: usage.entries,
    maxEntries: usage.maxEntries ?? (await readProc(netns)).maxEntries,
    cpus: [...cpus].map(([cpu, counters]) => ({ cpu, ...counters })),
  });
}

async function countersOf(requests: RequestQueue, which: 'stats' | 'expectationStats') {
  const { cpus, failure } = await requests.run('readStats', (socket) => socket[which]());
  if (failure !== undefined) throw errorOfPlainFailure('readStats', failure);
  return cpus;
}

/** No CAP_NET_ADMIN, or no ctnetlink: /proc may have the same. */
function isRefusal({ errno, syscall }: NativeFailure): boolean {
  return syscall === undefined && (errno === EPERM || errno === EINVAL);
}
const EPERM = 1;
const EINVAL = 22;

function addAll(
  cpus: Map<number, Counters>,
  lists: readonly (readonly number[])[],
  names: Readonly<Record<number, CounterName>>,
  prefix: string,
): void {
  for (const [cpu = 0, ...pairs] of lists) {
    const counters = cpus.get(cpu) ?? { other: {} };
    cpus.set(cpu, counters);
    for (let i = 0; i < pairs.length; i += 2) {
      const [id = 0, value = 0] = pairs.slice(i, i + 2);
      put(counters, names[id], `${prefix}${id}`, value);
    }
  }
}

function put(
  counters: Counters,
  name: CounterName | undefined,
  otherwise: string,
  value: number,
): void {
  if (name === undefined) counters.other[otherwise] = value;
  else counters[name] = value;
}

async function readFromProc(netns: NetNamespaceArgument): Promise<TableStats> {
  const { entries, maxEntries, text } = await readProc(netns);
  return statsOf('proc', { entries, maxEntries, cpus: parseStatFile(text ?? '') });
}

/** What anybody may read of the table of a namespace. */
async function readProc(netns: NetNamespaceArgument) {
  const [count, max, stat] = await loadAddon().readFiles(netns, [
    settingPath('count'),
    settingPath('max'),
    '/proc/thread-self/net/stat/nf_conntrack',
  ]);
  if (count?.text === undefined || max?.text === undefined) {
    throw untrackedError('readStats', count?.failure ?? max?.failure);
  }
  return { entries: Number(count.text), maxEntries: Number(max.text), text: stat?.text };
}

/** Hexadecimal numbers under a line of names. */
export function parseStatFile(text: string): CpuStats[] {
  const [header = '', ...lines] = text.trim().split('\n');
  const columns = header.trim().split(/ +/);
  // The kernel that has one of these has the other no more (Linux 5.10).
  const dead = columns.includes('clashres') ? [...DEAD_COLUMNS, 'ignore'] : DEAD_COLUMNS;
  return lines.map((line, cpu) => {
    const counters: Counters = { other: {} };
    const values = line.trim().split(/ +/);
    for (const [index, column] of columns.entries()) {
      const value = Number.parseInt(values[index] ?? '', 16);
      // `entries` is the same in every line, and not of the processor.
      if (Number.isNaN(value) || column === 'entries' || dead.includes(column)) continue;
      put(counters, BY_COLUMN[column], column, value);
    }
    return { cpu, ...counters };
  });
}

function statsOf(
  source: TableStats['source'],
  { entries, maxEntries, cpus }: Pick<TableStats, 'entries' | 'maxEntries' | 'cpus'>,
): TableStats {
  return { source, entries, maxEntries, cpus, total: sumOf(cpus) };
}

function sumOf(cpus: readonly CpuStats[]): TableCounters {
  const total: Counters = { other: {} };
  for (const { cpu: _, other, ...counters } of cpus) {
    for (const [name, value] of Object.entries(counters)) {
      total[name as CounterName] = (total[name as CounterName] ?? 0) + value;
    }
    for (const [name, value] of Object.entries(other)) {
      total.other[name] = (total.other[name] ?? 0) + value;
    }
  }
  return total;
}
