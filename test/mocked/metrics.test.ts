import { readFileSync } from 'node:fs';
import type { Meter } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  type MetricData,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import { Counter, Gauge, type OpenMetricsContentType, Registry, register } from 'prom-client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CpuStats, TableCounters, TableStats } from '../../src/health/stats.js';
import {
  EVENT_METRICS,
  FLOW_LOG_METRICS,
  FLOW_METRICS,
  type Metric,
  MIRROR_METRICS,
  MIRROR_UP_METRIC,
  TABLE_METRICS,
  UP_METRIC,
} from '../../src/metrics/definitions.js';
import { registerMetrics as registerInstruments } from '../../src/metrics/opentelemetry.js';
import { registerMetrics } from '../../src/metrics/prometheus.js';
import type { CountedBy, CountOptions } from '../../src/mirror/groups.js';
import { tableRows } from '../unit/documents.js';

const CPUS: readonly CpuStats[] = [
  { cpu: 0, insertFailed: 3, drop: 4_294_967_295, chainTooLong: 1, other: { 'expect.9': 7 } },
  { cpu: 5, insertFailed: 2, drop: 0, other: {} },
];
const TOTAL: TableCounters = { insertFailed: 5, drop: 4_294_967_295, chainTooLong: 1, other: {} };
const STATS: TableStats = {
  source: 'netlink',
  entries: 30,
  maxEntries: 120,
  cpus: CPUS,
  total: TOTAL,
};

/** The table of the calling thread. */
vi.mock('../../src/table/health.js', () => ({
  readStats: async () => ({ ...STATS, entries: 60 }),
}));

/** A handle whose table is like this; `undefined`: it cannot be read. */
function handleOn(...answers: (TableStats | undefined)[]) {
  const handle = {
    reads: 0,
    async readStats(): Promise<TableStats> {
      const stats = answers[Math.min(handle.reads++, answers.length - 1)];
      if (stats === undefined) throw new Error('not now');
      return stats;
    },
  };
  return handle;
}

const stream = {
  counters: {
    received: 90,
    delivered: 80,
    lostInKernel: 7,
    lostInQueue: 6,
    malformed: 2,
    foreign: 1,
  },
};

/** A flow log that has records of a protocol, and a loss. */
const flowLog = {
  counters: {
    protocols: new Map([
      [
        'tcp',
        {
          records: { open: 4, expired: 3, deleted: 2, unobserved: 1 },
          traffic: {
            original: { packets: 50, bytes: 60_000 },
            reply: { packets: 40, bytes: 9_007_199_254_740_991 },
          },
        },
      ],
    ] as const),
    estimated: 5,
    lostInKernel: 8,
    lostInQueue: 9,
    gapMs: 1500,
    notices: {
      'accounting-off': 1,
      'timestamps-off': 0,
      'events-off': 0,
      'older-flows-silent': 2,
      'settings-unreadable': 0,
      'reliability-ended': 0,
      finished: 0,
    },
  },
};

type Counts = Readonly<Record<string, number>>;

/** A mirror that has the indexes `source` and `service`, and counts like these. */
function mirrorOf(counts: {
  state?: Counts;
  protocol?: Counts;
  source?: Counts;
  service?: Counts;
}) {
  const mirror = {
    counts,
    hasEnded: false,
    get size() {
      if (mirror.hasEnded) throw new Error('ended');
      return 9;
    },
    synced: true,
    resyncs: 2,
    staleFor: 1500,
    outOfSyncFor: 250,
    countBy(by: CountedBy, { limit = 0, other = false }: CountOptions = {}) {
      if (by === 'address') throw new TypeError('by: needs an index');
      const sorted = Object.entries(mirror.counts[by as 'state'] ?? {});
      const rest = sorted.slice(limit).reduce((sum, [, count]) => sum + count, 0);
      return new Map([
        ...sorted.slice(0, limit),
        ...(other && rest > 0 ? [['other', rest] as const] : []),
      ]);
    },
  };
  return mirror;
}

const mirrorOfBoth = () =>
  mirrorOf({ state: { ESTABLISHED: 5, TIME_WAIT: 2 }, protocol: { tcp: 7, udp: 2 } });

const MIRROR_SAMPLES = {
  conntrack_mirror_up: 1,
  conntrack_mirror_size: 9,
  conntrack_mirror_synced: 1,
  conntrack_mirror_resyncs_total: 2,
  conntrack_mirror_out_of_sync_seconds_total: 0.25,
  conntrack_mirror_stale_seconds: 1.5,
};

/** The samples of a scrape, by metric and labels. */
async function scrape(registry: Registry): Promise<Record<string, number>> {
  const metrics = await registry.getMetricsAsJSON();
  return Object.fromEntries(
    metrics.flatMap(({ name, values }) =>
      values.map(({ labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    ),
  );
}

const flowsOf = (samples: Record<string, number>) =>
  Object.fromEntries(Object.entries(samples).filter(([name]) => name.includes('_flows_by_')));

const TABLE_SAMPLES = {
  conntrack_up: 1,
  node_nf_conntrack_entries: 30,
  node_nf_conntrack_entries_limit: 120,
  node_nf_conntrack_stat_insert_failed: 5,
  node_nf_conntrack_stat_drop: 4_294_967_295,
  conntrack_utilization_ratio: 0.25,
  'conntrack_stat_total 0 insert_failed': 3,
  'conntrack_stat_total 0 drop': 4_294_967_295,
  'conntrack_stat_total 0 chaintoolong': 1,
  'conntrack_stat_total 0 expect.9': 7,
  'conntrack_stat_total 5 insert_failed': 2,
  'conntrack_stat_total 5 drop': 0,
};

const EVENT_SAMPLES = {
  conntrack_events_received_total: 90,
  conntrack_events_delivered_total: 80,
  'conntrack_events_lost_total kernel': 7,
  'conntrack_events_lost_total queue': 6,
  conntrack_events_malformed_total: 2,
  conntrack_events_foreign_total: 1,
};

const FLOW_LOG_SAMPLES = {
  'conntrack_flow_log_records_total tcp open': 4,
  'conntrack_flow_log_records_total tcp expired': 3,
  'conntrack_flow_log_records_total tcp deleted': 2,
  'conntrack_flow_log_records_total tcp unobserved': 1,
  'conntrack_flow_log_io_bytes_total tcp original': 60_000,
  'conntrack_flow_log_io_bytes_total tcp reply': 9_007_199_254_740_991,
  'conntrack_flow_log_packets_total tcp original': 50,
  'conntrack_flow_log_packets_total tcp reply': 40,
  conntrack_flow_log_estimated_total: 5,
  'conntrack_flow_log_lost_total kernel': 8,
  'conntrack_flow_log_lost_total queue': 9,
  conntrack_flow_log_gap_seconds_total: 1.5,
  'conntrack_flow_log_notices_total accounting-off': 1,
  'conntrack_flow_log_notices_total timestamps-off': 0,
  'conntrack_flow_log_notices_total events-off': 0,
  'conntrack_flow_log_notices_total older-flows-silent': 2,
  'conntrack_flow_log_notices_total settings-unreadable': 0,
  'conntrack_flow_log_notices_total reliability-ended': 0,
  'conntrack_flow_log_notices_total finished': 0,
};

/** Those of the conntrack collector of node_exporter. */
const NODE_EXPORTER = [
  'node_nf_conntrack_entries',
  'node_nf_conntrack_entries_limit',
  'node_nf_conntrack_stat_found',
  'node_nf_conntrack_stat_invalid',
  'node_nf_conntrack_stat_ignore',
  'node_nf_conntrack_stat_insert',
  'node_nf_conntrack_stat_insert_failed',
  'node_nf_conntrack_stat_drop',
  'node_nf_conntrack_stat_early_drop',
  'node_nf_conntrack_stat_search_restart',
];

const ALL_OF_MIRROR: readonly Metric<never>[] = [
  MIRROR_UP_METRIC,
  ...MIRROR_METRICS,
  ...Object.values(FLOW_METRICS),
];

describe('the tables of the guide', () => {
  const guide = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const listed = (labels: readonly string[]) => labels.map((label) => `\`${label}\``).join(', ');

  it.each<[string, number, readonly Metric<never>[]]>([
    ['table', 0, [UP_METRIC, ...TABLE_METRICS]],
    ['events', 1, EVENT_METRICS],
    ['mirror', 2, ALL_OF_MIRROR],
    ['flow log', 3, FLOW_LOG_METRICS],
  ])('for Prometheus have the metrics of the %s', (_, index, metrics) => {
    const table = guide.split('\n## ')[index + 1] ?? '';
    expect(tableRows(table, '| metric |')).toEqual(
      metrics.map(({ prometheus: { name, type }, labels, help }) => [
        `\`${name}\``,
        type,
        listed(labels),
        help,
      ]),
    );
  });

  it('for OpenTelemetry have the instruments', () => {
    const metrics: readonly Metric<never>[] = [
      ...[UP_METRIC, ...TABLE_METRICS, ...EVENT_METRICS, ...ALL_OF_MIRROR, ...FLOW_LOG_METRICS],
    ];
    expect(tableRows(guide, '| instrument |')).toEqual(
      metrics.flatMap(({ opentelemetry, labels, help }) => {
        if (opentelemetry === undefined) return [];
        const { name, kind, unit } = opentelemetry;
        const cells = [kind, unit === undefined ? '' : `\`${unit}\``, listed(labels), help];
        return [[`\`${name}\``, ...cells]];
      }),
    );
  });
});

describe('conntrack/prometheus', () => {
  it('gives what the kernel sent, and no other samples', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS) });
    expect(await scrape(registry)).toEqual(TABLE_SAMPLES);
  });

  it('has the names and types of node_exporter, and types of its own that are right', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS), stream });
    const types = [...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
      ([, name, type]) => [name, type],
    );
    expect(types).toEqual([
      ['conntrack_up', 'gauge'],
      ...NODE_EXPORTER.map((name) => [name, 'gauge']),
      ['conntrack_utilization_ratio', 'gauge'],
      ['conntrack_stat_total', 'counter'],
      ...['received', 'delivered', 'lost', 'malformed', 'foreign'].map((name) => [
        `conntrack_events_${name}_total`,
        'counter',
      ]),
    ]);
  });

  it('gives the counters of a stream, too', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS), stream });
    expect(await scrape(registry)).toEqual({ ...TABLE_SAMPLES, ...EVENT_SAMPLES });
  });

  it('knows every counter of the kernel by its name', async () => {
    const registry = new Registry();
    const all = {
      found: 1,
      invalid: 2,
      insert: 3,
      insertFailed: 4,
      drop: 5,
      earlyDrop: 6,
      error: 7,
      searchRestart: 8,
      clashResolve: 9,
      chainTooLong: 10,
      ignore: 11,
      expectNew: 12,
      expectCreate: 13,
      expectDelete: 14,
      other: {},
    } satisfies Required<TableCounters>;
    const conntrack = handleOn({ ...STATS, cpus: [{ cpu: 0, ...all }], total: all });
    registerMetrics({ registry, conntrack });
    expect(await scrape(registry)).toEqual({
      conntrack_up: 1,
      node_nf_conntrack_entries: 30,
      node_nf_conntrack_entries_limit: 120,
      node_nf_conntrack_stat_found: 1,
      node_nf_conntrack_stat_invalid: 2,
      node_nf_conntrack_stat_insert: 3,
      node_nf_conntrack_stat_insert_failed: 4,
      node_nf_conntrack_stat_drop: 5,
      node_nf_conntrack_stat_early_drop: 6,
      node_nf_conntrack_stat_search_restart: 8,
      node_nf_conntrack_stat_ignore: 11,
      conntrack_utilization_ratio: 0.25,
      'conntrack_stat_total 0 found': 1,
      'conntrack_stat_total 0 invalid': 2,
      'conntrack_stat_total 0 insert': 3,
      'conntrack_stat_total 0 insert_failed': 4,
      'conntrack_stat_total 0 drop': 5,
      'conntrack_stat_total 0 early_drop': 6,
      'conntrack_stat_total 0 error': 7,
      'conntrack_stat_total 0 search_restart': 8,
      'conntrack_stat_total 0 clash_resolve': 9,
      'conntrack_stat_total 0 chaintoolong': 10,
      'conntrack_stat_total 0 ignore': 11,
      'conntrack_stat_total 0 expect_new': 12,
      'conntrack_stat_total 0 expect_create': 13,
      'conntrack_stat_total 0 expect_delete': 14,
    });
  });

  it('each scrape reads once, and has what is then true', async () => {
    const registry = new Registry();
    const gone = { ...STATS, entries: 1, maxEntries: 0, cpus: [], total: { other: {} } };
    const conntrack = handleOn(STATS, gone);
    registerMetrics({ registry, conntrack, stream });
    expect(await scrape(registry)).toMatchObject(TABLE_SAMPLES);
    expect(conntrack.reads).toBe(1);
    expect(await scrape(registry)).toEqual({
      conntrack_up: 1,
      node_nf_conntrack_entries: 1,
      node_nf_conntrack_entries_limit: 0,
      conntrack_utilization_ratio: 0,
      ...EVENT_SAMPLES,
    });
    expect(conntrack.reads).toBe(2);
  });

  it('a table that cannot be read has no samples, and leaves all others theirs', async () => {
    const registry = new Registry();
    const own = new Gauge({ name: 'own', help: 'Of somebody else.', registers: [registry] });
    own.set(5);
    const labels = { netns: 'blue' };
    registerMetrics({ registry, conntrack: handleOn(STATS, undefined, STATS), labels, stream });
    registerMetrics({ registry, conntrack: handleOn(STATS), labels: { netns: 'green' } });
    const of = (netns: string, samples: object) =>
      Object.fromEntries(
        Object.entries(samples).map(([name, value]) => [`${name} ${netns}`, value]),
      );
    const green = of('green', TABLE_SAMPLES);
    const [all, failed, again] = [
      await scrape(registry),
      await scrape(registry),
      await scrape(registry),
    ];
    expect(all).toEqual({
      own: 5,
      ...of('blue', { ...TABLE_SAMPLES, ...EVENT_SAMPLES }),
      ...green,
    });
    expect(failed).toEqual({
      own: 5,
      ...of('blue', { conntrack_up: 0, ...EVENT_SAMPLES }),
      ...green,
    });
    expect(again).toEqual(all);
  });

  it('each table takes out its own samples, and the last one the metrics', async () => {
    const registry = new Registry();
    const [blue, green] = ['blue', 'green'].map((netns) =>
      registerMetrics({ registry, conntrack: handleOn(STATS), labels: { netns }, stream }),
    ) as [() => void, () => void];
    blue();
    blue();
    const names = Object.keys(await scrape(registry));
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !name.endsWith(' green'))).toEqual([]);
    green();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('a table that throws, or is removed during a scrape, leaves the others theirs', async () => {
    const registry = new Registry();
    const throwing = {
      readStats: () => {
        throw new Error('not now');
      },
    };
    registerMetrics({ registry, conntrack: throwing, labels: { netns: 'bad' } });
    const off = registerMetrics({ registry, conntrack: handleOn(STATS), labels: { netns: 'old' } });
    registerMetrics({ registry, conntrack: handleOn(STATS), labels: { netns: 'blue' } });
    const scraping = scrape(registry);
    off();
    const names = Object.keys(await scraping);
    expect(names).toContain('node_nf_conntrack_entries blue');
    expect(names.filter((name) => name.endsWith(' bad'))).toEqual(['conntrack_up bad']);
    expect(names.filter((name) => name.endsWith(' old'))).toEqual([]);
  });

  it.each([
    ['a metric of the table', 'conntrack_stat_total'],
    ['a metric of events', 'conntrack_events_lost_total'],
    ['the first', 'conntrack_up'],
  ])('where a name is taken (%s), nothing is registered', async (_, name) => {
    const registry = new Registry();
    const own = new Gauge({ name, help: 'Of somebody else.', registers: [registry] });
    expect(() => registerMetrics({ registry, conntrack: handleOn(STATS), stream })).toThrow(
      `A metric with the name ${name} has already been registered.`,
    );
    expect(registry.getMetricsAsArray()).toEqual([own]);
    own.set(3);
    expect(await scrape(registry)).toEqual({ [name]: 3 });
  });

  it('an old off() leaves what was registered after a clear()', async () => {
    const registry = new Registry();
    const old = registerMetrics({ registry, conntrack: handleOn(STATS) });
    registry.clear();
    registerMetrics({ registry, conntrack: handleOn(STATS) });
    old();
    expect(await scrape(registry)).toEqual(TABLE_SAMPLES);
  });

  it('refuses labels that do not tell tables apart', () => {
    const registry = new Registry();
    const add = (labels?: object) => () =>
      registerMetrics({ registry, conntrack: handleOn(STATS), labels: labels as never });
    add({ netns: 'blue' })();
    expect(add({ netns: 'blue' })).toThrow('already been registered');
    expect(add()).toThrow('options.labels: the tables in this registry have netns');
    expect(add({ host: 'a' })).toThrow('options.labels: the tables in this registry have netns');
    expect(add({ cpu: 'a' })).toThrow('options.labels.cpu: is a label of a metric here');
    expect(add({ netns: 5 })).toThrow('options.labels.netns: must be a string');
  });

  it('uses the registry of all by default, and leaves it as it was', async () => {
    const own = new Counter({ name: 'own_total', help: 'Of somebody else.' });
    onTestFinished(() => {
      register.clear();
    });
    const unregister = registerMetrics({ conntrack: handleOn(STATS), stream });
    expect(() => registerMetrics({ conntrack: handleOn(STATS) })).toThrow(
      'already been registered',
    );
    expect(await scrape(register)).toEqual({ own_total: 0, ...TABLE_SAMPLES, ...EVENT_SAMPLES });
    unregister();
    expect(register.getMetricsAsArray()).toEqual([own]);
    registerMetrics({ conntrack: handleOn(STATS) });
  });

  it('writes OpenMetrics, with labels of the registry', async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    registry.setDefaultLabels({ netns: 'blue' });
    const unregister = registerMetrics({ registry, conntrack: handleOn(STATS), stream });
    const text = await registry.metrics();
    expect(text).toContain('\n# TYPE conntrack_stat counter\n');
    expect(text).toContain('\nconntrack_stat_total{cpu="5",counter="drop",netns="blue"} 0\n');
    expect(text).toContain('\nconntrack_events_lost_total{cause="queue",netns="blue"} 6\n');
    unregister();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('has the sums of a flow log', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS, undefined), flowLog });
    expect(await scrape(registry)).toEqual({ ...TABLE_SAMPLES, ...FLOW_LOG_SAMPLES });
    const types = (await registry.metrics()).match(/^# TYPE conntrack_flow_log_.*/gm);
    expect(types).toHaveLength(FLOW_LOG_METRICS.length);
    expect(types?.filter((type) => !type.endsWith('_total counter'))).toEqual([]);
    // The table could not be read this time.
    expect(await scrape(registry)).toEqual({ conntrack_up: 0, ...FLOW_LOG_SAMPLES });
  });

  it('has the flows of a mirror by state and protocol, and how the mirror is', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS), mirror: mirrorOfBoth() });
    expect(await scrape(registry)).toEqual({
      ...TABLE_SAMPLES,
      ...MIRROR_SAMPLES,
      'conntrack_flows_by_state ESTABLISHED': 5,
      'conntrack_flows_by_state TIME_WAIT': 2,
      'conntrack_flows_by_protocol tcp': 7,
      'conntrack_flows_by_protocol udp': 2,
    });
    const types = (await registry.metrics()).match(/^# TYPE conntrack_(mirror|flows)\S+ .*/gm);
    expect(types?.filter((type) => type.endsWith('counter'))).toEqual([
      '# TYPE conntrack_mirror_resyncs_total counter',
      '# TYPE conntrack_mirror_out_of_sync_seconds_total counter',
    ]);
    expect(types?.filter((type) => type.endsWith('gauge'))).toHaveLength(6);
  });

  it('has the largest counts of the groups that are named, and the sum of the others', async () => {
    const registry = new Registry();
    const groups = [{ by: 'source', limit: 1 }, { by: 'service' }] as const;
    const mirror = mirrorOf({ source: { a: 4, b: 3, c: 2 }, service: { 'a:1': 1 } });
    registerMetrics({ registry, conntrack: handleOn(STATS), mirror, groups });
    expect(flowsOf(await scrape(registry))).toEqual({
      'conntrack_flows_by_source a': 4,
      'conntrack_flows_by_source other': 5,
      'conntrack_flows_by_service a:1': 1,
    });
    mirror.counts = { source: { b: 8 }, service: {} };
    expect(flowsOf(await scrape(registry))).toEqual({ 'conntrack_flows_by_source b': 8 });
  });

  it('a mirror that has ended has no samples, and leaves all others theirs', async () => {
    const registry = new Registry();
    const mirror = mirrorOfBoth();
    registerMetrics({ registry, conntrack: handleOn(STATS), mirror, stream });
    mirror.hasEnded = true;
    const samples = { ...TABLE_SAMPLES, ...EVENT_SAMPLES, conntrack_mirror_up: 0 };
    expect(await scrape(registry)).toEqual(samples);

    const late = new Registry();
    const conntrack = handleOn(STATS);
    registerMetrics({ registry: late, conntrack, mirror, stream, groups: ['address'] });
    expect(await scrape(late)).toEqual(samples);
  });

  it('tables in one registry have mirrors with groups of their own', async () => {
    const registry = new Registry();
    const add = (netns: string, groups: readonly ('state' | 'protocol')[]) =>
      registerMetrics({
        ...{ registry, conntrack: handleOn(STATS), mirror: mirrorOfBoth(), groups },
        labels: { netns },
      });
    const off = add('blue', ['state']);
    add('green', ['protocol']);
    expect(Object.keys(flowsOf(await scrape(registry)))).toEqual([
      'conntrack_flows_by_state ESTABLISHED blue',
      'conntrack_flows_by_state TIME_WAIT blue',
      'conntrack_flows_by_protocol tcp green',
      'conntrack_flows_by_protocol udp green',
    ]);
    off();
    expect(registry.getSingleMetric('conntrack_flows_by_state')).toBeUndefined();
    expect(registry.getSingleMetric('conntrack_flows_by_protocol')).toBeDefined();
  });

  it.each<[string, object, string]>([
    [
      'without a mirror',
      { mirror: undefined, groups: ['state'] },
      'options.groups: needs options.mirror',
    ],
    [
      'without the index',
      { groups: ['state', { by: 'address' }] },
      "options.groups[1]: needs the index 'address': mirrorTable({ indexes: ['address'] })",
    ],
    ['twice', { groups: ['state', { by: 'state' }] }, "options.groups[1]: 'state' is there twice"],
    ['of an unknown name', { groups: ['states'] }, 'options.groups[0]: must be'],
    ['of none', { groups: [{ by: 'state', limit: 0 }] }, 'options.groups[0].limit: must be'],
    ['with its label', { labels: { state: 'on' } }, 'options.labels.state: is a label of a metric'],
  ])('refuses a group %s', (_, options, message) => {
    const registry = new Registry();
    expect(() => registerMetrics({ registry, mirror: mirrorOfBoth(), ...options })).toThrow(
      message,
    );
    expect(registry.getMetricsAsArray()).toEqual([]);
  });

  it('has metrics of events and of a mirror for the tables that have such a source', async () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS), labels: { netns: 'blue' } });
    expect(registry.getSingleMetric('conntrack_events_received_total')).toBeUndefined();
    expect(registry.getSingleMetric('conntrack_mirror_up')).toBeUndefined();
    const more = { stream, mirror: mirrorOfBoth(), labels: { netns: 'green' } };
    registerMetrics({ registry, conntrack: handleOn(STATS), ...more });
    const names = Object.keys(await scrape(registry));
    expect(names.filter((name) => name.endsWith('blue'))).toHaveLength(
      Object.keys(TABLE_SAMPLES).length,
    );
    expect(names).toContain('conntrack_mirror_up green');
  });

  it('reads the table of the calling thread by default', async () => {
    const registry = new Registry();
    registerMetrics({ registry });
    expect(await scrape(registry)).toMatchObject({ node_nf_conntrack_entries: 60 });
  });

  it('labels have no order, and are new once all tables are gone', () => {
    const registry = new Registry();
    const add = (labels?: Readonly<Record<string, string>>) =>
      registerMetrics({ registry, conntrack: handleOn(STATS), ...(labels && { labels }) });
    const off = add();
    expect(() => add({ netns: 'blue' })).toThrow('the tables in this registry have no labels');
    off();
    add({ netns: 'blue', host: '1' });
    add({ host: '2', netns: 'blue' });
    expect(() => add({ host: '1', netns: 'blue' })).toThrow('A table with these labels');
  });

  it('does not add to metrics of which one was removed', () => {
    const registry = new Registry();
    registerMetrics({ registry, conntrack: handleOn(STATS) });
    registry.removeSingleMetric('conntrack_up');
    expect(() => registerMetrics({ registry, conntrack: handleOn(STATS) })).toThrow(
      /^A metric with the name node_nf_conntrack_entries has already been registered/,
    );
  });

  it('refuses a mirror that counts nothing, with its reason', () => {
    const countBy = () => {
      throw new Error('broken');
    };
    const mirror = { ...mirrorOf({}), countBy };
    expect(() => registerMetrics({ registry: new Registry(), mirror })).toThrow('broken');
  });

  const call = () => undefined;

  it.each<[string, object]>([
    ['registry: must be a Registry', { registry: {} }],
    ['registry: must be a Registry', { registry: { registerMetric: call } }],
    ['registry: must be a Registry', { registry: { removeSingleMetric: call } }],
    ['conntrack: must be a Conntrack', { conntrack: {} }],
    ['stream: must be an EventStream', { stream: {} }],
    ['stream: must be an EventStream', { stream: { counters: null } }],
    ['stream: must be an EventStream', { stream: { counters: 5 } }],
    ['mirror: must be a TableMirror', { mirror: {} }],
    ['flowLog: must be a FlowTotals', { flowLog: {} }],
    ['flowLog: must be a FlowTotals', { flowLog: { counters: null } }],
    ['flowLog: must be a FlowTotals', { flowLog: { counters: 5 } }],
  ])('refuses another object: %s', (message, options) => {
    const given = { registry: new Registry(), ...options };
    expect(() => registerMetrics(given)).toThrow(`options.${message}`);
  });

  it('refuses an option that does not exist', () => {
    const options = { registery: new Registry() } as object;
    expect(() => registerMetrics(options)).toThrow('options.registery: unknown field');
  });
});

/** Collects when it is told to. */
class Reader extends MetricReader {
  override async onShutdown(): Promise<void> {}
  override async onForceFlush(): Promise<void> {}

  /** The values by instrument and attributes, and what each instrument is. */
  async values() {
    const { resourceMetrics, errors } = await this.collect();
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const values = metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [
        [descriptor.name, ...Object.values(attributes)].join(' '),
        value,
      ]),
    );
    const kinds = metrics.map((metric) => {
      const { name, unit } = metric.descriptor;
      return [name, kindOf(metric), unit];
    });
    return { values: Object.fromEntries(values) as Record<string, unknown>, kinds, errors };
  }
}

function kindOf(metric: MetricData): string {
  if (metric.dataPointType !== DataPointType.SUM) return DataPointType[metric.dataPointType];
  return metric.isMonotonic ? 'COUNTER' : 'UP_DOWN_COUNTER';
}

const TABLE_VALUES = {
  'conntrack.up': 1,
  'system.network.conntrack.count': 30,
  'system.network.conntrack.max': 120,
  'conntrack.utilization': 0.25,
  'conntrack.stat 0 insert_failed': 3,
  'conntrack.stat 0 drop': 4_294_967_295,
  'conntrack.stat 0 chaintoolong': 1,
  'conntrack.stat 0 expect.9': 7,
  'conntrack.stat 5 insert_failed': 2,
  'conntrack.stat 5 drop': 0,
};

const EVENT_VALUES = {
  'conntrack.events.received': 90,
  'conntrack.events.delivered': 80,
  'conntrack.events.lost kernel': 7,
  'conntrack.events.lost queue': 6,
  'conntrack.events.malformed': 2,
  'conntrack.events.foreign': 1,
};

describe('conntrack/opentelemetry', () => {
  function start() {
    const reader = new Reader();
    const provider = new MeterProvider({ readers: [reader] });
    onTestFinished(() => provider.shutdown());
    return { reader, meter: provider.getMeter('conntrack') };
  }

  it('gives what the kernel sent, in one reading', async () => {
    const { reader, meter } = start();
    const conntrack = handleOn(STATS);
    registerInstruments(meter, { conntrack });
    expect(await reader.values()).toEqual({
      values: TABLE_VALUES,
      kinds: [
        ['conntrack.up', 'GAUGE', '1'],
        ['system.network.conntrack.count', 'UP_DOWN_COUNTER', '{entries}'],
        ['system.network.conntrack.max', 'UP_DOWN_COUNTER', '{entries}'],
        ['conntrack.utilization', 'GAUGE', '1'],
        ['conntrack.stat', 'COUNTER', ''],
      ],
      errors: [],
    });
    expect(conntrack.reads).toBe(1);
  });

  it('gives the counters of a stream, too', async () => {
    const { reader, meter } = start();
    registerInstruments(meter, { conntrack: handleOn(STATS), stream });
    const { values, kinds } = await reader.values();
    expect(values).toEqual({ ...TABLE_VALUES, ...EVENT_VALUES });
    expect(kinds.slice(5)).toEqual([
      ['conntrack.events.received', 'COUNTER', '{event}'],
      ['conntrack.events.delivered', 'COUNTER', '{event}'],
      ['conntrack.events.lost', 'COUNTER', '{event}'],
      ['conntrack.events.malformed', 'COUNTER', '{message}'],
      ['conntrack.events.foreign', 'COUNTER', '{message}'],
    ]);
  });

  it('gives the sums of a flow log, also when the kernel cannot be read', async () => {
    const { reader, meter } = start();
    registerInstruments(meter, { conntrack: handleOn(undefined), flowLog });
    const { values, kinds } = await reader.values();
    const ofSamples = Object.entries(FLOW_LOG_SAMPLES).map(([name, value]) => [
      name.replace(/^conntrack_flow_log_([a-z]+)(_bytes|_seconds)?_total/, 'conntrack.flow_log.$1'),
      value,
    ]);
    expect(values).toEqual({ 'conntrack.up': 0, ...Object.fromEntries(ofSamples) });
    expect(kinds.slice(1)).toEqual([
      ['conntrack.flow_log.records', 'COUNTER', '{record}'],
      ['conntrack.flow_log.io', 'COUNTER', 'By'],
      ['conntrack.flow_log.packets', 'COUNTER', '{packet}'],
      ['conntrack.flow_log.estimated', 'COUNTER', '{record}'],
      ['conntrack.flow_log.lost', 'COUNTER', '{event}'],
      ['conntrack.flow_log.gap', 'COUNTER', 's'],
      ['conntrack.flow_log.notices', 'COUNTER', '{notice}'],
    ]);
  });

  it('without a limit nothing is utilized', async () => {
    const { reader, meter } = start();
    registerInstruments(meter, { conntrack: handleOn({ ...STATS, maxEntries: 0 }) });
    const { values } = await reader.values();
    expect(values).toMatchObject({ 'system.network.conntrack.max': 0, 'conntrack.utilization': 0 });
  });

  it('attributes tell two tables apart on one meter', async () => {
    const { reader, meter } = start();
    const blue = handleOn(STATS);
    const green = handleOn({ ...STATS, entries: 60 });
    registerInstruments(meter, { conntrack: blue, attributes: { netns: 'blue' } });
    registerInstruments(meter, { conntrack: green, attributes: { netns: 'green' } });
    expect((await reader.values()).values).toMatchObject({
      'system.network.conntrack.count blue': 30,
      'system.network.conntrack.count green': 60,
      'conntrack.utilization green': 0.5,
      'conntrack.stat blue 5 insert_failed': 2,
      'conntrack.stat green 5 insert_failed': 2,
    });
  });

  it('a collection has an error when the kernel cannot be read, and the next one has not', async () => {
    const { reader, meter } = start();
    registerInstruments(meter, { conntrack: handleOn(undefined, STATS), stream });
    const failed = await reader.values();
    expect(failed.values).toEqual({ 'conntrack.up': 0, ...EVENT_VALUES });
    expect(failed.errors).toEqual([new Error('not now')]);
    expect(await reader.values()).toMatchObject({ values: TABLE_VALUES, errors: [] });
  });

  it.each([
    ['repeats its last values', AggregationTemporality.CUMULATIVE, TABLE_VALUES],
    ['has no values', AggregationTemporality.DELTA, {}],
  ])('a reader %s when the kernel cannot be read any more', async (_, temporality, repeated) => {
    const reader = new Reader({ aggregationTemporalitySelector: () => temporality });
    const provider = new MeterProvider({ readers: [reader] });
    onTestFinished(() => provider.shutdown());
    registerInstruments(provider.getMeter('conntrack'), { conntrack: handleOn(STATS, undefined) });
    await reader.values();
    expect((await reader.values()).values).toEqual({ ...repeated, 'conntrack.up': 0 });
  });

  it('has the flows of a mirror by group, and how the mirror is', async () => {
    const { reader, meter } = start();
    const mirror = mirrorOf({ state: { ESTABLISHED: 5 }, source: { a: 4, b: 3, c: 2 } });
    const groups = ['state', { by: 'source', limit: 1 }] as const;
    registerInstruments(meter, { conntrack: handleOn(STATS), mirror, groups });
    const { values, kinds, errors } = await reader.values();
    expect(errors).toEqual([]);
    expect(values).toEqual({
      ...TABLE_VALUES,
      'conntrack.mirror.up': 1,
      'conntrack.mirror.size': 9,
      'conntrack.mirror.synced': 1,
      'conntrack.mirror.resyncs': 2,
      'conntrack.mirror.out_of_sync': 0.25,
      'conntrack.mirror.stale': 1.5,
      'conntrack.flows.by_state ESTABLISHED': 5,
      'conntrack.flows.by_source a': 4,
      'conntrack.flows.by_source other': 5,
    });
    expect(kinds.slice(5)).toEqual([
      ['conntrack.mirror.up', 'GAUGE', '1'],
      ['conntrack.mirror.size', 'GAUGE', '{flow}'],
      ['conntrack.mirror.synced', 'GAUGE', '1'],
      ['conntrack.mirror.resyncs', 'COUNTER', '{resync}'],
      ['conntrack.mirror.out_of_sync', 'COUNTER', 's'],
      ['conntrack.mirror.stale', 'GAUGE', 's'],
      ['conntrack.flows.by_state', 'GAUGE', '{flow}'],
      ['conntrack.flows.by_source', 'GAUGE', '{flow}'],
    ]);
  });

  it.each([
    ['keeps a 0', AggregationTemporality.CUMULATIVE, { 'conntrack.flows.by_state NONE': 0 }],
    ['has no value', AggregationTemporality.DELTA, {}],
  ])('a reader %s of what has vanished from a group', async (_, temporality, vanished) => {
    const reader = new Reader({ aggregationTemporalitySelector: () => temporality });
    const provider = new MeterProvider({ readers: [reader] });
    onTestFinished(() => provider.shutdown());
    const mirror = mirrorOf({ state: { NONE: 3, CLOSE: 1 } });
    registerInstruments(provider.getMeter('conntrack'), { conntrack: handleOn(STATS), mirror });
    const states = async () => {
      const all = Object.entries((await reader.values()).values);
      return Object.fromEntries(
        all.filter(([name]) => name.startsWith('conntrack.flows.by_state')),
      );
    };
    expect(await states()).toEqual({
      'conntrack.flows.by_state NONE': 3,
      'conntrack.flows.by_state CLOSE': 1,
    });
    mirror.counts = { state: { CLOSE: 2 } };
    const gone = { 'conntrack.flows.by_state NONE': 0, 'conntrack.flows.by_state CLOSE': 2 };
    expect(await states()).toEqual(gone);
    expect(await states()).toEqual({ ...vanished, 'conntrack.flows.by_state CLOSE': 2 });
    mirror.counts = { state: { NONE: 1 } };
    expect(await states()).toMatchObject({ 'conntrack.flows.by_state NONE': 1 });
  });

  it('a collection has an error when the mirror has ended', async () => {
    const { reader, meter } = start();
    const mirror = mirrorOfBoth();
    mirror.hasEnded = true;
    registerInstruments(meter, { conntrack: handleOn(STATS), mirror, stream });
    const { values, errors } = await reader.values();
    expect(values).toEqual({ ...TABLE_VALUES, ...EVENT_VALUES, 'conntrack.mirror.up': 0 });
    expect(errors).toEqual([new Error('ended')]);
  });

  it('is over when it is unregistered', async () => {
    const { reader, meter } = start();
    const conntrack = handleOn(STATS);
    const mirror = mirrorOfBoth();
    const unregister = registerInstruments(meter, { conntrack, stream, mirror });
    unregister();
    mirror.hasEnded = true;
    expect((await reader.values()).errors).toEqual([]);
    expect(conntrack.reads).toBe(0);
  });

  it('reads the table of the calling thread by default', async () => {
    const { reader, meter } = start();
    registerInstruments(meter);
    expect((await reader.values()).values).toMatchObject({ 'system.network.conntrack.count': 60 });
  });

  it('a mirror without flows is open', async () => {
    const { reader, meter } = start();
    const mirror = Object.defineProperty(mirrorOf({}), 'size', { get: () => 0 });
    registerInstruments(meter, { conntrack: handleOn(STATS), mirror });
    const { values } = await reader.values();
    expect(values).toMatchObject({ 'conntrack.mirror.up': 1, 'conntrack.mirror.size': 0 });
  });

  it('a processor that has gone keeps its counters', async () => {
    const { reader, meter } = start();
    const one = { ...STATS, cpus: CPUS.slice(0, 1) };
    registerInstruments(meter, { conntrack: handleOn(STATS, one) });
    await reader.values();
    expect((await reader.values()).values).toEqual(TABLE_VALUES);
  });

  it('has instruments for its sources alone, each observed by one callback', async () => {
    const made: object[] = [];
    const observed: unknown[] = [];
    const callbacks: ((result: object) => unknown)[] = [];
    const make = (name: string) => {
      const instrument = { name };
      made.push(instrument);
      return instrument;
    };
    const meter = {
      createObservableGauge: make,
      createObservableCounter: make,
      createObservableUpDownCounter: make,
      addBatchObservableCallback: (callback: () => unknown, instruments: readonly object[]) => {
        callbacks.push(callback);
        observed.push(...instruments);
      },
    };
    registerInstruments(meter as object as Meter, { conntrack: handleOn(STATS) });
    expect(made).toHaveLength(5);
    expect(observed).toEqual(made);
    const seen = new Set<unknown>();
    const observe = (instrument: object) => seen.add(instrument);
    await Promise.all(callbacks.map((callback) => callback({ observe })));
    expect(seen).toEqual(new Set(made));
  });

  it('refuses what is no meter', () => {
    expect(() => registerInstruments({} as Meter)).toThrow('meter: must be a Meter');
  });

  it('refuses an option that does not exist', () => {
    const options = { labels: {} } as object;
    expect(() => registerInstruments(start().meter, options)).toThrow(
      'options.labels: unknown field',
    );
  });
});
