/**
 * The metrics, each declared once: the exporters go over these lists, and docs/metrics.md is
 * tested against them.
 */
import type { EventCounters } from '../event/event.js';
import type { TrafficCount } from '../flow-log/flow-record.js';
import type { FlowCounters } from '../flow-log/totals.js';
import { COUNTERS, type Counter, type CounterName } from '../health/counters.js';
import type { TableCounters, TableStats } from '../health/stats.js';
import { utilizationOf } from '../health/utilization.js';
import type { CountedBy } from '../mirror/groups.js';

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
    samplesOf: lossesOf,
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

/** What a mirror knows at a moment: its properties, and counts of the groups that are measured. */
export interface MirrorReading {
  readonly size: number;
  readonly synced: boolean;
  readonly resyncs: number;
  readonly staleFor: number;
  readonly outOfSyncFor: number;
  readonly groups: ReadonlyMap<CountedBy, ReadonlyMap<string, number>>;
}

/** Of whether the others of the mirror could be read. */
export const MIRROR_UP_METRIC: Metric<boolean> = {
  ...ofMirror('up', 'gauge', '1'),
  help: 'Whether the mirror is open: 1 or 0.',
  ...single(Number),
};

export const MIRROR_METRICS: readonly Metric<MirrorReading>[] = [
  {
    ...ofMirror('size', 'gauge', '{flow}'),
    help: 'Flows in the mirror.',
    ...single(({ size }) => size),
  },
  {
    ...ofMirror('synced', 'gauge', '1'),
    help: 'Whether no event is missing: 1, or 0 from a loss until the table has been read again.',
    ...single(({ synced }) => Number(synced)),
  },
  {
    ...ofMirror('resyncs', 'counter', '{resync}'),
    help: 'How often events were lost and the table was read again.',
    ...single(({ resyncs }) => resyncs),
  },
  {
    ...ofMirror('out_of_sync', 'counter', 's'),
    help: 'For how many seconds, in all, events were missing; the opening counts.',
    ...single(({ outOfSyncFor }) => outOfSyncFor / 1000),
  },
  {
    ...ofMirror('stale', 'gauge', 's'),
    help: 'Age in seconds of the oldest knowledge that no event keeps right.',
    ...single(({ staleFor }) => staleFor / 1000),
  },
];

/** Flows of a mirror by group: a metric for each thing that it can count by. */
export const FLOW_METRICS: Readonly<Record<CountedBy, Metric<MirrorReading>>> = {
  state: flowsBy('state', 'Flows by state; those of protocols without states are not counted.'),
  protocol: flowsBy('protocol', 'Flows by protocol.'),
  address: flowsBy(
    'address',
    'Flows by address; a flow counts for each of its addresses, before and after NAT.',
  ),
  source: flowsBy('source', 'Flows by source of the first packet, before NAT.'),
  destination: flowsBy('destination', 'Flows by destination of the first packet, before NAT.'),
  service: flowsBy(
    'service',
    'Flows by destination address and port; a flow with DNAT counts for both destinations.',
  ),
  port: flowsBy('port', 'Flows by destination port of the first packet, before NAT.'),
  mark: flowsBy('mark', 'Flows by mark.'),
  zone: flowsBy('zone', 'Flows by zone.'),
};

/** Of the records of a flow log. */
export const FLOW_LOG_METRICS: readonly Metric<FlowCounters>[] = [
  {
    ...ofFlowLog('records', '{record}'),
    help: 'Records of flows; a part of an open flow is one.',
    labels: ['protocol', 'outcome'],
    samplesOf: ({ protocols }) =>
      Array.from(protocols).flatMap(([protocol, { records }]) =>
        Object.entries(records).map(([outcome, value]) => ({
          labels: { protocol, outcome },
          value,
        })),
      ),
  },
  {
    ...ofFlowLog('io', 'By'),
    help: 'Bytes in these records.',
    ...byDirection('bytes'),
  },
  {
    ...ofFlowLog('packets', '{packet}'),
    help: 'Packets in these records.',
    ...byDirection('packets'),
  },
  {
    ...ofFlowLog('estimated', '{record}'),
    help: 'Records of flows that may lack traffic.',
    ...single(({ estimated }) => estimated),
  },
  {
    ...ofFlowLog('lost', '{event}'),
    help: 'Lost events, which may have been ends of flows.',
    labels: ['cause'],
    samplesOf: lossesOf,
  },
  {
    ...ofFlowLog('gap', 's'),
    help: 'Seconds, in all, in which no recorder ran.',
    ...single(({ gapMs }) => gapMs / 1000),
  },
  {
    ...ofFlowLog('notices', '{notice}'),
    help: 'Notices of causes of incomplete records.',
    labels: ['code'],
    samplesOf: ({ notices }) =>
      Object.entries(notices).map(([code, value]) => ({ labels: { code }, value })),
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

function lossesOf({ lostInKernel, lostInQueue }: Losses): Sample[] {
  return [
    { labels: { cause: 'kernel' }, value: lostInKernel },
    { labels: { cause: 'queue' }, value: lostInQueue },
  ];
}

type Losses = Pick<EventCounters, 'lostInKernel' | 'lostInQueue'>;

function ofFlowLog(
  name: string,
  unit: string,
): Pick<Metric<FlowCounters>, 'prometheus' | 'opentelemetry'> {
  const inUnit = { s: '_seconds', By: '_bytes' }[unit] ?? '';
  return {
    prometheus: { name: `conntrack_flow_log_${name}${inUnit}_total`, type: 'counter' },
    opentelemetry: { name: `conntrack.flow_log.${name}`, kind: 'counter', unit },
  };
}

function byDirection(
  count: keyof TrafficCount,
): Pick<Metric<FlowCounters>, 'labels' | 'samplesOf'> {
  const samplesOf = ({ protocols }: FlowCounters) =>
    Array.from(protocols).flatMap(([protocol, { traffic }]) => [
      { labels: { protocol, direction: 'original' }, value: traffic.original[count] },
      { labels: { protocol, direction: 'reply' }, value: traffic.reply[count] },
    ]);
  return { labels: ['protocol', 'direction'], samplesOf };
}

function ofMirror(
  name: string,
  type: 'gauge' | 'counter',
  unit: string,
): Pick<Metric<MirrorReading>, 'prometheus' | 'opentelemetry'> {
  const seconds = unit === 's' ? '_seconds' : '';
  const total = type === 'counter' ? '_total' : '';
  return {
    prometheus: { name: `conntrack_mirror_${name}${seconds}${total}`, type },
    opentelemetry: { name: `conntrack.mirror.${name}`, kind: type, unit },
  };
}

function flowsBy(name: CountedBy, help: string): Metric<MirrorReading> {
  return {
    prometheus: { name: `conntrack_flows_by_${name}`, type: 'gauge' },
    opentelemetry: { name: `conntrack.flows.by_${name}`, kind: 'gauge', unit: '{flow}' },
    help,
    labels: [name],
    samplesOf: ({ groups }) =>
      Array.from(groups.get(name) ?? [], ([key, value]) => ({ labels: { [name]: key }, value })),
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
