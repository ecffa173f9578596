/**
 * The alert rules, as promtool runs them: each alert fires when it should, with its labels, and
 * not otherwise.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWithTools } from '../support/requirements.js';
import { tableRows } from './documents.js';
import { METRIC_NAMES, metricsIn } from './metric-names.js';

const rules = fileURLToPath(new URL('../../docs/prometheus-alerts.yml', import.meta.url));
const source = readFileSync(rules, 'utf8');

/** A value a minute, in promtool's own notation, such as `0+1x30`; `_` is no sample. */
type Series = Readonly<Record<string, string>>;

/** A history, and the minutes at which the alert has fired, and has not. */
interface Case {
  readonly alert: string;
  readonly series: Series;
  readonly firesAt?: readonly number[];
  readonly silentAt?: readonly number[];
  /** Besides `instance` and `severity`. */
  readonly labels?: Readonly<Record<string, string>>;
}

const UTILIZATION = 'conntrack_utilization_ratio{instance="a"}';
const stat = (counter: string, cpu = 0) =>
  `conntrack_stat_total{instance="a",cpu="${cpu}",counter="${counter}"}`;
const ofFlowLog = (name: string, label = '') =>
  `conntrack_flow_log_${name}_total{instance="a"${label}}`;
const ofMirror = (name: string) => `conntrack_mirror_${name}{instance="a"}`;
const GAP = ofFlowLog('gap_seconds');

const CASES: readonly Case[] = [
  {
    alert: 'ConntrackTableElevated',
    series: { [UTILIZATION]: '0.7x20' },
    firesAt: [5, 20],
    silentAt: [4],
  },
  { alert: 'ConntrackTableElevated', series: { [UTILIZATION]: '0.699x20' }, silentAt: [5, 20] },
  // It was less for a moment.
  {
    alert: 'ConntrackTableElevated',
    series: { [UTILIZATION]: '0.8x3 0.6 0.8x3 0.6 0.8x3' },
    silentAt: [5, 10, 11],
  },
  {
    alert: 'ConntrackTableCritical',
    series: { [UTILIZATION]: '0.85x20' },
    firesAt: [1, 20],
    silentAt: [0],
  },
  { alert: 'ConntrackTableCritical', series: { [UTILIZATION]: '0.849x20' }, silentAt: [1, 20] },
  // From 0.30 on by 0.01 a minute: 0.90 in an hour. By 0.02 a minute it is full in half an hour.
  { alert: 'ConntrackTableFullSoon', series: { [UTILIZATION]: '0.3+0.01x8' }, silentAt: [5, 8] },
  {
    alert: 'ConntrackTableFullSoon',
    series: { [UTILIZATION]: '0.3+0.02x30' },
    firesAt: [6, 20],
    silentAt: [3],
  },
  // It grows fast, and is nearly empty.
  { alert: 'ConntrackTableFullSoon', series: { [UTILIZATION]: '0+0.02x14' }, silentAt: [10, 14] },
  { alert: 'ConntrackTableFullSoon', series: { [UTILIZATION]: '0.9-0.02x20' }, silentAt: [10, 20] },
  // One packet, of one processor.
  {
    alert: 'ConntrackPacketsDropped',
    series: { [stat('drop')]: '7x10 8x20', [stat('drop', 1)]: '0x30' },
    firesAt: [11, 14],
    silentAt: [10, 17, 30],
  },
  { alert: 'ConntrackPacketsDropped', series: { [stat('early_drop')]: '0+9x20' }, silentAt: [20] },
  {
    alert: 'ConntrackEarlyDrops',
    series: { [stat('early_drop')]: '4294967295x10 3x20' },
    firesAt: [11, 14],
    silentAt: [10, 30],
  },
  { alert: 'ConntrackEarlyDrops', series: { [stat('drop')]: '0+9x20' }, silentAt: [20] },
  {
    alert: 'ConntrackInsertFailures',
    series: { [stat('insert_failed')]: '0+1x30' },
    firesAt: [12, 30],
    silentAt: [9],
  },
  // A clash now and then.
  {
    alert: 'ConntrackInsertFailures',
    series: { [stat('insert_failed')]: '0x3 1x12 2x12' },
    silentAt: [5, 8, 17, 26],
  },
  {
    alert: 'ConntrackTableUnreadable',
    series: { 'conntrack_up{instance="a"}': '1 0x10' },
    firesAt: [6],
    silentAt: [0, 5],
  },
  {
    alert: 'ConntrackExporterDown',
    series: { 'up{job="conntrack",instance="a"}': '1 0x10' },
    firesAt: [6],
    silentAt: [0, 5],
    labels: { job: 'conntrack' },
  },
  {
    alert: 'ConntrackExporterDown',
    series: { 'up{job="conntrack",instance="a"}': '1x20' },
    silentAt: [0, 10],
  },
  {
    alert: 'ConntrackEventsLost',
    series: {
      'conntrack_events_lost_total{instance="a",cause="kernel"}': '0x30',
      'conntrack_events_lost_total{instance="a",cause="queue"}': '5x10 6x20',
    },
    firesAt: [11, 15],
    silentAt: [10, 25],
  },
  { alert: 'ConntrackMirrorBehind', series: { [ofMirror('up')]: '0x9' }, firesAt: [5] },
  {
    alert: 'ConntrackMirrorBehind',
    series: { [ofMirror('up')]: '1x9', [ofMirror('synced')]: '0x9' },
    firesAt: [5],
    silentAt: [4],
  },
  {
    alert: 'ConntrackMirrorBehind',
    series: { [ofMirror('synced')]: '1x9', [ofMirror('stale_seconds')]: '121x9' },
    firesAt: [5],
  },
  {
    alert: 'ConntrackMirrorBehind',
    series: {
      [ofMirror('up')]: '1x9',
      [ofMirror('synced')]: '1x9',
      [ofMirror('stale_seconds')]: '120x9',
    },
    silentAt: [9],
  },
  {
    alert: 'ConntrackFlowLogLost',
    series: {
      [ofFlowLog('lost', ',cause="kernel"')]: '0x10 3x20',
      [ofFlowLog('lost', ',cause="queue"')]: '0x30',
    },
    firesAt: [11, 15],
    silentAt: [10, 25],
  },
  // A new process reports what was before it, after a short and a long absence.
  { alert: 'ConntrackFlowLogGap', series: { [GAP]: '0x10 _x3 180x30' }, firesAt: [15, 19] },
  { alert: 'ConntrackFlowLogGap', series: { [GAP]: '0x10 _x3 180x30' }, silentAt: [10, 30] },
  { alert: 'ConntrackFlowLogGap', series: { [GAP]: '500x10 _x30 900x30' }, firesAt: [42, 48] },
  { alert: 'ConntrackFlowLogGap', series: { [GAP]: '500x10 _x30 900x30' }, silentAt: [30, 60] },
  { alert: 'ConntrackFlowLogGap', series: { [GAP]: '0x10 2x30' }, silentAt: [11, 20, 30] },
  {
    alert: 'ConntrackFlowLogUnreliable',
    series: { [ofFlowLog('notices', ',code="reliability-ended"')]: '0x10 1x30' },
    firesAt: [11, 15],
    silentAt: [10, 30],
  },
  {
    alert: 'ConntrackFlowLogUnreliable',
    series: { [ofFlowLog('notices', ',code="accounting-off"')]: '0x10 1x30' },
    silentAt: [11, 15],
  },
];

const ALERTS = Array.from(source.matchAll(/- alert: (\w+)$/gm), ([, name = '']) => name);

/** Of an alert, as the rules have it. */
const severityOf = (alert: string) =>
  new RegExp(`- alert: ${alert}\n[^]*?severity: (\\w+)`).exec(source)?.[1];

/** Which of the histories go otherwise: what promtool prints. */
function promtool(cases: readonly Case[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'conntrack-alerts-'));
  using _ = {
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true });
    },
  };
  const tests = cases.map(({ alert, series, firesAt = [], silentAt = [], labels }) => {
    const own = { alertname: alert, alertstate: 'firing', severity: severityOf(alert) };
    const all = Object.entries({ ...own, instance: 'a', ...labels });
    const firing = `ALERTS{${all.map(([name, value]) => `${name}="${value}"`).join(',')}}`;
    const at = (minute: number, samples: readonly object[]) => ({
      expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
      eval_time: `${minute}m`,
      exp_samples: samples,
    });
    return {
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      promql_expr_test: [
        ...firesAt.map((minute) => at(minute, [{ labels: firing, value: 1 }])),
        ...silentAt.map((minute) => at(minute, [])),
      ],
    };
  });
  // JSON is YAML.
  const file = join(folder, 'tests.json');
  const test = { rule_files: [rules], evaluation_interval: '1m', tests };
  writeFileSync(file, JSON.stringify(test));
  const { stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  return `${stdout}${stderr}`.replaceAll(folder, '');
}

it('each alert has a history in which it fires, and one in which it does not', () => {
  const names = (isIt: (one: Case) => boolean) =>
    [...new Set(CASES.filter(isIt).map(({ alert }) => alert))].sort();
  expect(names(({ firesAt }) => firesAt !== undefined)).toEqual([...ALERTS].sort());
  expect(names(({ silentAt }) => silentAt !== undefined)).toEqual([...ALERTS].sort());
});

it('the rules name metrics that exist', () => {
  const named = metricsIn(source);
  expect(named.size).toBeGreaterThan(8);
  expect([...named].filter((name) => !METRIC_NAMES.has(name))).toEqual([]);
});

describeWithTools('promtool')('promtool', () => {
  it('reads the rules', () => {
    const { status, stderr } = spawnSync('promtool', ['check', 'rules', rules], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('has each alert fire when it should, and not otherwise', () => {
    expect(promtool(CASES)).toBe('Unit Testing:  /tests.json\n  SUCCESS\n\n');
  });
});

it('the guide lists them', () => {
  const guide = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const listed = tableRows(guide, '| alert |').map((cells) => cells.slice(0, 2));
  expect(listed).toEqual(ALERTS.map((alert) => [`\`${alert}\``, severityOf(alert)]));
  expect(guide).toContain(`| ${ALERTS.length} alert rules |`);
});
