/**
 * Between two batches of a stream the event loop turns: a stream that always has the next batch
 * ready would otherwise be read in microtasks alone, and a slow loop body over it would keep
 * timers and I/O waiting for as long as there is more.
 */
import { setImmediate } from 'node:timers/promises';

/**
 * Resolves with an available answer after a turn of the loop. The loop turns anyway while it
 * waits for a pending one.
 */
export function afterTurn<T>(answer: T | Promise<T>): Promise<T> {
  if (answer instanceof Promise) return answer;
  // The first comes in the same turn, when a wake-up has brought what was read before.
  return setImmediate().then(() => setImmediate(answer));
}
