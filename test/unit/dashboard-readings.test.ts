/**
 * What examples/dashboard makes of the table: a reading beside the one before, and what it keeps.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FlowCounters } from '../../examples/dashboard/flow-counters.js';
import { History } from '../../examples/dashboard/history.js';
import { largest } from '../../examples/dashboard/largest.js';
import { Monitor } from '../../examples/dashboard/monitor.js';
import { type Survey, Surveyor } from '../../examples/dashboard/survey.js';
import { PlayedTable } from '../support/played-dashboard.js';

const { signal } = new AbortController();

afterEach(() => {
  vi.restoreAllMocks();
});

/** A clock that the test moves, in milliseconds. */
function playedClock() {
  const clock = { now: 1000 };
  vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
  return clock;
}

describe('a survey', () => {
  const readTwice = async (change: (table: PlayedTable) => void, milliseconds: number) => {
    const clock = playedClock();
    const table = new PlayedTable();
    table.flows = [
      { source: '10.0.0.1', port: 1, state: 'ESTABLISHED', bytes: 1000 },
      { source: '10.0.0.1', port: 2, state: 'SYN_SENT', bytes: 500 },
      { source: '10.0.0.2', port: 3, bytes: 300 },
    ];
    const surveyor = new Surveyor(table);
    const first = await surveyor.survey(3, signal);
    change(table);
    clock.now += milliseconds;
    return { first, second: await surveyor.survey(3, signal) };
  };

  it('knows no rate and no new flow after the first reading', async () => {
    const { first } = await readTwice(() => undefined, 1000);
    expect(first).toMatchObject({
      flows: 3,
      uncounted: 0,
      bytesPerSecond: null,
      packetsPerSecond: null,
      began: null,
      ended: null,
      states: [
        { name: 'tcp ESTABLISHED', flows: 1 },
        { name: 'tcp SYN_SENT', flows: 1 },
        { name: 'udp unreplied', flows: 1 },
      ],
      otherStates: 0,
    });
    expect(first.byFlows).toEqual([
      { source: '10.0.0.1', flows: 2, bytesPerSecond: null, packetsPerSecond: null },
      { source: '10.0.0.2', flows: 1, bytesPerSecond: null, packetsPerSecond: null },
    ]);
  });

  it('measures what was counted since, and which flows began and ended', async () => {
    const { second } = await readTwice((table) => {
      table.flows = [
        { source: '10.0.0.1', port: 1, state: 'ESTABLISHED', bytes: 3000 },
        { source: '10.0.0.2', port: 3, bytes: 9300 },
        { source: '10.0.0.3', port: 4, bytes: 400 },
        { source: '10.0.0.3', port: 5, bytes: 600 },
        { source: '10.0.0.3', port: 6, bytes: 0 },
      ];
    }, 2000);
    expect(second).toMatchObject({ flows: 5, began: 1.5, ended: 0.5 });
    expect(second.bytesPerSecond).toBe((2000 + 9000 + 1000) / 2);
    expect(second.packetsPerSecond).toBe((20 + 90 + 10) / 2);
    expect(second.byRate).toEqual([
      { source: '10.0.0.2', flows: 1, bytesPerSecond: 4500, packetsPerSecond: 45 },
      { source: '10.0.0.1', flows: 1, bytesPerSecond: 1000, packetsPerSecond: 10 },
      { source: '10.0.0.3', flows: 3, bytesPerSecond: 500, packetsPerSecond: 5 },
    ]);
    expect(second.byFlows.map(({ source }) => source)).toEqual([
      '10.0.0.3',
      '10.0.0.2',
      '10.0.0.1',
    ]);
  });

  it('takes smaller counters for those of a newer flow', async () => {
    const { second } = await readTwice((table) => {
      table.flows = [{ source: '10.0.0.1', port: 1, state: 'ESTABLISHED', bytes: 100 }];
    }, 1000);
    expect(second.bytesPerSecond).toBe(100);
  });

  it('does not know what is not counted', async () => {
    const { second } = await readTwice((table) => {
      table.flows = [
        { source: '10.0.0.7', port: 7 },
        { source: '10.0.0.7', port: 8 },
        { source: '10.0.0.8', port: 9 },
      ];
    }, 1000);
    expect(second).toMatchObject({
      uncounted: 3,
      bytesPerSecond: null,
      packetsPerSecond: null,
      began: 3,
      ended: 3,
    });
    expect(second.byRate).toEqual([
      { source: '10.0.0.7', flows: 2, bytesPerSecond: null, packetsPerSecond: null },
      { source: '10.0.0.8', flows: 1, bytesPerSecond: null, packetsPerSecond: null },
    ]);
  });

  it('of an empty table has no traffic', async () => {
    const { second } = await readTwice((table) => {
      table.flows = [];
    }, 1000);
    expect(second).toMatchObject({ flows: 0, bytesPerSecond: 0, packetsPerSecond: 0, ended: 3 });
  });

  it('counts a flow once that a reading repeats', async () => {
    const { second } = await readTwice((table) => {
      table.flows = [...table.flows, ...table.flows.slice(0, 1)];
    }, 1000);
    expect(second).toMatchObject({ flows: 3, began: 0, ended: 0 });
  });

  it('compares with nothing after it has forgotten', async () => {
    const table = new PlayedTable();
    table.flows = [{ source: '10.0.0.1', port: 1, bytes: 1 }];
    const surveyor = new Surveyor(table);
    await surveyor.survey(1, signal);
    surveyor.forget();
    expect(await surveyor.survey(1, signal)).toMatchObject({ began: null, ended: null });
  });

  it('tells 100,000 sources apart, and counts the flows of others', async () => {
    const table = new PlayedTable();
    table.flows = Array.from({ length: 100_003 }, (_, port) => ({ source: `${port}`, port }));
    const survey: Survey = await new Surveyor(table).survey(0, signal);
    expect(survey).toMatchObject({ flows: 100_003, unnamed: 3 });
    expect(survey.byFlows).toHaveLength(10);
  });
});

describe('what is kept', () => {
  it('counters of more flows than were expected', () => {
    const counters = new FlowCounters(0);
    for (let id = 1; id <= 5000; id++) expect(counters.add(id, 1, id, 2 * id, 3 * id)).toBe(true);
    expect(counters.add(7, 1, 0, 0, 0)).toBe(false);
    expect(counters.add(7, 2, 0, 0, 0)).toBe(true);
    expect(counters.size).toBe(5001);
    for (let id = 1; id <= 5000; id++) {
      const slot = counters.find(id, 1);
      const { bytes, packets, times } = counters;
      expect([bytes[slot], packets[slot], times[slot]]).toEqual([id, 2 * id, 3 * id]);
    }
    expect(counters.find(5001, 1)).toBe(-1);
  });

  it('the last rows of a history, the oldest first', () => {
    const history = new History(['time', 'value'], 3);
    expect(history.toJSON()).toEqual({ time: [], value: [] });
    history.add({ time: 1, value: null });
    expect(history.toJSON()).toEqual({ time: [1], value: [null] });
    for (let time = 2; time <= 7; time++) history.add({ time, value: 10 * time });
    expect(history.toJSON()).toEqual({ time: [5, 6, 7], value: [50, 60, 70] });
  });

  it('the largest, of equals the first one', () => {
    const all = Array.from({ length: 50 }, (_, index) => [index, index % 10] as const);
    expect(largest(3, all, (value) => value).map(([name]) => name)).toEqual([9, 19, 29]);
    expect(largest(3, all.slice(0, 2), (value) => value)).toEqual([
      [1, 1],
      [0, 0],
    ]);
    const second = largest(
      2,
      [['a', [1, 1]] as const, ['b', [1, 2]] as const],
      ([one = 0]) => one,
      ([, two = 0]) => two,
    );
    expect(second.map(([name]) => name)).toEqual(['b', 'a']);
  });
});

describe('the monitor', () => {
  function monitorOf(table: PlayedTable, watch: { isWatched: boolean }) {
    const ending = new AbortController();
    const waiting = new Set<() => void>();
    const monitor = new Monitor({
      table,
      intervalMs: 1,
      isWatched: () => watch.isWatched,
      show: () => {
        for (const look of waiting) look();
      },
    });
    const ended = monitor.run(ending.signal);
    return {
      monitor,
      until: async (condition: () => boolean) => {
        await new Promise<void>((resolve) => {
          const look = () => {
            if (!condition()) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
        });
      },
      end: async () => {
        ending.abort();
        await ended;
      },
    };
  }

  it('samples always, and reads the table only while somebody looks', async () => {
    const table = new PlayedTable();
    const watch = { isWatched: false };
    const { monitor, until, end } = monitorOf(table, watch);
    await until(() => table.calls.samples > 20);
    expect(table.calls).toMatchObject({ readings: 0, diagnoses: 0 });
    expect(monitor.moment).toMatchObject({ survey: null, diagnosis: null });
    watch.isWatched = true;
    monitor.wake();
    await until(() => table.calls.readings > 3);
    expect(table.calls.diagnoses).toBe(1);
    expect(monitor.moment.survey?.value?.began).toBeDefined();
    watch.isWatched = false;
    // For half a minute it goes on: the page may be reloaded.
    const later = table.calls.readings + 3;
    await until(() => table.calls.readings > later);
    const real = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => real() + 30_001);
    await until(() => monitor.moment.survey === null);
    const { readings, samples } = table.calls;
    await until(() => table.calls.samples > samples + 20);
    expect(table.calls.readings).toBe(readings);
    expect(monitor.moment.diagnosis).toBeNull();
    await end();
  });

  it('goes on after a failure, and says what failed', async () => {
    const table = new PlayedTable();
    table.failures = {
      pressure: new Error('no counters'),
      table: new Error('no table'),
      diagnosis: new Error('no findings'),
    };
    const { monitor, until, end } = monitorOf(table, { isWatched: true });
    await until(() => monitor.moment.diagnosis !== null && table.calls.samples > 3);
    expect(monitor.moment).toMatchObject({
      pressure: { problem: 'no counters' },
      survey: { problem: 'no table' },
      diagnosis: { problem: 'no findings' },
    });
    expect(monitor.load.toJSON().entries.slice(0, 3)).toEqual([null, null, null]);
    // What cannot be read is not asked for all the time.
    expect(table.calls.readings).toBe(1);
    table.failures = {};
    table.entries = 5;
    await until(() => monitor.moment.pressure?.value?.entries === 5);
    await end();
  });

  it('rests nine times as long as it reads', async () => {
    const table = new PlayedTable();
    const reads: number[] = [];
    const read = table.streamEntries.bind(table);
    vi.spyOn(table, 'streamEntries').mockImplementation(() => {
      const began = performance.now();
      reads.push(began);
      while (performance.now() < began + 20);
      return read();
    });
    const { until, end } = monitorOf(table, { isWatched: true });
    await until(() => reads.length === 3);
    const [first = 0, second = 0, third = 0] = reads;
    expect(second - first).toBeGreaterThan(195);
    expect(third - second).toBeGreaterThan(195);
    await end();
  });
});
