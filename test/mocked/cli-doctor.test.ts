/** The report of the doctor, over an API that the test plays. */
import { ConntrackError, type Finding } from 'conntrack';
import { describe, expect, it, test, vi } from 'vitest';
import doctor from '../../src/cli/commands/doctor.js';
import { attempt } from '../../src/cli/doctor/attempt.js';
import { linesOfReport } from '../../src/cli/doctor/print.js';
import { type DoctorApi, type DoctorReport, examine } from '../../src/cli/doctor/report.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { type Paint, plain } from '../../src/cli/print/style.js';
import { Writer } from '../../src/cli/print/writer.js';
import { textOf } from '../../src/cli/top/filter-text.js';
import { apart, cutAtEnd, cutInMiddle } from '../../src/cli/top/fit.js';
import { sink, TERMINAL, worldOf } from '../unit/cli-world.js';
import { entryWith, TCP_TUPLES } from '../unit/records.js';

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

describe('the whole report', () => {
  const works = (value: unknown) => ({ works: true, value }) as never;
  const fails = (message: string) => ({ works: false, code: 'EPERM', message }) as never;
  const lacking = 'this process lacks CAP_NET_ADMIN in the user namespace that owns the network';
  const setting = (name: string, parts: object) => ({
    ...{ name, sysctl: 'nf_conntrack_x', value: 1, unit: 'count', global: false, judgement: 'ok' },
    ...parts,
  });
  const REPORT = {
    versions: { conntrack: '1.2.3', kernel: `linux ${'6.18 '.repeat(20).trim()}` },
    privileges: {
      root: true,
      capabilities: { CAP_NET_ADMIN: true, CAP_SYS_ADMIN: false, CAP_SYS_PTRACE: true },
      userNamespace: 'initial',
      tried: {
        'read and change entries': works(7),
        'watch events': fails(lacking),
        'timeout policies': fails(lacking),
        'read counters': fails('another reason'),
      },
    },
    features: [
      { name: 'compares zones', has: false, detail: 'the kernel is too old' },
      { name: 'expectations', has: false, detail: 'the kernel is too old' },
      { name: 'compares marks', has: true, detail: 'never shown' },
      { name: 'events', has: undefined, detail: '' },
    ],
    settings: works([
      setting('accounting', {
        ...{ value: false, unit: 'switch' },
        ...{ judgement: 'warning', finding: 'ACCOUNTING_OFF', suggested: 1 },
      }),
      setting('timestamps', {
        ...{ value: true, unit: 'switch' },
        ...{ judgement: 'info', finding: 'TIMESTAMPS', suggested: 0 },
      }),
      setting('events', {
        ...{ value: 'on', unit: 'events' },
        ...{ judgement: 'critical', finding: 'EVENTS', suggested: 2 },
      }),
      setting('icmpTimeout', { unit: 'seconds', value: 30 }),
      setting('fragTimeout', { unit: 'seconds', value: 60, judgement: 'info' }),
      setting('maxEntries', { value: 262_144, judgement: 'info', finding: 'MAX', suggested: 5 }),
      setting('buckets', { value: 5, judgement: 'info', finding: 'BUCKETS' }),
    ]),
    pressure: fails('no file'),
    findings: works([
      {
        ...{ severity: 'critical', code: 'FULL' },
        message: `${'The table is full, and so are the lines of this message. '.repeat(2)}Wait.`,
      },
      { severity: 'warning', code: 'HALF', message: 'm', setting: 'net.x', suggested: 1 },
      { severity: 'info', code: 'NO_ADVICE', message: 'm', setting: 'net.x', current: 1 },
      { severity: 'info', code: 'NO_SETTING', message: 'm', suggested: 1 },
    ]),
  } as unknown as DoctorReport;
  const coloured: Paint = (style, text) => (text === '' ? '' : `<${style} ${text}>`);

  it('in 80 columns', () => {
    expect(linesOfReport(REPORT, 80, coloured)).toEqual([
      '<bold Versions>',
      '  conntrack  1.2.3',
      '  kernel     linux 6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18',
      '             6.18 6.18 6.18 6.18 6.18 6.18 6.18 6.18',
      '',
      '<bold Privileges>',
      '  root in the initial user namespace, with CAP_NET_ADMIN, CAP_SYS_PTRACE',
      '',
      '  <green  yes > read and change entries',
      '  <yellow   no > watch events',
      '         this process lacks CAP_NET_ADMIN in the user namespace that owns the',
      '         network (EPERM)',
      '  <yellow   no > timeout policies',
      '  <yellow   no > read counters',
      '         another reason (EPERM)',
      '',
      '<bold Kernel>',
      '  <yellow   no > compares zones',
      '         the kernel is too old',
      '  <yellow   no > expectations',
      '  <green  yes > compares marks',
      '  <dim   ?  > events',
      '',
      '<bold Settings>',
      '  <bold SETTING>       <bold VALUE>      <bold JUDGEMENT>',
      '  accounting      off      <yellow ACCOUNTING_OFF, try on>',
      '  timestamps       on      <cyan TIMESTAMPS, try off>',
      '  events           on      <red EVENTS, try auto>',
      '  fragTimeout    60 s  <dim 1m>  <cyan info>',
      '  maxEntries   262144      <cyan MAX, try 5>',
      '  buckets           5      <cyan BUCKETS>',
      '',
      '<bold Pressure>',
      '  no file (EPERM)',
      '',
      '<bold Findings: 2 warnings>',
      '  <red CRITICAL> <bold FULL>',
      '    The table is full, and so are the lines of this message. The table is full,',
      '    and so are the lines of this message. Wait.',
      '',
      '  <yellow WARNING> <bold HALF>',
      '    m',
      '    <bold sysctl -w net.x=1>',
      '',
      '  <cyan INFO> <bold NO_ADVICE>',
      '    m',
      '',
      '  <cyan INFO> <bold NO_SETTING>',
      '    m',
    ]);
  });

  const run = async (text: string, { answers = {}, facts = {} } = {}) => {
    const world = worldOf({ out: sink(facts) });
    const call = {
      ...{ line: parseLine(text.split(' ')), world, writer: new Writer(world.out) },
      run: async () => 0 as const,
    };
    const code = await doctor({ ...ANSWERS, ...answers } as never, call);
    return { code, text: world.out.text() };
  };

  it('is printed by the command, in the columns of the terminal or 80, and at most 100', async () => {
    const diagnose = async () => [{ ...FINDING, message: 'word '.repeat(60).trim() }];
    const widest = async (facts: object) => {
      const { text } = await run('doctor --no-color', { answers: { diagnose }, facts });
      const lines = text.split('\n').filter((line) => line.startsWith('    word'));
      return Math.max(...lines.map(({ length }) => length));
    };
    expect(await widest({})).toBe(78);
    expect(await widest({ ...TERMINAL, columns: 60 })).toBe(58);
    expect(await widest({ ...TERMINAL, columns: 200 })).toBe(98);
  });

  it('has colours on a terminal, unless --no-color is given', async () => {
    expect((await run('doctor', { facts: TERMINAL })).text).toContain(
      '\u001b[1mVersions\u001b[22m',
    );
    expect((await run('doctor --no-color', { facts: TERMINAL })).text).not.toContain('\u001b');
  });

  it('is JSON where that is asked for, with what identifies the machine only on request', async () => {
    const { text } = await run('doctor --json');
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(await report())));
    expect(text.trimEnd()).not.toContain('\n');
    expect(JSON.parse((await run('doctor --json --private')).text)).toHaveProperty('private');
  });

  it('ends with 5 where --check is given, and something is worse than info', async () => {
    const info = { diagnose: async () => [{ ...FINDING, severity: 'info' }] };
    const unknown = { diagnose: refused('EPERM') };
    expect((await run('doctor')).code).toBe(0);
    expect((await run('doctor --check')).code).toBe(5);
    expect((await run('doctor --check', { answers: info })).code).toBe(0);
    expect((await run('doctor --check', { answers: unknown })).code).toBe(0);
  });
});

describe('an attempt', () => {
  test.each<[string, Error, object]>([
    [
      'of the API',
      new ConntrackError('y', { code: 'EPERM', operation: 'x' }),
      { code: 'EPERM', message: 'y' },
    ],
    [
      'of the system',
      Object.assign(new Error('x: y'), { code: 'EACCES' }),
      { code: 'EACCES', message: 'x: y' },
    ],
    ['of the program', new TypeError('one\ntwo'), { code: 'TypeError', message: 'one' }],
  ])('has the first line of an error %s', async (_, error, failed) => {
    const failing = attempt(() => Promise.reject(error));
    expect(await failing).toEqual({ works: false, ...failed });
  });

  it('is ended by what is no error', async () => {
    const aborted = AbortSignal.abort('a text');
    await expect(
      attempt(() => {
        aborted.throwIfAborted();
      }),
    ).rejects.toBe('a text');
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
