/** What is too old or too much goes, a few rows at a time; what a recorder needs to go on stays. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import type { FlowPart } from '../../src/flow-log/flow-log.js';
import { describeWithEngine, folder, open, sql } from './engine.js';
import { part, parts, T0 } from './records.js';

const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

describeWithEngine('what is kept', () => {
  test('is not too old, but for the last parts of open flows', async () => {
    vi.useFakeTimers({ now: T0, toFake: ['Date'] });
    await using database = await open({ keepFor: '1h' });
    const open_ = parts(5, 5000, { outcome: 'open', to: new Date(T0) });
    await database.write([...parts(3000), ...open_, lost(T0)]);
    expect([...database.flows()]).toHaveLength(3005);
    vi.setSystemTime(T0 + HOUR + 2000);
    await database.write([]);
    // A write deletes some of them.
    expect([...database.flows()]).toHaveLength(3005 - LIMITS.flowsInDeletion);
    await database.write([part({ flow: 'new', to: new Date() })]);
    await database.write([]);
    const left = [...database.flows()].map(({ flow }) => flow);
    // run-2000 to run-2999 are not older than an hour.
    expect(left).toHaveLength(1 + 1000 + 5);
    expect(left).toEqual(
      expect.arrayContaining(['new', 'run-2000', ...open_.map(({ flow }) => flow)]),
    );
    expect(database.notes()).toEqual([]);
    // One of them ends, and leaves its part behind: it goes when the look begins anew.
    await database.write([part({ flow: 'run-5000', part: 2, to: new Date() })]);
    vi.setSystemTime(T0 + 2 * HOUR);
    await database.write([]);
    await database.write([]);
    const parts_ = [...database.flows()].filter(({ flow }) => flow === 'run-5000');
    expect(parts_.map(({ part: number }) => number)).toEqual([2]);
    expect((await openFlows(database)).sort()).toEqual(
      [5001, 5002, 5003, 5004].map((n) => `run-${n}`),
    );
  });

  test('grows old where nothing is written', async () => {
    vi.useFakeTimers({ now: T0 });
    await using database = await open({ keepFor: '1h' });
    await database.write(parts(3000));
    vi.advanceTimersByTime(HOUR);
    expect([...database.flows()]).toHaveLength(3000);
    // A look a minute; while there is more, ten a second.
    vi.advanceTimersByTime(LIMITS.databaseIdleMs + 10 * LIMITS.databaseRestMs);
    expect([...database.flows()]).toEqual([]);
    await database.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('has no more bytes than it may, and the file neither', async () => {
    const path = join(folder(), 'flows.db');
    const most = 2 ** 20;
    await using database = await open({ path, keepBytes: most });
    const sizes: number[] = [];
    for (let first = 0; first < 20_000; first += 1000) {
      await database.write(parts(1000, first));
      const [{ pages } = {}] = sql(
        path,
        'SELECT page_count * page_size AS pages FROM pragma_page_count, pragma_page_size',
      );
      sizes.push(Number(pages));
    }
    // A write may go beyond by what it writes.
    expect(Math.max(...sizes)).toBeLessThan(most + 1000 * 600);
    const flows = [...database.flows()].map(({ flow }) => flow);
    expect(flows.length).toBeGreaterThan(1000);
    // The newest.
    expect(flows).toEqual(Array.from(flows, (_, index) => `run-${19_999 - index}`));
  });

  test('a smaller limit gives pages back to the disk', async () => {
    const path = join(folder(), 'flows.db');
    const large = await open({ path });
    for (let first = 0; first < 20_000; first += 5000) await large.write(parts(5000, first));
    await large.close();
    const before = statSync(path).size;
    const small = await open({ path, keepBytes: 2 ** 20 });
    for (let write = 0; write < 60; write++) await small.write([]);
    await small.close();
    expect(before).toBeGreaterThan(4 * 2 ** 20);
    expect(statSync(path).size).toBeLessThan(2 * 2 ** 20);
  });

  test('open flows stay, though they are too many', async () => {
    await using database = await open({ keepBytes: 2 ** 20 });
    for (let first = 0; first < 6000; first += 1000) {
      await database.write(parts(1000, first, { outcome: 'open' }));
    }
    await database.write(parts(100, 9000));
    await database.write([]);
    expect(await openFlows(database)).toHaveLength(6000);
    expect([...database.flows()].every(({ outcome }) => outcome === 'open')).toBe(true);
  });

  function lost(at: number) {
    return { type: 'lost', cause: 'kernel', count: 1, at: new Date(at) } as const;
  }

  async function openFlows(database: Awaited<ReturnType<typeof open>>): Promise<string[]> {
    const found: FlowPart[] = [];
    for await (const one of (await database.history())?.open ?? []) found.push(one);
    return found.map(({ flow }) => flow);
  }
});
