/** What the command line prints, without a kernel. */
import { Resolver } from 'node:dns/promises';
import { Readable } from 'node:stream';
import { ConntrackError, type Entry } from 'conntrack';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { failureOf, firstLineOf } from '../../src/cli/failure.js';
import { COMMAND_NAMES, commandOf } from '../../src/cli/line/commands.js';
import { longOf } from '../../src/cli/line/options.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { confirm } from '../../src/cli/print/ask.js';
import { foldedRow, gridOf, tableOf, wrapped } from '../../src/cli/print/columns.js';
import { EntryPrinter } from '../../src/cli/print/entries.js';
import { EventPrinter } from '../../src/cli/print/events.js';
import { ascii, jsonLine } from '../../src/cli/print/json.js';
import { grouped, percent, shortBytes, shortSeconds } from '../../src/cli/print/numbers.js';
import { shortText, valueText } from '../../src/cli/print/settings.js';
import { paintOf, plain } from '../../src/cli/print/style.js';
import { Writer } from '../../src/cli/print/writer.js';
import { run } from '../../src/cli/run.js';
import { UsageError } from '../../src/cli/usage-error.js';
import type { World } from '../../src/cli/world.js';
import { failing, sink, TERMINAL, worldOf } from '../unit/cli-world.js';
import { entryWith, TCP_TUPLES } from '../unit/records.js';

const opened = vi.hoisted((): string[] => []);
vi.mock('../../src/cli/handle.js', () => ({
  openHandle: async (netns: string) => {
    opened.push(netns);
    return {
      countEntries: async () => 7,
      deleteEntries: async () => ({ matched: 2 }),
      close: async () => void opened.push('closed'),
    };
  },
}));

const NOTHING = new Map<number, string>();

async function printed(line: string, entries: readonly Entry[], world: World): Promise<void> {
  const { given } = parseLine(line.split(' '));
  const printer = new EntryPrinter(world, new Writer(world.out), 'list', given, NOTHING);
  await printer.print(entries);
  await printer.end();
}

const hostile = entryWith({ ...TCP_TUPLES, helper: 'ftp\u001b[2J\u009b\u202e' });

describe('entries', () => {
  test.each(['list', 'list --json', 'list --output xml', 'list --output extended,id'])(
    '%s never passes a control character',
    async (line) => {
      for (const facts of [{}, TERMINAL, { ...TERMINAL, columns: 200 }]) {
        const world = worldOf({ out: sink(facts), env: { NO_COLOR: '1' } });
        await printed(line, [hostile], world);
        expect(world.out.text()).not.toMatch(/[^\n\x20-\x7e]/);
        expect(world.out.text()).not.toBe('');
      }
    },
  );

  it('a terminal gets a table, and everything else the lines of the tool', async () => {
    const pipe = worldOf();
    await printed('list', [hostile], pipe);
    expect(pipe.out.text()).toMatch(/^tcp {6}6 /);
    const terminal = worldOf({ out: sink(TERMINAL), env: { TERM: 'dumb' } });
    await printed('list', [hostile], terminal);
    expect(terminal.out.text()).toMatch(/^PROTO {2}STATE .*SOURCE .*DESTINATION/);
    for (const row of terminal.out.text().split('\n')) expect(row.length).toBeLessThanOrEqual(80);
  });

  it('the JSON of an entry is its toJSON()', async () => {
    const world = worldOf();
    await printed('list --json', [hostile], world);
    expect(JSON.parse(world.out.text())).toEqual(JSON.parse(JSON.stringify(hostile)));
  });

  describe('with the names of their addresses', () => {
    const names = new Map([
      ['10.0.0.1', ['client']],
      ['10.0.0.2', ['a server\u001b']],
    ]);
    beforeEach(() => {
      vi.spyOn(Resolver.prototype, 'reverse').mockImplementation(async (address) => {
        const found = names.get(address);
        if (found === undefined) throw new Error('no name');
        return found;
      });
    });
    afterEach(() => void vi.restoreAllMocks());
    const entry = entryWith({
      ...TCP_TUPLES,
      reply: { ...TCP_TUPLES.reply, destination: '10.0.0.9' },
    });

    it('in lines and tables stand in the place of the address', async () => {
      const pipe = worldOf();
      await printed('list --names', [entry], pipe);
      expect(pipe.out.text()).toMatch(/ src=client dst=(a_server\S*) .* src=\1 dst=10\.0\.0\.9 /);
      const terminal = worldOf({ out: sink(TERMINAL), env: { TERM: 'dumb' } });
      await printed('list --names', [entry], terminal);
      expect(terminal.out.text()).toMatch(/ client:40000 /);
    });

    it('in JSON stand beside the entry, and XML has none', async () => {
      const world = worldOf();
      await printed('list --names --json', [entry], world);
      expect(JSON.parse(world.out.text())).toEqual({
        ...(JSON.parse(JSON.stringify(entry)) as object),
        names: { '10.0.0.1': 'client', '10.0.0.2': expect.stringMatching(/^a_server/) as unknown },
      });
      const xml = worldOf();
      await printed('list --names --output xml', [entry], xml);
      expect(xml.out.text()).toContain('<src>10.0.0.1</src>');
    });
  });

  it('XML has a document around a list, and nothing around nothing', async () => {
    const world = worldOf();
    await printed('list --output xml', [], world);
    expect(world.out.text()).toBe('');
    await printed('list --output xml', [hostile], world);
    const lines = world.out.text().trimEnd().split('\n');
    expect([lines[1], lines.at(-1)]).toEqual(['<conntrack>', '</conntrack>']);
  });
});

describe('events', () => {
  const lost = { type: 'lost', cause: 'kernel', count: 1234 } as const;

  test.each([
    ['watch', /^ {3}\[LOST\] 1,234 events lost here: the kernel's receive buffer was full/],
    ['watch --json', /^\{"type":"lost","cause":"kernel","count":1234\}$/m],
    ['watch --output xml', /^<!-- \[LOST\] 1,234 events lost here/m],
    ['watch --output save', /^# \[LOST\] 1,234 events lost here/m],
  ])('%s prints a loss', async (line, expected) => {
    const world = worldOf();
    const { given } = parseLine(line.split(' '));
    const printer = new EventPrinter(world, new Writer(world.out), given, NOTHING);
    await printer.begin();
    await printer.print([lost], 1);
    expect(world.out.text()).toMatch(expected);
  });

  it('as JSON has big integers as decimal strings', async () => {
    const world = worldOf();
    const { given } = parseLine(['watch', '--json']);
    const printer = new EventPrinter(world, new Writer(world.out), given, NOTHING);
    const eventTimeNs = 1_795_693_010_776_356_149n;
    await printer.print([{ type: 'new', entry: hostile, originPortId: 0, eventTimeNs }], 1);
    expect(JSON.parse(world.out.text())).toEqual({
      type: 'new',
      originPortId: 0,
      eventTimeNs: '1795693010776356149',
      entry: JSON.parse(JSON.stringify(hostile)) as unknown,
    });
  });

  it('of each kind, on a terminal and off it', async () => {
    for (const [facts, expected] of [
      [{}, /^ {4}\[NEW\] tcp .* \[USERSPACE\] portid=7\n$/],
      [TERMINAL, /NEW {6}tcp/],
    ] as const) {
      const world = worldOf({ out: sink(facts), env: { NO_COLOR: '1' } });
      const { given } = parseLine(['watch']);
      const printer = new EventPrinter(world, new Writer(world.out), given, NOTHING);
      await printer.print([{ type: 'new', entry: hostile, originPortId: 7 }], 1);
      expect(world.out.text()).toMatch(expected);
      expect(printer.count).toBe(1);
    }
  });
});

describe('the output', () => {
  test.each([
    ['EPIPE', 141, ''],
    ['EIO', 141, ''],
    ['ENOSPC', 1, 'conntrack-js: cannot write the output: the disk is full (ENOSPC)\n'],
    ['EBADF', 1, 'conntrack-js: cannot write the output: EBADF\n'],
  ])('%s', async (code, exit, message) => {
    const world = worldOf({ out: sink({}, failing(code)) });
    expect(await run(['--help'], world)).toBe(exit);
    expect(world.err.text()).toBe(message);
  });

  it('gathers lines, and waits for a reader that is slow', async () => {
    let take: () => unknown = () => undefined;
    const write = vi.fn((_text: string, done?: () => void) => {
      take = () => done?.();
    });
    const writer = new Writer({ write });
    expect(writer.line('short')).toBeUndefined();
    const waiting = writer.line('x'.repeat(70_000)) as Promise<void>;
    let isTaken = false;
    void waiting.then(() => (isTaken = true));
    await Promise.resolve();
    expect([write.mock.calls.length, isTaken]).toEqual([1, false]);
    take();
    await waiting;
    expect(isTaken).toBe(true);
  });

  it('of the lines of a file is of the namespace that the file is run in', async () => {
    opened.length = 0;
    const world = worldOf({ in: () => Readable.from(['-C\n-C\n']) });
    expect(await run(['-R', '-', '--netns', 'blue'], world)).toBe(0);
    expect(world.out.text()).toBe('7\n7\n');
    expect(opened).toEqual(['blue', 'closed']);
  });

  test.each([
    ['count', '7\n'],
    ['count --json --no-color', '{"entries":7}\n'],
    ['count --port 443', '2\n'],
    ['count --not --port 443', '2\n'],
    ['count --port 443 --or --port 53', '2\n'],
  ])('of %s is the number of what matches', async (line, text) => {
    const world = worldOf();
    expect(await run([...line.split(' '), '--netns', 'blue'], world)).toBe(0);
    expect(world.out.text()).toBe(text);
  });

  it('of the lines of a file is the same', async () => {
    const world = worldOf({ in: () => Readable.from(['--version\n-V\n-R x\n']) });
    expect(await run(['-R', '-'], world)).toBe(2);
    expect(world.out.text().match(/^conntrack-js \d/gm)).toHaveLength(2);
    expect(world.err.text()).toContain('line 3 ends the file');
    expect(world.err.text()).toContain('-R inside of -R');
  });

  test.each([
    ['EPERM', 'this process lacks CAP_NET_ADMIN', 3],
    ['EPERM', 'the entry has a fixed timeout (IPS_FIXED_TIMEOUT)', 1],
    ['EROFS', '/proc/sys is mounted read-only', 3],
    ['ERR_CONNTRACK_UNSUPPORTED', 'this kernel has no ctnetlink', 4],
    ['EEXIST', 'the entry exists', 1],
  ])('of %s: %s', (code, problem, exit) => {
    const error = new ConntrackError(problem, { code, operation: 'createEntry' });
    const ended = failureOf(error, []);
    expect(ended.code).toBe(exit);
    expect(ended.text.split('\n')[0]).toBe(`conntrack-js: ${problem}`);
  });

  test.each<[string, object, string]>([
    ['a file', { code: 'ENOENT', path: '/x' }, 'open /x failed: there is no such file (ENOENT)'],
    ['a folder', { code: 'EISDIR', path: '/x' }, 'open /x failed: it is a folder (EISDIR)'],
    ['no file', { code: 'EMFILE' }, 'open failed: EMFILE'],
  ])('of the system, about %s', (_, parts, text) => {
    const error = Object.assign(new Error('x'), { syscall: 'open', ...parts });
    expect(failureOf(error, [])).toEqual({ code: 1, text: `conntrack-js: ${text}` });
  });

  test.each<[unknown]>([
    ['a text'],
    [undefined],
    [Object.assign(new Error('x'), { code: 'ENOENT' })],
    [Object.assign(new Error('x'), { syscall: 'open' })],
  ])('%o is none of the system', (error) => {
    expect(() => failureOf(error, [])).toThrow();
  });

  it('of a line names the help of its command', () => {
    const textOf = (words: string[]) => failureOf(new UsageError('no'), words).text;
    expect(textOf(['list', '-X'])).toBe('conntrack-js: no\nSee conntrack-js list --help');
    expect(textOf(['lits'])).toBe('conntrack-js: no\nSee conntrack-js --help');
    expect(textOf([])).toBe('conntrack-js: no\nSee conntrack-js --help');
  });

  it('of privileges says how to get them, without the page, and one line has no advice', () => {
    const error = new ConntrackError('this process lacks CAP_NET_ADMIN', {
      ...{ code: 'EPERM', operation: 'listEntries', hint: 'Grant it.' },
    });
    expect(failureOf(error, []).text).toBe(
      'conntrack-js: this process lacks CAP_NET_ADMIN\nGrant it.\nOr run this command with sudo.',
    );
    expect(firstLineOf(error)).toBe('this process lacks CAP_NET_ADMIN');
  });

  test.each([
    ['spec.original.sourcePort: x', '--source-port: x'],
    ['changes.timeout: x', '--timeout: x'],
    ['filters[0].helper: x', '--helper: x'],
    ['options.netns: x', '--netns: x'],
    [
      'options.elevatedAt: must not exceed options.criticalAt (0.85)',
      '--elevated-at: must not exceed --critical-at (0.85)',
    ],
    ['key.original.source: must be an IPv4 or IPv6 address, not undefined', '--source is missing'],
    ['key.reply.destination: must be an address, not undefined', '--reply-destination is missing'],
    ['spec.original.source: is missing, as is any of destination; x', '--source is missing'],
    ['mirror.size: x', 'mirror.size: x'],
  ])('of an argument, %s', (message, text) => {
    expect(failureOf(new RangeError(message), [])).toEqual({
      ...{ code: 2, text: `conntrack-js: ${text}` },
    });
  });

  it('of the kernel names a command in the place of a function', () => {
    const error = new ConntrackError('an entry has this tuple already', {
      ...{ code: 'EEXIST', operation: 'createEntry' },
      hint: 'Change that entry with updateEntry(), or call deleteEntries().',
    });
    expect(failureOf(error, []).text).toBe(
      'conntrack-js: an entry has this tuple already\n' +
        'Change that entry with "conntrack-js update", or call "conntrack-js delete".',
    );
    const wrong = new TypeError('filter: to delete all expectations, call flushExpectations()');
    expect(failureOf(wrong, []).text).toContain(
      'all expectations, call "conntrack-js expect flush"',
    );
    const policy = new ConntrackError('there is none', {
      ...{ code: 'ENOENT', operation: 'updateTimeoutPolicy' },
      hint: 'Create it with createTimeoutPolicy().',
    });
    expect(failureOf(policy, []).text).toContain('Create it with "conntrack-js timeouts".');
  });

  it('an error of the program itself is thrown', () => {
    for (const fault of [new Error('a fault'), new TypeError("Cannot read properties of 'x'")]) {
      expect(() => failureOf(fault, [])).toThrow(fault);
    }
    const wrong = new TypeError('filter.mark: must be an integer');
    expect(failureOf(wrong, [])).toEqual({
      code: 2,
      text: 'conntrack-js: --mark: must be an integer',
    });
    const missing = new TypeError('spec.reply.sourcePort: protocol 17 requires it');
    expect(failureOf(missing, []).text).toBe(
      'conntrack-js: --reply-source-port: protocol 17 requires it',
    );
  });
});

describe('colours', () => {
  test.each([
    [TERMINAL, {}, false, true],
    [{}, {}, false, false],
    [TERMINAL, { NO_COLOR: '1' }, false, false],
    [TERMINAL, { NO_COLOR: '' }, false, true],
    [TERMINAL, { TERM: 'dumb' }, false, false],
    [TERMINAL, {}, true, false],
  ])('%j %j %j', (facts, env, isRefused, isColoured) => {
    const paint = paintOf(worldOf({ out: sink(facts), env }), isRefused);
    expect(paint('red', 'x')).toBe(isColoured ? '\u001b[31mx\u001b[39m' : 'x');
    expect(paint('red', '')).toBe('');
  });
});

describe('asking', () => {
  const answering = (text: string) =>
    Object.assign(worldOf().in(), { isTTY: true }, { [Symbol.toStringTag]: text });
  const ask = async (parts: Partial<World>, count: number, yes = false) => {
    const world = worldOf(parts);
    const given = yes ? { yes: [''] } : {};
    await confirm(world, given, 'delete', async () => count);
    return world.err;
  };

  it('a script is not asked, nor about a screenful, nor with --yes', async () => {
    await ask({}, 1000);
    await ask({ out: sink(TERMINAL) }, 23);
    await ask({ out: sink(TERMINAL) }, 1000, true);
  });

  it('without an input that is a terminal it wants --yes', async () => {
    await expect(ask({ out: sink(TERMINAL) }, 1000)).rejects.toThrow(
      'delete would delete 1,000 entries: add --yes to do so, or --dry-run to print them',
    );
  });

  it('no answer is no', async () => {
    const input = answering('nothing');
    await expect(ask({ err: sink(TERMINAL), in: () => input }, 24)).rejects.toThrow(
      'nothing was deleted',
    );
  });
});

describe('--help', () => {
  it.each(COMMAND_NAMES)('of %s has each of its options, in 80 columns', async (name) => {
    const world = worldOf({ out: sink(TERMINAL) });
    expect(await run([name, '--help'], world)).toBe(0);
    const text = world.out.text();
    for (const option of commandOf(name).options) {
      expect(text).toMatch(new RegExp(`^ {2}(-\\w, | {4})--${longOf(option)}\\b`, 'm'));
    }
    const [before = ''] = text.split('Examples:');
    for (const line of before.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('without a command: on the standard error, with exit code 2', async () => {
    const world = worldOf();
    expect(await run([], world)).toBe(2);
    expect(world.err.text()).toMatch(/^Usage: conntrack-js COMMAND/);
    expect(world.out.text()).toBe('');
  });

  it('of what is no command', async () => {
    const world = worldOf();
    expect(await run(['help', 'lits'], world)).toBe(2);
    expect(world.err.text()).toBe(
      `conntrack-js: unknown command "lits"; did you mean 'list'?\nSee conntrack-js --help\n`,
    );
  });
});

test.each([
  ['seconds', 59, '59 s', ''],
  ['seconds', 60, '60 s', '1m'],
  ['bytes', 1023, '1023 B', ''],
  ['bytes', 1024, '1024 B', '1.0K'],
  ['count', 5000, '5000', ''],
  ['byte', 255, '255', ''],
  ['switch', true, 'on', ''],
  ['switch', false, 'off', ''],
  ['events', 'auto', 'auto', ''],
] as const)('a setting in %s, %s, is %s', (unit, value, text, short) => {
  const setting = { name: 'events', sysctl: 'x', global: false, unit, value } as const;
  expect([valueText(setting), shortText(setting)]).toEqual([text, short]);
});

test('numbers', () => {
  expect([999, 1000, 1234567].map(grouped)).toEqual(['999', '1,000', '1,234,567']);
  expect([0, 999, 1000, 10_240, 5_000_000, 2 ** 40].map(shortBytes)).toEqual([
    ...['0', '999', '1.0K', '10K', '4.8M', '1.0T'],
  ]);
  expect([0, 59, 60, 250, 3600, 86_399, 432_000].map(shortSeconds)).toEqual([
    ...['0s', '59s', '1m', '4m10s', '1h', '23h59m', '5d'],
  ]);
  expect([0, 0.007, 0.714, 1].map(percent)).toEqual(['0 %', '0.7 %', '71 %', '100 %']);
});

test('tables', () => {
  const columns = [{ head: 'A' }, { head: 'COUNT', isNumber: true }, { head: 'B' }];
  const rows = [
    [{ text: 'one' }, { text: '1' }, { text: 'x' }],
    [{ text: 'o' }, { text: '10' }, { text: '' }],
  ];
  expect(tableOf(columns, rows)).toEqual(['A    COUNT  B', 'one      1  x', 'o       10']);
  expect(foldedRow(gridOf(columns, rows), rows[0] ?? [], plain, { columns: 10, at: 1 })).toBe(
    'one      1\n     x',
  );
  expect(wrapped('one two three', 9, '  ')).toEqual(['one two', '  three']);
});

test('JSON for a terminal', () => {
  expect(jsonLine({ a: '\u009b\u{e0001}\u2028é' })).toBe(
    String.raw`{"a":"\u009b\udb40\udc01\u2028\u00e9"}`,
  );
  expect(JSON.parse(ascii('{"a":"\u{e0001}é"}\n'))).toEqual({ a: '\u{e0001}é' });
});
