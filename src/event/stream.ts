/**
 * The stream of events.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />

import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import type { Context } from '../request/context.js';
import { readCoverage, warnOfSilence } from './coverage.js';
import type { ConntrackEvent, EventCounters, EventCoverage, WatchOptions } from './event.js';
import { watchOptionsOf } from './options.js';
import { EventSubscription } from './subscription.js';

/**
 * The events of the table: async iterable, event by event or, through `batches()`, array by
 * array. It can be read once.
 *
 * From the moment `watchEvents` returns, a separate thread takes the events from the kernel,
 * whatever JavaScript does. Loss does not end the stream: a `lost` event reports it, in order.
 *
 * A pending read keeps the process alive; an unread stream does not. Leaving the loop,
 * `close()`, or the garbage collection of the stream ends the thread and closes the socket.
 *
 * @example
 * ```ts
 * import { watchEvents } from 'conntrack';
 *
 * const stream = watchEvents({ events: ['new'] });
 * process.on('SIGTERM', () => void stream.close());
 * for await (const events of stream.batches()) console.log(events.length, stream.counters);
 * ```
 */
export class EventStream implements AsyncIterable<ConntrackEvent>, AsyncDisposable {
  /** Which flows send events: see {@link EventCoverage}. */
  readonly coverage: EventCoverage;
  readonly #operation: string;
  readonly #subscription: EventSubscription;
  #claimed = false;
  #pending = false;
  #delivered = 0;

  /** @internal */
  constructor(operation: string, subscription: EventSubscription, coverage: EventCoverage) {
    this.#operation = operation;
    this.#subscription = subscription;
    this.coverage = coverage;
  }

  /** Iterates over the events. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConntrackEvent, undefined> {
    return iterateItems(this.#source());
  }

  /**
   * Iterates over arrays of all waiting events, up to some 2,400. An idle stream returns each
   * event at once.
   *
   * @example
   * ```ts
   * import { watchEvents } from 'conntrack';
   *
   * for await (const events of watchEvents({ events: ['new'] }).batches())
   *   console.log(events.length, 'new flows');
   * ```
   */
  batches(): AsyncIterableIterator<ConntrackEvent[], undefined> {
    return iterateBatches(this.#source());
  }

  /** The sums of the stream. Readable at any time, also after its end. */
  get counters(): EventCounters {
    const { received, lostInKernel, lostInQueue, malformed, foreign } = this.#subscription.counters;
    return {
      received,
      delivered: this.#delivered,
      lostInKernel,
      lostInQueue,
      malformed,
      foreign,
    };
  }

  /** The size of the receive buffer that the kernel granted, as it counts (`SO_RCVBUF`). */
  get receiveBufferBytes(): number {
    return this.#subscription.receiveBufferBytes;
  }

  /**
   * Resolves when the loop has processed every event that the kernel sent before the call, and asks
   * for the next one. Whoever changes the table and then calls this finds the effects of the change
   * processed. The loop must be reading: this alone reads nothing. Events that are lost count as
   * processed once the loop has seen their `lost`.
   *
   * Resolves later than that while events come faster than the reader thread takes them, or, with
   * `reliableDestroy`, while a DESTROY waits for room.
   *
   * @throws {@link ConntrackError} `ERR_CONNTRACK_CLOSED` when the stream ends first, or the error or
   * reason that it ends with.
   *
   * @example
   * ```ts
   * import { deleteEntries, watchEvents } from 'conntrack';
   *
   * await using stream = watchEvents({ events: ['destroy'] });
   * let ended = 0;
   * const counting = (async () => {
   *   for await (const events of stream.batches()) ended += events.length;
   * })();
   * await deleteEntries({ address: '192.0.2.1' });
   * await stream.caughtUp();
   * console.log(ended);
   * await stream.close();
   * await counting;
   * ```
   */
  async caughtUp(): Promise<void> {
    return this.#subscription.caughtUp();
  }

  /** Ends the stream and its loop. Idempotent. */
  async close(): Promise<void> {
    this.#subscription.close();
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription.close();
  }

  #source(): BatchSource<ConntrackEvent> {
    if (this.#claimed) throw secondReaderError(this.#operation);
    this.#claimed = true;
    const subscription = this.#subscription;
    return {
      read: () => this.#read(),
      leave: () => this.close(),
      get interrupted() {
        return subscription.interrupted;
      },
    };
  }

  async #read(): Promise<ConntrackEvent[] | undefined> {
    if (this.#pending) throw concurrentReadError(this.#operation);
    this.#pending = true;
    try {
      const events = await this.#subscription.read();
      for (const { type } of events ?? []) if (!NOTICES.has(type)) this.#delivered++;
      return events;
    } finally {
      this.#pending = false;
    }
  }
}

/** Events of the stream itself, not of the kernel. */
const NOTICES: ReadonlySet<ConntrackEvent['type']> = new Set(['lost', 'reliability-ended']);

/** @internal */
export function openStream(
  operation: string,
  context: Context,
  options: WatchOptions = {},
): EventStream {
  const { netns } = context;
  const checked = watchOptionsOf(options);
  const subscription = context.follow(new EventSubscription(operation, { ...checked, netns }));
  const coverage = readCoverage(netns);
  warnOfSilence(coverage, checked.groups);
  return new EventStream(operation, subscription, coverage);
}
