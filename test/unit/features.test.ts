/** docs/kernels.md is the lists, and no other version of Linux stands elsewhere. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FEATURES, type Feature, PROBES, TRIED_ON } from '../../src/core/features.js';
import { COUNTER_LIST } from '../../src/health/counters.js';
import { compared, isOn } from '../support/kernel-features.js';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const kernels = read('docs/kernels.md');

/** Counters come and go as features do. */
const all: readonly Feature[] = [
  ...Object.values(FEATURES),
  ...COUNTER_LIST.map(([name, counter]) => ({
    ...counter,
    what: `\`total.${name}\``,
    attribute: counter.kernelName,
    without: '`undefined`',
  })).filter(({ since, until }) => since !== undefined || until !== undefined),
];

const byVersion = (a = '', b = '') => compared(a, b);

/** Those that came, those that went, those of which no version tells. */
const groups = [
  all.filter(({ since }) => since !== undefined).sort((a, b) => byVersion(a.since, b.since)),
  all.filter(({ until }) => until !== undefined).sort((a, b) => byVersion(a.until, b.until)),
  all.filter(({ since, until }) => since === undefined && until === undefined),
];

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');

function seenOn(feature: Feature): string {
  if (feature.untried !== undefined) return `not tried: ${feature.untried}`;
  const [on, notOn] = [true, false].map((wanted) =>
    TRIED_ON.filter((kernel) => isOn(feature, kernel) === wanted).join(', '),
  );
  if (notOn === '') return 'all';
  return on === '' ? 'none' : `${on}; not ${notOn}`;
}

const cellsOf = (feature: Feature) => {
  const { what, attribute, since, until, probe, without } = feature;
  return [
    what,
    attribute === undefined ? '' : `\`${attribute}\``,
    until === undefined ? (since ?? 'no version tells') : `until ${until}`,
    seenOn(feature),
    probe ?? '',
    without,
  ];
};

const EXPECTED = [
  '| what | the kernel calls it | Linux | seen on | asked by | without it |',
  '|---|---|---|---|---|---|',
  ...groups.flat().map((feature) => row(cellsOf(feature))),
].join('\n');

const EXPECTED_PROBES = [
  '| probe | request, and the answer that tells |',
  '|---|---|',
  ...Object.entries(PROBES).map(row),
].join('\n');

describe('docs/kernels.md', () => {
  it('has the table of features', () => {
    expect(tableIn(kernels, '| what |'), `The table should be:\n\n${EXPECTED}\n`).toBe(EXPECTED);
  });

  it('says on which kernels the features were tried', () => {
    expect(kernels).toContain(`(${TRIED_ON.join(', ')})`);
  });

  it('has the table of probes', () => {
    const expected = EXPECTED_PROBES;
    expect(tableIn(kernels, '| probe |'), `The table should be:\n\n${expected}\n`).toBe(expected);
  });
});

function tableIn(markdown: string, header: string): string {
  const lines = markdown.split('\n');
  const first = lines.findIndex((line) => line.startsWith(header));
  const rest = lines.slice(first);
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .join('\n');
}

describe('a version of Linux', () => {
  /** Other facts of the kernel that have one, where they are told. */
  const OTHERS: Readonly<Record<string, readonly string[]>> = {
    // Columns of /proc and the default of nf_conntrack_max.
    'docs/tuning.md': ['4.9', '5.15'],
    'src/health/counters.ts': ['4.9'],
    // What was run, and seen.
    'README.md': ['6.18'],
    'docs/comparison.md': ['6.18'],
    'docs/kernel-bugs.md': ['6.18.44'],
    'docs/kernel-side.md': ['6.1', '6.18', '7.3'],
    'docs/kernels.md': ['6.18'],
    'docs/limits.md': ['6.18'],
    'docs/testing.md': ['6.18'],
    'src/core/limits.ts': ['6.18'],
    // When DCCP was gone.
    'src/entry/line.ts': ['6.17'],
  };
  const listed = new Set(all.flatMap(({ since, until }) => [since, until]));

  const files = [
    'README.md',
    ...readdirSync(new URL('docs/', root), { recursive: true, encoding: 'utf8' })
      // docs/api is made of the comments.
      .filter((name) => name.endsWith('.md') && !name.startsWith('api/'))
      .map((name) => `docs/${name}`),
    ...readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `src/${name}`),
  ]
    // The machine of the benchmark; a list of its own.
    // And those of the peers were read and compared on one kernel.
    .filter(
      (name) =>
        name !== 'docs/performance.md' &&
        !name.startsWith('docs/migration/') &&
        name !== 'src/health/settings.ts',
    );

  it('that stands in a document or a comment is one of the lists', () => {
    const strange = files.flatMap((file) =>
      Array.from(read(file).matchAll(/\bLinux (\d+(?:\.\d+)+)/g), ([, version = '']) => version)
        .filter((version) => !listed.has(version) && !OTHERS[file]?.includes(version))
        .map((version) => `${file}: ${version}`),
    );
    expect(strange).toEqual([]);
  });
});
