/**
 * The exporter of examples/, as Debian's Prometheus and promtool see it, with
 * `conntrack -C` and `conntrack -S` as the oracle.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { readStats } from 'conntrack';
import { beforeAll, expect, test } from 'vitest';
import { count, insert, remove } from '../support/conntrack-tool.js';
import { queriesFor } from '../support/dashboard.js';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace, describeWithTools } from '../support/requirements.js';

const program = fileURLToPath(new URL('../../out/examples/exporter.js', import.meta.url));

/** In a fresh network namespace every port is free. */
const PROMETHEUS = '127.0.0.1:9090';

const WITHOUT_NET_ADMIN = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];

/** What hangs is killed before its test is given up. */
const PATIENCE = 45_000;

type Samples = Record<string, number>;

class Running implements AsyncDisposable {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly complaints: Promise<string>;
  readonly ended: Promise<unknown[]>;

  constructor(command: string, ...args: string[]) {
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    });
    this.complaints = text(this.child.stderr);
    this.ended = once(this.child, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

class Exporter extends Running {
  readonly #url: Promise<string>;

  constructor({
    prefix = [],
    flags = [],
  }: { prefix?: readonly string[]; flags?: readonly string[] } = {}) {
    const [command = '', ...args] = [...prefix, process.execPath, program, '0', ...flags];
    super(command, ...args);
    this.#url = this.#firstLine();
  }

  async target(): Promise<string> {
    return new URL(await this.#url).host;
  }

  async scrape(): Promise<string> {
    const response = await fetch(await this.#url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return response.text();
  }

  async #firstLine(): Promise<string> {
    for await (const line of createInterface({ input: this.child.stdout })) return line;
    throw new Error(`the exporter has ended: ${await this.complaints}`);
  }
}

function samplesOf(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, sample = '', value = ''] = /^(\S+) (\S+)$/.exec(line) ?? [];
      return [sample, Number(value)];
    }),
  );
}

const tableOnly = (samples: Samples): Samples =>
  Object.fromEntries(Object.entries(samples).filter(([name]) => !name.includes('events_')));

const eventsOnly = (samples: Samples): Samples =>
  Object.fromEntries(Object.entries(samples).filter(([name]) => name.includes('events_')));

/** What `conntrack -S` prints: the counters of each processor. */
function countersOfTool(): { cpu: string; counter: string; value: number }[] {
  const lines = [run('conntrack', '-S'), run('conntrack', '-S', 'expect')].join('').split('\n');
  return lines.filter(Boolean).flatMap((line) => {
    const [[, cpu = ''] = [], ...pairs] = Array.from(line.matchAll(/(\w+)=(\d+)/g), (match) => [
      ...match.slice(1),
    ]);
    return pairs.map(([counter = '', value]) => ({ cpu, counter, value: Number(value) }));
  });
}

/** The samples that the tools would give. */
function samplesOfTools(): Samples {
  const [entries, limit] = [count(), Number(setting('max'))];
  const samples: Samples = {
    conntrack_up: 1,
    node_nf_conntrack_entries: entries,
    node_nf_conntrack_entries_limit: limit,
    conntrack_utilization_ratio: limit === 0 ? 0 : entries / limit,
  };
  for (const { cpu, counter, value } of countersOfTool()) {
    samples[`conntrack_stat_total{cpu="${cpu}",counter="${counter}"}`] = value;
    if (!ONLY_BY_PROCESSOR.test(counter)) {
      const sum = `node_nf_conntrack_stat_${counter}`;
      samples[sum] = (samples[sum] ?? 0) + value;
    }
  }
  return samples;
}

const ONLY_BY_PROCESSOR = /^(error|clash_resolve|chaintoolong|expect_.*)$/;

/** A scrape during which nothing has changed: other tests share the limit with us. */
async function scrapeAtRest(exporter: Exporter): Promise<{ samples: Samples; tools: Samples }> {
  for (;;) {
    const tools = samplesOfTools();
    const samples = samplesOf(await exporter.scrape());
    if (isDeepStrictEqual(samplesOfTools(), tools)) return { samples, tools };
  }
}

let flows = 0;

/** A new flow: it comes from a port of its own. */
function createFlow(...nat: string[]): void {
  const tuple = ['-s', '10.0.0.5', '--sport', `${++flows}`, '-d', '9.9.9.9', '--dport', '53'];
  insert('-p', 'udp', ...tuple, '-t', '600', ...nat);
}

/** A Prometheus that scrapes an exporter each second, and has the alert rules. */
class Prometheus extends Running {
  readonly #folder: string;

  constructor(target: string) {
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-prometheus-'));
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [fileURLToPath(new URL('../../docs/prometheus-alerts.yml', import.meta.url))],
      scrape_configs: [{ job_name: 'conntrack', static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    super(
      'prometheus',
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${PROMETHEUS}`,
      '--log.level=error',
    );
    this.#folder = folder;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** An answer of Prometheus; `undefined` while it starts. */
async function ask<Data>(path: string): Promise<Data | undefined> {
  const response = await fetch(`http://${PROMETHEUS}/api/v1/${path}`).catch(() => undefined);
  if (response === undefined || response.status === 503) return undefined;
  const answer = (await response.json()) as { status: string; error?: string; data: Data };
  if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? ''}`);
  return answer.data;
}

/** The values of an expression in PromQL, one for each set of labels. */
async function valuesOf(expression: string): Promise<number[]> {
  const data = await ask<{ result: { value: [time: number, value: string] }[] }>(
    `query?query=${encodeURIComponent(expression)}`,
  );
  return data?.result.map(({ value }) => Number(value[1])) ?? [];
}

/** The value of an expression in PromQL; `undefined` when there is none yet. */
async function query(expression: string): Promise<number | undefined> {
  const [first] = await valuesOf(expression);
  return first;
}

const soon = { timeout: 20_000, interval: 50 };

describeInNamespace('conntrack', 'setpriv')('metrics of the real kernel', () => {
  beforeAll(() => {
    setting('events', 1);
    const nat = ['--src-nat', '203.0.113.1:5555'];
    createFlow();
    createFlow(...nat);
    // The port is taken, and there is no other.
    expect(() => {
      createFlow(...nat);
    }).toThrow('exists');
    expect(samplesOfTools()).toMatchObject({
      conntrack_up: 1,
      node_nf_conntrack_entries: 2,
      node_nf_conntrack_stat_insert: 2,
      node_nf_conntrack_stat_found: 1,
    });
  });

  test('are those of conntrack -C, conntrack -S and readStats()', async () => {
    await using exporter = new Exporter();
    const { samples, tools } = await scrapeAtRest(exporter);
    expect(tableOnly(samples)).toEqual(tools);

    const { total } = await readStats();
    expect(samples).toMatchObject({
      node_nf_conntrack_stat_found: total.found,
      node_nf_conntrack_stat_insert: total.insert,
    });
  });

  test('count new flows', async () => {
    await using exporter = new Exporter();
    const none = {
      conntrack_events_received_total: 0,
      conntrack_events_delivered_total: 0,
      'conntrack_events_lost_total{cause="kernel"}': 0,
      'conntrack_events_lost_total{cause="queue"}': 0,
      conntrack_events_malformed_total: 0,
      conntrack_events_foreign_total: 0,
    };
    expect(eventsOnly(samplesOf(await exporter.scrape()))).toEqual(none);
    createFlow();
    createFlow();
    await expect
      .poll(async () => eventsOnly(samplesOf(await exporter.scrape())), soon)
      .toEqual({
        ...none,
        conntrack_events_received_total: 2,
        conntrack_events_delivered_total: 2,
      });
  });

  test('come from /proc without CAP_NET_ADMIN, and without events', async () => {
    await using exporter = new Exporter({ prefix: WITHOUT_NET_ADMIN });
    const { samples, tools } = await scrapeAtRest(exporter);
    expect(samples).toEqual(tools);
    exporter.child.kill();
    expect(await exporter.complaints).toBe('no metrics of events: they need CAP_NET_ADMIN\n');
  });

  describeWithTools('promtool')('promtool', () => {
    test('has no complaint', async () => {
      await using exporter = new Exporter();
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: await exporter.scrape(),
        encoding: 'utf8',
      });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    });
  });

  describeWithTools('prometheus')('Prometheus', () => {
    test('scrapes them', async () => {
      await using exporter = new Exporter();
      await using _prometheus = new Prometheus(await exporter.target());

      await expect.poll(() => query('up{job="conntrack"}'), soon).toBe(1);
      await expect.poll(() => query('node_nf_conntrack_entries'), soon).toBe(count());
      expect(await query('sum(conntrack_stat_total{counter="insert"})')).toBe(count());

      createFlow();
      await expect.poll(() => query('node_nf_conntrack_entries'), soon).toBe(count());
      await expect.poll(() => query('conntrack_events_received_total'), soon).toBe(1);
    });

    test('has an answer to every query of the dashboard, and no fault in a rule', async () => {
      setting('acct', 1);
      await using exporter = new Exporter({ flags: ['--flows'] });
      await using _prometheus = new Prometheus(await exporter.target());
      await expect.poll(() => query('conntrack_mirror_up'), soon).toBe(1);
      const tuple = ['-s', '10.0.0.5', '-d', '9.9.9.9', '--sport', '5000', '--dport', '443'];
      insert('-p', 'tcp', ...tuple, '--state', 'ESTABLISHED', '-t', '600');
      const queries = queriesFor('20s');
      const silent = async () => {
        // The table grows, and one flow ends.
        createFlow();
        createFlow();
        remove('-p', 'udp', '--sport', `${flows}`);
        const counts = await Promise.all(
          queries.map(async ({ expr }) => (await valuesOf(expr)).length),
        );
        return queries.filter((_, index) => counts[index] === 0);
      };
      await expect.poll(silent, { ...soon, interval: 500 }).toEqual([]);
      expect(
        await query('sum(conntrack_flow_log_records_total{outcome="deleted"})'),
      ).toBeGreaterThan(0);

      const evaluated = async () => {
        const data = await ask<{ groups: { rules: { health: string; lastError?: string }[] }[] }>(
          'rules',
        );
        return new Set(
          data?.groups.flatMap(({ rules }) =>
            rules.map(({ health, lastError = '' }) => `${health}${lastError}`),
          ),
        );
      };
      await expect.poll(evaluated, soon).toEqual(new Set(['ok']));
    });
  });

  test.each([
    ['SIGINT', []],
    ['SIGTERM', []],
    ['SIGTERM', ['--flows']],
  ] as const)('the exporter ends on %s %s', async (signal, flags) => {
    await using exporter = new Exporter({ flags });
    await exporter.scrape(); // the connection stays open
    exporter.child.kill(signal);
    expect(await exporter.ended).toEqual([0, null]);
    expect(await exporter.complaints).toBe('');
  });
});
