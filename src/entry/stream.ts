/**
 * The stream of entries.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />

import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { entriesOf } from './entries.js';
import type { Entry } from './entry.js';
import type { TableReader } from './reader.js';

/** Options of `listEntries` and `streamEntries`. */
export interface ReadOptions {
  /** Ends the reading; the pending call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Sets the counters of every entry to zero in the step that reads them
   * (`IPCTNL_MSG_CT_GET_CTRZERO`). A stream reads ahead: a loop that ends early has zeroed
   * entries that it did not see.
   */
  readonly zeroCounters?: boolean | undefined;
  /**
   * `'dying'`: instead of the table, the entries that have ended and whose DESTROY event the kernel
   * has not delivered yet (`IPCTNL_MSG_CT_GET_DYING`), because a listener with `reliableDestroy` has
   * no room for it. They still count in the table.
   */
  readonly table?: 'dying' | undefined;
}

/**
 * One pass over the table: async iterable, entry by entry or, faster, array by array through
 * `batches()`. It can be read once.
 *
 * Threads decode ahead of the reader, off the main thread. At most 768 KiB of records, and in
 * large tables 512 KiB of messages, are in flight, at any table size and reader speed: the
 * kernel keeps the position. The garbage collector frees the batches that the loop has left
 * behind.
 *
 * The first read opens the socket; leaving the loop closes it. `close()` from outside makes the
 * loop reject with `ERR_CONNTRACK_CLOSED`, so that half a table never looks like a whole one.
 *
 * The stream returns an entry that exists during the whole reading exactly once, and may or may
 * not return one that begins or ends meanwhile. A change of
 * `net.netfilter.nf_conntrack_buckets` is the exception: it moves entries past the reader,
 * unreported.
 *
 * @example
 * ```ts
 * import { streamEntries } from 'conntrack';
 *
 * let replied = 0;
 * for await (const batch of streamEntries().batches()) {
 *   for (const { status } of batch) if (status.seenReply) replied++;
 * }
 * console.log(replied);
 * ```
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

  /** Iterates over the entries. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry, undefined> {
    return iterateItems(this.#source());
  }

  /**
   * Iterates over arrays of up to 1,364 entries.
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

  /** Ends the reading. Resolves when the socket is closed. Idempotent. */
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
