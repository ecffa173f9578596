/**
 * The metrics, each declared once: the exporters go over these lists, and docs/metrics.md is
 * tested against them.
 */
import type { EventCounters } from '../event/event.js';
import { COUNTERS, type Counter, type CounterName } from '../health/counters.js';
import type { TableCounters, TableStats } from '../health/stats.js';
import { utilizationOf } from '../health/utilization.js';

/** A value, and the labels (attributes, to OpenTelemetry) that tell it from the others. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface Metric<Source> {
  readonly prometheus: { readonly name: string; readonly type: 'gauge' | 'counter' };
  /** Absent where `conntrack.stat` has the same by processor. */
  readonly opentelemetry?: {
    readonly name: string;
    readonly kind: 'gauge' | 'counter' | 'up-down counter';
    readonly unit?: string;
  };
  readonly help: string;
  readonly labels: readonly string[];
  /** What is not known has no sample. */
  readonly samplesOf: (source: Source) => readonly Sample[];
}

/** Of whether the others could be read. */
export const UP_METRIC: Metric<boolean> = {
  prometheus: { name: 'conntrack_up', type: 'gauge' },
  opentelemetry: { name: 'conntrack.up', kind: 'gauge', unit: '1' },
  help: 'Whether the counters of the kernel could be read: 1 or 0.',
  ...single(Number),
};

export const TABLE_METRICS: readonly Metric<TableStats>[] = [
  {
    prometheus: { name: 'node_nf_conntrack_entries', type: 'gauge' },
    opentelemetry: {
      name: 'system.network.conntrack.count',
      kind: 'up-down counter',
      unit: '{entries}',
    },
    help: 'Entries in the table.',
    ...single(({ entries }) => entries),
  },
  {
    prometheus: { name: 'node_nf_conntrack_entries_limit', type: 'gauge' },
    opentelemetry: {
      name: 'system.network.conntrack.max',
      kind: 'up-down counter',
      unit: '{entries}',
    },
    help: 'Maximum of entries; 0: no limit.',
    ...single(({ maxEntries }) => maxEntries),
  },
  sum('found'),
  sum('invalid'),
  sum('ignore'),
  sum('insert'),
  sum('insertFailed'),
  sum('drop'),
  sum('earlyDrop'),
  sum('searchRestart'),
  {
    prometheus: { name: 'conntrack_utilization_ratio', type: 'gauge' },
    opentelemetry: { name: 'conntrack.utilization', kind: 'gauge', unit: '1' },
    help: 'Entries divided by their maximum; 0 without a limit.',
    ...single(utilizationOf),
  },
  {
    prometheus: { name: 'conntrack_stat_total', type: 'counter' },
    opentelemetry: { name: 'conntrack.stat', kind: 'counter' },
    help: 'The counters of the kernel, by processor.',
    labels: ['cpu', 'counter'],
    samplesOf: ({ cpus }) =>
      cpus.flatMap(({ cpu, ...counters }) =>
        namedCounters(counters).map(([counter, value]) => ({ labels: { cpu, counter }, value })),
      ),
  },
];

export const EVENT_METRICS: readonly Metric<EventCounters>[] = [
  {
    ...ofEvents('received', '{event}'),
    help: 'Events that arrived and matched the filter.',
    ...single(({ received }) => received),
  },
  {
    ...ofEvents('delivered', '{event}'),
    help: 'Events that the loop has received.',
    ...single(({ delivered }) => delivered),
  },
  {
    ...ofEvents('lost', '{event}'),
    help: 'Events that found no room in the receive buffer (kernel) or in the queue.',
    labels: ['cause'],
    samplesOf: ({ lostInKernel, lostInQueue }) => [
      { labels: { cause: 'kernel' }, value: lostInKernel },
      { labels: { cause: 'queue' }, value: lostInQueue },
    ],
  },
  {
    ...ofEvents('malformed', '{message}'),
    help: 'Undecodable messages of the kernel.',
    ...single(({ malformed }) => malformed),
  },
  {
    ...ofEvents('foreign', '{message}'),
    help: 'Dropped messages of other processes.',
    ...single(({ foreign }) => foreign),
  },
];

/** A metric without labels. */
function single<Source>(
  pick: (source: Source) => number | undefined,
): Pick<Metric<Source>, 'labels' | 'samplesOf'> {
  const samplesOf = (source: Source) => {
    const value = pick(source);
    return value === undefined ? [] : [{ labels: {}, value }];
  };
  return { labels: [], samplesOf };
}

/** A sum over all processors, named and typed as node_exporter does. */
function sum(name: CounterName): Metric<TableStats> {
  const { kernelName, meaning, until }: Counter = COUNTERS[name];
  const last = until === undefined ? '' : `, until Linux ${until}`;
  return {
    prometheus: { name: `node_nf_conntrack_stat_${kernelName}`, type: 'gauge' },
    help: `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}${last}.`,
    ...single(({ total }) => total[name]),
  };
}

function ofEvents(
  name: string,
  unit: string,
): Pick<Metric<EventCounters>, 'prometheus' | 'opentelemetry'> {
  return {
    prometheus: { name: `conntrack_events_${name}_total`, type: 'counter' },
    opentelemetry: { name: `conntrack.events.${name}`, kind: 'counter', unit },
  };
}

/** Each counter that the kernel sent, under its name; one without a name as `other` has it. */
function namedCounters({ other, ...known }: TableCounters): [string, number][] {
  const names = Object.entries(known) as [CounterName, number][];
  return [
    ...names.map(([name, value]): [string, number] => [COUNTERS[name].kernelName, value]),
    ...Object.entries(other),
  ];
}
