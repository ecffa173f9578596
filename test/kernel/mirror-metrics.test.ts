/**
 * Metrics of a mirror of the real table, with `conntrack -L` as the oracle, and promtool as a reader.
 */
import { spawnSync } from 'node:child_process';
import { createEntries, deleteEntries, type EntrySpec, mirrorTable } from 'conntrack';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerMetrics } from '../../src/metrics/prometheus.js';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace, describeWithTools } from '../support/requirements.js';

/** Flows of a source, the last number of its address. */
const flowsOf = (source: number, count: number): EntrySpec[] =>
  Array.from({ length: count }, (_, index) => ({
    protocol: 'tcp',
    original: {
      ...{ source: `10.0.0.${source}`, destination: '192.0.2.80' },
      ...{ sourcePort: 1000 + index, destinationPort: 443 },
    },
    timeout: 600,
    tcp: { state: index % 2 === 0 ? 'ESTABLISHED' : 'TIME_WAIT' },
    ...(index === 0 && { nat: { destination: { address: '10.1.0.1', port: 8443 } } }),
  }));

/** How many lines of `conntrack -L` match each value of the group. */
function countsOfTool(pattern: RegExp): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of run('conntrack', '-L').split('\n')) {
    const value = pattern.exec(line)?.[1];
    if (value !== undefined) counts[value] = (counts[value] ?? 0) + 1;
  }
  return counts;
}

describeInNamespace('conntrack')('metrics of a mirror', () => {
  test('are those of the table, with the largest counts and the sum of the others', async () => {
    setting('events', 1);
    const specs = [flowsOf(1, 7), flowsOf(2, 5), flowsOf(3, 3), flowsOf(4, 1)].flat();
    for (const { error } of await createEntries(specs)) expect(error).toBeUndefined();
    const registry = new Registry();
    await using mirror = await mirrorTable({ indexes: ['source', 'service'] });
    registerMetrics({
      ...{ registry, mirror },
      groups: ['state', 'protocol', { by: 'source', limit: 2 }, 'service'],
    });
    const scrape = async () => {
      await mirror.caughtUp();
      const text = await registry.metrics();
      const samples = [...text.matchAll(/^conntrack_((?:mirror|flows)_\S+) (\S+)$/gm)];
      return Object.fromEntries(samples.map(([, name = '', value]) => [name, Number(value)]));
    };
    const group = (samples: Record<string, number>, by: string) =>
      Object.fromEntries(
        Object.entries(samples).flatMap(([name, value]) => {
          const key = new RegExp(`^flows_by_${by}{${by}="(.*)"}$`).exec(name)?.[1];
          return key === undefined ? [] : [[key, value]];
        }),
      );

    const full = await scrape();
    expect(full).toMatchObject({ mirror_up: 1, mirror_size: 16, mirror_synced: 1 });
    expect(full).toMatchObject({ mirror_resyncs_total: 0 });
    expect(group(full, 'state')).toEqual(countsOfTool(/ (ESTABLISHED|TIME_WAIT) /));
    expect(group(full, 'protocol')).toEqual(countsOfTool(/^(\w+) /));
    expect(countsOfTool(/ src=(\S+) /)).toMatchObject({ '10.0.0.1': 7, '10.0.0.2': 5 });
    expect(group(full, 'source')).toEqual({ '10.0.0.1': 7, '10.0.0.2': 5, other: 4 });
    expect(group(full, 'service')).toEqual({ '192.0.2.80:443': 16, '10.1.0.1:8443': 4 });

    await deleteEntries([{ address: '10.0.0.1' }, { state: 'TIME_WAIT' }]);
    const less = await scrape();
    expect(group(less, 'state')).toEqual({ ESTABLISHED: 6 });
    expect(group(less, 'source')).toEqual({ '10.0.0.2': 3, '10.0.0.3': 2, other: 1 });
    expect(less.mirror_size).toBe(6);

    await mirror.close();
    const ended = await registry.metrics();
    expect(ended).toContain('\nconntrack_mirror_up 0\n');
    expect(ended).not.toMatch(/^conntrack_(mirror_size|flows_by)\S* \d/m);
  });

  describeWithTools('promtool')('promtool', () => {
    test('has no complaint', async () => {
      const registry = new Registry();
      await using mirror = await mirrorTable();
      registerMetrics({ registry, mirror });
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
        input: await registry.metrics(),
        encoding: 'utf8',
      });
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    });
  });
});
