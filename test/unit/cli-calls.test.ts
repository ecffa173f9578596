/** What each command asks the API, and what it makes of the answer. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ConntrackError, formatEntry, type SettingName } from 'conntrack';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import count from '../../src/cli/commands/count.js';
import { loadCommand } from '../../src/cli/lazy.js';
import type { CommandName } from '../../src/cli/line/commands.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { Writer } from '../../src/cli/print/writer.js';
import { UsageError } from '../../src/cli/usage-error.js';
import type { World } from '../../src/cli/world.js';
import { expectationsOf } from '../../src/expectation/view.js';
import { failing, sink, TERMINAL, worldOf } from './cli-world.js';
import { entryWith, expectationSlab, TCP_TUPLES } from './records.js';

const entry = entryWith({ ...TCP_TUPLES, mark: 5, labels: 6n });
const LINE = `${formatEntry(entry, { format: 'line' })}\n`;
const JSON_LINE = `${JSON.stringify(entry)}\n`;
const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
const control = { ...ends, sourcePort: 40000, destinationPort: 21 };
const data = { ...ends, sourcePort: 5, destinationPort: 50000 };
const [expectation] = expectationsOf([
  expectationSlab({
    ...{ protocol: 'tcp', tuple: data, master: control, mask: { sourcePort: 0 } },
    ...{ timeout: 60, helper: 'ftp' },
  }),
]);
const EXPECTATION_LINE = `${String(expectation)}\n`;

const streaming = <T>(...batches: T[][]) => ({
  batches: async function* () {
    yield* batches;
  },
});
const error = (code: string) => new ConntrackError('refused', { code, operation: 'any' });
const throwing = (code: string) => () => Promise.reject(error(code));

type Answers = Readonly<Record<string, (...given: never[]) => unknown>>;

const POLICY = {
  ...{ name: 'web', family: 'ipv4', protocol: 'tcp', protocolNumber: 6 },
  ...{ timeouts: { established: 3600, close: 10 }, use: 0, unknownAttributes: 0 },
};
const DEFAULTS = { protocol: 'udp', protocolNumber: 17, timeouts: { replied: 120 } };
const SETTINGS = { accounting: false, maxEntries: 262_144, tcpEstablishedTimeout: 432_000 };
const SAMPLE = {
  ...{ time: new Date(2026, 0, 31, 12, 59, 58), entries: 900, maxEntries: 1000, buckets: 1024 },
  ...{ utilization: 0.9, level: 'critical', growthPerSecond: 5.4, secondsUntilFull: 18 },
  ...{ dropped: { total: 3, perSecond: 1 }, earlyDropped: { total: 0, perSecond: 0 } },
};
const FINDING = {
  ...{ severity: 'warning', code: 'TABLE_NEARLY_FULL', message: 'The table is nearly full.' },
  ...{ setting: 'net.netfilter.nf_conntrack_max', current: 1, suggested: 2 },
};

/** What the API answers unless a test says. */
const ANSWERS: Answers = {
  countEntries: async () => 7,
  countExpectations: async () => 3,
  createEntry: async () => entry,
  createExpectation: async () => expectation,
  createTimeoutPolicy: async () => POLICY,
  deleteEntries: async () => ({ matched: 2 }),
  deleteExpectation: async () => true,
  deleteExpectations: async () => ({ deleted: 2 }),
  deleteTimeoutPolicy: async () => true,
  diagnose: async () => [FINDING],
  flushEntries: async () => ({ entries: [entry] }),
  flushExpectations: async () => undefined,
  getEntry: async () => entry,
  getExpectation: async () => expectation,
  getTimeoutPolicy: async () => POLICY,
  listExpectations: async () => [expectation],
  listTimeoutPolicies: async () => [POLICY],
  readDefaultTimeouts: async () => DEFAULTS,
  readPressure: async () => SAMPLE,
  readSettings: async () => SETTINGS,
  restoreEntries: async () => ({ created: 1, existed: 2, failed: 0, failures: [] }),
  streamDeletes: () => streaming([entry]),
  streamEntries: () => streaming([entry]),
  updateEntry: async () => entry,
  updateTimeoutPolicy: async () => POLICY,
  upsertEntry: async () => ({ entry, created: true }),
  writeDefaultTimeouts: async () => DEFAULTS,
  writeSettings: async () => ({ ...SETTINGS, accounting: true }),
};

interface Ended {
  code: number;
  calls: unknown[];
  out: string;
  err: string;
}

/** Runs a line over an API that the test plays. `person`: on a terminal. */
async function perform(
  text: string,
  { answers = {}, world = {}, person = false }: Options = {},
): Promise<Ended> {
  const calls: unknown[] = [];
  const all = { ...ANSWERS, ...answers };
  const handle = new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...given: never[]) => {
          calls.push([name, ...given]);
          return all[String(name)]?.(...given);
        },
    },
  ) as never;
  const err = sink(person ? TERMINAL : {});
  const its = worldOf({ err, env: { NO_COLOR: '1' }, ...world });
  const line = parseLine(text.split(' '));
  const command = text === 'count' ? count : await loadCommand(line.command as CommandName);
  const writer = new Writer(its.out);
  const code = await command(handle, { line, world: its, writer, run: async () => 0 });
  return { code, calls, out: its.out.text(), err: its.err.text() };
}

interface Options {
  answers?: Answers;
  world?: Partial<World>;
  person?: boolean;
}

const empty = { original: {}, reply: {}, status: { all: [] } };
const withPort = { ...empty, port: 443 };
const FLOW =
  '--protocol tcp --source 10.0.0.1 --destination 10.0.0.2 --source-port 40000 --destination-port 21';
const KEY = { protocol: 6, original: control };
const SPEC = { ...KEY, reply: undefined };

type Row = [
  line: string,
  calls: readonly unknown[],
  out: string,
  err: string,
  options?: Options,
  code?: number,
];

describe('entries', () => {
  const table = { zeroCounters: false };

  test.each([
    ['list', '0 entries\n`npx conntrack doctor` looks for the reason\n'],
    ['-L', '0 entries\n`npx conntrack doctor` looks for the reason\n'],
    ['list dying', '0 entries\n'],
    ['list --port 443', '0 entries\n'],
    ['list --not --port 443', '0 entries\n'],
    ['list --family ipv6', '0 entries\n'],
    ['list --limit 0', '0 entries\n'],
    ['list --netns other', '0 entries\n'],
  ])('%s: an empty table, on a terminal and in a script', async (line, err) => {
    const answers = { streamEntries: () => streaming() };
    expect(await perform(line, { answers, person: true })).toMatchObject({ out: '', err });
    expect(await perform(line, { answers })).toMatchObject({ out: '', err: '' });
  });

  test.each<Row>([
    ['list', [['streamEntries', [empty], table]], LINE, '1 entry\n'],
    ['list dying', [['streamEntries', [empty], { ...table, table: 'dying' }]], LINE, '1 entry\n'],
    [
      'list --zero-counters --port 443',
      [['streamEntries', [withPort], { zeroCounters: true }]],
      LINE,
      '1 entry\n',
    ],
    [
      'list --limit 3 --json',
      [['streamEntries', [empty], table]],
      JSON_LINE.repeat(3),
      '3 entries\n',
      { answers: { streamEntries: () => streaming([entry, entry], [entry, entry], [entry]) } },
    ],
    ['count', [['countEntries']], '7\n', ''],
    ['count --json', [['streamEntries', {}]], '{"entries":1}\n', ''],
    ['count --family ipv6', [['streamEntries', { family: 'ipv6' }]], '1\n', ''],
    ['count --port 443', [['deleteEntries', [withPort], { dryRun: true }]], '2\n', ''],
    [`get ${FLOW}`, [['getEntry', KEY, table]], LINE, ''],
    [`get ${FLOW} --zero-counters`, [['getEntry', KEY, { zeroCounters: true }]], LINE, ''],
    [
      'get --protocol 7 --reply-source 10.0.0.1 --reply-destination 10.0.0.2 --id 5',
      [['getEntry', { protocol: 7, reply: ends, id: 5 }, table]],
      LINE,
      '',
    ],
    [`get ${FLOW} --labels 1`, [['getEntry', KEY, table]], LINE.trim(), ''],
    [
      `get ${FLOW} --labels 1,3`,
      [['getEntry', KEY, table]],
      '',
      'conntrack-js: no entry has this tuple\n',
      {},
      1,
    ],
    [
      `get ${FLOW}`,
      [['getEntry', KEY, table]],
      '',
      'conntrack-js: no entry has this tuple\n',
      { answers: { getEntry: async () => undefined } },
      1,
    ],
    [
      `create ${FLOW} --timeout 5`,
      [['createEntry', { ...SPEC, timeout: 5 }]],
      '',
      `created: ${String(entry)}\n`,
    ],
    [`create ${FLOW} --json`, [['createEntry', SPEC]], JSON_LINE, `created: ${String(entry)}\n`],
    [`create ${FLOW} --output line`, [['createEntry', SPEC]], LINE, `created: ${String(entry)}\n`],
    [
      `create ${FLOW} --if-absent --json`,
      [['createEntry', SPEC]],
      '',
      'one is there already: left alone\n',
      { answers: { createEntry: throwing('EEXIST') } },
    ],
    [`create ${FLOW} --or-update`, [['upsertEntry', SPEC]], '', `created: ${String(entry)}\n`],
    [
      `create ${FLOW} --or-update`,
      [['upsertEntry', SPEC]],
      '',
      `changed: ${String(entry)}\n`,
      { answers: { upsertEntry: async () => ({ entry, created: false }) } },
    ],
    [
      'update --timeout 9 --port 443',
      [
        ['streamEntries', [{ ...withPort, not: [{ timeout: { from: 9, to: 9 } }] }]],
        ['updateEntry', entry, { timeout: 9 }],
      ],
      LINE,
      '1 entry changed\n',
    ],
    [
      'update --timeout 9 --port 443 --dry-run',
      [['streamEntries', [{ ...withPort, not: [{ timeout: { from: 9, to: 9 } }] }]]],
      LINE,
      '1 entry would be changed\n',
    ],
    [
      'update --labels-set 3 --port 443 --not --id 4',
      [
        ['streamEntries', [{ ...withPort, not: [{ ...empty, id: 4 }] }]],
        ['updateEntry', entry, { labels: { set: 8n } }],
      ],
      `${formatEntry(entry, { format: 'line', labels: new Map() })}\n`,
      '1 entry changed\n',
    ],
    [
      'update --timeout 9',
      [['streamEntries', [{ ...empty, not: [{ timeout: { from: 9, to: 9 } }] }]]],
      '',
      'conntrack-js: no entry matches that is not so already\n',
      { answers: { streamEntries: () => streaming() } },
      1,
    ],
    ['delete --port 443 --yes', [['streamDeletes', [withPort]]], LINE, '1 entry deleted\n'],
    [
      'delete --port 443 --dry-run',
      [['streamEntries', [withPort]]],
      LINE,
      '1 entry would be deleted\n',
    ],
    [
      'delete --port 443 --yes',
      [['streamDeletes', [withPort]]],
      '',
      'conntrack-js: no entry matches\n',
      { answers: { streamDeletes: () => streaming() } },
      1,
    ],
    ['-D --yes', [['flushEntries', { entries: true }]], LINE, '1 entry deleted\n'],
    [
      '-D -f ipv6 --yes',
      [['flushEntries', { family: 'ipv6', entries: true }]],
      LINE,
      '1 entry deleted\n',
    ],
    [
      '-D',
      [
        ['streamEntries', {}],
        ['flushEntries', { entries: true }],
      ],
      LINE,
      '1 entry deleted\n',
    ],
    [
      '-D -f ipv6',
      [
        ['streamEntries', { family: 'ipv6' }],
        ['flushEntries', { family: 'ipv6', entries: true }],
      ],
      LINE,
      '1 entry deleted\n',
    ],
    ['-D --dry-run', [['streamEntries', {}]], LINE, '1 entry would be deleted\n'],
    ['flush --yes', [['flushEntries', {}]], '', 'the table is empty\n'],
    [
      'flush --yes --family ipv6',
      [['flushEntries', { family: 'ipv6' }]],
      '',
      'no entry of ipv6 is left\n',
    ],
    [
      'flush --yes --json',
      [['flushEntries', { entries: true }]],
      JSON_LINE,
      'the table is empty\n',
    ],
    [
      '-F',
      [
        ['streamEntries', {}],
        ['flushEntries', {}],
      ],
      '',
      'the table is empty\n',
    ],
    ['flush --dry-run', [['streamEntries', {}]], LINE, '1 entry would be deleted\n'],
  ])('%s', async (line, calls, out, err, options = {}, code = 0) => {
    const ended = await perform(line, { ...options, person: true });
    expect(ended).toMatchObject({ code, err });
    // The API refuses some fields that are there and undefined.
    expect(ended.calls).toStrictEqual(calls);
    // Labels are shown where they are asked for.
    if (line.includes('--labels 1')) expect(ended.out.startsWith(out)).toBe(true);
    else expect(ended.out).toBe(out);
  });

  it('a script reads no line about what was done', async () => {
    for (const line of ['list', 'delete --port 443', 'flush', `create ${FLOW}`]) {
      expect((await perform(line)).err).toBe('');
    }
  });

  test.each<[string, Answers, string]>([
    [`create ${FLOW}`, { createEntry: throwing('EEXIST') }, 'EEXIST'],
    [`create ${FLOW} --if-absent`, { createEntry: throwing('EPERM') }, 'EPERM'],
    ['update --timeout 9', { updateEntry: throwing('EBUSY') }, 'EBUSY'],
  ])('%s rejects with what the kernel answers', async (line, answers, code) => {
    await expect(perform(line, { answers })).rejects.toMatchObject({ code });
  });

  test.each([
    ['list nat', '"nat" is no table: dying is one'],
    [`create ${FLOW} --if-absent --or-update`, '--if-absent and --or-update exclude each other'],
    ['create --protocol tcp', '--source and --destination are missing'],
    ['get --protocol tcp', '--source and --destination are missing'],
    ['get --source 10.0.0.1', '--protocol is missing'],
    ['list --limit x', '--limit must be a number from 0 to 9007199254740991, not "x"'],
  ])('%s is refused', async (line, message) => {
    await expect(perform(line)).rejects.toThrow(new UsageError(message));
  });

  it('asks before more than a screenful is deleted, and does so for yes alone', async () => {
    const many = { deleteEntries: async () => ({ matched: 1000 }) };
    const person = (answer: string) => {
      const input = Object.assign(Readable.from([`${answer}\n`]), { isTTY: true });
      return { answers: many, world: { in: () => input }, person: true };
    };
    const question = 'delete would delete 1,000 entries. Go on? [y/N] ';
    for (const answer of ['y', 'YES', ' yes ']) {
      const ended = await perform('delete --port 443', person(answer));
      expect(ended).toMatchObject({ code: 0, err: `${question}1 entry deleted\n`, out: LINE });
      expect(ended.calls).toEqual([
        ['deleteEntries', [withPort], { dryRun: true }],
        ['streamDeletes', [withPort]],
      ]);
    }
    for (const answer of ['n', '', 'yesterday', 'oh yes']) {
      await expect(perform('delete --port 443', person(answer))).rejects.toThrow(
        'nothing was deleted',
      );
    }
  });
});

describe('expectations', () => {
  const tuple = '--protocol tcp --source 10.0.0.1 --destination 10.0.0.2';
  const key = { protocol: 6, tuple: ends };

  test.each<Row>([
    ['expect', [['listExpectations', {}]], EXPECTATION_LINE, ''],
    [
      'expect list --helper ftp --family ipv4 --timeout 5- --id 7 --address 10.0.0.1/8 --port 1-2',
      [
        [
          'listExpectations',
          {
            ...{ family: 'ipv4', helper: 'ftp', id: 7, timeout: { from: 5, to: undefined } },
            ...{ address: '10.0.0.0/8', port: { from: 1, to: 2 } },
          },
        ],
      ],
      EXPECTATION_LINE,
      '',
    ],
    [
      'expect list --source 10.0.0.0/8 --destination 10.0.0.2 --source-port 5 --destination-port 6',
      [
        [
          'listExpectations',
          {
            tuple: {
              ...{ source: '10.0.0.0/8', destination: '10.0.0.2' },
              ...{ sourcePort: 5, destinationPort: 6 },
            },
          },
        ],
      ],
      EXPECTATION_LINE,
      '',
    ],
    ['expect list --json', [['listExpectations', {}]], `${JSON.stringify(expectation)}\n`, ''],
    ['expect count', [['countExpectations', {}]], '3\n', ''],
    ['expect count --json', [['countExpectations', {}]], '{"expectations":3}\n', ''],
    [
      `expect get ${tuple} --zone 4 --id 5`,
      [['getExpectation', { ...key, zone: 4, id: 5 }]],
      EXPECTATION_LINE,
      '',
    ],
    [
      `expect get ${tuple}`,
      [['getExpectation', key]],
      '',
      'conntrack-js: no expectation matches\n',
      { answers: { getExpectation: async () => undefined } },
      1,
    ],
    [`expect delete ${tuple}`, [['deleteExpectation', key]], '', ''],
    [`expect delete ${tuple} --dry-run`, [['getExpectation', key]], EXPECTATION_LINE, ''],
    [
      `expect delete ${tuple}`,
      [['deleteExpectation', key]],
      '',
      'conntrack-js: no expectation matches\n',
      { answers: { deleteExpectation: async () => false } },
      1,
    ],
    [
      'expect delete --helper ftp',
      [
        ['countExpectations', { helper: 'ftp' }],
        ['deleteExpectations', { helper: 'ftp' }],
      ],
      '',
      '2 expectations deleted\n',
    ],
    [
      'expect delete --helper ftp --yes',
      [['deleteExpectations', { helper: 'ftp' }]],
      '',
      'conntrack-js: no expectation matches\n',
      { answers: { deleteExpectations: async () => ({ deleted: 0 }) } },
      1,
    ],
    [
      'expect delete --helper ftp --dry-run',
      [['listExpectations', { helper: 'ftp' }]],
      EXPECTATION_LINE,
      '',
    ],
    ['expect flush --yes', [['flushExpectations', {}]], '', ''],
    ['expect flush --yes --helper ftp', [['flushExpectations', { helper: 'ftp' }]], '', ''],
    [
      'expect flush --dry-run --helper ftp',
      [['listExpectations', { helper: 'ftp' }]],
      EXPECTATION_LINE,
      '',
    ],
    [
      `expect create ${FLOW} --tuple-source 10.0.0.1 --tuple-destination 10.0.0.2 ` +
        '--tuple-source-port 5 --tuple-destination-port 50000 --mask-source 255.0.0.0 ' +
        '--mask-source-port 0 --timeout 60 --helper ftp',
      [
        [
          'createExpectation',
          {
            ...{ protocol: 6, tuple: data, master: control, timeout: 60, helper: 'ftp' },
            mask: { source: '255.0.0.0', sourcePort: 0 },
          },
        ],
      ],
      '',
      `created: ${EXPECTATION_LINE}`,
    ],
    [
      `expect create ${FLOW} --tuple-source 10.0.0.1 --tuple-destination 10.0.0.2 --json`,
      [['createExpectation', { protocol: 6, tuple: ends, mask: {}, master: control }]],
      `${JSON.stringify(expectation)}\n`,
      '',
    ],
    [
      `expect create ${FLOW} --tuple-source 10.0.0.1 --tuple-destination 10.0.0.2 --output line`,
      [['createExpectation', { protocol: 6, tuple: ends, mask: {}, master: control }]],
      EXPECTATION_LINE,
      '',
    ],
  ])('%s', async (line, calls, out, err, options = {}, code = 0) => {
    const ended = await perform(line, { ...options, person: true });
    expect(ended).toEqual({ code, calls, out, err });
  });

  it('are a table on a terminal, whose last column a narrow one does without', async () => {
    const on = async (columns: number, line = 'expect list') =>
      (await perform(line, { world: { out: sink({ ...TERMINAL, columns }) } })).out;
    expect(await on(120)).toBe(
      'PROTO  EXPECTED SOURCE  EXPECTED DESTINATION  HELPER  LEFT  MASTER\n' +
        'tcp    10.0.0.1         10.0.0.2:50000        ftp       1m  10.0.0.1:40000 > 10.0.0.2:21\n',
    );
    expect(await on(80)).toBe(
      'PROTO  EXPECTED SOURCE  EXPECTED DESTINATION  HELPER  LEFT\n' +
        'tcp    10.0.0.1         10.0.0.2:50000        ftp       1m\n',
    );
    for (const format of ['xml', 'save', 'labels']) {
      await expect(on(80, `expect list --output ${format}`)).rejects.toThrow(
        '--output: expectations have table, line and json only',
      );
    }
  });
});

describe('timeouts', () => {
  const policyTable = [
    'PROTOCOL  POLICY      STATE        SECONDS',
    'tcp       web (ipv4)  established     3600  1h',
    '                      close             10',
    '',
  ].join('\n');
  const defaultTable =
    'PROTOCOL  POLICY  STATE    SECONDS\nudp               replied      120  2m\n';

  test.each<Row>([
    ['timeouts get udp', [['readDefaultTimeouts', 'udp']], defaultTable, ''],
    ['timeouts get web', [['getTimeoutPolicy', 'web']], policyTable, ''],
    [
      'timeouts get web',
      [['getTimeoutPolicy', 'web']],
      '',
      'conntrack-js: no policy is named "web"\n',
      { answers: { getTimeoutPolicy: async () => undefined } },
      1,
    ],
    [
      'timeouts set udp replied=120 unreplied=0',
      [['writeDefaultTimeouts', 'udp', { replied: 120, unreplied: 0 }]],
      defaultTable,
      '',
    ],
    [
      'timeouts create web --family ipv4 --protocol tcp established=3600',
      [
        [
          'createTimeoutPolicy',
          { name: 'web', family: 'ipv4', protocol: 'tcp', timeouts: { established: 3600 } },
        ],
      ],
      policyTable,
      '',
    ],
    [
      'timeouts update web established=1 replied=2',
      [['updateTimeoutPolicy', 'web', { established: 1, replied: 2 }]],
      policyTable,
      '',
    ],
    ['timeouts delete web', [['deleteTimeoutPolicy', 'web']], '', 'web is deleted\n'],
    [
      'timeouts delete web',
      [['deleteTimeoutPolicy', 'web']],
      '',
      'conntrack-js: no policy is named "web"\n',
      { answers: { deleteTimeoutPolicy: async () => false } },
      1,
    ],
    [
      'timeouts get web --json',
      [['getTimeoutPolicy', 'web']],
      `${JSON.stringify({ kind: 'policy', ...POLICY })}\n`,
      '',
    ],
    [
      'timeouts get udp --json',
      [['readDefaultTimeouts', 'udp']],
      `${JSON.stringify({ kind: 'default', ...DEFAULTS })}\n`,
      '',
    ],
  ])('%s', async (line, calls, out, err, options = {}, code = 0) => {
    const ended = await perform(line, { ...options, person: true });
    expect(ended).toEqual({ code, calls, out, err });
  });

  it('lists the defaults of what this kernel tracks, and the policies', async () => {
    const answers = {
      readDefaultTimeouts: async (protocol: string) => {
        if (protocol === 'udp') return DEFAULTS;
        throw error('ERR_CONNTRACK_UNSUPPORTED');
      },
    };
    const { out } = await perform('timeouts', { answers });
    expect(out.split('\n').map((row) => row.split(/ +/)[0])).toEqual([
      ...['PROTOCOL', 'udp', 'tcp', '', ''],
    ]);
    await expect(
      perform('timeouts list', { answers: { readDefaultTimeouts: throwing('EPERM') } }),
    ).rejects.toMatchObject({ code: 'EPERM' });
  });

  test.each([
    ['timeouts set', 'timeouts set lacks its protocol'],
    ['timeouts set udp', 'timeouts set changes nothing: STATE=SECONDS'],
    ['timeouts set tpc a=1', 'the protocol must be'],
    ['timeouts set udp established=1', 'udp has no state "established"'],
    ['timeouts set udp replied', 'replied lacks its seconds: replied=SECONDS'],
    ['timeouts set udp replied=x', 'replied must be a number'],
    ['timeouts get', 'timeouts get lacks the name of a policy'],
    ['timeouts update', 'timeouts update lacks the name of a policy'],
    ['timeouts delete', 'timeouts delete lacks the name of a policy'],
    ['timeouts update web stablished=1', `no protocol has a state "stablished"; did you mean`],
    ['timeouts create', 'timeouts create lacks the name of a policy'],
    ['timeouts create web --family ipv4', 'timeouts create needs --family and --protocol'],
    ['timeouts create web --protocol tcp', 'timeouts create needs --family and --protocol'],
    ['timeouts get a b', 'timeouts get does not take "b"'],
    ['timeouts list --protocol tcp', 'timeouts list takes neither --family nor --protocol'],
    ['timeouts lst', 'what timeouts does must be list or get'],
  ])('%s is refused', async (line, message) => {
    const refused = perform(line);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
  });
});

describe('settings', () => {
  const rows = [
    'SETTING                 VALUE        SYSCTL',
    'maxEntries             262144        nf_conntrack_max',
    'tcpEstablishedTimeout  432000 s  5d  nf_conntrack_tcp_timeout_established',
    'accounting                off        nf_conntrack_acct',
  ];

  test.each<[string, unknown[], Partial<Record<SettingName, string>>, string]>([
    ['settings', [['readSettings']], {}, ''],
    ['settings accounting=on', [['readSettings'], ['writeSettings', { accounting: true }]], {}, ''],
    [
      'settings nf_conntrack_acct=1 net.netfilter.nf_conntrack_max=5',
      [['readSettings'], ['writeSettings', { accounting: true, maxEntries: 5 }]],
      {},
      'maxEntries is so already\n',
    ],
    ['settings accounting=on --dry-run', [['readSettings']], {}, ''],
  ])('%s', async (line, calls, _, err) => {
    const ended = await perform(line, { person: true });
    expect(ended).toMatchObject({ code: 0, calls, err });
  });

  it('are shown with their units, all or those that are named', async () => {
    const { out } = await perform('settings');
    const words = (text: string) => text.split(/ +/).join(' ');
    const shown = out.trimEnd().split('\n').map(words);
    expect(shown.toSorted()).toEqual(rows.map(words).toSorted());
    const named = await perform('settings acct');
    expect(named.out.split('\n').map(words)).toEqual([
      'SETTING VALUE SYSCTL',
      'accounting off nf_conntrack_acct',
      '',
    ]);
    const { out: changed } = await perform('settings accounting=on --dry-run');
    expect(changed).toBe('accounting: false would become true\n');
    const { out: absent } = await perform('settings buckets=5 --dry-run');
    expect(absent).toBe('buckets: absent would become 5\n');
    const narrow = { out: sink({ ...TERMINAL, columns: 80 }) };
    const { out: short } = await perform('settings accounting', { world: narrow });
    expect(short.split('\n').map(words)).toEqual([
      'SETTING VALUE nf_conntrack_...',
      'accounting off acct',
      '',
    ]);
    expect(JSON.parse((await perform('settings accounting --json')).out)).toEqual({
      ...{ name: 'accounting', sysctl: 'nf_conntrack_acct', value: false, unit: 'switch' },
      global: false,
    });
  });

  test.each([
    ['settings acounting', `no setting is named "acounting"; did you mean 'accounting'?`],
    // What only ends as a name does.
    ['settings acnf_conntrack_ct', 'no setting is named "acnf_conntrack_ct"'],
    ['settings acnet.netfilter.ct', 'no setting is named "acnet.netfilter.ct"'],
    ['settings accounting=maybe', 'accounting must be on or off or 1 or 0 or yes or no'],
    ['settings maxEntries=x', 'maxEntries must be a whole number, not "x"'],
    ['settings events=never', 'events must be'],
  ])('%s is refused', async (line, message) => {
    await expect(perform(line)).rejects.toThrow(message);
  });

  test.each([
    ['events=auto', { events: 'auto' }],
    ['events=1', { events: 'on' }],
    ['events=off', { events: 'off' }],
    ['accounting=no', { accounting: false }],
    ['accounting=yes', { accounting: true }],
    ['tcpEstablishedTimeout=60', { tcpEstablishedTimeout: 60 }],
  ])('%s is written', async (pair, changes) => {
    const { calls } = await perform(`settings ${pair}`);
    expect(calls[1]).toEqual(['writeSettings', changes]);
  });
});

describe('how full the table is', () => {
  const lines = [
    '900 entries of at most 1,000, 90 %: critical',
    `[${'#'.repeat(53)}${'.'.repeat(5)}]`,
    '1,024 buckets in the hash table',
    '',
    'Since the network namespace began:',
    '  3 packets dropped, because no entry could be created',
    '  0 entries evicted to make room',
    '',
  ].join('\n');

  test.each<Row>([
    ['pressure', [['readPressure', {}]], lines, ''],
    [
      'pressure --elevated-at 0.5 --critical-at 1 --check',
      [['readPressure', { elevatedAt: 0.5, criticalAt: 1 }]],
      lines,
      '',
      {},
      5,
    ],
    [
      'pressure --check',
      [['readPressure', {}]],
      '0 entries without a limit, 0 %: normal\n',
      '',
      {
        answers: {
          readPressure: async () => ({
            ...{ entries: 0, maxEntries: 0, utilization: 0, level: 'normal' },
          }),
        },
      },
    ],
    ['pressure --json', [['readPressure', {}]], `${JSON.stringify(SAMPLE)}\n`, ''],
  ])('%s', async (line, calls, out, err, options = {}, code = 0) => {
    expect(await perform(line, options)).toEqual({ code, calls, out, err });
  });

  it('is followed, until it is worse than normal where that is asked for', async () => {
    const normal = {
      ...{ time: SAMPLE.time, entries: 5, maxEntries: 1000, utilization: 0.005, level: 'normal' },
      growthPerSecond: -2.2,
    };
    const answers = {
      watchPressure: async function* () {
        yield* [normal, SAMPLE, normal];
      },
    };
    const rows = [
      'TIME        ENTRIES   USED  LEVEL     GROWTH/s  FULL IN  DROP/s  EVICT/s  FAIL/s',
      '12:59:58          5  0.5 %  normal          -2',
      '12:59:58        900   90 %  critical        +5      18s       1        0',
      '12:59:58          5  0.5 %  normal          -2',
    ];
    const followed = await perform('pressure --watch --interval-ms 50', { answers });
    expect(followed).toMatchObject({ code: 0, out: `${rows.join('\n')}\n` });
    expect(followed.calls).toEqual([
      ['watchPressure', { intervalMs: 50, signal: expect.any(AbortSignal) as unknown }],
    ]);
    const checked = await perform('pressure --watch --check', { answers });
    expect(checked).toMatchObject({ code: 5, out: `${rows.slice(0, 3).join('\n')}\n` });
    const { out } = await perform('pressure --watch --json', { answers });
    expect(out).toBe([normal, SAMPLE, normal].map((one) => `${JSON.stringify(one)}\n`).join(''));
  });

  it('is followed until it is interrupted', async () => {
    let stop: () => unknown = () => undefined;
    let removed = 0;
    const world = {
      onInterrupt: (given: () => void) => {
        stop = given;
        return () => {
          removed++;
        };
      },
    };
    const watching = (fault: Error | undefined) => ({
      watchPressure: async function* ({ signal }: { signal: AbortSignal }) {
        yield SAMPLE;
        if (fault !== undefined) throw fault;
        stop();
        throw signal.reason;
      },
    });
    const ended = await perform('pressure --watch', { answers: watching(undefined), world });
    expect(ended.code).toBe(0);
    const fault = error('EPERM');
    await expect(perform('pressure --watch', { answers: watching(fault), world })).rejects.toBe(
      fault,
    );
    expect(removed).toBe(2);
  });

  test.each(['0', '1.1', 'x', '-1'])('%s is no share', async (text) => {
    for (const name of ['elevated-at', 'critical-at']) {
      await expect(perform(`pressure --${name} ${text}`)).rejects.toThrow(
        `--${name} must be a number above 0, and 1 at most, not "${text}"`,
      );
    }
  });
});

describe('findings', () => {
  const info = { severity: 'info', code: 'NOTHING', message: 'It is so.' };

  test.each<Row>([
    [
      'diagnose --check',
      [['diagnose']],
      'WARNING TABLE_NEARLY_FULL\n  The table is nearly full.\n' +
        '  sysctl -w net.netfilter.nf_conntrack_max=2  (now 1)\n',
      '',
      {},
      5,
    ],
    [
      'diagnose --check',
      [['diagnose']],
      'INFO NOTHING\n  It is so.\n\nINFO NOTHING\n  It is so.\n',
      '',
      { answers: { diagnose: async () => [info, info] } },
    ],
    [
      'diagnose',
      [['diagnose']],
      'Nothing to report.\n',
      '',
      { answers: { diagnose: async () => [] } },
    ],
    ['diagnose --json', [['diagnose']], `${JSON.stringify(FINDING)}\n`, ''],
  ])('%s', async (line, calls, out, err, options = {}, code = 0) => {
    expect(await perform(line, options)).toEqual({ code, calls, out, err });
  });
});

describe('counters', () => {
  const of = (drop: number) => ({ found: 12_345, drop, other: { new_one: 7 } });
  const stats = {
    ...{ entries: 900, maxEntries: 1000 },
    cpus: [0, 1].map((cpu) => ({ cpu, ...of(cpu) })),
    total: of(1),
  };
  const answers = { readStats: async () => stats };

  it('are the lines of the tool, or a table with the processors that fit', async () => {
    const off = await perform('stats', { answers });
    expect(off.out).toBe('cpu=0   \tfound=12345 drop=0 \ncpu=1   \tfound=12345 drop=1 \n');
    const on = async (columns: number, more = {}) =>
      (
        await perform('stats', {
          answers: { readStats: async () => ({ ...stats, ...more }) },
          world: { out: sink({ ...TERMINAL, columns }) },
        })
      ).out.split('\n');
    expect(await on(80)).toEqual([
      '900 entries of at most 1,000 (90 %)',
      '',
      'COUNTER   TOTAL   CPU 0   CPU 1',
      'found    12,345  12,345  12,345',
      'drop          1       0       1',
      'new_one       7       7       7',
      '',
    ]);
    expect(await on(30, { maxEntries: 0 })).toEqual([
      '900 entries of at most no limit',
      '',
      'COUNTER   TOTAL',
      'found    12,345',
      'drop          1',
      'new_one       7',
      '',
      '--json has each of the 2 processors.',
      '',
    ]);
    expect(JSON.parse((await perform('stats --json', { answers })).out)).toEqual(stats);
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'conntrack-files-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('restore counts what was created, and names what failed', async () => {
    const failures = [{ line: 3, error: error('EEXIST') }];
    const some = { created: 1000, existed: 2, failed: 3, failures };
    const answers = { restoreEntries: async () => some };
    const failed = await perform('restore', { answers, person: true });
    expect(failed).toMatchObject({ code: 1, out: '' });
    expect(failed.err).toBe(
      'conntrack-js: line 3: any: refused\nconntrack-js: 2 more lines failed\n' +
        '1,000 created, 2 there already, 3 failed\n',
    );
    const done = await perform('restore --json');
    expect(done).toMatchObject({ code: 0, out: '{"created":1,"existed":2,"failed":0}\n', err: '' });
  });

  const writing = (fault?: Error) => ({
    writeEntries: async (sink: NodeJS.WritableStream) => {
      await new Promise<void>((resolve, reject) => {
        sink.write('{"a":"é"}\n', (failure) => {
          if (failure) reject(failure);
          else resolve();
        });
      });
      if (fault !== undefined) throw fault;
      return { entries: 2 };
    },
  });

  it('save writes the table as JSON of ASCII, to the output or in the place of a file', async () => {
    const saved = await perform('save --port 443', { answers: writing(), person: true });
    expect(saved).toMatchObject({ code: 0, out: '{"a":"\\u00e9"}\n', err: '2 entries saved\n' });
    expect(saved.calls).toEqual([['writeEntries', expect.anything() as unknown, [withPort]]]);
    const file = join(folder, 'table');
    writeFileSync(file, 'old');
    await expect(
      perform(`save ${file}`, { answers: writing(error('EPERM')) }),
    ).rejects.toMatchObject({ code: 'EPERM' });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['table']);
    await perform(`save ${file}`, { answers: writing() });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ a: 'é' });
    expect(readdirSync(folder)).toEqual(['table']);
  });

  it('save says why its output ends', async () => {
    const full = { out: sink({}, failing('ENOSPC')) };
    await expect(perform('save', { answers: writing(), world: full })).rejects.toThrow(
      'cannot write the output: the disk is full (ENOSPC)',
    );
    const fault = error('EPERM');
    await expect(perform('save', { answers: writing(fault) })).rejects.toBe(fault);
  });

  it('load runs each line, and ends with the first that fails', async () => {
    const lines = ['', '# comment', '  -L   -p tcp ', '-C', '-X', '-D'];
    const ran: unknown[] = [];
    const world = worldOf({ in: () => Readable.from([lines.join('\n')]) });
    const command = await loadCommand('load');
    const call = {
      ...{ line: parseLine(['load', '-']), world, writer: new Writer(world.out) },
      run: async (words: readonly string[]) => {
        ran.push(words);
        if (words[0] === '-X') throw new UsageError('unknown option -X');
        return 1 as const;
      },
    };
    await expect(command(undefined, call)).rejects.toThrow('unknown option -X');
    expect(ran).toEqual([['-L', '-p', 'tcp'], ['-C'], ['-X']]);
    expect(world.err.text()).toBe('conntrack-js: line 5 ends the file\n');
    const file = join(folder, 'lines');
    writeFileSync(file, '-C\n');
    const ofFile = { ...call, line: parseLine(['load', file]) };
    expect(await command(undefined, ofFile)).toBe(0);
    expect(ran.at(-1)).toEqual(['-C']);
  });
});

describe('events', () => {
  const event = { type: 'new', entry, originPortId: 0 };
  const watching = (events: readonly object[], counters: object = {}) => ({
    watchEvents: () => ({
      ...streaming([...events]),
      close: async () => undefined,
      counters: { received: 3, lostInKernel: 0, lostInQueue: 0, ...counters },
    }),
  });
  const options = { events: ['new', 'update', 'destroy'], expectations: false, filter: [empty] };
  const flags = { reliableDestroy: false, allNamespaces: false };

  test.each<[string, object]>([
    ['watch', { ...options, ...flags }],
    [
      'watch --events NEW,destroy --expectations',
      { events: ['new', 'destroy'], expectations: true },
    ],
    ['watch --events updates', { events: ['update'] }],
    ['watch --port 443', { filter: [withPort] }],
    ['watch --reliable-destroy --all-namespaces', { reliableDestroy: true, allNamespaces: true }],
    [
      'watch --receive-buffer-bytes 5000 --queue-bytes 70000 --max-delay 5',
      { receiveBufferBytes: 5000, queueBytes: 70_000, maxDelay: 5 },
    ],
    ['-E expect', { events: [], expectations: true, ...flags }],
  ])('%s', async (line, wanted) => {
    const { calls } = await perform(line, { answers: watching([]) });
    expect(calls).toEqual(
      [['watchEvents', { ...options, ...flags, ...wanted }]].map((call) => {
        if (line !== '-E expect') return call;
        return ['watchEvents', wanted];
      }),
    );
  });

  it('are printed as they come, so many, and counted', async () => {
    const { code, out, err } = await perform('watch --limit 2', {
      answers: watching([event, { ...event, type: 'destroy' }, event]),
    });
    expect(code).toBe(0);
    expect(out).toBe(`    [NEW] ${LINE}[DESTROY] ${LINE}`);
    expect(err).toBe('conntrack-js: 2 of 3 events, 0 lost\n');
    const none = await perform('watch --limit 0', { answers: watching([event]) });
    expect(none).toMatchObject({ code: 0, out: '' });
    const lost = await perform('watch', {
      answers: watching([], { received: 1, lostInKernel: 1000, lostInQueue: 2 }),
      person: true,
    });
    expect(lost.err).toBe('\nconntrack-js: 1 event, 1,002 lost (kernel 1,000, queue 2)\n');
  });

  it('end in silence when nobody reads the last line any more', async () => {
    const ending = async (code: string) =>
      perform('watch --json', {
        answers: watching([]),
        world: { out: sink({}, failing(code)) },
      });
    expect(await ending('EPIPE')).toMatchObject({
      ...{ code: 0, err: 'conntrack-js: 3 events, 0 lost\n' },
    });
    await expect(ending('ENOSPC')).rejects.toThrow('cannot write the output: the disk is full');
  });

  it('end when their stream is closed, and with what fails', async () => {
    const failingWith = (code: string) => ({
      watchEvents: () => ({
        batches: async function* () {
          yield [event];
          throw error(code);
        },
        close: async () => undefined,
        counters: { received: 1, lostInKernel: 0, lostInQueue: 0 },
      }),
    });
    expect((await perform('watch', { answers: failingWith('ERR_CONNTRACK_CLOSED') })).code).toBe(0);
    await expect(perform('watch', { answers: failingWith('EPERM') })).rejects.toMatchObject({
      code: 'EPERM',
    });
  });
});
