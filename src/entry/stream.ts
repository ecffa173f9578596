/**
 * Reading the table as a stream.
 *
 * @module
 */

import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { entriesOf } from './entries.js';
import type { Entry } from './entry.js';
import type { TableReader } from './reader.js';

/** How a table is read. */
export interface ReadOptions {
  /** Ends the reading; the pending call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Sets the counters of every entry to zero in the step that reads them
   * (`IPCTNL_MSG_CT_GET_CTRZERO`). A stream reads ahead of its reader: whoever
   * leaves it early has zeroed more entries than were seen.
   */
  readonly zeroCounters?: boolean | undefined;
}

/**
 * One pass over the table: async iterable, entry by entry or, through
 * `batches()`, array by array, which is the faster way. It is read once.
 *
 * Decoding happens off the main thread, ahead of the reader: 768 KiB of records, and in
 * large tables 512 KiB of messages, are under way at most, at any table size and
 * however slow the loop is, because the kernel keeps the place. What the loop has left
 * behind is garbage.
 *
 * Nothing happens before the first read. Leaving the loop in any way closes the
 * socket. `close()` from outside makes the loop fail with
 * `ERR_CONNTRACK_CLOSED`, so that half a table is never taken for a whole one.
 *
 * A table that changes while it is read: an entry that was there all the time
 * comes exactly once; one that came or went may be there or not. (The exception
 * is a change of `net.netfilter.nf_conntrack_buckets` meanwhile: the kernel then
 * moves entries from under the reader without a word.)
 */
export class EntryStream implements AsyncIterable<Entry>, AsyncDisposable {
  readonly #operation: string;
  readonly #reader: TableReader;
  #claimed = false;
  #pending = false;

  /** @internal */
  constructor(operation: string, reader: TableReader) {
    this.#operation = operation;
    this.#reader = reader;
  }

  /** The entries, one by one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry, undefined> {
    return iterateItems(this.#source());
  }

  /**
   * The entries in arrays of up to 1,364, as they come from the kernel.
   *
   * @example
   * ```ts
   * import { streamEntries } from 'conntrack';
   *
   * let bytes = 0;
   * for await (const batch of streamEntries().batches())
   *   for (const entry of batch) bytes += entry.counters?.reply.bytes ?? 0;
   * ```
   */
  batches(): AsyncIterableIterator<Entry[], undefined> {
    return iterateBatches(this.#source());
  }

  /** Ends the reading. Resolves when the socket is closed. May be called at any time, repeatedly. */
  async close(): Promise<void> {
    await this.#reader.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close();
  }

  #source(): BatchSource<Entry> {
    if (this.#claimed) throw secondReaderError(this.#operation);
    this.#claimed = true;
    const reader = this.#reader;
    return {
      read: () => this.#readBatch(),
      leave: () => reader.leave(),
      get interrupted() {
        return reader.interrupted;
      },
    };
  }

  async #readBatch(): Promise<Entry[] | undefined> {
    if (this.#pending) throw concurrentReadError(this.#operation);
    this.#pending = true;
    try {
      const slabs = await this.#reader.read();
      return slabs && entriesOf(slabs);
    } finally {
      this.#pending = false;
    }
  }
}
