/**
 * Events of the table, as a stream that says what it missed.
 *
 * @module
 */

import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { settingPath } from '../core/setting-path.js';
import type { ConntrackEvent, EventCounters, EventCoverage, WatchOptions } from './event.js';
import { watchOptionsOf } from './options.js';
import { EventSubscription } from './subscription.js';

const COVERAGE: Readonly<Record<string, EventCoverage>> = {
  '0': 'none',
  '1': 'all',
  '2': 'since-listening',
};

/**
 * Events as they come: async iterable, event by event or, through `batches()`,
 * array by array. It is read once.
 *
 * A thread of its own takes the events from the kernel from the moment
 * `watchEvents` returns, whatever JavaScript does meanwhile. Losing events never
 * ends the stream, and is never silent: a `lost` event stands where they are
 * missing.
 *
 * A stream that nobody reads does not keep the process alive; a pending read does.
 * Leaving the loop, `close()`, or dropping the stream ends the thread and closes
 * the socket.
 */
export class EventStream implements AsyncIterable<ConntrackEvent>, AsyncDisposable {
  /** Which flows the stream hears of: see {@link EventCoverage}. */
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

  /** The events, one by one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConntrackEvent, undefined> {
    return iterateItems(this.#source());
  }

  /**
   * The events in arrays: all that have come since, up to some 2,400. An idle
   * stream gives each event at once.
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

  /** What came, and what did not. Readable at any time, also after the end. */
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

  /** Ends the stream, and with it the loop. May be called at any time, repeatedly. */
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

/** What the stream says of itself, rather than the kernel of the table. */
const NOTICES: ReadonlySet<ConntrackEvent['type']> = new Set(['lost', 'reliability-ended']);

/** @internal */
export function openSubscription(
  operation: string,
  options: WatchOptions = {},
  netns?: NetNamespaceArgument,
): EventSubscription {
  return new EventSubscription(operation, { ...watchOptionsOf(options), netns });
}

/** @internal */
export function readCoverage(netns?: NetNamespaceArgument): EventCoverage {
  // No text: no /proc, or a kernel without CONFIG_NF_CONNTRACK_EVENTS.
  const [{ text = '' } = {}] = loadAddon().readFilesNow(netns, [settingPath('events')]);
  return COVERAGE[text.trim()] ?? 'unknown';
}
