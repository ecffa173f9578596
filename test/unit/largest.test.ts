import { expect, it } from 'vitest';
import { Largest } from '../../src/mirror/largest.js';
import { Random } from '../support/random.js';

it.each([1, 2, 7, 100, Number.POSITIVE_INFINITY])('keeps the %d largest of many', (limit) => {
  const random = new Random(1);
  const counts = Array.from({ length: 99 }, (_, key) => [key, 1 + random.below(30)] as const);
  const largest = new Largest<number>(limit);
  for (const [key, count] of counts) largest.add(key, count);
  const sorted = counts.toSorted(([, one], [, other]) => other - one);
  expect(largest.top()).toEqual(sorted.slice(0, limit));
  const rest = limit === Number.POSITIVE_INFINITY ? [] : sorted.slice(limit);
  expect(largest.rest()).toBe(rest.reduce((sum, [, count]) => sum + count, 0));
});

it('has none of none', () => {
  const largest = new Largest<number>(3);
  expect(largest.top()).toEqual([]);
  expect(largest.rest()).toBe(0);
});
