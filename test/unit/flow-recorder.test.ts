/** The recorder of flows over a table that a test plays: when it reads, what it reports, how it ends. */
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import {
  type FlowLogOptions,
  type FlowPart,
  type FlowRecord,
  recordFlows,
} from '../../src/flow-log/flow-log.js';
import { flowOf, PlayedTable } from './played-table.js';
import { type EntryValues, entryWith } from './records.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const flow = (number: number, packets: bigint, more: EntryValues = {}) =>
  flowOf(number, {
    startTime: 1_000_000_000n,
    originalCounters: [packets, 100n * packets],
    replyCounters: [0n, 0n],
    ...more,
  });

const turn = () => vi.advanceTimersByTimeAsync(0);

class PlayedHandle extends PlayedTable {
  settings: unknown = { accounting: true, timestamps: true };
  readonly looks: number[] = [];
  origin: unknown = { pid: 42, name: 'flusher', command: [] };

  async readSettings() {
    if (this.settings instanceof Error) throw this.settings;
    return this.settings;
  }

  async findOrigin(portId: number) {
    this.looks.push(portId);
    if (this.origin instanceof Error) throw this.origin;
    return this.origin;
  }

  /** What a recorder makes of it. `closed`: how its loop ended. */
  record(options: FlowLogOptions = {}) {
    const recorder = recordFlows({ conntrack: this as never, ...options });
    const records: FlowRecord[] = [];
    const ended = (async () => {
      for await (const batch of recorder.batches()) {
        expect(batch).not.toHaveLength(0);
        records.push(...batch);
      }
    })();
    ended.catch(() => undefined);
    return { recorder, records, ended };
  }
}

/** In short: their type, and what else names them. */
const shortly = (records: readonly FlowRecord[]) =>
  records.map((record) => {
    if (record.type === 'notice') return `notice ${record.code}`;
    if (record.type === 'lost') return `lost ${record.count} ${record.cause}`;
    if (record.type === 'gap') return `gap ${record.to.getTime() - record.from.getTime()}`;
    const { original, outcome, total, doubts = [] } = record;
    return [original.sourcePort, outcome, total?.original.packets, ...doubts].join(' ');
  });

describe('readings', () => {
  it('one at the beginning, and none later', async () => {
    const table = new PlayedHandle(flow(1, 5n), flow(2, 6n));
    const { recorder, records } = table.record();
    await turn();
    expect(recorder.openFlows).toBe(2);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(table.dumps).toEqual([undefined]);
    expect(records).toEqual([]);
    table.tell(['destroy', flow(1, 7n)], ['destroy', flow(3, 1n)]);
    await turn();
    expect(shortly(records)).toEqual(['1 expired 7', '3 expired 1']);
    expect(recorder.openFlows).toBe(1);
    await recorder.close();
  });

  test.each([
    ['2s', 2000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['0.5d', 43_200_000],
    ['1000ms', 1000],
    [1500, 1500],
  ] as const)('one every interval: %s', async (interval, milliseconds) => {
    const table = new PlayedHandle(flow(1, 5n));
    const { recorder, records } = table.record({ interval });
    await turn();
    table.flows = [flow(1, 6n)];
    await vi.advanceTimersByTimeAsync(milliseconds - 1);
    expect(table.dumps).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(shortly(records)).toEqual(['1 open 5', '1 open 6']);
    await vi.advanceTimersByTimeAsync(3 * milliseconds);
    expect(table.dumps).toHaveLength(5);
    expect(records).toHaveLength(2);
    await recorder.close();
  });

  test.each(['since-listening', 'none', 'unknown'] as const)(
    'one a minute where flows send no events: %s',
    async (coverage) => {
      const table = new PlayedHandle(flow(1, 5n));
      table.events.coverage = coverage;
      const { recorder, records } = table.record();
      await turn();
      records.length = 0;
      table.flows = [];
      await vi.advanceTimersByTimeAsync(59_000);
      expect(records).toEqual([]);
      await vi.advanceTimersByTimeAsync(1001);
      expect(shortly(records)).toEqual(['1 unobserved 5 no-event']);
      await recorder.close();
    },
  );

  test.each([undefined, '1h'] as const)(
    'one after a loss, which finds what is gone (interval: %s)',
    async (interval) => {
      const table = new PlayedHandle(flow(1, 5n), flow(2, 6n));
      const { recorder, records } = table.record({ interval });
      await turn();
      records.length = 0;
      table.flows = [flow(2, 9n)];
      table.put({ type: 'lost', cause: 'kernel', count: 7 });
      await vi.advanceTimersByTimeAsync(1);
      const ofOpen = interval === undefined ? [] : ['2 open 9'];
      expect(shortly(records)).toEqual(['lost 7 kernel', ...ofOpen, '1 unobserved 5 lost']);
      expect(records[0]).toHaveProperty('at', expect.any(Date));
      await vi.advanceTimersByTimeAsync(3_500_000);
      expect(table.dumps).toHaveLength(2);
      await recorder.close();
    },
  );

  it('records each of many flows that are gone once', async () => {
    const count = 1100;
    const table = new PlayedHandle(...Array.from({ length: count }, (_, at) => flow(at + 1, 1n)));
    const { recorder, records } = table.record();
    await turn();
    table.flows = [];
    table.put({ type: 'lost', cause: 'kernel', count });
    await vi.advanceTimersByTimeAsync(1);
    const [loss, ...gone] = shortly(records);
    expect(loss).toBe(`lost ${count} kernel`);
    expect(gone).toHaveLength(count);
    expect(new Set(gone).size).toBe(count);
    await recorder.close();
  });

  it('one after a message that could not be read', async () => {
    const table = new PlayedHandle(flow(1, 5n), flow(2, 5n));
    const { recorder, records } = table.record();
    await turn();
    table.flows = [];
    table.events.counters.malformed = 2;
    table.tell(['destroy', flow(2, 6n)]);
    await vi.advanceTimersByTimeAsync(1);
    expect(shortly(records)).toEqual(['2 expired 6', 'lost 2 kernel', '1 unobserved 5 lost']);
    await recorder.close();
  });

  it('not all the time while events are lost', async () => {
    const table = new PlayedHandle();
    // A reading takes 100 ms.
    table.meanwhile = (batch) =>
      batch === 0 ? new Promise((resolve) => void setTimeout(resolve, 100)) : undefined;
    const { recorder } = table.record();
    await vi.advanceTimersByTimeAsync(100);
    for (let round = 0; round < 100; round++) {
      table.put({ type: 'lost', cause: 'kernel', count: 1 });
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(table.dumps.length).toBeGreaterThan(8);
    expect(table.dumps.length).toBeLessThan(13);
    await recorder.close();
  });

  it('another one after a loss while one runs', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    table.meanwhile = (batch) => {
      if (table.dumps.length === 1 && batch === 1) {
        table.put({ type: 'lost', cause: 'queue', count: 1 });
      }
    };
    const { recorder, records } = table.record();
    await turn();
    table.flows = [];
    await vi.advanceTimersByTimeAsync(1000);
    expect(shortly(records)).toEqual(['lost 1 queue', '1 unobserved 5 lost']);
    expect(table.dumps).toHaveLength(2);
    await recorder.close();
  });

  it('takes in the events that come while it runs before it looks for what is gone', async () => {
    const table = new PlayedHandle(flow(1, 5n), flow(2, 5n));
    const { recorder, records } = table.record();
    await turn();
    table.batches = [[flow(2, 6n)], [], []];
    table.meanwhile = (batch) => {
      if (batch === 0) table.tell(['destroy', flow(1, 8n)]);
      if (batch === 3) table.tell(['destroy', flow(2, 9n)]);
    };
    table.put({ type: 'lost', cause: 'kernel', count: 1 });
    await vi.advanceTimersByTimeAsync(1);
    expect(shortly(records)).toEqual(['lost 1 kernel', '1 expired 8', '2 expired 9']);
    await recorder.close();
  });

  it('reads the flows of the filter alone', async () => {
    const table = new PlayedHandle();
    const { recorder } = table.record({ filter: { protocol: 'tcp' } });
    await turn();
    expect(table.dumps).toEqual([[{ protocol: 6 }]]);
    expect(table.watched).toMatchObject({ filter: [{ protocol: 6 }] });
    await recorder.close();
  });
});

it('subscribes to the ends of flows, with its options', async () => {
  const table = new PlayedHandle();
  const { recorder } = table.record({
    reliable: true,
    receiveBufferBytes: 8192,
    queueBytes: 131_072,
  });
  expect(table.watched).toEqual({
    events: ['destroy'],
    reliableDestroy: true,
    receiveBufferBytes: 8192,
    queueBytes: 131_072,
  });
  expect(recorder.counters).toBe(table.events.counters);
  await recorder.close();
});

describe('who deleted a flow', () => {
  const deleted = (number: number, originPortId: number) => ({
    type: 'destroy',
    entry: flowEntry(number),
    originPortId,
  });
  const flowEntry = (number: number) => entryWith(flow(number, 1n));

  it('is looked up once for many', async () => {
    const table = new PlayedHandle();
    const { recorder, records } = table.record();
    await turn();
    table.put(deleted(1, 9), deleted(2, 9), deleted(3, 0));
    await turn();
    table.put(deleted(4, 9), deleted(5, 8));
    await turn();
    const program = { pid: 42, name: 'flusher' };
    expect(
      records.map((record) => record.type === 'flow' && [record.outcome, record.deletedBy]),
    ).toEqual([
      ['deleted', { portId: 9, ...program }],
      ['deleted', { portId: 9, ...program }],
      ['expired', undefined],
      ['deleted', { portId: 9, ...program }],
      ['deleted', { portId: 8, ...program }],
    ]);
    expect(table.looks).toEqual([9, 8]);
    await vi.advanceTimersByTimeAsync(5001);
    table.put(deleted(6, 9));
    await turn();
    expect(table.looks).toEqual([9, 8, 9]);
    await recorder.close();
  });

  test.each([
    ['has ended', undefined],
    ['may not be looked at', new Error('EACCES')],
  ])('and %s: its port id alone', async (_, origin) => {
    const table = new PlayedHandle();
    table.origin = origin;
    const { recorder, records } = table.record();
    await turn();
    table.put(deleted(1, 9));
    await turn();
    expect(records[0]).toMatchObject({ outcome: 'deleted', deletedBy: { portId: 9 } });
    await recorder.close();
  });
});

describe('notices', () => {
  const on = { accounting: true, timestamps: true };

  test.each([
    [on, 'all', []],
    [{ ...on, accounting: false }, 'all', ['accounting-off']],
    [{ ...on, timestamps: false }, 'all', ['timestamps-off']],
    [on, 'none', ['events-off']],
    [on, 'since-listening', ['older-flows-silent']],
    [on, 'unknown', ['settings-unreadable']],
    [new Error('EACCES'), 'all', ['settings-unreadable']],
    [
      { accounting: false, timestamps: false },
      'none',
      ['accounting-off', 'timestamps-off', 'events-off'],
    ],
  ])('of %o, %s: %j', async (settings, coverage, codes) => {
    const table = new PlayedHandle();
    table.settings = settings;
    table.events.coverage = coverage;
    const { recorder, records } = table.record();
    await turn();
    expect(shortly(records)).toEqual(codes.map((code) => `notice ${code}`));
    for (const record of records) {
      if (record.type !== 'notice' || record.setting === undefined) continue;
      expect(record.message).toContain(`Set ${record.setting} to ${record.suggested}`);
    }
    await recorder.close();
  });

  it('that the reliable mode has ended', async () => {
    const table = new PlayedHandle();
    const { recorder, records } = table.record({ reliable: true });
    await turn();
    table.put({ type: 'reliability-ended', entries: 80, maxEntries: 100 });
    await turn();
    expect(records).toMatchObject([{ code: 'reliability-ended' }]);
    expect(records[0]).toHaveProperty('message', expect.stringContaining('80 entries of 100'));
    await recorder.close();
  });
});

describe('resume', () => {
  const openFlow = async () => {
    const table = new PlayedHandle(flow(1, 5n), flow(2, 5n));
    const { recorder, records } = table.record({ interval: '1h' });
    await turn();
    await recorder.close();
    return records.filter((record) => record.type === 'flow');
  };

  it.each([
    ['a list', (parts: FlowPart[]) => parts],
    [
      'a stream',
      async function* (parts: FlowPart[]) {
        yield* parts;
      },
    ],
  ])('of %s: reports the gap, goes on with what was open, ends what is gone', async (_, as) => {
    const open = as(await openFlow());
    const table = new PlayedHandle(flow(1, 8n), flow(3, 1n));
    const until = new Date(Date.now() - 60_000);
    const { recorder, records } = table.record({
      resume: { history: async () => ({ until, open }) },
    });
    table.tell(['destroy', flow(1, 9n)]);
    await turn();
    expect(records[0]).toEqual({ type: 'gap', from: until, to: expect.any(Date) as Date });
    expect(shortly(records.slice(1))).toEqual(['1 expired 9', '2 unobserved 5 not-recorded']);
    expect(records[1]).toMatchObject({ part: 2, traffic: { original: { packets: 4 } } });
    await recorder.close();
  });

  it('of an empty archive: as without one', async () => {
    const table = new PlayedHandle(flow(1, 8n));
    const { recorder, records } = table.record({
      interval: '1h',
      resume: { history: async () => undefined },
    });
    await turn();
    expect(shortly(records)).toEqual(['1 open 8']);
    await recorder.close();
  });

  it('of an archive from the future, as after a clock was set back: a gap of no time', async () => {
    const table = new PlayedHandle();
    const until = new Date(Date.now() + 3_600_000);
    const { recorder, records } = table.record({
      resume: { history: async () => ({ until, open: [] }) },
    });
    await turn();
    expect(shortly(records)).toEqual(['gap 0']);
    await recorder.close();
  });

  it('fails with the archive', async () => {
    const table = new PlayedHandle();
    const { ended } = table.record({ resume: { history: () => Promise.reject(new Error('EIO')) } });
    await expect(ended).rejects.toThrow('EIO');
    expect(table.events.isClosed).toBe(true);
  });

  it.each(['close', 'abort', 'abort before'])(
    'waits no longer for the archive: %s',
    async (end) => {
      const table = new PlayedHandle();
      const controller = new AbortController();
      if (end === 'abort before') controller.abort(new Error('enough'));
      const { recorder, ended } = table.record({
        resume: { history: () => new Promise(() => undefined) },
        signal: controller.signal,
      });
      if (end === 'close') {
        await recorder.close();
        await ended;
      } else {
        controller.abort(new Error('enough'));
        await expect(ended).rejects.toThrow('enough');
      }
      expect(table.events.isClosed).toBe(true);
    },
  );

  it('takes over no more flows once it has ended', async () => {
    const [part] = await openFlow();
    const table = new PlayedHandle();
    let taken = 0;
    const { recorder, ended } = table.record({
      resume: {
        history: async () => ({
          until: new Date(),
          open: (async function* () {
            for (;;) {
              if (++taken === 3) void recorder.close();
              yield part as FlowPart;
            }
          })(),
        }),
      },
    });
    await ended;
    expect(taken).toBe(3);
  });
});

describe('finish()', () => {
  it('takes in what the kernel has sent, and ends the loop', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    const { recorder, records, ended } = table.record();
    await turn();
    table.tell(['destroy', flow(1, 7n)]);
    recorder.finish();
    recorder.finish();
    await ended;
    expect(shortly(records)).toEqual(['1 expired 7', 'notice finished']);
    expect(table.dumps).toHaveLength(1);
    expect(table.events.isClosed).toBe(true);
  });

  it('makes a last part of open flows, with an interval', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    const { recorder, records, ended } = table.record({ interval: '1h' });
    await turn();
    table.flows = [flow(1, 6n)];
    recorder.finish();
    await ended;
    expect(shortly(records)).toEqual(['1 open 5', '1 open 6', 'notice finished']);
  });

  it('looks for what is gone where events are lost', async () => {
    const table = new PlayedHandle(flow(1, 5n), flow(2, 5n));
    const { recorder, records, ended } = table.record();
    await turn();
    table.flows = [flow(2, 5n)];
    table.put({ type: 'lost', cause: 'kernel', count: 1 });
    recorder.finish();
    await ended;
    expect(shortly(records)).toEqual(['lost 1 kernel', '1 unobserved 5 lost', 'notice finished']);
  });

  it('before it has begun: compares an archive with the table', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    const { recorder, records, ended } = table.record();
    recorder.finish();
    await ended;
    expect(shortly(records)).toEqual(['notice finished']);
    expect(table.dumps).toHaveLength(1);
  });
});

describe('the end', () => {
  it('by close(), while it waits', async () => {
    const table = new PlayedHandle();
    const { recorder, ended } = table.record();
    await turn();
    await recorder.close();
    await recorder.close();
    await ended;
    expect(table.events.isClosed).toBe(true);
  });

  it('by close(), while it reads the table', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    const { recorder, records, ended } = table.record({ interval: '1s' });
    table.meanwhile = (batch) => (batch === 1 ? recorder.close() : undefined);
    await turn();
    await ended;
    expect(shortly(records)).toEqual(['1 open 5']);
  });

  it('by the end of the events while a reading waits for them: no flow is gone', async () => {
    const table = new PlayedHandle(flow(1, 5n));
    const { records, ended } = table.record();
    await turn();
    table.flows = [];
    table.meanwhile = (batch) => (batch === 1 ? table.events.close() : undefined);
    table.put({ type: 'lost', cause: 'kernel', count: 1 });
    await vi.advanceTimersByTimeAsync(1);
    await ended;
    expect(shortly(records)).toEqual(['lost 1 kernel']);
  });

  it('by leaving the loop', async () => {
    const table = new PlayedHandle();
    const recorder = recordFlows({ conntrack: table as never });
    table.tell(['destroy', flow(1, 1n)]);
    for await (const record of recorder) {
      expect(record.type).toBe('flow');
      break;
    }
    expect(table.events.isClosed).toBe(true);
  });

  it('by an error of the events', async () => {
    const table = new PlayedHandle();
    const { ended } = table.record();
    await turn();
    table.events.put(new Error('ENOBUFS'));
    await expect(ended).rejects.toThrow('ENOBUFS');
    expect(table.events.isClosed).toBe(true);
  });

  it('by an error of a reading', async () => {
    const table = new PlayedHandle();
    table.meanwhile = () => Promise.reject(new Error('EPERM'));
    const { ended } = table.record();
    await expect(ended).rejects.toThrow('EPERM');
    expect(table.events.isClosed).toBe(true);
  });

  it('by the signal, which ends a reading', async () => {
    const table = new PlayedHandle(flow(1, 1n));
    const controller = new AbortController();
    const { signal } = controller;
    table.meanwhile = () => {
      controller.abort(new Error('enough'));
    };
    const { ended } = table.record({ signal });
    await expect(ended).rejects.toThrow('enough');
    expect(table.watched).toHaveProperty('signal', signal);
  });

  it('for good', async () => {
    const table = new PlayedHandle();
    const recorder = recordFlows({ conntrack: table as never });
    await recorder.close();
    const records = recorder.batches();
    expect(await records.next()).toEqual({ value: undefined, done: true });
  });
});

it('can be read once, one read at a time', async () => {
  const table = new PlayedHandle();
  const recorder = recordFlows({ conntrack: table as never });
  const batches = recorder.batches();
  expect(() => recorder.batches()).toThrow(/once/);
  const [first, second] = [batches.next(), batches.next()];
  await expect(second).rejects.toThrow(/pending/);
  await recorder.close();
  expect(await first).toEqual({ value: undefined, done: true });
});

test.each([
  [
    { interval: '1w' },
    /^options\.interval: must be milliseconds, or a number with ms, s, m, h or d/,
  ],
  [{ interval: '-1s' }, /^options\.interval: must be milliseconds/],
  [{ interval: 999 }, /^options\.interval: must be from 1000 ms to/],
  [{ interval: Number.NaN }, /^options\.interval: must be from 1000 ms to/],
  [{ interval: '900h' }, /^options\.interval: must be from 1000 ms to/],
  [{ filter: { mark: 1 } }, /^options\.filter\.mark: may change while a flow lives; record the/],
  [{ resume: {} }, /^options\.resume: must be an archive of flows/],
  [{ conntrack: {} }, /^options\.conntrack: must be a Conntrack/],
  [{ reliable: 1 }, /^options\.reliable: must be/],
  [{ every: 1 }, /^options\.every: /],
])('refuses %o', (options, message) => {
  expect(() => recordFlows(options as FlowLogOptions)).toThrow(message);
});
