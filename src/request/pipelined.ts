/**
 * Many items of one call.
 */
import { setImmediate } from 'node:timers/promises';
import { LIMITS } from '../core/limits.js';

/** So many of what takes some microseconds each: then the event loop turns. */
export const ITEMS_A_TURN = 1024;

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

/** So many begin together: they take the main thread for about as long as they take the kernel. */
const ITEMS_AT_ONCE = 128;

/**
 * Begins in the order of the items, with `LIMITS.itemsUnderWay` under way at most. Rejects with
 * the first rejection; then no more are begun.
 */
export async function pipelined<T, R>(
  items: readonly T[],
  begin: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const underWay: Promise<R[]>[] = [];
  const take = async () => {
    for (const result of (await underWay.shift()) ?? []) results.push(result);
  };
  for (let first = 0; first < items.length; first += ITEMS_AT_ONCE) {
    if (underWay.length * ITEMS_AT_ONCE >= LIMITS.itemsUnderWay) await take();
    const part = items.slice(first, first + ITEMS_AT_ONCE);
    const begun = Promise.all(part.map((item, at) => begin(item, first + at)));
    begun.catch(() => undefined); // it is awaited later, or not at all
    underWay.push(begun);
  }
  while (underWay.length > 0) await take();
  return results;
}
