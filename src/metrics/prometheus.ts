/**
 * `conntrack/prometheus`: metrics for Prometheus, through `prom-client`, an optional peer
 * dependency. See the guide to metrics.
 *
 * @module prometheus
 */
import { Counter, Gauge, type OpenMetricsContentType, type Registry, register } from 'prom-client';
import type { Conntrack } from '../conntrack.js';
import { objectOf } from '../core/check.js';
import type { EventCounters } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { TableStats } from '../health/stats.js';
import { readStats } from '../table/health.js';
import { type CounterName, KERNEL_NAMES, namedCounters } from './definitions.js';

/** What {@link registerMetrics} takes. */
export interface PrometheusOptions {
  /** Where the metrics are registered. Default: the one of all, `register`. */
  readonly registry?: Registry | Registry<OpenMetricsContentType> | undefined;
  /** A handle on the table to read. Default: that of the network namespace of the process. */
  readonly conntrack?: Pick<Conntrack, 'readStats'> | undefined;
  /** Its counters become metrics, too. It is not read: that is for its owner to do. */
  readonly stream?: Pick<EventStream, 'counters'> | undefined;
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What gauges and counters of prom-client have in common. */
interface Settable {
  reset(): void;
  remove(labels: object): void;
  inc(labels: Sample['labels'], value: number): void;
}

/** A metric, and its samples at a scrape. */
interface Definition<Source> {
  readonly type: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly samplesOf: (source: Source) => readonly Sample[];
}

const TABLE_METRICS: readonly Definition<TableStats>[] = [
  single('gauge', 'node_nf_conntrack_entries', 'Entries in the table.', ({ entries }) => entries),
  single(
    'gauge',
    'node_nf_conntrack_entries_limit',
    'How many entries there may be; 0 for any number.',
    ({ maxEntries }) => maxEntries,
  ),
  sum('found', 'Tuples wanted for NAT that were taken already.'),
  sum('invalid', 'Packets that belong to no connection and can begin none.'),
  sum('ignore', 'Packets that were tracked already, until Linux 5.9.'),
  sum('insert', 'Entries that a program has created.'),
  sum('insertFailed', 'Entries that could not be put into the table.'),
  sum('drop', 'Packets dropped because no entry could be made.'),
  sum('earlyDrop', 'Entries removed to make room in a full table.'),
  sum('searchRestart', 'Lookups begun again because the table was resized.'),
  single(
    'gauge',
    'conntrack_utilization_ratio',
    'Entries in the table by how many there may be; 0 without a limit.',
    ({ entries, maxEntries }) => (maxEntries === 0 ? 0 : entries / maxEntries),
  ),
  {
    type: 'counter',
    name: 'conntrack_stat_total',
    help: 'The counters of the kernel, by processor.',
    labelNames: ['cpu', 'counter'],
    samplesOf: ({ cpus }) =>
      cpus.flatMap(({ cpu, ...counters }) =>
        namedCounters(counters).map(([counter, value]) => ({ labels: { cpu, counter }, value })),
      ),
  },
];

const EVENT_METRICS: readonly Definition<EventCounters>[] = [
  single(
    'counter',
    'conntrack_events_received_total',
    'Events that the kernel gave and that passed the filter.',
    ({ received }) => received,
  ),
  single(
    'counter',
    'conntrack_events_delivered_total',
    'Events that have reached JavaScript.',
    ({ delivered }) => delivered,
  ),
  {
    type: 'counter',
    name: 'conntrack_events_lost_total',
    help: 'Events that found no room in the receive buffer (kernel) or in the queue.',
    labelNames: ['cause'],
    samplesOf: ({ lostInKernel, lostInQueue }) => [
      { labels: { cause: 'kernel' }, value: lostInKernel },
      { labels: { cause: 'queue' }, value: lostInQueue },
    ],
  },
  single(
    'counter',
    'conntrack_events_malformed_total',
    'Messages of the kernel that could not be decoded.',
    ({ malformed }) => malformed,
  ),
  single(
    'counter',
    'conntrack_events_foreign_total',
    'Messages of other processes that were dropped.',
    ({ foreign }) => foreign,
  ),
];

/** A metric without labels, and without a sample where there is no value. */
function single<Source>(
  type: 'gauge' | 'counter',
  name: string,
  help: string,
  pick: (source: Source) => number | undefined,
): Definition<Source> {
  const samplesOf = (source: Source) => {
    const value = pick(source);
    return value === undefined ? [] : [{ labels: {}, value }];
  };
  return { type, name, help, labelNames: [], samplesOf };
}

/** A sum over all processors, named and typed as node_exporter does. */
function sum(counter: CounterName, help: string): Definition<TableStats> {
  const name = `node_nf_conntrack_stat_${KERNEL_NAMES[counter]}`;
  return single('gauge', name, help, ({ total }) => total[counter]);
}

/** Registers one metric. Gives what sets its samples. */
function addTo<Source>(
  registry: Registry | Registry<OpenMetricsContentType>,
  { type, name, help, labelNames, samplesOf }: Definition<Source>,
  collect: () => Promise<void>,
): (source: Source) => void {
  const config = { name, help, labelNames, registers: [registry], collect };
  const metric: Settable = type === 'gauge' ? new Gauge(config) : new Counter(config);
  return (source) => {
    metric.reset();
    metric.remove({}); // without labels, prom-client has reset it to 0
    for (const { labels, value } of samplesOf(source)) metric.inc(labels, value);
  };
}

/**
 * Registers metrics of the table. A scrape reads the kernel's counters once, as
 * {@link readStats} does, which does not read the table itself, and needs no privileges. When
 * that fails, so does the scrape.
 *
 * @returns a function that takes them out of the registry again
 * @throws Error of prom-client, when the registry has such metrics already.
 * @throws TypeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { registerMetrics } from 'conntrack/prometheus';
 * import { register } from 'prom-client';
 *
 * registerMetrics();
 * console.log(await register.metrics());
 * ```
 */
export function registerMetrics(options: PrometheusOptions = {}): () => void {
  objectOf(options, 'options', ['registry', 'conntrack', 'stream']);
  const { registry = register, conntrack = { readStats }, stream } = options;
  let scrape: Promise<void> | undefined;
  const collect = () => {
    // Every metric of a scrape asks, and all do before the answer is there.
    scrape ??= update().finally(() => {
      scrape = undefined;
    });
    return scrape;
  };
  const add = <Source>(definition: Definition<Source>) => addTo(registry, definition, collect);
  const table = TABLE_METRICS.map(add);
  const events = stream === undefined ? [] : EVENT_METRICS.map(add);
  async function update(): Promise<void> {
    const stats = await conntrack.readStats();
    for (const set of table) set(stats);
    if (stream !== undefined) for (const set of events) set(stream.counters);
  }

  return () => {
    for (const { name } of [...TABLE_METRICS, ...EVENT_METRICS]) registry.removeSingleMetric(name);
  };
}
