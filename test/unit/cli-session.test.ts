/** What the keys of `top` do, and what its groups and details are. */
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { ConntrackError, type Entry } from 'conntrack';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { parseLine } from '../../src/cli/line/parse.js';
import { type Paint, plain } from '../../src/cli/print/style.js';
import { FlowDetails } from '../../src/cli/top/details.js';
import { filtersOfText, within } from '../../src/cli/top/filter-text.js';
import { GROUPINGS, type GroupingName } from '../../src/cli/top/groupings.js';
import { type TopApi, topOptionsIn } from '../../src/cli/top/options.js';
import type { FlowRow } from '../../src/cli/top/picture.js';
import { Session } from '../../src/cli/top/session.js';
import { sink, TERMINAL, worldOf } from './cli-world.js';
import { type EntryValues, entryWith, TCP_TUPLES } from './records.js';

const SEEN_REPLY = 2;
const ASSURED = 4;
const flow = (port: number, more: EntryValues = {}): Entry =>
  entryWith({
    ...TCP_TUPLES,
    ...{ original: { ...TCP_TUPLES.original, sourcePort: port }, id: port, mark: 5 },
    ...{ tcpState: 3, originalCounters: [1n, BigInt(1000 - port)], replyCounters: [1n, 0n] },
    ...more,
  });

const KEY = {
  down: '\u001b[B',
  up: '\u001b[A',
  end: '\u001b[F',
  home: '\u001b[H',
  enter: '\r',
  back: '\u007f',
  escape: '\u001b',
  left: '\u001b[D',
} as const;

type Call = readonly [name: string, ...given: unknown[]];

/** A session over a table of these flows; `type` gives it keys, and waits for what they bring. */
async function open(
  flows: readonly Entry[],
  answers: Record<string, () => unknown> = {},
  {
    line = 'top',
    paint = plain,
    first = '10.0.0.1:1 ',
  }: { line?: string; paint?: Paint; first?: string } = {},
) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const world = worldOf({ out: sink({ ...TERMINAL, columns: 120 }), in: () => input });
  const calls: Call[] = [];
  const of =
    (name: string, answer: () => unknown) =>
    async (...given: unknown[]) => {
      calls.push([name, ...given]);
      return (answers[name] ?? answer)();
    };
  const api = {
    async *watchPressure({ signal }: { signal: AbortSignal }) {
      yield { entries: flows.length, maxEntries: 1000, utilization: 0, level: 'normal' };
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
    },
    streamEntries: (filters: unknown, { signal }: { signal: AbortSignal }) => {
      calls.push(['streamEntries', filters]);
      const aborted = once(signal, 'abort').then(() => {
        signal.throwIfAborted();
      });
      // Only a batch that is held waits for it.
      aborted.catch(() => undefined);
      return {
        batches: async function* () {
          await Promise.race([answers.batch?.(), aborted]);
          yield flows;
        },
      };
    },
    getEntry: of('getEntry', () => flows[0]),
    updateEntry: of('updateEntry', () => flows[0]),
    deleteEntry: of('deleteEntry', () => true),
  } as unknown as TopApi;
  const options = topOptionsIn(parseLine(line.split(' ')), new Map());
  const labels = { byBit: new Map<number, string>(), bits: new Map<string, number>() };
  const running = new Session(api, world, options, labels, paint).run();
  let seen = 0;
  const shows = async (text: string | RegExp) => {
    const since = () => world.out.text().slice(seen);
    await expect.poll(since, { timeout: 3000 }).toMatch(text);
  };
  const type = async (keys: string, text?: string | RegExp) => {
    seen = world.out.text().length;
    input.write(keys);
    if (text !== undefined) await shows(text);
  };
  const asked = async (...call: Call) => {
    await expect.poll(() => calls, { timeout: 3000 }).toContainEqual(call);
  };
  await shows(first);
  return {
    ...{ calls, type, asked, shows, world, input, running },
    [Symbol.asyncDispose]: async () => {
      // A prompt takes the first one.
      input.write('\u0003\u0003');
      await running;
    },
  };
}

const two = [flow(1), flow(2)];
const FIRST = 'tcp 10.0.0.1:1 -> 10.0.0.2:443';

describe('a key', () => {
  test.each([
    [KEY.enter, 'select a row first: Down'],
    ['m', 'select a flow first: Down'],
    ['x', 'select a flow first: Down'],
    ['f', 'only groups have a number of flows'],
    ['?', 'look up the names of addresses'],
    ['p', /packets/],
    [' ', /pause/i],
  ])('%j without a selected flow', async (key, text) => {
    await using session = await open(two);
    await session.type(key, text);
  });

  it('opens the selected flow, and goes back', async () => {
    await using session = await open(two);
    await session.type(KEY.down);
    await session.type(KEY.enter, /original +10\.0\.0\.1:1 -> 10\.0\.0\.2:443/);
    expect(session.calls.filter(([name]) => name === 'getEntry')).toHaveLength(1);
    await session.type(KEY.left, /10\.0\.0\.1:2 /);
  });

  it('opens a flow whose details are read again with each measurement', async () => {
    await using session = await open(two, {}, { line: 'top --interval-ms 100' });
    await session.type(KEY.down);
    await session.type(KEY.enter, /original/);
    const read = () => session.calls.filter(([name]) => name === 'getEntry').length;
    await expect.poll(read, { timeout: 3000 }).toBeGreaterThan(2);
  });

  it('opens a flow, and says why its details cannot be read', async () => {
    let count = 0;
    const getEntry = () => {
      if (count++ === 0) return two[0];
      throw new ConntrackError('no more', { code: 'EPERM', operation: 'getEntry' });
    };
    await using session = await open(two, { getEntry }, { line: 'top --interval-ms 100' });
    await session.type(KEY.down);
    await session.type(KEY.enter, 'no more');
  });

  test.each(['m', '/', 'x'])('%j asks what Escape leaves unanswered', async (key) => {
    await using session = await open(two);
    await session.type(KEY.down);
    await session.type(key, /mark of|filter: |y\/N/);
    await session.type(KEY.escape, /quit/);
    await session.type('p', /packets/);
    expect(session.calls.map(([name]) => name)).not.toContain('updateEntry');
    expect(session.calls.map(([name]) => name)).not.toContain('deleteEntry');
  });

  it('has its result in green, or why it has none in red', async () => {
    const paint: Paint = (style, text) => `<${style} ${text}>`;
    await using session = await open(two, {}, { paint });
    await session.type(KEY.enter, '<red select a row first: Down>');
    await session.type('f', '<red only groups have a number of flows>');
    await session.type(KEY.down);
    await session.type('x', 'y/N');
    await session.type('n', '<green nothing was cut>');
  });

  it('reads at once, and says so until the rows are there', async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const batches = [held, undefined];
    await using session = await open(two, { batch: () => batches.pop() });
    await session.type('p', 'reading ...');
    answer();
    await session.shows(/\[2;1H(?!.*reading)/);
  });

  it('ends a reading that is under way, and begins the one that it asks for', async () => {
    const batches = [undefined, new Promise(() => undefined), undefined];
    await using session = await open(two, { batch: () => batches.pop() });
    await session.type('p', 'reading ...');
    await session.type('g', 'SOURCE');
    await session.shows(/\[2;1H(?!.*reading)/);
    expect(session.calls.filter(([name]) => name === 'streamEntries')).toHaveLength(3);
  });

  it('pauses readings, and goes on', async () => {
    await using session = await open(two, {}, { line: 'top --interval-ms 100' });
    const count = () => session.calls.filter(([name]) => name === 'streamEntries').length;
    await session.type(' ', 'paused');
    const before = count();
    await setTimeout(300);
    // The one that was under way, if there was one.
    expect(count()).toBeLessThanOrEqual(before + 1);
    await session.type(' ');
    await expect.poll(count, { timeout: 3000 }).toBeGreaterThan(before + 3);
  });

  it('pauses without a reading that nobody has asked for', async () => {
    await using session = await open(two, {}, { line: 'top --interval-ms 3600000' });
    await session.type(' ', 'paused');
    await session.type('m', 'select a flow first');
    await session.type('?', 'look up the names');
    expect(session.calls.filter(([name]) => name === 'streamEntries')).toHaveLength(1);
  });

  it('sorts anew, and keeps what else is wanted', async () => {
    await using session = await open(two);
    await session.type('p', 'packets per second');
    await session.type('t', /flows by packets in all {2}/);
    await session.type('t', 'flows by packets in all, smallest first');
    await session.type('r', /flows by packets per second {2}/);
    await session.type('g', 'sources by packets per second');
    await session.type('f', 'sources by number of flows');
    await session.type('a', 'groups have no age');
    await session.type('G', /flows by packets per second {2}/);
  });

  it('looks up the names of what is shown, each address once, and takes them back', async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const asked: string[] = [];
    const reverse = vi.spyOn(Resolver.prototype, 'reverse').mockImplementation(async (address) => {
      asked.push(address);
      await held;
      return address === '10.0.0.1' ? ['client'] : [];
    });
    onTestFinished(() => {
      reverse.mockRestore();
    });
    await using session = await open(two);
    await session.type('n');
    // It reads again meanwhile.
    await session.type('p', /packets\/s/);
    await session.type('p', /bytes\/s/);
    answer();
    await session.shows('client:1 ');
    await session.type('p', /packets per second/);
    await session.type('n', '10.0.0.1:1 ');
    await session.type('p', /bytes per second/);
    await session.type('p', /packets per second/);
    expect(asked.toSorted()).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('looks up the names of the rows on the screen alone, and later of others', async () => {
    const many = Array.from({ length: 100 }, (_, n) =>
      flow(n + 1, { original: { ...TCP_TUPLES.original, source: `10.0.1.${n + 1}` } }),
    );
    const asked: string[] = [];
    const reverse = vi.spyOn(Resolver.prototype, 'reverse').mockImplementation(async (address) => {
      asked.push(address);
      return [`host-${address}`];
    });
    onTestFinished(() => {
      reverse.mockRestore();
    });
    const line = 'top --interval-ms 100';
    await using session = await open(many, {}, { line, first: '10.0.1.1:' });
    await session.type('n', 'host-10.0.1.1:');
    expect(asked.length).toBeLessThan(30);
    await session.type(KEY.end, 'host-10.0.1.100:');
    expect(asked.length).toBeLessThan(60);
  });

  it('looks up no name before there is a row', async () => {
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const reverse = vi
      .spyOn(Resolver.prototype, 'reverse')
      .mockImplementation(async () => ['host']);
    onTestFinished(() => {
      reverse.mockRestore();
    });
    const batches = [held];
    await using session = await open(
      two,
      { batch: () => batches.pop() },
      { first: 'reading the table' },
    );
    await session.type('n');
    await session.type('?', 'look up the names');
    expect(reverse).not.toHaveBeenCalled();
    answer();
    await session.type(KEY.escape, 'host:1 ');
  });

  it('moves to the last row and the first', async () => {
    await using session = await open(two);
    await session.type(KEY.end);
    await session.type('x', 'cut tcp 10.0.0.1:2 -> ');
    await session.type('n', 'nothing was cut');
    await session.type('k');
    await session.type('x', `cut ${FIRST}\\? \\[y/N\\]`.replaceAll('\\', ''));
    await session.type('n', 'nothing was cut');
    await session.type(KEY.home);
    await session.type('x', 'select a flow first: Down');
  });

  it('cuts a flow, when the answer is yes', async () => {
    for (const [isCut, text] of [
      [true, `cut ${FIRST}`],
      [false, `${FIRST} had ended already`],
    ] as const) {
      await using session = await open(two, { deleteEntry: () => isCut });
      await session.type(KEY.down);
      await session.type('x', 'y/N');
      await session.type('y', text);
      expect(session.calls.find(([name]) => name === 'deleteEntry')).toMatchObject([
        'deleteEntry',
        { id: 1 },
      ]);
    }
  });

  it('marks a flow', async () => {
    await using session = await open(two);
    await session.type(KEY.down);
    await session.type('m', `mark of ${FIRST}`);
    await session.type(`7/15${KEY.enter}`, `${FIRST} has the mark 0x5`);
    const updates = () => session.calls.filter(([name]) => name === 'updateEntry');
    expect(updates()[0]?.[2]).toEqual({ mark: { value: 7, mask: 15 } });
    await session.type('m', 'mark of');
    await session.type(`9${KEY.enter}`, 'has the mark');
    expect(updates()[1]?.[2]).toEqual({ mark: 9 });
    await session.type('m', 'mark of');
    await session.type(`x${KEY.enter}`, '--mark must be a number');
    await session.type('m', 'mark of');
    await session.type(KEY.enter);
    await session.type('f', 'only groups');
    expect(updates()).toHaveLength(2);
  });

  it('says what the kernel refuses', async () => {
    await using session = await open(two, {
      deleteEntry: () => {
        throw new ConntrackError('not this one', { code: 'EBUSY', operation: 'deleteEntry' });
      },
    });
    await session.type(KEY.down);
    await session.type('x', 'y/N');
    await session.type('y', 'not this one');
  });

  it('groups flows, shows those of a group, and goes back to the groups', async () => {
    await using session = await open(two);
    await session.type('g', 'SOURCE');
    await session.type('a', 'groups have no age');
    await session.type('x', 'select a flow first: Down');
    await session.type(KEY.down);
    await session.type('x', 'open the group first: Enter');
    await session.type(KEY.enter);
    const within = [{ family: 'ipv4', original: { source: '10.0.0.1' } }];
    const filters = () =>
      session.calls.flatMap(([name, given]) => (name === 'streamEntries' ? [given] : []));
    await expect.poll(() => filters().at(-1), { timeout: 3000 }).toMatchObject(within);
    await session.type(KEY.left);
    await expect.poll(() => filters().at(-1), { timeout: 3000 }).toBeUndefined();
    await session.type('G', 'PROTO');
    await session.type('G', 'STATE');
  });

  it('filters as letters come, keeps a filter or takes it back', async () => {
    await using session = await open(two);
    const filters = () =>
      session.calls.flatMap(([name, given]) => (name === 'streamEntries' ? [given] : []));
    const last = async (wanted: unknown) => {
      await expect.poll(() => filters().at(-1), { timeout: 3000 }).toEqual(wanted);
    };
    const port = (number: number) => [
      { original: {}, reply: {}, status: { all: [] }, port: number },
    ];
    await session.type('/', 'filter: ');
    await session.type('4');
    await last(port(4));
    await session.type('43');
    await last(port(443));
    await session.type(KEY.enter);
    await session.type('/', 'filter: ');
    await session.type('foo', 'is no address, port, protocol, state or condition');
    // The last line of the screen has its keys again.
    await session.type(KEY.escape, /quit/);
    await session.type('f', 'only groups');
    await last(port(443));
  });
});

describe('a terminal', () => {
  const ENTER = '\u001b[?1049h';
  const LEAVE = '\u001b[?1049l';

  test.each<[string, (session: Awaited<ReturnType<typeof open>>) => void]>([
    ['the key of the shell', ({ input }) => input.write('\u001a')],
    ['the signal of another process', () => process.emit('SIGTSTP', 'SIGTSTP')],
  ])('is given back while %s stops the process', async (_, stop) => {
    await using session = await open(two);
    const out = () => session.world.out.text();
    const listeners = process.listenerCount('SIGTSTP');
    let atStop = '';
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      atStop = out();
      return true;
    });
    try {
      stop(session);
      await expect
        .poll(() => kill.mock.calls, { timeout: 3000 })
        .toEqual([[process.pid, 'SIGTSTP']]);
    } finally {
      kill.mockRestore();
    }
    expect(atStop.slice(-LEAVE.length)).toBe(LEAVE);
    expect(out().slice(atStop.length)).toContain(ENTER);
    expect(out().slice(atStop.length)).toContain('10.0.0.1:1 ');
    expect(process.listenerCount('SIGTSTP')).toBe(listeners);
  });

  it('is given back when a signal ends the process', async () => {
    let isOver = false;
    const batch = () => {
      if (isOver) throw new Error('the process has ended');
    };
    const session = await open(two, { batch }, { line: 'top --interval-ms 100' });
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => true);
    const others = process.listeners('SIGHUP').length;
    try {
      process.emit('SIGHUP', 'SIGHUP');
      expect(kill.mock.calls).toEqual([[process.pid, 'SIGHUP']]);
      expect(session.world.out.text()).toContain(LEAVE);
      expect(process.listeners('SIGHUP')).toHaveLength(others - 1);
    } finally {
      kill.mockRestore();
    }
    isOver = true;
    await expect(session.running).rejects.toThrow('the process has ended');
  });

  it('that is gone ends the session', async () => {
    const session = await open(two);
    session.input.end();
    await session.running;
    expect(session.world.out.text()).toContain(LEAVE);
  });

  it('that pastes has no command typed', async () => {
    await using session = await open(two);
    await session.type('\u001b[200~q?\u001b[201~?', 'look up the names of addresses');
  });
});

describe('a group', () => {
  const tuple = { source: '10.0.0.1', destination: '10.0.0.2' };
  const bare = (protocol: number, status: number, more: object = {}) =>
    entryWith({
      original: { ...tuple, protocol, ...more },
      reply: { source: '10.0.0.2', destination: '10.0.0.1', protocol },
      status,
    });

  test.each<[GroupingName, Entry, string, string]>([
    ['source', flow(1), '10.0.0.1', '--source 10.0.0.1'],
    ['destination', flow(1), '10.0.0.2', '--destination 10.0.0.2'],
    ['service', flow(1), 'tcp/443', '--protocol tcp --destination-port 443'],
    ['service', bare(99, 0), '99', '--protocol 99'],
    ['state', flow(1), 'tcp ESTABLISHED', '--protocol tcp --state ESTABLISHED'],
    ['state', bare(17, 0), 'udp UNREPLIED', '--protocol udp --not --status seenReply'],
    [
      'state',
      bare(17, SEEN_REPLY),
      'udp REPLIED',
      '--protocol udp --status seenReply --assured no',
    ],
    [
      'state',
      bare(17, SEEN_REPLY | ASSURED),
      'udp ASSURED',
      '--protocol udp --status seenReply --assured yes',
    ],
  ])('by %s has a name, and the filter of its flows', (name, entry, group, filter) => {
    const { of, conditions } = GROUPINGS[name];
    expect(of(entry)).toBe(group);
    expect(within('', conditions(group))).toBe(filter);
    expect(filtersOfText(filter, new Map())).toHaveLength(1);
  });

  it('of pings has their type', () => {
    expect(within('', GROUPINGS.state.conditions('icmp TYPE 8'))).toBe(
      '--protocol icmp --icmp-type 8',
    );
  });
});

describe('the details of a flow', () => {
  const labels = new Map([[1, 'web']]);
  const rowOf = (entry: Entry) => ({ entry }) as unknown as FlowRow;
  const linesOf = async (...entries: (Entry | undefined)[]) => {
    const details = new FlowDetails(rowOf(flow(1)), labels);
    for (const entry of entries) await details.read({ getEntry: () => Promise.resolve(entry) });
    return details.lines((address) => address, plain);
  };

  it('are all that it has', async () => {
    const entry = flow(1, {
      ...{ status: SEEN_REPLY | ASSURED, timeout: 250, mark: 255, zone: 7, helper: 'ftp' },
      ...{ labels: 6n, startTime: BigInt(Date.UTC(2026, 0, 31, 12)) * 1_000_000n },
    });
    const lines = await linesOf(entry);
    expect(lines.filter((line) => !line.startsWith('began'))).toEqual([
      FIRST,
      '',
      'state     ESTABLISHED',
      'original  10.0.0.1:1 -> 10.0.0.2:443',
      '          999 bytes in 1 packets',
      'reply     10.0.0.2:443 -> 10.0.0.1:40000',
      '          0 bytes in 1 packets',
      'left      4m10s',
      'mark      0xff',
      'zone      7',
      'helper    ftp',
      'labels    web 2',
      'status    seenReply assured',
      'id        1',
    ]);
    expect(lines.find((line) => line.startsWith('began'))).toMatch(
      /2026-01-31 12:00:00 UTC, .* ago/,
    );
  });

  it('have rates from the second reading on', async () => {
    const [, , , , counted = ''] = await linesOf(flow(500), flow(100));
    expect(counted).toMatch(/^ +900 bytes in 1 packets, \S+ bytes\/s, 0 packets\/s$/);
    const [, , , , reset = ''] = await linesOf(flow(100), flow(500));
    expect(reset).toMatch(/^ +500 bytes in 1 packets$/);
  });

  it('say when it has ended', async () => {
    expect(await linesOf()).toEqual(['']);
    expect(await linesOf(undefined)).toEqual(['This flow has ended.']);
    expect((await linesOf(flow(1), undefined))[1]).toBe(
      'This flow has ended: what follows was read before.',
    );
    expect((await linesOf(flow(1), undefined, flow(1)))[1]).toBe('');
  });
});
