/** The dashboard for Grafana: its queries, its variables, and where its panels are. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dashboard, type Panel, queriesFor, source } from '../support/dashboard.js';
import { describeWithTools } from '../support/requirements.js';
import { METRIC_NAMES, metricsIn } from './metric-names.js';

const queries = queriesFor('1m');

it('the queries name metrics that exist, of this data source, job and instance', () => {
  expect(queries.length).toBeGreaterThan(20);
  expect([...metricsIn(source)].filter((name) => !METRIC_NAMES.has(name))).toEqual([]);
  const targets = dashboard.panels.flatMap(({ targets = [] }) => targets);
  for (const { expr } of targets) {
    const selectors = expr.match(/\{[^}]*\}/g) ?? [];
    expect(selectors, expr).not.toEqual([]);
    for (const one of selectors) expect(one).toContain('job=~"$job", instance=~"$instance"');
  }
});

it('every variable that is used is there', () => {
  const used = new Set(source.match(/\$\{?(?!__)\w+/g)?.map((name) => name.replace(/\W+/, '')));
  expect([...used].sort()).toEqual(dashboard.templating.list.map(({ name }) => name).sort());
  for (const { type, datasource, title } of dashboard.panels) {
    expect(datasource?.uid, title).toBe(type === 'row' ? undefined : `\${datasource}`);
  }
});

it('the panels have names of their own, and lie side by side', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const cells = new Map<string, string>();
  for (const panel of panels) {
    for (const cell of cellsOf(panel)) {
      expect(cells.get(cell), `${cell} of ${panel.title}`).toBeUndefined();
      cells.set(cell, panel.title);
    }
  }
  // No hole is left.
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  expect(cells.size).toBe(24 * height);
});

it('the legend tells apart what a query has', () => {
  for (const { title, targets = [] } of dashboard.panels) {
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    for (const { expr, legendFormat } of targets) {
      const by = /^sum by \((.*?)\)/.exec(expr)?.[1]?.split(', ') ?? ['instance'];
      for (const label of by) expect(legendFormat, title).toContain(`{{${label}}}`);
    }
  }
});

describeWithTools('promtool')('promtool', () => {
  it('parses every query', () => {
    const folder = mkdtempSync(join(tmpdir(), 'conntrack-dashboard-'));
    using _ = {
      [Symbol.dispose]: () => {
        rmSync(folder, { recursive: true });
      },
    };
    const rules = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr }));
    const file = join(folder, 'rules.json');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, stderr } = spawnSync('promtool', ['check', 'rules', file], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

function* cellsOf({ gridPos: { x, y, w, h } }: Panel): Generator<string> {
  expect(x + w).toBeLessThanOrEqual(24);
  for (let row = y; row < y + h; row++) {
    for (let column = x; column < x + w; column++) yield `${column}, ${row}`;
  }
}
