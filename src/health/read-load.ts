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
import { parseStatFile } from './stat-file.js';
import type { CpuStats, TableStats } from './stats.js';

export interface TableLoad extends Pick<TableStats, 'entries' | 'maxEntries' | 'total'> {
  /** `undefined`: /proc/sys does not show them. */
  readonly buckets: number | undefined;
}

/** What one way tells. */
interface Told {
  readonly usage?: Pick<TableStats, 'entries' | 'maxEntries'>;
  readonly cpus?: readonly CpuStats[];
  /** Why /proc does not. */
  readonly failure?: NativeFailure | undefined;
}

export async function readLoad(
  requests: RequestQueue,
  netns: NetNamespaceArgument,
): Promise<TableLoad> {
  const ours = netns === undefined;
  let told = ours ? readProc(netns) : await ask(requests);
  if (told.usage === undefined || told.cpus === undefined) {
    told = { ...(ours ? await ask(requests) : readProc(netns)), ...told };
  }
  const { usage, cpus = [], failure } = told;
  if (usage === undefined) throw untrackedError('readPressure', failure);
  // One number for all namespaces.
  const [buckets] = readProcFiles('readPressure', undefined, [settingPath('buckets')]);
  return { ...usage, buckets: numberIn(buckets.text), total: sumOf(cpus) };
}

function readProc(netns: NetNamespaceArgument): Told {
  const [count, max, stat] = readProcFiles('readPressure', netns, USAGE_PATHS);
  const entries = numberIn(count.text);
  const maxEntries = numberIn(max.text);
  const cpus = parseStatFile(stat.text ?? '');
  const known = entries !== undefined && maxEntries !== undefined;
  return {
    ...(known ? { usage: { entries, maxEntries } } : { failure: count.failure ?? max.failure }),
    ...(cpus.length > 0 && { cpus }),
  };
}

async function ask(requests: RequestQueue): Promise<Told> {
  const usage = await askUsage(requests, 'readPressure');
  if (usage === undefined) return {};
  const stats = await requests.ask('readPressure', 'stats');
  if (stats.failure !== undefined) throw errorOfPlainFailure('readPressure', stats.failure);
  const { entries, maxEntries } = usage;
  return {
    ...(maxEntries !== undefined && { usage: { entries, maxEntries } }),
    cpus: cpusOf({ stats: stats.cpus }),
  };
}
