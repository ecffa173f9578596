/**
 * A table of many messages, batches and slabs.
 */
import { countEntries, listEntries, streamEntries } from 'conntrack';
import { beforeAll, expect, test } from 'vitest';
import { listLines } from '../support/conntrack-tool.js';
import { many } from '../support/emulation.js';
import { describeInNamespace } from '../support/requirements.js';
import { collect } from './collect.js';
import { createMany } from './populate.js';

const SIZE = many(100_000);

describeInNamespace('conntrack')(`a table of ${SIZE} entries`, () => {
  beforeAll(() => {
    createMany(0, SIZE);
  });

  /** The third field is the timeout, which ticks; and whoever looks at an entry holds it. */
  const settled = (line: string) => line.replace(/^(\w+ +\d+) \d+/, '$1').replace(/ use=\d+$/, '');

  test('is the one that the tool shows, line by line', async () => {
    const ours = (await listEntries()).map((entry) => settled(String(entry))).sort();
    const theirs = listLines().map(settled).sort();

    expect(await countEntries()).toBe(SIZE);
    expect(ours).toHaveLength(SIZE);
    // Not toEqual: a difference in a text this long takes minutes to print.
    expect(ours.find((line, index) => line !== theirs[index])).toBeUndefined();
    expect(theirs).toHaveLength(SIZE);
  });

  test('is the same as an array, entry by entry and in batches', async () => {
    const idsOf = (entries: { id: number }[]) => entries.map(({ id }) => id).join();
    const listed = await listEntries();
    const streamed = await collect(streamEntries());
    const batches = await collect(streamEntries().batches());

    expect(idsOf(streamed) === idsOf(listed)).toBe(true);
    expect(idsOf(batches.flat()) === idsOf(listed)).toBe(true);
    expect(batches.length).toBeGreaterThan(10);
    expect(batches.every(({ length }) => length > 0)).toBe(true);
  });

  test('is divided by family without a rest', async () => {
    const ipv4 = await listEntries({ family: 'ipv4' });
    const ipv6 = await listEntries({ family: 'ipv6' });

    expect([ipv4.length, ipv6.length]).toEqual([SIZE / 2, SIZE / 2]);
    expect(ipv4.every(({ family }) => family === 'ipv4')).toBe(true);
    expect(ipv6.every(({ family }) => family === 'ipv6')).toBe(true);
  });

  test('is read by many readers at once', async () => {
    const tables = await Promise.all(Array.from({ length: 6 }, () => listEntries()));
    expect(tables.map(({ length }) => length)).toEqual(Array(6).fill(SIZE));
  });

  test('can be left in the middle, any number of times', async () => {
    for (let i = 0; i < 50; i++) {
      for await (const entry of streamEntries()) {
        expect(entry.protocol).toBe('udp');
        break;
      }
    }
    expect(await listEntries()).toHaveLength(SIZE);
  });
});
