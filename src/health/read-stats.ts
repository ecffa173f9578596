/**
 * Reads the statistics from netlink, or from /proc without CAP_NET_ADMIN.
 */
import { errorOfPlainFailure, isRefusal, isSocketForbidden } from '../core/errors.js';
import type { NativeFailure, NetNamespaceArgument, StatsOutcome } from '../core/native.js';
import { readProcFiles } from '../core/proc-files.js';
import { settingPath } from '../core/setting-path.js';
import type { RequestQueue } from '../request/queue.js';
import { COUNTER_LIST, type CounterName, type CounterRequest } from './counters.js';
import { type Counts, put, sumOf } from './counts.js';
import { untrackedError } from './errors.js';
import { numberIn } from './proc-number.js';
import { parseStatFile, STAT_FILE } from './stat-file.js';
import type { CpuStats, TableStats } from './stats.js';

export async function readStats(
  requests: RequestQueue,
  netns: NetNamespaceArgument,
): Promise<TableStats> {
  const usage = await askUsage(requests, 'readStats');
  if (usage === undefined) return readFromProc(netns);
  return statsOf('netlink', {
    entries: usage.entries,
    maxEntries: usage.maxEntries ?? readProc(netns).maxEntries,
    cpus: cpusOf({
      stats: await ask(requests, 'stats'),
      expectationStats: await ask(requests, 'expectationStats'),
    }),
  });
}

async function ask(requests: RequestQueue, request: CounterRequest): Promise<Answer> {
  const { cpus, failure } = await requests.ask('readStats', request);
  if (failure !== undefined) throw errorOfPlainFailure('readStats', failure);
  return cpus;
}
type Answer = StatsOutcome['cpus'];

/** `undefined`: no CAP_NET_ADMIN, no ctnetlink, or a sandbox: /proc may have the same. */
export async function askUsage(requests: RequestQueue, operation: string) {
  try {
    const { usage, failure } = await requests.send(operation, 'usage', (answer) => answer);
    if (failure === undefined) return usage;
    if (isOutOfReach(failure)) return undefined;
    throw errorOfPlainFailure(operation, failure);
  } catch (error) {
    if (isSocketForbidden(error)) return undefined;
    throw error;
  }
}

/** The kernel answers EINVAL where no module serves ctnetlink. */
function isOutOfReach(failure: NativeFailure): boolean {
  return isRefusal(failure) || (failure.syscall === undefined && failure.errno === EINVAL);
}
const EINVAL = 22;

/** What the kernel answered to each request, by processor. */
export function cpusOf(answers: Readonly<Partial<Record<CounterRequest, Answer>>>): CpuStats[] {
  const all = new Map<number, Counts>();
  for (const [request, answer] of Object.entries(answers) as [CounterRequest, Answer][]) {
    const { names, prefix } = ATTRIBUTES[request];
    for (const [cpu, ...pairs] of answer) {
      const counts = all.get(cpu) ?? { other: {} };
      all.set(cpu, counts);
      for (let i = 0; i < pairs.length; i += 2) {
        const [id, value] = pairs.slice(i, i + 2) as [number, number];
        put(counts, names.get(id), `${prefix}${id}`, value);
      }
    }
  }
  return Array.from(all, ([cpu, counts]) => ({ cpu, ...counts }));
}

/** The names of the attributes of an answer, and what tells apart those that have none. */
const ATTRIBUTES = {
  stats: { names: namesIn('stats'), prefix: '' },
  expectationStats: { names: namesIn('expectationStats'), prefix: 'expect.' },
} as const satisfies Record<CounterRequest, object>;

function namesIn(request: CounterRequest): ReadonlyMap<number, CounterName> {
  const its = COUNTER_LIST.filter(([, counter]) => counter.request === request);
  return new Map(its.map(([name, { attribute }]) => [attribute, name]));
}

function readFromProc(netns: NetNamespaceArgument): TableStats {
  const { text, ...usage } = readProc(netns);
  return statsOf('proc', { ...usage, cpus: parseStatFile(text ?? '') });
}

export const USAGE_PATHS = [settingPath('count'), settingPath('max'), STAT_FILE] as const;

/** Reads the files of /proc that any user may read. */
function readProc(netns: NetNamespaceArgument) {
  const [count, max, stat] = readProcFiles('readStats', netns, USAGE_PATHS);
  const entries = numberIn(count.text);
  const maxEntries = numberIn(max.text);
  if (entries === undefined || maxEntries === undefined) {
    throw untrackedError('readStats', count.failure ?? max.failure);
  }
  return { entries, maxEntries, text: stat.text };
}

function statsOf(
  source: TableStats['source'],
  { entries, maxEntries, cpus }: Pick<TableStats, 'entries' | 'maxEntries' | 'cpus'>,
): TableStats {
  return { source, entries, maxEntries, cpus, total: sumOf(cpus) };
}
