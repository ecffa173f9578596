/**
 * The stream of deleted entries.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />

import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { countsOfDeletes } from './deletes.js';
import { entriesOf } from './entries.js';
import type { Entry } from './entry.js';
import type { TablePass } from './pass.js';
import type { DeleteCounts } from './spec.js';

/**
 * One pass over the table that deletes what matches and returns what it has deleted: async iterable,
 * entry by entry or, faster, array by array through `batches()`. It can be read once.
 *
 * The reads delete. Each array has what was deleted since the one before it, up to 341 entries, and the
 * pass deletes nothing more before the next read, however long that takes. The loop over entries reads
 * the arrays, too. The first read opens the sockets.
 *
 * Leaving the loop stops the deleting and closes the sockets. What was deleted by then is what the loop
 * has got and what is in `undelivered`: after `batches()` nothing, after a loop over entries the rest
 * of an array. `close()` from outside and an aborted `signal` make the loop reject; what the pass
 * deleted meanwhile is in `undelivered` when `close()` resolves. An error of the kernel rejects the read
 * behind the one that returns what was deleted before it.
 *
 * @example
 * ```ts
 * import { streamDeletes } from 'conntrack';
 *
 * let bytes = 0;
 * for await (const batch of streamDeletes({ address: '10.0.0.5' }).batches()) {
 *   for (const { counters } of batch) bytes += counters?.reply.bytes ?? 0;
 * }
 * console.log(bytes, 'bytes were received by the flows that are gone');
 * ```
 */
export class DeleteStream implements AsyncIterable<Entry>, AsyncDisposable {
  readonly #operation: string;
  readonly #pass: TablePass;
  readonly #rest: Entry[] = [];
  #claimed = false;
  #pending = false;

  /** @internal */
  constructor(operation: string, pass: TablePass) {
    this.#operation = operation;
    this.#pass = pass;
  }

  /** Deletes and iterates over the entries. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry, undefined> {
    return iterateItems(this.#source());
  }

  /**
   * Deletes and iterates over arrays of up to 341 entries.
   *
   * @example
   * ```ts
   * import { streamDeletes } from 'conntrack';
   *
   * const stream = streamDeletes({ address: '10.0.0.5' });
   * for await (const batch of stream.batches()) console.log(batch.length, 'deleted');
   * console.log(stream.counters.vanished, 'had ended before');
   * ```
   */
  batches(): AsyncIterableIterator<Entry[], undefined> {
    return iterateBatches(this.#source());
  }

  /** The counts of the pass so far. Readable at any time, also after its end. */
  get counters(): DeleteCounts {
    return countsOfDeletes(this.#pass.counts);
  }

  /** Entries that were deleted, and that the loop did not get because it ended. */
  get undelivered(): Entry[] {
    return [...this.#rest, ...entriesOf(this.#pass.unread)];
  }

  /**
   * Stops the deleting. Resolves when the sockets are closed; then `counters` and `undelivered` are
   * complete. Idempotent.
   */
  async close(): Promise<void> {
    await this.#pass.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pass.close();
  }

  #source(): BatchSource<Entry> {
    if (this.#claimed) throw secondReaderError(this.#operation);
    this.#claimed = true;
    const pass = this.#pass;
    return {
      read: () => this.#readBatch(),
      leave: () => pass.leave(),
      unread: (rest) => {
        this.#rest.push(...rest);
      },
      get interrupted() {
        return pass.interrupted;
      },
    };
  }

  async #readBatch(): Promise<Entry[] | undefined> {
    if (this.#pending) throw concurrentReadError(this.#operation);
    this.#pending = true;
    try {
      const slabs = await this.#pass.read(1);
      return slabs && entriesOf(slabs);
    } finally {
      this.#pending = false;
    }
  }
}
