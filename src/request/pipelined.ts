/**
 * Many items of one call.
 */
import { setImmediate } from 'node:timers/promises';
import { LIMITS } from '../core/limits.js';

/** So many of what takes some microseconds each: then the event loop turns. */
const ITEMS_A_TURN = 1024;

/** Works in the order of the items. */
export async function mapInTurns<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R,
): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    if (index % ITEMS_A_TURN === ITEMS_A_TURN - 1) await setImmediate();
    results.push(work(item, index));
  }
  return results;
}

/**
 * Begins in the order of the items, with `LIMITS.itemsUnderWay` under way at most. Rejects with
 * the first rejection; then no more are begun.
 */
export async function pipelined<T, R>(
  items: readonly T[],
  begin: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const atOnce = LIMITS.itemsUnderWay / 2;
  const results: R[] = [];
  let before: Promise<R[]> = Promise.resolve([]);
  for (let first = 0; first < items.length; first += atOnce) {
    const part = items.slice(first, first + atOnce);
    const begun = Promise.all(part.map((item, at) => begin(item, first + at)));
    begun.catch(() => undefined); // it is awaited later, or not at all
    results.push(...(await before));
    before = begun;
  }
  results.push(...(await before));
  return results;
}
