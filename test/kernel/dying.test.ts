/**
 * Entries that have ended and whose event has found no room: they are listed, and count in the
 * table, until the listener takes it.
 */
import { setTimeout } from 'node:timers/promises';
import {
  countEntries,
  deleteEntry,
  type Entry,
  getEntry,
  listEntries,
  streamEntries,
  watchEvents,
} from 'conntrack';
import { expect, test } from 'vitest';
import { run, setting } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { createMany } from './populate.js';

const COUNT = 1000;

/** The kernel tries again every tenth of a second to send what found no room. */
const RETRIES_MS = 250;

/**
 * Returns the entries that go on waiting: the stream takes events until its queue is full, and the
 * kernel sends what then finds room in the buffer.
 */
const settledDying = async (): Promise<Entry[]> => {
  for (let before = -1; ; ) {
    const dying = await listEntries(undefined, { table: 'dying' });
    if (dying.length === before) return dying;
    before = dying.length;
    await setTimeout(RETRIES_MS);
  }
};

describeInNamespace('conntrack')('entries that are dying', () => {
  test('are listed, filtered and counted until their event is taken', async () => {
    setting('events', 1);
    await using stream = watchEvents({
      events: ['destroy'],
      receiveBufferBytes: 4096,
      queueBytes: 65_536,
      reliableDestroy: true,
    });
    createMany(0, COUNT);
    expect(await listEntries(undefined, { table: 'dying' })).toEqual([]);
    run('conntrack', '-F');

    // The queue and the buffer of the stream hold some; the rest waits.
    const dying = await settledDying();
    expect(dying.length).toBeGreaterThan(COUNT / 2);
    expect(dying.length).toBeLessThan(COUNT);
    expect(dying.every(({ status }) => status.dying)).toBe(true);
    expect(await listEntries()).toEqual([]);
    expect(await countEntries()).toBe(dying.length);
    const oracle = run('conntrack', '-L', 'dying').trim().split('\n');
    expect(oracle).toHaveLength(dying.length);

    for (const filter of [
      { family: 'ipv6' },
      { protocol: 'udp', mark: 0 },
      { original: { source: dying[0]?.original.source } },
      { not: { family: 'ipv4' } },
      { protocol: 'tcp' },
    ] as const) {
      const expected = dying.filter(
        ({ family, protocol, original }) =>
          (!('family' in filter) || filter.family === family) &&
          (!('not' in filter) || filter.not.family !== family) &&
          (!('protocol' in filter) || filter.protocol === protocol) &&
          (!('original' in filter) || filter.original.source === original.source),
      );
      const listed = await listEntries(filter, { table: 'dying' });
      expect(listed.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
    }
    let streamed = 0;
    for await (const batch of streamEntries(undefined, { table: 'dying' }).batches()) {
      streamed += batch.length;
    }
    expect(streamed).toBe(dying.length);

    // They have ended: no key finds them.
    const [first] = dying;
    expect(first && (await deleteEntry(first))).toBe(false);
    expect(first && (await getEntry(first))).toBeUndefined();

    let taken = 0;
    for await (const _ of stream) if (++taken === COUNT) break;
    await expect
      .poll(async () => (await listEntries(undefined, { table: 'dying' })).length)
      .toBe(0);
    expect(await countEntries()).toBe(0);
  });

  test('are not zeroed', async () => {
    const options = { table: 'dying', zeroCounters: true } as const;
    await expect(listEntries(undefined, options)).rejects.toThrow(
      /^options\.zeroCounters: excludes table: 'dying'/,
    );
    expect(() => streamEntries(undefined, { table: 'unconfirmed' as 'dying' })).toThrow(
      /^options\.table: must be 'dying'/,
    );
  });
});
