/**
 * Reads what a sample of the pressure needs, and no more, by the faster way: files of our own
 * network namespace take no socket, and a request to another one need not enter it. What the
 * one way does not tell, the other one may.
 */
import { errorOfPlainFailure } from '../core/errors.js';
import type { NativeFailure, NetNamespaceArgument } from '../core/native.js';
import { readProcFiles } from '../core/proc-files.js';
import { settingPath } from '../core/setting-path.js';
import type { RequestQueue } from '../request/queue.js';
import { sumOf } from './counts.js';
import { untrackedError } from './errors.js';
import { numberIn } from './proc-number.js';
import { askUsage, cpusOf, USAGE_PATHS } from './read-stats.js';
import { entriesIn, parseStatFile } from './stat-file.js';
import type { CpuStats, TableStats } from './stats.js';

export interface TableLoad extends Pick<TableStats, 'entries' | 'maxEntries' | 'total'> {
  /** `undefined`: /proc/sys does not show them. */
  readonly buckets: number | undefined;
}

/** What one way tells. */
interface Told {
  readonly usage?: Pick<TableStats, 'entries' | 'maxEntries'> | undefined;
  readonly cpus?: readonly CpuStats[] | undefined;
  /** Why /proc does not. */
  readonly failure?: NativeFailure | undefined;
  /** One number for all namespaces. */
  readonly buckets?: number | undefined;
}

export async function readLoad(
  requests: RequestQueue,
  netns: NetNamespaceArgument,
): Promise<TableLoad> {
  const ours = netns === undefined;
  const first = ours ? readProc(netns) : await ask(requests);
  const isWhole = first.usage !== undefined && first.cpus !== undefined;
  const second: Told = isWhole ? {} : ours ? await ask(requests) : readProc(netns);
  const usage = first.usage ?? second.usage;
  if (usage === undefined) throw untrackedError('readPressure', first.failure ?? second.failure);
  return {
    entries: usage.entries,
    maxEntries: usage.maxEntries,
    buckets: ours ? first.buckets : readNumber(undefined, BUCKETS),
    total: sumOf(first.cpus ?? second.cpus ?? []),
  };
}

const [COUNT, MAX, STAT] = USAGE_PATHS;
const BUCKETS = settingPath('buckets');

function readNumber(netns: NetNamespaceArgument, path: string): number | undefined {
  const [file] = readProcFiles('readPressure', netns, [path]);
  return numberIn(file.text);
}

function readProc(netns: NetNamespaceArgument): Told {
  const [max, stat, buckets] = readProcFiles('readPressure', netns, [MAX, STAT, BUCKETS]);
  const maxEntries = numberIn(max.text);
  const cpus = parseStatFile(stat.text ?? '');
  const entries = entriesIn(stat.text ?? '') ?? readNumber(netns, COUNT);
  const known = entries !== undefined && maxEntries !== undefined;
  return {
    usage: known ? { entries, maxEntries } : undefined,
    cpus: cpus.length > 0 ? cpus : undefined,
    failure: known ? undefined : max.failure,
    buckets: numberIn(buckets.text),
  };
}

async function ask(requests: RequestQueue): Promise<Told> {
  const usage = await askUsage(requests, 'readPressure');
  if (usage === undefined) return {};
  const stats = await requests.ask('readPressure', 'stats');
  if (stats.failure !== undefined) throw errorOfPlainFailure('readPressure', stats.failure);
  const { entries, maxEntries } = usage;
  return {
    usage: maxEntries === undefined ? undefined : { entries, maxEntries },
    cpus: cpusOf({ stats: stats.cpus }),
  };
}
