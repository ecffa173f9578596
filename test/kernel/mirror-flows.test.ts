/**
 * What a mirror knows of flows that send no events, of counters, and of a part of the table.
 */
import { setTimeout } from 'node:timers/promises';
import {
  createEntries,
  createEntry,
  deleteEntries,
  type Entry,
  type EntrySpec,
  listEntries,
  type MirrorChange,
  mirrorTable,
  type TableMirror,
  updateEntry,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { isSlow } from '../support/emulation.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { exchangeUdp } from '../support/traffic.js';

/** What a loaded machine adds to each time that is promised. */
const SLACK_MS = isSlow ? 10_000 : 1500;

const flow = (number: number, more: Partial<EntrySpec> = {}) =>
  ({
    protocol: 'udp' as const,
    original: {
      source: `10.1.${number >> 8}.${number & 255}`,
      destination: '192.0.2.1',
      sourcePort: 1000 + number,
      destinationPort: 53,
    },
    timeout: 600,
    ...more,
  }) as EntrySpec & { original: NonNullable<EntrySpec['original']> };

const keyOf = (number: number) => ({ protocol: 'udp', ...flow(number).original }) as const;

async function create(specs: EntrySpec[]): Promise<Entry[]> {
  const results = await createEntries(specs);
  return results.map(({ entry, error }) => {
    if (error !== undefined) throw error;
    return entry;
  });
}

/** The same of flows that send no events, whoever listens on the machine. */
async function createSilent(specs: EntrySpec[]): Promise<void> {
  setting('events', 0);
  await create(specs);
  setting('events', 2);
}

/** The changes until the mirror closes. */
function collect(mirror: TableMirror): MirrorChange[] {
  const all: MirrorChange[] = [];
  void (async () => {
    for await (const changes of mirror.changes().batches()) all.push(...changes);
  })();
  return all;
}

describeInNamespace('conntrack', 'nft')('a mirror', () => {
  beforeEach(() => {
    run('conntrack', '-F');
    nft('flush ruleset');
    setting('events', 2);
  });

  test('drops silent flows soon after their time is over', async () => {
    const numbers = Array.from({ length: 2000 }, (_, number) => number);
    const created = performance.now();
    await createSilent(numbers.map((number) => flow(number, { timeout: 2 + (number % 3) })));
    const createdMs = performance.now() - created;
    // No check but that of their timeouts.
    await using mirror = await mirrorTable({ recheckInterval: 60_000 });
    const changes = collect(mirror);
    const { size } = mirror;
    expect(size).toBeGreaterThan(numbers.length / 4);
    expect(mirror.freshness(keyOf(2))).toMatchObject({ sendsEvents: false });
    const late: number[] = [];
    while (mirror.size > 0) {
      await setTimeout(50);
      // A second for the check, one that the kernel rounds up, and the answers.
      const now = performance.now() - created - createdMs - 2000 - SLACK_MS;
      for (const number of numbers) {
        if (now > 1000 * (2 + (number % 3)) && mirror.find(keyOf(number))) late.push(number);
      }
      expect(late).toEqual([]);
    }
    expect(changes.every((change) => change.type === 'removed' && change.synthetic)).toBe(true);
    expect(changes).toHaveLength(size);
    expect(mirror.staleFor).toBe(0);
  });

  test('finds what became of silent flows within its interval', async () => {
    await createSilent(Array.from({ length: 100 }, (_, number) => flow(number)));
    await using mirror = await mirrorTable({ recheckInterval: 300 });
    const changes = collect(mirror);
    await deleteEntries({ original: { source: '10.1.0.5' } });
    const [changed] = await listEntries({ original: { source: '10.1.0.6' } });
    await updateEntry(changed as Entry, { mark: 7 });
    const began = performance.now();
    await expect.poll(() => changes.length, { timeout: 10_000, interval: 10 }).toBe(2);
    expect(performance.now() - began).toBeLessThan(600 + SLACK_MS);
    expect(changes).toMatchObject(
      expect.arrayContaining([
        { type: 'removed', synthetic: true, before: { original: { source: '10.1.0.5' } } },
        { type: 'changed', synthetic: true, before: { mark: 0 }, after: { mark: 7 } },
      ]) as unknown[],
    );
    expect(mirror.find(keyOf(5))).toBeUndefined();
    expect(mirror.find(keyOf(6))?.mark).toBe(7);
    expect(mirror.staleFor).toBeLessThan(600 + SLACK_MS);
  });

  test('tells which flows send events, and counts their timeouts down', async () => {
    await createSilent([flow(1)]);
    await using mirror = await mirrorTable();
    await create([flow(2)]);
    await mirror.caughtUp();
    expect(mirror.freshness(keyOf(1))?.sendsEvents).toBe(false);
    expect(mirror.freshness(keyOf(2))).toMatchObject({ sendsEvents: true });
    expect(mirror.freshness(keyOf(3))).toBeUndefined();
    const before = mirror.find(keyOf(1))?.timeout ?? 0;
    await setTimeout(2100);
    const after = mirror.find(keyOf(1))?.timeout ?? 0;
    expect(before - after).toBeGreaterThanOrEqual(2);
    expect(before - after).toBeLessThan(3 + SLACK_MS / 1000);
    expect(mirror.freshness(keyOf(1))?.confirmedMsAgo).toBeGreaterThan(1900);
    await mirror.refresh();
    expect(mirror.freshness(keyOf(1))?.confirmedMsAgo).toBeLessThan(100 + SLACK_MS);
  });

  test.each([
    [
      'before it opened',
      (set: () => void, open: () => Promise<TableMirror>) => {
        set();
        return open();
      },
    ],
    [
      'later',
      async (set: () => void, open: () => Promise<TableMirror>) => {
        const mirror = await open();
        set();
        return mirror;
      },
    ],
  ])('finds new flows by readings when events were switched off %s', async (_, order) => {
    await using mirror = await order(
      () => setting('events', 0),
      () => mirrorTable({ recheckInterval: 100 }),
    );
    await create([flow(1)]);
    // One check in twenty reads the whole table.
    await expect.poll(() => mirror.size, { timeout: 10_000, interval: 20 }).toBe(1);
    await deleteEntries({ address: '10.1.0.1' });
    await expect.poll(() => mirror.size, { timeout: 10_000, interval: 20 }).toBe(0);
  });

  test('has the counters of the last reading, and those of the end', async () => {
    setting('acct', 1);
    trackLoopback();
    const client = { address: '127.0.0.2', port: 40_000 };
    const server = { address: '127.0.0.3', port: 53 };
    await using mirror = await mirrorTable();
    const changes = collect(mirror);
    await exchangeUdp({ client, server });
    await mirror.caughtUp();
    const key = {
      protocol: 'udp' as const,
      source: server.address,
      sourcePort: server.port,
      destination: client.address,
      destinationPort: client.port,
    };
    expect(mirror.find(key)?.counters).toBeUndefined();
    await mirror.refresh({ port: 53 });
    expect(mirror.find(key)?.counters?.reply.packets).toBe(1);
    await exchangeUdp({ client, server });
    expect(mirror.find(key)?.counters?.reply.packets).toBe(1);
    await mirror.refresh();
    expect(mirror.find(key)?.counters?.reply.packets).toBe(2);
    await updateEntry(mirror.find(key) as Entry, { mark: 3 });
    await deleteEntries({ port: 53 });
    await mirror.caughtUp();
    expect(changes.at(-1)).toMatchObject({
      type: 'removed',
      synthetic: false,
      before: { mark: 3, final: false },
      final: { mark: 3, final: true, counters: { reply: { packets: 2 } } },
    });
  });

  test('of a part of the table has that part alone', async () => {
    const specs = Array.from({ length: 40 }, (_, number) =>
      flow(number, { ...(number % 2 === 0 && { nat: { source: { address: '198.51.100.1' } } }) }),
    );
    await create(specs.slice(0, 20));
    const filter = [
      { original: { source: '10.1.0.0/28' }, protocol: 'udp' as const },
      { reply: { destination: '198.51.100.1' }, not: { address: '10.1.0.32/27' } },
    ];
    await using mirror = await mirrorTable({ filter });
    await create(specs.slice(20));
    await mirror.caughtUp();
    const lines = (entries: Iterable<Entry>) =>
      Array.from(entries, ({ original }) => original.source).sort();
    expect(lines(mirror)).toEqual(lines(await listEntries(filter)));
    // A refresh of other flows adds none.
    await mirror.refresh({ original: { source: '10.1.0.33' } });
    expect(lines(mirror)).toEqual(lines(await listEntries(filter)));
    await mirror.refresh();
    expect(lines(mirror)).toEqual(lines(await listEntries(filter)));
  });

  test('iterates over each flow once, whatever happens between two steps', async () => {
    setting('events', 1);
    await using mirror = await mirrorTable();
    await create(Array.from({ length: 500 }, (_, number) => flow(number)));
    await mirror.caughtUp();
    for (const iterate of [
      () => mirror.entries(),
      () => mirror.entries({ address: '10.1.0.0/16' }),
    ]) {
      const seen = new Map<string, number>();
      let step = 0;
      for (const { original } of iterate()) {
        seen.set(original.source, (seen.get(original.source) ?? 0) + 1);
        if (step++ % 50 !== 0) continue;
        // Neither the even ones of the first half nor new ones stay.
        await deleteEntries({ original: { source: `10.1.0.${(2 * step) % 250}` } });
        await create([flow(2000 + step)]);
        await deleteEntries({
          original: { source: `10.1.${(2000 + step) >> 8}.${(2000 + step) & 255}` },
        });
        await mirror.caughtUp();
      }
      expect(Math.max(...seen.values())).toBe(1);
      for (let number = 1; number < 500; number += 2) {
        expect(seen.has(flow(number).original.source)).toBe(true);
      }
    }
  });

  test('tells when its changes were not read, and stays right', async () => {
    setting('events', 1);
    await using mirror = await mirrorTable();
    const changes = mirror.changes().batches();
    for (let round = 0; round < 7; round++) {
      await create(Array.from({ length: 5000 }, (_, number) => flow(number)));
      await deleteEntries({ address: '192.0.2.1' });
    }
    await mirror.caughtUp();
    const { value = [] } = await changes.next();
    expect(value).toHaveLength(65_537);
    expect(value.at(-1)).toEqual({ type: 'lost', cause: 'changes', count: 70_000 - 65_536 });
    const next = changes.next();
    await createEntry(flow(1));
    expect((await next).value).toMatchObject([{ type: 'added' }]);
    expect(mirror.size).toBe(1);
    expect(mirror.resyncs).toBe(0);
  });
});
