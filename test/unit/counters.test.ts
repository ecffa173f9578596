/** What is written about counters elsewhere says what the list says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  COUNTER_LIST,
  COUNTERS,
  type Counter,
  columnOf,
  OTHER_COLUMNS,
} from '../../src/health/counters.js';
import { RATES } from '../../src/health/pressure.js';
import { tableRows } from './documents.js';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** The doc comment of each property of an interface. */
function docsOf(source: string, name: string): ReadonlyMap<string, string> {
  const [, body = ''] =
    new RegExp(`^export interface ${name} .*?{\\n(.*?)^}`, 'ms').exec(source) ?? [];
  const properties = body.matchAll(/\/\*\*(.*?)\*\/\s*readonly (\w+)\??:/gs);
  return new Map(Array.from(properties, ([, doc = '', property = '']) => [property, doc]));
}

/** What must stand in a text about a counter. */
function factsOf({ kernelName, since, until }: Counter): string[] {
  const versions = [since && `Linux ${since}`, until && `until Linux ${until}`];
  return [`\`${kernelName}\``, ...versions.filter((version) => version !== undefined)];
}

describe('the doc comment of TableCounters', () => {
  const docs = docsOf(read('src/health/stats.ts'), 'TableCounters');

  it('stands at every counter of the list', () => {
    expect([...docs.keys()].filter((name) => name !== 'other').sort()).toEqual(
      Object.keys(COUNTERS).sort(),
    );
  });

  it.each(COUNTER_LIST)('says of %s what it is called, and where it is', (name, counter) => {
    const doc = docs.get(name);
    for (const fact of factsOf(counter)) expect(doc).toContain(fact);
    if (counter.column !== undefined) expect(doc).toContain(`\`${counter.column}\` in /proc`);
    if (counter.since === undefined && counter.until === undefined) {
      expect(doc).not.toContain('Linux');
    }
  });
});

it.each(Object.entries(RATES))('the doc comment of PressureSample.%s names %s', (field, name) => {
  const doc = docsOf(read('src/health/pressure.ts'), 'PressureSample').get(field);
  for (const fact of factsOf(COUNTERS[name])) expect(doc).toContain(fact);
});

it('the table of the guide to tuning has the names of each counter of entries', () => {
  const rows = tableRows(read('docs/tuning.md'), '| | `conntrack -S` |');
  const told = rows.map(([name, kernelName, column]) => [name, kernelName, column].join(' '));
  const living = COUNTER_LIST.filter(
    ([, { request, until }]) => request === 'stats' && until === undefined,
  );
  expect(told.sort()).toEqual(
    living
      .map(([name, counter]) => `\`${name}\` \`${counter.kernelName}\` \`${columnOf(counter)}\``)
      .sort(),
  );
  for (const [name = '', , , meaning] of rows) {
    const { since } = COUNTERS[name.replaceAll('`', '') as keyof typeof COUNTERS] as Counter;
    if (since === undefined) expect(meaning).not.toContain('Linux');
    else expect(meaning).toContain(`(Linux ${since})`);
  }
});

it('no two counters share an attribute or a column', () => {
  const attributes = COUNTER_LIST.map(([, { request, attribute }]) => `${request} ${attribute}`);
  expect(new Set(attributes).size).toBe(COUNTER_LIST.length);
  const columns = [...COUNTER_LIST.map(([, counter]) => columnOf(counter)), ...OTHER_COLUMNS];
  expect(new Set(columns).size).toBe(columns.length);
});
