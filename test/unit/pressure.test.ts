import { getEventListeners } from 'node:events';
import { readPressure, watchPressure } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import {
  makeSample,
  type PressureSample,
  samplePressure,
  watchPressureOf,
} from '../../src/health/pressure.js';
import { Context } from '../../src/request/context.js';

const THRESHOLDS = { elevatedAt: 0.7, criticalAt: 0.85 };

/** A sample of a table of at most 1,000 entries, so many seconds after the beginning. */
function sample(
  seconds: number,
  entries: number,
  previous?: PressureSample,
  counters: Record<string, number> = {},
  maxEntries = 1000,
  thresholds = THRESHOLDS,
): PressureSample {
  const now = { time: new Date(seconds * 1000), monotonicSeconds: 100 + seconds };
  const load = { entries, maxEntries, buckets: 256, total: { ...counters, other: {} } };
  return makeSample(load, now, thresholds, previous);
}

/** The levels of a table that is filled and emptied like this, one second a step. */
function levels(...entries: number[]): string[] {
  return levelsAt(THRESHOLDS, ...entries);
}

function levelsAt(thresholds: typeof THRESHOLDS, ...entries: number[]): string[] {
  let previous: PressureSample | undefined;
  return entries.map((count, second) => {
    previous = sample(second, count, previous, {}, 1000, thresholds);
    return previous.level;
  });
}

describe('a sample', () => {
  it('alone has no rates', () => {
    expect(sample(0, 250, undefined, { drop: 7, invalid: 0 })).toEqual({
      time: new Date(0),
      monotonicSeconds: 100,
      entries: 250,
      maxEntries: 1000,
      buckets: 256,
      utilization: 0.25,
      level: 'normal',
      dropped: { total: 7 },
      invalid: { total: 0 },
    });
  });

  it('has no buckets where they cannot be read', () => {
    const load = { entries: 1, maxEntries: 2, buckets: undefined, total: { other: {} } };
    const now = { time: new Date(0), monotonicSeconds: 100 };
    expect(makeSample(load, now, THRESHOLDS, undefined)).not.toHaveProperty('buckets');
  });

  it('has rates since the previous one', () => {
    const first = sample(0, 500, undefined, { drop: 10, earlyDrop: 0 });
    const second = sample(4, 600, first, { drop: 30, earlyDrop: 2, chainTooLong: 1 });
    expect(second).toMatchObject({
      intervalSeconds: 4,
      growthPerSecond: 25,
      secondsUntilFull: 16,
      dropped: { total: 30, delta: 20, perSecond: 5 },
      earlyDropped: { total: 2, delta: 2, perSecond: 0.5 },
      // This kernel has begun to count it: from where is not known.
      chainTooLong: { total: 1 },
    });
    expect(second).not.toHaveProperty('insertFailed');
    expect(second.chainTooLong).toEqual({ total: 1 });
  });

  it('of a table that does not grow says nothing of when it is full', () => {
    const first = sample(0, 500);
    for (const entries of [500, 400]) {
      expect(sample(1, entries, first)).not.toHaveProperty('secondsUntilFull');
    }
    expect(sample(1, 400, first).growthPerSecond).toBe(-100);
    expect(sample(1, 1001, first).secondsUntilFull).toBe(0);
  });

  it('of a table without a limit is never full', () => {
    const first = sample(0, 500, undefined, {}, 0);
    const second = sample(1, 900, first, {}, 0);
    expect(second).toMatchObject({ utilization: 0, level: 'normal', growthPerSecond: 400 });
    expect(second).not.toHaveProperty('secondsUntilFull');
  });

  it('of the same moment, or of before a restart, gives no rates', () => {
    const later = sample(10, 500, undefined, { drop: 1 });
    for (const seconds of [10, 3]) {
      const next = sample(seconds, 600, later, { drop: 5 });
      expect(next).not.toHaveProperty('growthPerSecond');
      expect(next.dropped).toEqual({ total: 5 });
    }
  });

  it.each([
    ['wrapped', 2 ** 32 - 6, 5, 11],
    ['wrapped on one of several processors', 2 ** 33 - 6, 2 ** 32 + 5, 11],
    ['begun anew', 1000, 3, 3],
    ['begun anew at 0', 1000, 0, 0],
    ['stood still', 1000, 1000, 0],
    ['come far', 10, 2 ** 32 - 1, 2 ** 32 - 11],
    ['wrapped after half its range', 2 ** 31 + 5, 5, 2 ** 31],
    ['begun anew, or wrapped after more', 2 ** 31 + 4, 5, 5],
  ])('a counter that has %s', (_, before, now, delta) => {
    const first = sample(0, 1, undefined, { drop: before });
    expect(sample(1, 1, first, { drop: now }).dropped?.delta).toBe(delta);
  });

  it('has the moment on both clocks', async () => {
    const load = { entries: 1, maxEntries: 2, buckets: undefined, total: { other: {} } };
    const { time, monotonicSeconds } = await samplePressure({ readLoad: async () => load });
    expect(Math.abs(Date.now() - time.getTime())).toBeLessThan(60_000);
    const now = Number(process.hrtime.bigint()) / 1e9;
    expect(Math.abs(now - monotonicSeconds)).toBeLessThan(60);
  });

  it('survives JSON as the previous one', () => {
    const saved = JSON.parse(JSON.stringify(sample(0, 500))) as PressureSample;
    expect(sample(2, 600, saved).growthPerSecond).toBe(50);
  });
});

describe('the level', () => {
  it('begins at its threshold', () => {
    expect(levels(0, 699, 700, 849, 850, 1000)).toEqual([
      'normal',
      'normal',
      'elevated',
      'elevated',
      'critical',
      'critical',
    ]);
  });

  it('ends 0.05 below it', () => {
    expect(levels(850, 800, 799, 700, 650, 649, 699)).toEqual([
      'critical',
      'critical',
      'elevated',
      'elevated',
      'elevated',
      'normal',
      'normal',
    ]);
    expect(levels(900, 660)).toEqual(['critical', 'elevated']);
    expect(levels(900, 0)).toEqual(['critical', 'normal']);
  });

  it('ends at half of a small one', () => {
    const thresholds = { elevatedAt: 0.02, criticalAt: 0.09 };
    expect(levelsAt(thresholds, 90, 45, 44, 10, 9)).toEqual([
      'critical',
      'critical',
      'elevated',
      'elevated',
      'normal',
    ]);
  });
});

describe('watching', () => {
  /** A table that is read in steps. */
  function source(...entries: number[]) {
    let reads = 0;
    return {
      get reads() {
        return reads;
      },
      readLoad: async () => ({
        entries: entries[reads++] ?? 0,
        maxEntries: 1000,
        buckets: 256,
        total: { other: {} },
      }),
    };
  }

  it('gives the first sample at once, and each with rates since the one before', async () => {
    // Within the patience of the test.
    const patient = watchPressureOf(new Context(), source(1), { intervalMs: 2 ** 31 - 1 });
    expect((await patient.next()).value?.entries).toBe(1);
    await patient.return(undefined);

    const samples = watchPressureOf(new Context(), source(100, 900, 0), { intervalMs: 20 });
    const began = performance.now();
    const { value: first } = await samples.next();
    expect(first).not.toHaveProperty('intervalSeconds');
    const { value: second } = await samples.next();
    expect(performance.now() - began).toBeGreaterThan(18); // timers may be a little early
    expect(second?.level).toBe('critical');
    expect(second?.intervalSeconds).toBeGreaterThan(0);
    expect((await samples.next()).value?.growthPerSecond).toBeLessThan(0);
    expect(await samples.return(undefined)).toEqual({ value: undefined, done: true });
    expect(await samples.next()).toEqual({ value: undefined, done: true });
  });

  it('does nothing before the first read, and nothing after the loop was left', async () => {
    const table = source(1, 2, 3, 4);
    watchPressureOf(new Context(), table, { intervalMs: 1 });
    for await (const { entries } of watchPressureOf(new Context(), table, { intervalMs: 1 })) {
      if (entries === 2) break;
    }
    expect(table.reads).toBe(2);
  });

  it('does not hurry to catch up with a slow loop', async () => {
    const table = source();
    const samples = watchPressureOf(new Context(), table, { intervalMs: 30 });
    await samples.next();
    for (const end = performance.now() + 100; performance.now() < end; );
    const late = performance.now();
    // One at once, and two at their intervals; those that were missed do not come.
    for (let i = 0; i < 3; i++) await samples.next();
    expect(performance.now() - late).toBeGreaterThan(55);
    await samples.return(undefined);
  });

  it('ends with its signal: a pending read rejects with the reason', async () => {
    const controller = new AbortController();
    const options = { intervalMs: 60_000, signal: controller.signal };
    const samples = watchPressureOf(new Context(), source(1), options);
    await samples.next();
    const pending = samples.next();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(await samples.next()).toEqual({ value: undefined, done: true });
  });

  it.each(['left', 'ended by an error'])(
    'leaves nothing on its signal when it is %s',
    async (how) => {
      const { signal } = new AbortController();
      const table = source(1);
      const samples = watchPressureOf(new Context(), table, { intervalMs: 1, signal });
      await samples.next();
      expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0);
      table.readLoad = () => Promise.reject(new Error('refused'));
      if (how === 'left') await samples.return(undefined);
      else await expect(samples.next()).rejects.toThrow('refused');
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    },
  );

  it('ends with its handle', async () => {
    const context = new Context();
    const samples = watchPressureOf(context, source(1), { intervalMs: 60_000 });
    const unread = watchPressureOf(context, source(1), {});
    await samples.next();
    const closed = { code: 'ERR_CONNTRACK_CLOSED', operation: 'watchPressure' };
    const pending = expect(samples.next()).rejects.toMatchObject(closed);
    await context.close();
    await pending;
    expect(await samples.next()).toEqual({ value: undefined, done: true });
    await expect(unread.next()).rejects.toMatchObject(closed);
  });

  it('with a signal that has aborted reads nothing', async () => {
    const table = source(1);
    const samples = watchPressureOf(new Context(), table, { signal: AbortSignal.abort('over') });
    await expect(samples.next()).rejects.toBe('over');
    expect(table.reads).toBe(0);
  });

  it('ends with an error of the table', async () => {
    const refused = new Error('refused');
    const table = { ...source(), readLoad: () => Promise.reject(refused) };
    const samples = watchPressureOf(new Context(), table, {});
    await expect(samples.next()).rejects.toBe(refused);
    expect(await samples.next()).toEqual({ value: undefined, done: true });
  });
});

describe('options', () => {
  test.each([{ criticalAt: 1 }, { elevatedAt: 0.8, criticalAt: 0.8 }, { intervalMs: 1 }])(
    'may be %j',
    async (options) => {
      const samples = watchPressure(options);
      await samples.return(undefined);
    },
  );

  test.each<[string, unknown]>([
    ['options', 5],
    ['options', null],
    ['options.interval', { interval: 5 }],
    ['options.intervalMs', { intervalMs: '5' }],
    ['options.intervalMs', { intervalMs: 0 }],
    ['options.intervalMs', { intervalMs: Number.NaN }],
    ['options.intervalMs', { intervalMs: 2 ** 31 }],
    ['options.signal', { signal: {} }],
    ['options.elevatedAt', { elevatedAt: '0.5' }],
    ['options.elevatedAt', { elevatedAt: 0 }],
    ['options.criticalAt', { criticalAt: 1.1 }],
    ['options.elevatedAt', { elevatedAt: 0.9 }],
  ])('of watchPressure: %s is refused at once', (field, options) => {
    expect(() => watchPressure(options as object)).toThrow(`${field}: `);
  });

  test.each<[string, unknown]>([
    ['options.intervalMs', { intervalMs: 5 }],
    ['options.previous', { previous: 5 }],
    ['options.previous.monotonicSeconds', { previous: { entries: 5 } }],
    ['options.previous.entries', { previous: { entries: -1, monotonicSeconds: 1 } }],
    ['options.previous.entries', { previous: { entries: Number.POSITIVE_INFINITY } }],
    ['options.criticalAt', { criticalAt: Number.NaN }],
  ])('of readPressure: %s is refused', async (field, options) => {
    await expect(readPressure(options as object)).rejects.toThrow(`${field}: `);
  });
});
