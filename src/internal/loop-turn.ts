/**
 * Between two batches of a stream the event loop turns once: a stream that always has
 * the next batch ready would otherwise be read in microtasks alone, and a slow loop body
 * over it would keep timers and I/O waiting for as long as there is more.
 */
export { setImmediate as loopTurn } from 'node:timers/promises';
