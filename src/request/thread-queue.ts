/**
 * The requests of functions that are called without a handle: one socket for all of a thread. It
 * keeps no process alive, and is closed with the thread.
 */
import { RequestQueue } from './queue.js';

let last: RequestQueue | undefined;

/** Of the network namespace that the calling thread is in now. */
export function queueOfThread(): RequestQueue {
  if (last?.isOfThread() !== true) {
    last?.retire();
    last = new RequestQueue(undefined, true);
  }
  return last;
}
