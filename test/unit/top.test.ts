/** The parts of `top`. */
import { PassThrough } from 'node:stream';
import { ConntrackError, type Entry, type EntryFilter, type PressureSample } from 'conntrack';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { CONDITIONS, longOf } from '../../src/cli/line/options.js';
import { parseLine } from '../../src/cli/line/parse.js';
import { type Paint, plain } from '../../src/cli/print/style.js';
import { Writer } from '../../src/cli/print/writer.js';
import { expanded, filtersOfText, textOf, within } from '../../src/cli/top/filter-text.js';
import { FlowCounters } from '../../src/cli/top/flow-counters.js';
import { frameOf, plainLines, roomIn } from '../../src/cli/top/frame.js';
import { ACTIONS, actionOf, KEYS } from '../../src/cli/top/keys.js';
import { Meter } from '../../src/cli/top/meter.js';
import { type TopApi, topOptionsIn } from '../../src/cli/top/options.js';
import type { Picture, Row } from '../../src/cli/top/picture.js';
import { printOnAndOn } from '../../src/cli/top/printed.js';
import { Prompt } from '../../src/cli/top/prompt.js';
import { Ranking } from '../../src/cli/top/ranking.js';
import { dueAfter, Readings } from '../../src/cli/top/readings.js';
import { Screen } from '../../src/cli/top/screen.js';
import { Session } from '../../src/cli/top/session.js';
import { Surveyor } from '../../src/cli/top/survey.js';
import { follow, select, selectedRow, type View } from '../../src/cli/top/view.js';
import { ORDERS, ordersOf, type Wanted } from '../../src/cli/top/wanted.js';
import { Random } from '../support/random.js';
import { sink, TERMINAL, worldOf } from './cli-world.js';
import { type EntryValues, entryWith, TCP_TUPLES } from './records.js';

const NO_LABELS = new Map<string, number>();

describe('the filter that a person types', () => {
  test.each([
    ['', ''],
    ['  443 ', '--port 443'],
    ['1000-2000', '--port 1000-2000'],
    ['10.0.0.1', '--address 10.0.0.1'],
    ['10.0.0.0/8 443', '--address 10.0.0.0/8 --port 443'],
    ['2001:db8::/32', '--address 2001:db8::/32'],
    ['TCP established', '--protocol tcp --state ESTABLISHED'],
    ['esp', '--protocol esp'],
    ['mark 7 or not tcp', '--mark 7 --or --not --protocol tcp'],
    ['mark 7/0xf zone 3', '--mark 7/0xf --zone 3'],
    ['sport 5', '--sport 5'],
    ['source 10.0.0.1 port 443', '--source 10.0.0.1 --port 443'],
    ['-p tcp --dport 443', '-p tcp --dport 443'],
    ['-ptcp 443', '-ptcp --port 443'],
    ['port -443 tcp', '--port -443 --protocol tcp'],
    // As getopt_long(3): a value that an option needs may look like an option.
    ['source -p tcp', '--source -p --protocol tcp'],
    // No option has this letter.
    ['-X 443', '-X --port 443'],
    ['--protocol=tcp 443', '--protocol=tcp --port 443'],
    ['any-nat tcp', '--any-nat tcp'],
    ['any-nat --protocol tcp', '--any-nat --protocol tcp'],
    ['state CLOSE_WAIT,TIME_WAIT', '--state CLOSE_WAIT,TIME_WAIT'],
    ['helper tcp', '--helper tcp'],
  ])('%j', (text, words) => {
    expect(expanded(text)).toBe(words);
    expect(expanded(words)).toBe(words);
  });

  test.each([
    ['4433434', /--port must be a number/],
    ['foo', /"foo" is no address, port, protocol, state or condition/],
    ['443x', /"443x" is no address, port/],
    ['x443', /"x443" is no address, port/],
    ['establishd', /did you mean 'ESTABLISHED'/],
    ['mark', /--mark lacks its value/],
    ['mark 7 or', /no condition stands behind/],
    ['--json', /conditions alone/],
    ['--netns other', /./],
    ['--help', /conditions alone/],
    ['--', /conditions alone/],
    ['-L', /./],
    ['-F', /./],
    ['--where --mark 7', /./],
    ['--sort rate', /./],
  ])('%j is refused', (text, message) => {
    expect(() => filtersOfText(text, NO_LABELS)).toThrow(message);
  });

  it('is that of list', () => {
    expect(filtersOfText('', NO_LABELS)).toBeUndefined();
    expect(filtersOfText('tcp 443 or 10.0.0.1 not mark 7', NO_LABELS)).toMatchObject([
      { protocol: 6, port: 443 },
      { address: '10.0.0.1', not: [{ mark: 7 }] },
    ]);
  });

  it('every condition has its name without dashes', () => {
    for (const name of CONDITIONS) expect(expanded(`${longOf(name)} x`)).toMatch(/^--/);
  });

  test.each([
    ['', '--source 1.1.1.1'],
    ['tcp', '--protocol tcp --source 1.1.1.1'],
    ['tcp or udp', '--protocol tcp --source 1.1.1.1 --or --protocol udp --source 1.1.1.1'],
    ['tcp not 443', '--protocol tcp --source 1.1.1.1 --not --port 443'],
    ['not 443', '--source 1.1.1.1 --not --port 443'],
    [
      'tcp not 443 or not 53',
      '--protocol tcp --source 1.1.1.1 --not --port 443 --or --source 1.1.1.1 --not --port 53',
    ],
  ])('%j, within a source', (text, narrowed) => {
    expect(within(text, { all: ['--source', '1.1.1.1'] })).toBe(narrowed);
  });

  it('within what may not be met', () => {
    const unreplied = { all: ['--protocol', 'udp'], not: ['--status', 'seenReply'] };
    expect(within('443 or not 53', unreplied)).toBe(
      '--port 443 --protocol udp --not --status seenReply --or ' +
        '--protocol udp --not --port 53 --not --status seenReply',
    );
  });

  test.each([
    'top --port 443 --or --not --state CLOSE --not --mark 7',
    'top --any-nat --protocol tcp --address 10.0.0.0/8',
    'top -p tcp --dport 443 --sort total',
  ])('the text of %s means the same', (line) => {
    const { alternatives } = parseLine(line.split(' '));
    const text = textOf(alternatives);
    const again = parseLine(['top', ...text.split(' ')]);
    expect(textOf(again.alternatives)).toBe(text);
    expect(filtersOfText(text, NO_LABELS)).toEqual(
      topOptionsIn(parseLine(line.split(' ')), NO_LABELS).filters,
    );
  });
});

describe('options', () => {
  const optionsOf = (line: string) => topOptionsIn(parseLine(line.split(' ')), NO_LABELS);

  it('have defaults', () => {
    expect(optionsOf('top')).toEqual({
      wanted: { order: 'rate', unit: 'bytes', grouping: undefined, isReversed: false },
      filterText: '',
      filters: undefined,
      ...{ intervalMs: 1000, hasNames: false, rows: 20, refreshes: Number.POSITIVE_INFINITY },
    });
  });

  test.each([
    ['top --sort flows', /it needs --group/],
    ['top --sort age --group source', /groups have no age/],
    ['top --sort rates', /did you mean 'rate'/],
    ['top --group port', /--group must be/],
    ['top --unit bits', /--unit must be/],
    ['top --interval-ms 99', /--interval-ms must be from 100/],
    ['top --interval-ms 3600001', /--interval-ms must be from 100/],
    ['top --rows 0', /--rows must be from 1/],
    ['top --rows 401', /--rows must be from 1 to 400/],
    ['top --limit x', /--limit must be/],
  ])('%s is refused', (line, message) => {
    expect(() => optionsOf(line)).toThrow(message);
  });
});

it('a ranking keeps what a sort has first', () => {
  const random = new Random(7);
  for (let round = 0; round < 200; round++) {
    const limit = 1 + random.below(20);
    const items = Array.from({ length: random.below(300) }, (_, name) => ({
      name,
      value: random.below(8) === 0 ? Number.NaN : random.below(20) - 10,
      second: random.below(3),
    }));
    const ranking = new Ranking<number>(limit);
    for (const { name, value, second } of items) ranking.add(value, second, () => name);
    const known = (value: number) => (Number.isNaN(value) ? -1000 : value);
    const sorted = [...items].sort(
      (one, other) => known(other.value) - known(one.value) || other.second - one.second,
    );
    expect(ranking.first()).toEqual(sorted.slice(0, limit).map(({ name }) => name));
  }
});

it('the counters of flows are those of a Map, however many come unexpected', () => {
  const random = new Random(11);
  const counters = new FlowCounters(10, true);
  const expected = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const id = random.below(3000) === 0 ? random.below(5) : random.below(0x1_0000_0000);
    const check = 1 + random.below(4);
    const slot = counters.add(id, check);
    expect(slot === undefined).toBe(expected.has(`${id} ${check}`));
    if (slot === undefined) continue;
    counters.bytes[slot] = n;
    expected.set(`${id} ${check}`, n);
  }
  for (const [name, bytes] of expected) {
    const [id = 0, check = 0] = name.split(' ').map(Number);
    expect(counters.bytes[counters.find(id, check)]).toBe(bytes);
  }
  expect(counters.find(1, 9)).toBe(-1);
});

type Counted = EntryValues & { readonly bytes?: number };

const counted = ({ bytes = 0, ...values }: Counted = {}): Entry =>
  entryWith({
    ...TCP_TUPLES,
    id: 1,
    originalCounters: [1n, BigInt(bytes)],
    replyCounters: [1n, 0n],
    ...values,
  });

describe('rates', () => {
  /** What a flow has, `seconds` behind a reading that has found others. */
  function rateOf(
    now: Entry,
    before: readonly Entry[] | undefined,
    { seconds = 2, wasWhole = true, isWhole = true } = {},
  ): number {
    const then = before && new FlowCounters(before.length, wasWhole);
    const first = new Meter(undefined, then, wasWhole);
    for (const entry of before ?? []) first.measure(entry, then?.began ?? 0);
    const meter = new Meter(then, new FlowCounters(1, isWhole), isWhole);
    meter.measure(now, (then?.began ?? 0) + seconds * 1000);
    return meter.byteRate;
  }

  const later = () => BigInt(Date.now() + 3_600_000) * 1_000_000n;

  test.each<[what: string, rate: number, ...Parameters<typeof rateOf>]>([
    ['of the first reading', Number.NaN, counted({ bytes: 9 }), undefined],
    ['of a flow that goes on', 500, counted({ bytes: 1200 }), [counted({ bytes: 200 })]],
    ['of a flow that stands still', 0, counted({ bytes: 7 }), [counted({ bytes: 7 })]],
    ['of counters that were set to 0', 50, counted({ bytes: 100 }), [counted({ bytes: 900 })]],
    ['of two readings too close', Number.NaN, counted(), [counted()], { seconds: 0.1 }],
    ['of a flow that came', 50, counted({ bytes: 100 }), []],
    [
      'of a flow that a filter has hidden',
      Number.NaN,
      counted({ bytes: 100 }),
      [],
      { wasWhole: false },
    ],
    ['of a flow that a filter finds', Number.NaN, counted({ bytes: 100 }), [], { isWhole: false }],
    [
      'of a flow with a time, that came',
      50,
      counted({ bytes: 100, startTime: later() }),
      [],
      { wasWhole: false },
    ],
    [
      'of a flow with a time, that was hidden',
      Number.NaN,
      counted({ bytes: 9, startTime: 5n }),
      [],
    ],
    [
      'of one with the same id',
      Number.NaN,
      counted({ bytes: 9, startTime: 5n }),
      [counted({ original: { ...TCP_TUPLES.original, sourcePort: 99 } })],
    ],
    ['of two that are alike', Number.NaN, counted(), [counted(), counted()]],
    ['without counters', Number.NaN, entryWith({ ...TCP_TUPLES, id: 1 }), []],
  ])('%s', (_what, rate, ...given) => {
    const found = rateOf(...given);
    if (Number.isNaN(rate)) expect(found).toBeNaN();
    else expect(found).toBeCloseTo(rate, 6);
  });

  it('nothing is known of two flows that are alike, nor a moment later', () => {
    const then = new FlowCounters(2, true);
    const first = new FlowCounters(2, true);
    for (const [before, now, time] of [
      [undefined, first, 0],
      [first, then, 1000],
    ] as const) {
      const meter = new Meter(before, now, true);
      meter.measure(counted({ bytes: 1 }), first.began + time);
      meter.measure(counted({ bytes: 9 }), first.began + time);
    }
    for (const now of [new FlowCounters(2, true), undefined]) {
      const meter = new Meter(then, now, true);
      meter.measure(counted({ bytes: 5000 }), first.began + 2000);
      expect(meter).toMatchObject({ byteRate: Number.NaN, packetRate: Number.NaN, unmeasured: 1 });
    }
  });

  it('between two measurements are those of the last one', () => {
    const then = new FlowCounters(1, true);
    const first = new FlowCounters(1, true);
    new Meter(undefined, first, true).measure(counted({ bytes: 0 }), first.began);
    new Meter(first, then, true).measure(counted({ bytes: 1000 }), first.began + 1000);
    const meter = new Meter(then, undefined, true);
    meter.measure(counted({ bytes: 5000 }), first.began + 1010);
    expect(meter).toMatchObject({ bytes: 5000, byteRate: 1000, unmeasured: 0 });
    meter.measure(counted({ id: 2, bytes: 5000 }), first.began + 1010);
    expect(meter).toMatchObject({ byteRate: Number.NaN, unmeasured: 1 });
  });
});

const WANTED: Wanted = { order: 'rate', unit: 'bytes', grouping: undefined, isReversed: false };

/** A table that the test changes between readings. */
function surveyorOf(batches: () => readonly Entry[][]) {
  const asked: (readonly EntryFilter[] | undefined)[] = [];
  const surveyor = new Surveyor({
    streamEntries: ((filters: readonly EntryFilter[]) => {
      asked.push(filters);
      return {
        batches: async function* () {
          yield* batches();
        },
      };
    }) as never,
  });
  const survey = async (wanted: Partial<Wanted> = {}) =>
    surveyor.survey({
      wanted: { ...WANTED, ...wanted },
      ...{ filters: undefined, isMeasured: true, expected: 10 },
      signal: new AbortController().signal,
    });
  return { survey, asked };
}

const flow = (n: number, values: Counted = {}) =>
  counted({
    id: n,
    original: { ...TCP_TUPLES.original, sourcePort: n, source: `10.0.0.${n % 3}` },
    ...values,
  });

describe('a reading', () => {
  it('sorts by what is wanted', async () => {
    const table = [flow(1, { bytes: 5 }), flow(2, { bytes: 50 }), flow(3, { bytes: 20 })];
    const { survey } = surveyorOf(() => [table.slice(0, 1), table.slice(1)]);
    const ports = async (wanted: Partial<Wanted>) =>
      (await survey(wanted)).rows.map((row) =>
        row.kind === 'flow' ? row.entry.original.sourcePort : row.name,
      );
    expect(await ports({ order: 'total' })).toEqual([2, 3, 1]);
    expect(await ports({ order: 'total', isReversed: true })).toEqual([1, 3, 2]);
    expect(await ports({ order: 'age' })).toEqual([1, 2, 3]);
  });

  it('sorts by age, those without a time last', async () => {
    const table = [flow(1), flow(2, { startTime: 9n }), flow(3, { startTime: 5n })];
    const { survey } = surveyorOf(() => [table]);
    const ports = async (isReversed: boolean) => {
      const { rows } = await survey({ order: 'age', isReversed });
      return rows.map((row) => row.kind === 'flow' && row.entry.original.sourcePort);
    };
    expect(await ports(false)).toEqual([3, 2, 1]);
    expect(await ports(true)).toEqual([2, 3, 1]);
  });

  it('sorts flows and groups by packets, where packets are wanted', async () => {
    const of = (n: number, bytes: bigint, packets: bigint) =>
      flow(n, { originalCounters: [packets, bytes] });
    const table = [of(1, 900n, 1n), of(2, 5n, 50n), of(3, 7n, 20n), of(6, 7n, 2n)];
    const { survey } = surveyorOf(() => [table]);
    const names = async (wanted: Partial<Wanted>) =>
      (await survey({ order: 'total', ...wanted })).rows.map((row) =>
        row.kind === 'flow' ? row.entry.original.sourcePort : row.name,
      );
    expect(await names({})).toEqual([1, 3, 6, 2]);
    expect(await names({ unit: 'packets' })).toEqual([2, 3, 6, 1]);
    const grouping = 'source' as const;
    expect(await names({ grouping })).toEqual(['10.0.0.1', '10.0.0.0', '10.0.0.2']);
    expect(await names({ grouping, unit: 'packets' })).toEqual([
      ...['10.0.0.2', '10.0.0.0', '10.0.0.1'],
    ]);
    expect(await names({ grouping, order: 'flows' })).toEqual([
      ...['10.0.0.0', '10.0.0.1', '10.0.0.2'],
    ]);
    expect(await names({ grouping, order: 'flows', isReversed: true })).toEqual([
      ...['10.0.0.1', '10.0.0.2', '10.0.0.0'],
    ]);
  });

  it('has rates of flows and groups, and their sum', async () => {
    let seconds = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => 1000 * seconds);
    onTestFinished(() => {
      clock.mockRestore();
    });
    const { survey } = surveyorOf(() => {
      const count = BigInt(seconds);
      return [
        [
          flow(1, { originalCounters: [count, 100n * count] }),
          flow(4, { originalCounters: [3n * count, 500n * count] }),
          flow(2),
        ],
      ];
    });
    seconds = 10;
    await survey();
    seconds = 12;
    const { rows, byteRate, packetRate } = await survey({ grouping: 'source' });
    expect({ byteRate, packetRate }).toEqual({ byteRate: 600, packetRate: 4 });
    expect(rows).toEqual([
      expect.objectContaining({
        ...{ name: '10.0.0.1', flows: 2, bytes: 7200, packets: 50 },
        ...{ byteRate: 600, packetRate: 4 },
      }),
      expect.objectContaining({ name: '10.0.0.2', flows: 1, byteRate: 0, packetRate: 0 }),
    ]);
    seconds = 14;
    const portsBy = async (wanted: Partial<Wanted>) =>
      (await survey(wanted)).rows.map((row) => row.kind === 'flow' && row.entry.id);
    expect(await portsBy({ isReversed: true })).toEqual([2, 1, 4]);
  });

  it('of an empty table has no rate that is unknown', async () => {
    const { survey } = surveyorOf(() => []);
    expect(await survey()).toMatchObject({ flows: 0, byteRate: 0, packetRate: 0, rows: [] });
  });

  it('counts groups, and those of equal rates by their flows', async () => {
    const table = Array.from({ length: 10 }, (_, n) => flow(n, { bytes: n }));
    const { survey } = surveyorOf(() => [table]);
    const { rows, flows, total } = await survey({ grouping: 'source', order: 'rate' });
    expect({ flows, total }).toEqual({ flows: 10, total: 3 });
    expect(rows).toEqual([
      expect.objectContaining({ name: '10.0.0.0', flows: 4, bytes: 0 + 3 + 6 + 9 }),
      expect.objectContaining({ name: '10.0.0.1', flows: 3, bytes: 1 + 4 + 7 }),
      expect.objectContaining({ name: '10.0.0.2', flows: 3, bytes: 2 + 5 + 8 }),
    ]);
  });

  it('tells what is not counted and not measured from 0', async () => {
    const bare = entryWith({ ...TCP_TUPLES, id: 9 });
    const { survey } = surveyorOf(() => [[flow(1), bare]]);
    expect(await survey()).toMatchObject({
      ...{ flows: 2, uncounted: 1, unmeasured: 1, byteRate: Number.NaN },
    });
    const group = (await survey({ grouping: 'state' })).rows[0];
    expect(group).toMatchObject({ flows: 2, bytes: 0 });
    const none = surveyorOf(() => [[bare]]);
    expect((await none.survey({ grouping: 'state' })).rows[0]).toMatchObject({ bytes: Number.NaN });
  });
});

describe('for a file, a pipe or a program', () => {
  const printed = async (line: string, isJson: boolean) => {
    let bytes = 0;
    const api = {
      readPressure: async () => ({ entries: 3, maxEntries: 10, utilization: 0.3, level: 'normal' }),
      streamEntries: () => ({
        batches: async function* () {
          bytes += 1e6;
          yield [flow(1, { bytes }), flow(2), flow(3)];
        },
      }),
    } as unknown as TopApi;
    const out = sink();
    const given = topOptionsIn(parseLine(line.split(' ')), NO_LABELS);
    const output = { writer: new Writer(out), columns: undefined, isJson };
    const { signal } = new AbortController();
    await printOnAndOn(api, { ...given, intervalMs: 250 }, output, signal);
    return out.text();
  };

  it('refreshes follow one another as tables, with an empty line between them', async () => {
    const text = await printed('top --limit 2 --rows 2', false);
    const [first = '', second = '', ...more] = text.split('\n\n');
    expect(first).toMatch(/^3 of 10 entries/);
    expect(more).toEqual([]);
    const lines = second.split('\n').map((text) => text.trim().replace(/ .*/, ''));
    expect(lines).toEqual(['3', '3', 'PROTO', 'tcp', 'tcp', '']);
    expect(second).toMatch(/10\.0\.0\.1:1 .* \d\.\dM +2\.9M /);
  });

  it('refreshes are lines of JSON, without what is not known', async () => {
    const lines = (await printed('top --limit 1 --group source --rows 1', true)).split('\n');
    expect(lines.map((text) => (text === '' ? undefined : (JSON.parse(text) as unknown)))).toEqual([
      {
        ...{
          time: expect.any(String) as unknown,
          entries: 3,
          maxEntries: 10,
          level: 'normal',
          flows: 3,
        },
        ...{ uncounted: 0, unmeasured: 0 },
        ...{ bytesPerSecond: expect.any(Number) as unknown, packetsPerSecond: 0 },
        rows: [
          {
            ...{ source: '10.0.0.1', flows: 1, bytes: 2e6, packets: 2 },
            ...{ bytesPerSecond: expect.any(Number) as unknown, packetsPerSecond: 0 },
          },
        ],
      },
      undefined,
    ]);
  });

  it('a flow in JSON is its entry with its rates, if they are known', async () => {
    const [line = ''] = (await printed('top --limit 1', true)).split('\n');
    const { rows } = JSON.parse(line) as { rows: { id: number }[] };
    expect(rows).toHaveLength(3);
    expect(rows[0]).toEqual({
      ...(JSON.parse(JSON.stringify(flow(1, { bytes: 2e6 }))) as object),
      ...{ bytesPerSecond: expect.any(Number) as unknown, packetsPerSecond: 0 },
    });
  });
});

it('readings that no key asks for are measurements, each when it is due', async () => {
  let measuredAt = 0;
  const shown: boolean[] = [];
  const survey = async ({ isMeasured }: { isMeasured: boolean }) => {
    if (isMeasured) measuredAt = performance.now();
    return { ...picture([]), took: 0 };
  };
  const surveyor = {
    survey,
    get measuredAt() {
      return measuredAt;
    },
  } as unknown as Surveyor;
  const readings = new Readings(surveyor, {
    intervalMs: 20,
    question: () => ({ wanted: WANTED, filters: undefined, expected: 1 }),
    isPaused: () => false,
    show: async (_picture, isMeasured) => void shown.push(isMeasured),
  });
  const ending = new AbortController();
  const running = readings.run(ending.signal);
  await expect.poll(() => shown.length, { timeout: 3000 }).toBeGreaterThan(4);
  ending.abort();
  readings.askAgain();
  await running;
  expect(shown).not.toContain(false);
});

it('readings leave the machine three quarters of the time', () => {
  expect(dueAfter(1000, 0.01, 1000)).toBe(2000);
  expect(dueAfter(1000, 2, 1000)).toBe(9000);
});

const row = (n: number, values: Partial<Row> = {}): Row =>
  ({
    kind: 'flow',
    name: `flow ${n}`,
    entry: flow(n).toJSON(),
    protocol: 'tcp',
    state: 'ESTABLISHED',
    began: Number.NaN,
    ...{ bytes: n * 1e6, packets: n, byteRate: n * 1e5, packetRate: n },
    ...values,
  }) as Row;

const picture = (rows: readonly Row[], more: Partial<Picture> = {}): Picture => ({
  time: new Date(),
  ...{ took: 0.1, flows: rows.length, uncounted: 0, unmeasured: 0, byteRate: 5, packetRate: 6 },
  ...{ rows, total: rows.length, ungrouped: 0 },
  ...more,
});

const viewOf = (more: Partial<View> = {}): View => ({
  wanted: WANTED,
  filterText: '',
  ...{ picture: undefined, pressure: undefined, selected: undefined, top: 0 },
  ...{ prompt: undefined, message: undefined, page: undefined },
  ...{ isPaused: false, isReading: false },
  ...more,
});

describe('the selected row', () => {
  it('stays the same flow when others pass it', () => {
    const view = viewOf({ picture: picture([row(1), row(2), row(3)]) });
    select(view, 10, (index) => index + 1);
    select(view, 10, (index) => index + 1);
    expect(selectedRow(view)?.name).toBe('flow 2');
    view.picture = picture([row(3), row(1), row(4), row(2)]);
    follow(view, 10);
    expect([selectedRow(view)?.name, view.selected?.index]).toEqual(['flow 2', 3]);
  });

  it('is the one in its place when the flow has gone', () => {
    const view = viewOf({ picture: picture([row(1), row(2), row(3)]) });
    select(view, 10, () => 1);
    view.picture = picture([row(1), row(3)]);
    follow(view, 10);
    expect(selectedRow(view)?.name).toBe('flow 3');
    view.picture = picture([]);
    follow(view, 10);
    expect(selectedRow(view)).toBeUndefined();
  });

  it('stands on the screen', () => {
    const rows = Array.from({ length: 100 }, (_, n) => row(n));
    const view = viewOf({ picture: picture(rows) });
    for (const index of [0, 50, 99, 98, 60, 3]) {
      select(view, 10, () => index);
      expect(view.top).toBeLessThanOrEqual(index);
      expect(view.top + 10).toBeGreaterThan(index);
    }
    select(view, 10, () => 99);
    view.picture = picture(rows.slice(0, 5));
    follow(view, 10);
    expect(view.top).toBe(0);
  });
});

const pressure = {
  ...{ entries: 250_000, maxEntries: 262_144, utilization: 0.95, level: 'critical' },
  ...{ growthPerSecond: 1234, secondsUntilFull: 10, dropped: { total: 5, perSecond: 3.2 } },
  ...{ earlyDropped: { total: 5, perSecond: 0 } },
} as unknown as PressureSample;

describe('the frame', () => {
  const ipv6 = row(4, {
    entry: entryWith({
      original: {
        ...TCP_TUPLES.original,
        source: '2001:db8:1111:2222:3333:4444:5555:6666',
        destination: '2001:db8:1111:2222:3333:4444:5555:7777',
      },
    }).toJSON(),
  });
  const rows = [...Array.from({ length: 50 }, (_, n) => row(n)), ipv6];
  const groups = ['2001:db8:1111:2222:3333:4444:5555:6666', 'x'].map(
    (name): Row => ({
      ...{ kind: 'group', grouping: 'source', name, flows: 1_000_000 },
      ...{ bytes: 1, packets: 1, byteRate: Number.NaN, packetRate: Number.NaN },
    }),
  );
  const name = 'a-very-long-name-of-a-host.'.repeat(9);
  const long = 'x'.repeat(300);
  const views: Readonly<Record<string, Partial<View>>> = {
    empty: {},
    'no flow': { picture: picture([]) },
    flows: { picture: picture(rows), pressure, filterText: long },
    'a selected one': {
      picture: picture(rows),
      selected: { name: 'flow 3', index: 3 },
      isPaused: true,
      isReading: true,
    },
    'by age': { picture: picture(rows), wanted: { ...WANTED, order: 'age', isReversed: true } },
    groups: {
      picture: picture(groups, {
        uncounted: 1,
        unmeasured: 1,
        took: 3,
        ungrouped: 7,
        total: 99_999,
      }),
      wanted: { ...WANTED, grouping: 'source', order: 'flows', unit: 'packets' },
    },
    help: { page: 'help', picture: picture(rows) },
    'a prompt': { prompt: new Prompt('filter: ', long), picture: picture(rows) },
    'a long label': {
      prompt: new Prompt(`mark of ${name}: `, '443'),
      picture: picture(rows),
    },
    'a short prompt': {
      prompt: new Prompt('filter: ', '443'),
      message: { text: long, isError: true },
      picture: picture(rows),
    },
    'a message': { message: { text: long, isError: false }, picture: picture(rows) },
  };
  const brackets: Paint = (_style, text) => `<${text}>`;

  for (const [what, view] of Object.entries(views)) {
    test.each([
      [80, 24],
      [160, 50],
      [40, 8],
      [20, 3],
      [1, 1],
    ])(`${what}: has room in %i x %i`, (columns, height) => {
      const size = { columns, rows: height };
      for (const nameOf of [(one: string) => one, () => name]) {
        const { lines, cursor } = frameOf(viewOf(view), size, nameOf, plain);
        expect(lines).toHaveLength(height < 8 ? 1 : height);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
        if (cursor !== undefined) {
          expect(cursor.column).toBeLessThan(columns);
          expect(cursor.row).toBeLessThan(height);
        }
        // Paint changes no layout.
        const painted = frameOf(viewOf(view), size, nameOf, brackets).lines;
        expect(painted.map((line) => line.replace(/[<>]/g, ''))).toEqual(
          lines.map((line) => line.replace(/[<>]/g, '')),
        );
      }
    });
  }

  const textOfFrame = (view: Partial<View>, columns = 80) =>
    frameOf(viewOf(view), { columns, rows: 24 }, (one) => one, plain).lines.join('\n');

  it('has the pressure, and what is lost', () => {
    expect(textOfFrame({ pressure }, 160)).toMatch(
      /^250,000 of 262,144 entries {2}\[#{19}\.\] {2}95 % critical {2}\+1,234\/s {2}full in 10s {2}4 dropped\/s$/m,
    );
  });

  it('has the pressure in colours, as many parts as have room', () => {
    const coloured: Paint = (style, text) => `<${style} ${text}>`;
    const firstIn = (columns: number, paint: Paint) => {
      const size = { columns, rows: 24 };
      return frameOf(viewOf({ pressure }), size, (one) => one, paint).lines[0] ?? '';
    };
    expect(firstIn(160, coloured)).toBe(
      '<bold 250,000 of 262,144 entries>  <red [###################.]>  <red 95 % critical>' +
        '  +1,234/s  <red full in 10s>  <red 4 dropped/s>',
    );
    const all = firstIn(160, plain);
    expect(firstIn(all.length, plain)).toBe(all);
    expect(firstIn(all.length - 1, plain)).toMatch(/full in 10s$/);
  });

  it('has the traffic as long as there is room beside the time', () => {
    const of = { took: 1, time: new Date(2026, 0, 31, 1, 2, 3) };
    const lineIn = (columns: number) =>
      textOfFrame({ picture: picture([row(1)], of) }, columns).split('\n')[1];
    const all = '1 flow  5 bytes/s  6 packets/s  read in 1.0 s  01:02:03';
    expect(lineIn(all.length)).toBe(all);
    expect(lineIn(all.length - 1)).toBe('1 flow  5 bytes/s  6 packets/s                01:02:03');
    expect(textOfFrame({}).split('\n')[1]).toBe('reading the table ...');
  });

  test.each([8, 24, 50])('of %i lines has the selected row', (height) => {
    const size = { columns: 80, rows: height };
    const view = viewOf({ picture: picture(rows) });
    for (const index of [0, 30, 49]) {
      select(view, roomIn(size), () => index);
      const { lines } = frameOf(view, size, (one) => one, plain);
      expect(lines.filter((line) => line.startsWith('>'))).toHaveLength(1);
    }
  });

  it('has the cursor behind what is typed', () => {
    const size = { columns: 80, rows: 24 };
    const at = (label: string, text: string) =>
      frameOf(viewOf({ prompt: new Prompt(label, text) }), size, (one) => one, plain);
    expect(at('filter: ', '443').cursor).toEqual({ row: 23, column: 11 });
    expect(at('filter: ', long).cursor).toEqual({ row: 23, column: 79 });
    const { lines, cursor } = at(`cut ${long}? [y/N] `, '');
    expect(lines[23]).toMatch(/^cut x+~x+\? \[y\/N\] $/);
    expect(cursor?.column).toBe(64);
  });

  test.each<[object, string]>([
    [{ growthPerSecond: 0 }, '95 % critical  full in 10s  4 dropped/s'],
    [{ growthPerSecond: -5 }, '95 % critical  -5/s  full in 10s'],
    [{ secondsUntilFull: undefined }, '+1,234/s  4 dropped/s'],
    [{ level: 'normal' }, '95 % normal  +1,234/s  4 dropped/s'],
    [{ maxEntries: 0, utilization: 0 }, '250,000, no limit entries  +1,234/s  full in 10s  4 dr'],
  ])('has the pressure of %j', (more, text) => {
    expect(textOfFrame({ pressure: { ...pressure, ...more } }, 160)).toContain(text);
  });

  test.each<[string, Partial<Picture>, Partial<View>]>([
    ['flows by bytes per second  all\n', {}, {}],
    ['flows by bytes per second, 1 of 9,999  all\n', { total: 9999 }, {}],
    ['flows by bytes per second, 7 flows in others  all\n', { ungrouped: 7 }, {}],
    ['flows by bytes per second  tcp\n', {}, { filterText: 'tcp' }],
    [
      'flows by age, smallest first  all\n',
      {},
      { wanted: { ...WANTED, order: 'age', isReversed: true } },
    ],
    [
      'sources by number of flows  all\n',
      { rows: groups, total: groups.length },
      { wanted: { ...WANTED, grouping: 'source', order: 'flows' } },
    ],
    ['1 flow  5 bytes/s  6 packets/s   ', {}, {}],
    ['2 flows  5 bytes/s  6 packets/s  1 without counters   ', { flows: 2, uncounted: 1 }, {}],
    ['  6 packets/s  1 not measured yet   ', { unmeasured: 1 }, {}],
    ['1 flow  measuring ...   ', { byteRate: Number.NaN, unmeasured: 1 }, {}],
    ['  6 packets/s  read in 1.0 s   ', { took: 1 }, {}],
    ['0 flows  5 bytes/s  6 packets/s   ', { flows: 0 }, {}],
    ['   01:02:03', {}, {}],
    ['   reading ...  01:02:03', {}, { isReading: true }],
    ['   paused  01:02:03', {}, { isPaused: true, isReading: true }],
  ])('says %j', (text, of, more) => {
    const time = new Date(2026, 0, 31, 1, 2, 3);
    const frame = textOfFrame({ picture: picture([row(1)], { time, ...of }), ...more });
    expect(frame).toContain(text);
  });

  it('of a terminal that is too small says the least size', () => {
    for (const [columns, height] of [
      [39, 8],
      [40, 7],
    ] as const) {
      const size = { columns, rows: height };
      expect(frameOf(viewOf({ pressure }), size, (one) => one, plain)).toEqual({
        ...{ lines: ['needs 40 x 8'], cursor: undefined },
      });
    }
    expect(textOfFrame({ pressure }, 40)).not.toContain('needs');
    const least = frameOf(viewOf({ pressure }), { columns: 40, rows: 8 }, (one) => one, plain);
    expect(least.lines[0]).toBe('250,000 of 262,144 entries');
  });

  const tableIn = (columns: number, given: readonly Row[], nameOf = (one: string) => one) => {
    const lines = plainLines(viewOf({ picture: picture(given) }), columns, nameOf).slice(2);
    return lines.map((line) => line.trimEnd());
  };

  it('says that no flow matches, in the place of rows', () => {
    expect(textOfFrame({ picture: picture([]) })).toContain('\n No flow matches.');
    expect(textOfFrame({ picture: picture([row(1)]) })).not.toContain('No flow matches.');
  });

  it('has the columns that some row fills, in widths that a rate does not change', () => {
    expect(tableIn(160, [row(1), row(2)])).toEqual([
      'PROTO  STATE        SOURCE           DESTINATION      *BYTES/s   BYTES     AGE    LEFT',
      'tcp    ESTABLISHED  10.0.0.1:1       10.0.0.2:443          98K    977K       -       -',
      'tcp    ESTABLISHED  10.0.0.2:2       10.0.0.2:443         195K    1.9M       -       -',
    ]);
    expect(tableIn(160, [])).toEqual([
      'PROTO  STATE  SOURCE           DESTINATION      NAT  *BYTES/s   BYTES     AGE    LEFT    MARK    ZONE',
    ]);
  });

  it('has what a flow has in each column', () => {
    const more: EntryValues = {
      ...{ timeout: 250, mark: 255, zone: 7, status: 0x90 },
      reply: { ...TCP_TUPLES.reply, destination: '9.9.9.9', destinationPort: 5 },
    };
    const full = row(1, { entry: flow(1, more).toJSON(), began: Date.now() - 90_500 });
    const [head = '', cells = ''] = tableIn(200, [full]);
    expect(head.split(/ {2,}/).slice(4)).toEqual([
      ...['NAT', '*BYTES/s', 'BYTES', 'AGE', 'LEFT', 'MARK', 'ZONE'],
    ]);
    expect(cells.split(/ {2,}/).slice(4)).toEqual([
      ...['from 9.9.9.9:5', '98K', '977K', '1m30s', '4m10s', '0xff', '7'],
    ]);
  });

  it('has a column that fits to the last letter', () => {
    const [head = ''] = tableIn(160, [row(1)]);
    expect(tableIn(head.length, [row(1)])[0]).toBe(head);
    expect(tableIn(head.length - 1, [row(1)])[0]).not.toContain('LEFT');
  });

  it('shows a long name where there is room, and cuts its middle where there is none', () => {
    const host = `${'a'.repeat(40)}${'z'.repeat(40)}`;
    const nameOf = (one: string) => (one === '10.0.0.1' ? host : one);
    expect([250, 110, 70].map((columns) => tableIn(columns, [row(1)], nameOf)[1])).toEqual([
      `tcp    ESTABLISHED  ${host}:1  10.0.0.2:443          98K    977K       -       -`,
      'tcp    ESTABLISHED  aaaaaaaaaaaaaaaaaaaaaaa~zzzzzzzzzzzzzzzzzzzzz:1  10.0.0.2:443          98K    977K       -',
      'tcp    aaaaaaaaaaaaaaaaaaaa~zzzzzzzzzzzzzzzzzz:1  10.0~:443       98K',
    ]);
  });

  it('of a file or a pipe has the filter above the table', () => {
    expect(plainLines(viewOf(), 80, (one) => one)).toEqual([]);
    const view = viewOf({ pressure, picture: picture([row(1)]), filterText: 'tcp' });
    const lines = plainLines(view, 80, (one) => one);
    expect(lines.map((line) => line.trim().split(/ +/)[0])).toEqual([
      ...['250,000', '1', 'only:', 'PROTO', 'tcp'],
    ]);
    expect(lines[1]).toMatch(/^1 flow {2}5 bytes\/s {2}6 packets\/s +\d\d:\d\d:\d\d$/);
    expect(lines[1]).not.toMatch(/paused|reading/);
  });

  it('an address that is cut keeps its port', () => {
    expect(textOfFrame({ picture: picture([ipv6]) })).toMatch(/\[2001:db8:\S+~\S+:443 /);
  });

  it('what is not known is no 0', () => {
    const unknown = { byteRate: Number.NaN, bytes: Number.NaN };
    expect(textOfFrame({ picture: picture([row(1, unknown)]) })).toMatch(/ {2}- +- *$/m);
    expect(textOfFrame({ picture: picture([row(1)], { byteRate: Number.NaN }) })).toContain(
      'measuring ...',
    );
    expect(textOfFrame({ picture: picture([row(1)], { uncounted: 1 }) })).toContain(
      'nothing is counted: settings accounting=on',
    );
  });
});

describe('keys', () => {
  it('each has one action', () => {
    const keys = ACTIONS.flatMap((action) => [...KEYS[action].keys] as string[]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each([
    [{ sequence: 'q', name: 'q' }, 'quit'],
    [{ sequence: '\u0003', name: 'c', ctrl: true }, 'quit'],
    [{ sequence: 'g', name: 'g' }, 'group'],
    [{ sequence: 'G', name: 'g', shift: true }, 'groupBack'],
    [{ sequence: '\t', name: 'tab' }, 'group'],
    [{ sequence: '\u001b[Z', name: 'tab', shift: true }, 'groupBack'],
    [{ sequence: '\u001b[A', name: 'up' }, 'up'],
    [{ sequence: ' ', name: 'space' }, 'pause'],
    [{ sequence: '/' }, 'filter'],
    [{ sequence: '\u0011', name: 'q', ctrl: true }, undefined],
    [{ sequence: 'Q', name: 'q', shift: true }, undefined],
    [{}, undefined],
  ])('%j', (key, action) => {
    expect(actionOf(key)).toBe(action);
  });

  it('a prompt is edited', () => {
    const prompt = new Prompt('x: ');
    const press = (sequence: string, name = sequence, ctrl = false) =>
      prompt.press({ sequence, name, ctrl });
    for (const letter of 'port 443') press(letter);
    expect(prompt.text).toBe('port 443');
    expect(press('\u007f', 'backspace')).toBe('changed');
    expect(prompt.text).toBe('port 44');
    press('\u0017', 'w', true);
    expect(prompt.text).toBe('port ');
    press('\u0015', 'u', true);
    expect(prompt.text).toBe('');
    expect(press('\u007f', 'backspace')).toBeUndefined();
    // Of a letter and Ctrl, the one is typed, and the other erases a word and what is behind it.
    for (const letter of 'wug ports  ') press(letter);
    expect(prompt.text).toBe('wug ports  ');
    press('\u0017', 'w', true);
    expect(prompt.text).toBe('wug ');
    expect(press('\u0012', 'r', true)).toBeUndefined();
    expect(press('a\u001b', '')).toBeUndefined();
    expect(press('abc', '')).toBe('changed');
    press('\u0015', 'u', true);
    expect(press('\u001b[A', 'up')).toBeUndefined();
    expect(press('\u0007', 'z')).toBeUndefined();
    expect(press('\u001b', 'escape')).toBe('left');
    expect(press('\r', 'return')).toBe('done');
    expect(press('\n', 'enter')).toBe('done');
    expect(press('\u0003', 'c', true)).toBe('left');
    expect(press('\u0007', 'g', true)).toBe('left');
    expect(prompt.press({ sequence: 'c', name: 'c' })).toBe('changed');
    expect(press('c')).toBe('changed');
    expect(press('g')).toBe('changed');
  });
});

it('the screen writes what has changed', () => {
  const out = sink({ isTTY: true, columns: 80, rows: 24 });
  const screen = new Screen(out);
  screen.draw(['never']);
  screen.enter();
  screen.draw(['one', 'two']);
  const before = out.text().length;
  screen.draw(['one', 'two']);
  expect(out.text().slice(before)).toBe('');
  screen.draw(['one', '2', 'three']);
  expect(out.text().slice(before)).toBe(
    '\u001b[?2026h\u001b[2;1H2\u001b[0m\u001b[K\u001b[3;1Hthree\u001b[0m\u001b[K\u001b[?2026l',
  );
  screen.leave();
  screen.leave();
  screen.draw(['never']);
  expect(out.text()).not.toContain('never');
  expect(out.text().split('\u001b[?1049l')).toHaveLength(2);
});

it('every order is of flows or of groups', () => {
  expect(new Set([...ordersOf(undefined), ...ordersOf('source')])).toEqual(new Set(ORDERS));
});

describe('a session', () => {
  const session = (watchPressure: () => unknown) => {
    const input = new PassThrough();
    const world = worldOf({ out: sink(TERMINAL), in: () => input });
    const api = {
      watchPressure,
      streamEntries: () => ({
        batches: async function* () {
          yield [flow(1)];
        },
      }),
    } as unknown as TopApi;
    const options = topOptionsIn(parseLine(['top']), NO_LABELS);
    const labels = { byBit: new Map<number, string>(), bits: NO_LABELS };
    return { world, input, running: new Session(api, world, options, labels, plain).run() };
  };

  it('ends with a fault of the program, and has given the terminal back', async () => {
    const { world, running } = session(() => {
      throw new Error('a fault of the test');
    });
    await expect(running).rejects.toThrow('a fault of the test');
    expect(world.out.text()).toMatch(/\[\?1049l$/);
  });

  it('shows the flows of a kernel that tells no pressure', async () => {
    const { world, input, running } = session(() => {
      throw new ConntrackError('watchPressure: no /proc', {
        code: 'ENOENT',
        operation: 'watchPressure',
      });
    });
    await expect.poll(() => world.out.text()).toContain('10.0.0.1:1 ');
    expect(world.out.text()).toContain('no /proc');
    input.write('q');
    await running;
  });
});
