/** The report of the doctor, over an API that the test plays. */
import { ConntrackError, type Finding } from 'conntrack';
import { describe, expect, it, test, vi } from 'vitest';
import { linesOfReport } from '../../src/cli/doctor/print.js';
import { type DoctorApi, examine } from '../../src/cli/doctor/report.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { plain } from '../../src/cli/print/style.js';
import { textOf } from '../../src/cli/top/filter-text.js';
import { apart, cutAtEnd, cutInMiddle } from '../../src/cli/top/fit.js';
import { entryWith, TCP_TUPLES } from './records.js';

// Only in the bundle of the executable is package.json two folders above it.
vi.mock('../../src/cli/doctor/versions.js', () => ({
  readVersions: (problem?: string) => ({ addon: problem ?? 'loaded' }),
}));

const FINDING: Finding = {
  ...{ severity: 'warning', code: 'ACCOUNTING_OFF', message: 'Nothing is counted.' },
  ...{ setting: 'net.netfilter.nf_conntrack_acct', current: 0, suggested: 1 },
} as unknown as Finding;

const refused = (code: string) => () => {
  throw new ConntrackError('refused', { code, operation: 'any' });
};

const ANSWERS = {
  countEntries: async () => 7,
  diagnose: async () => [FINDING],
  explainFilter: () => ({
    fields: [
      { field: 'filter.mark', evaluatedBy: 'kernel' },
      { field: 'filter.zone', evaluatedBy: 'addon', reason: 'the kernel is too old' },
    ],
  }),
  listExpectations: async () => [],
  listTimeoutPolicies: async () => [],
  readDefaultTimeouts: refused('ERR_CONNTRACK_UNSUPPORTED'),
  readPressure: refused('ENOENT'),
  readSettings: async () => ({ accounting: false, udpTimeout: 30, timestamps: undefined }),
  readStats: async () => ({ source: 'netlink', total: { clashResolve: 1 } }),
  streamEntries: () => ({
    batches: async function* () {
      yield [entryWith(TCP_TUPLES), entryWith(TCP_TUPLES)];
    },
  }),
  watchEvents: () => ({ close: async () => undefined, receiveBufferBytes: 5, coverage: 'all' }),
};

const report = async (answers: object = {}, isPrivate = false) =>
  examine({ ...ANSWERS, ...answers } as unknown as DoctorApi, isPrivate);

describe('the report', () => {
  it('has what the kernel has, lacks, and what nobody knows', async () => {
    const { features } = await report();
    expect(
      Object.fromEntries(features.map(({ name, has, detail }) => [name, [has, detail]])),
    ).toEqual({
      'compares tuples': [false, ''],
      'compares the status': [false, ''],
      'compares marks': [true, ''],
      'compares zones': [false, 'the kernel is too old'],
      expectations: [true, ''],
      'timeouts of DCCP': [false, 'refused'],
      'accounting (nf_conntrack_acct)': [true, ''],
      'timestamps (nf_conntrack_timestamp)': [false, ''],
      'events (nf_conntrack_events)': [false, ''],
      'the counter clashResolve': [true, ''],
      'the counter chainTooLong': [false, ''],
    });
    const none = await report({
      countEntries: refused('EPERM'),
      explainFilter: refused('EPERM'),
      readSettings: refused('ENOENT'),
      readStats: refused('EPERM'),
    });
    expect(none.features.map(({ has }) => has)).toEqual([
      ...[undefined, undefined, undefined, undefined, true, undefined],
      ...[undefined, undefined, undefined, undefined, undefined],
    ]);
    expect(none.settings).toEqual({ works: false, code: 'ENOENT', message: 'refused' });
  });

  it('judges settings by the findings about them', async () => {
    const { settings } = await report();
    const judged = settings.works ? settings.value : [];
    expect(judged).toContainEqual(
      expect.objectContaining({
        ...{ name: 'accounting', judgement: 'warning', finding: 'ACCOUNTING_OFF', suggested: 1 },
      }),
    );
    const udp = judged.find(({ name }) => name === 'udpTimeout');
    expect(udp).toMatchObject({ judgement: 'ok' });
    expect(udp).not.toHaveProperty('suggested');
  });

  it('has what was tried, and an addon that cannot be loaded', async () => {
    const { privileges, versions } = await report({ listTimeoutPolicies: refused('EPERM') });
    expect(privileges.tried).toMatchObject({
      'read and change entries': { works: true, value: 7 },
      'watch events': { works: true, value: { receiveBufferBytes: 5, coverage: 'all' } },
      'timeout policies': { works: false, code: 'EPERM', message: 'refused' },
      'read counters': { works: true, value: 'netlink' },
    });
    expect(privileges.root).toBe(process.geteuid?.() === 0);
    expect(privileges.userNamespace).toMatch(/^(initial|other)$/);
    expect(
      Object.entries(privileges.capabilities ?? {}).map(([name, has]) => [name, typeof has]),
    ).toEqual([
      ['CAP_NET_BROADCAST', 'boolean'],
      ['CAP_NET_ADMIN', 'boolean'],
      ['CAP_SYS_PTRACE', 'boolean'],
      ['CAP_SYS_ADMIN', 'boolean'],
    ]);
    expect(versions.addon).toBe('loaded');
    const broken = await report({ countEntries: refused('ERR_CONNTRACK_LAYOUT') });
    expect(broken.versions.addon).toBe('cannot be loaded (ERR_CONNTRACK_LAYOUT)');
  });

  it('names the machine only where that is asked for', async () => {
    expect(await report()).not.toHaveProperty('private');
    const { private: own } = await report({}, true);
    expect(own).toMatchObject({
      execPath: process.execPath,
      busiest: {
        works: true,
        value: {
          sources: [{ address: '10.0.0.1', entries: 2 }],
          destinations: [{ address: '10.0.0.2', entries: 2 }],
        },
      },
    });
  });

  test.each<[Partial<Awaited<ReturnType<typeof report>>['privileges']>, string]>([
    [{}, 'root in the initial user namespace, with CAP_NET_ADMIN'],
    [{ root: false, capabilities: {} }, 'an ordinary user in the initial user namespace, with no'],
    [
      { capabilities: { CAP_NET_ADMIN: false } },
      'root in the initial user namespace, with no capability',
    ],
    [
      { capabilities: undefined, userNamespace: 'unknown' },
      'root in the unknown user namespace, with unknown capabilities',
    ],
  ])('prints the privileges %j', async (more, text) => {
    const found = await report({ listTimeoutPolicies: refused('EPERM') });
    const capabilities = { CAP_NET_ADMIN: true, CAP_SYS_ADMIN: false };
    const privileges = { ...found.privileges, root: true, capabilities, ...more };
    const usual = { userNamespace: 'initial' as const, ...more };
    const lines = linesOfReport({ ...found, privileges: { ...privileges, ...usual } }, 80, plain);
    expect(lines.join('\n')).toContain(`Privileges\n  ${text}`);
    const at = lines.findIndex((line) => / no +timeout policies$/.test(line));
    expect(lines[at + 1]?.trim()).toBe('refused (EPERM)');
    expect(lines.join('\n')).toMatch(/yes +read and change entries\n/);
  });

  it('is printed in sections', async () => {
    const sources = [{ address: '10.0.0.1', entries: 2 }];
    const found = {
      ...(await report()),
      private: {
        ...{ hostname: 'host', execPath: '/node', addonOverride: '/addon' },
        busiest: { works: true, value: { sources, destinations: sources } } as const,
      },
    };
    const lines = linesOfReport(found, 80, plain);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const titles = lines.filter((line) => /^\S/.test(line));
    expect(titles).toEqual([
      ...['Versions', 'Privileges', 'Kernel', 'Settings', 'Pressure'],
      ...['Findings: 1 warning', 'Private'],
    ]);
    for (const line of [
      '   yes  compares marks',
      '   no  compares zones',
      '  refused (ENOENT)',
      '  WARNING ACCOUNTING_OFF',
      '  sources          10.0.0.1 (2)',
      '  CONNTRACK_ADDON  /addon',
    ]) {
      expect(lines.map((one) => one.replaceAll(/ +/g, ' '))).toContain(line.replaceAll(/ +/g, ' '));
    }
    expect(lines.find((line) => line.includes('accounting  '))).toMatch(
      /accounting +off +ACCOUNTING_OFF, try on$/,
    );
    const unknown = linesOfReport(await report({ readStats: refused('EPERM') }), 80, plain);
    expect(unknown.map((line) => line.trim())).toContain('?   the counter clashResolve');
    const fine = linesOfReport(await report({ diagnose: async () => [] }), 80, plain);
    expect(fine).toContain('Findings');
    expect(fine).not.toContain('Private');
    const failed = linesOfReport(await report({ diagnose: refused('EPERM') }), 80, plain);
    expect(failed.at(-1)).toBe('  refused (EPERM)');
  });
});

describe('a text in so many columns', () => {
  test.each([
    ['abcdef', 6, 'abcdef', 'abcdef'],
    ['abcdef', 5, 'abcd~', 'ab~ef'],
    ['abcdef', 4, 'abc~', 'ab~f'],
    ['abcdef', 1, '~', '~'],
    ['abcdef', 0, '', ''],
    ['abcdef', -1, '', ''],
    ['', 0, '', ''],
  ])('%s in %i', (text, columns, atEnd, inMiddle) => {
    expect([cutAtEnd(text, columns), cutInMiddle(text, columns)]).toEqual([atEnd, inMiddle]);
  });

  test.each([
    ['left', 'right', 12, 'left   right'],
    ['left', 'right', 9, 'le~ right'],
    ['left', 'right', 7, '~ right'],
    ['left', 'right', 6, 'left'],
  ])('%s and %s in %i', (left, right, columns, text) => {
    expect(apart(left, right, columns)).toBe(text);
  });
});

test.each([
  ['top --any-nat --mark 7', '--mark 7 --any-nat'],
  ['top --destination-nat 1.2.3.4 --mark 7', '--mark 7 --destination-nat 1.2.3.4'],
  ['top --not --mark 7 --or --zone 3', '--not --mark 7 --or --zone 3'],
])('the conditions of %s are a text', (line, text) => {
  const words = textOf(parseLine(line.split(' ')).alternatives);
  expect(words.split(' ').toSorted()).toEqual(text.split(' ').toSorted());
});
