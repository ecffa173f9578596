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

it('the legend tells apart what a query has, and repeats nothing', () => {
  for (const { title, targets = [] } of dashboard.panels) {
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    expect(new Set(targets.map(({ legendFormat }) => legendFormat)).size).toBe(targets.length);
    for (const { expr, legendFormat } of targets) {
      const named = [...legendFormat.matchAll(/\{\{(.*?)\}\}/g)].map(([, label]) => label);
      expect(named, title).toEqual(labelsOf(expr));
    }
  }
});

it('every panel says what it shows, in which unit, and why it is empty', () => {
  for (const { type, title, description, fieldConfig } of dashboard.panels) {
    if (fieldConfig === undefined) {
      expect(type, title).toBe('row');
      continue;
    }
    const { unit, min, noValue, decimals, thresholds } = fieldConfig.defaults;
    expect(description, title).toMatch(/\S/);
    expect(unit, title).toMatch(/\S/);
    if (type === 'stat') {
      expect(noValue, title).toMatch(/\S/);
      // No value has the first color: neither good nor bad.
      expect(thresholds.steps[0]?.color, title).toBe('text');
    } else {
      const isMirrored = fieldConfig.overrides.some(({ properties }) =>
        properties.some(({ value }) => value === 'negative-Y'),
      );
      expect(min, title).toBe(isMirrored ? undefined : 0);
      // Grafana leaves out ticks that look alike, and writes noValue in their place.
      expect(noValue === undefined || decimals === undefined, title).toBe(true);
    }
  }
});

it('a stat has one number, whatever the number of instances', () => {
  for (const { type, title, targets = [] } of dashboard.panels) {
    if (type !== 'stat') continue;
    expect(targets, title).toHaveLength(1);
    expect(targets[0]?.expr, title).toMatch(/^(?:min|max|sum|topk|bottomk)\(/);
  }
});

it('every color of its own is that of a name in the legend', () => {
  for (const { title, targets = [], fieldConfig } of dashboard.panels) {
    for (const { matcher } of fieldConfig?.overrides ?? []) {
      const isName = targets.some(({ legendFormat }) => {
        if (matcher.id !== 'byName') return legendFormat.startsWith('{{protocol}} ');
        const name = RegExp(`^${legendFormat.replaceAll(/\{\{.*?\}\}/g, '[\\w-]+')}$`);
        return name.test(matcher.options);
      });
      expect(isName, `${matcher.options} of ${title}`).toBe(true);
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

/** What the legend has to name: the labels that a sum keeps, or the instance. */
function labelsOf(expr: string): string[] {
  const [, , by] = /^(sum|min|max|topk|bottomk)(?: by \((.*?)\))?[ (]/.exec(expr) ?? [];
  if (by !== undefined) return by.split(', ');
  return /^(?:sum|min|max)\(/.test(expr) ? [] : ['instance'];
}

function* cellsOf({ gridPos: { x, y, w, h } }: Panel): Generator<string> {
  expect(x + w).toBeLessThanOrEqual(24);
  for (let row = y; row < y + h; row++) {
    for (let column = x; column < x + w; column++) yield `${column}, ${row}`;
  }
}
