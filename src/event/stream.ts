/**
 * Events of the table, as a stream that says what it missed.
 *
 * @module
 */

import { concurrentReadError, rangeError, secondReaderError, typeError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import type { Entry } from '../entry/entry.js';
import type { Expectation } from '../expectation/expectation.js';
import { compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import { settingPath } from '../health/setting-path.js';
import { EVENT_GROUPS } from '../record/layout.js';
import { EventSubscription } from './subscription.js';

/** Kinds of events about entries, as `watchEvents` takes them. */
export const ENTRY_EVENTS = ['new', 'update', 'destroy'] as const;

/** One of {@link ENTRY_EVENTS}. */
export type EntryEventType = (typeof ENTRY_EVENTS)[number];

/** Whose event it is. */
export interface EventOrigin {
  /**
   * The netlink port id of the program that caused the event (`nlmsg_pid`); 0 when
   * packets or timers did.
   */
  readonly originPortId: number;
  /**
   * With `allNamespaces`: the id that our network namespace has for the one the
   * event comes from (`ip netns list-id`). Absent for events of our own.
   */
  readonly netns?: number;
}

/**
 * An entry was created, changed or removed. What the kernel sends differs:
 *
 * - `new`: no counters; the status is `confirmed` alone, and no reply was seen yet.
 * - `update`: the values that changed, besides those that every message has.
 * - `destroy`: counters and timestamps, if they were switched on when the flow
 *   began; no labels, helper, master or sequence adjustment, and of TCP only the
 *   state (Linux 5.11).
 *
 * A mark of 0 is not sent in events, and `entry.mark` is `undefined` then.
 */
export interface EntryEvent extends EventOrigin {
  readonly type: EntryEventType;
  readonly entry: Entry;
  /**
   * When it happened, in nanoseconds since 1970 (`CTA_TIMESTAMP_EVENT`, Linux 6.14,
   * and only with `net.netfilter.nf_conntrack_timestamp` on when the flow began).
   */
  readonly eventTimeNs?: bigint;
}

/**
 * A helper announced a flow, or the announcement ended: because the flow came, in
 * time, or by a request. The kernel sends nothing when one is changed.
 */
export interface ExpectationEvent extends EventOrigin {
  readonly type: 'expectation-new' | 'expectation-destroy';
  readonly expectation: Expectation;
}

/** Events are missing here: between the event before this one and the one after it. */
export interface LostEvent {
  readonly type: 'lost';
  /**
   * `kernel`: the receive buffer was full; the count is of events that passed the
   * part of the filter that the kernel runs. `queue`: the loop did not keep up, and
   * `queueBytes` were full.
   */
  readonly cause: 'kernel' | 'queue';
  /** How many, as the kernel or the queue counted them. */
  readonly count: number;
}

/**
 * `reliableDestroy` was given up, because the entries that waited for their
 * DESTROY to be delivered were about to fill the table. From here on DESTROY
 * events can be lost like all others, and are then told as `lost`.
 */
export interface ReliabilityEndedEvent {
  readonly type: 'reliability-ended';
  /** Entries in the table when it was given up, of `maxEntries`. */
  readonly entries: number;
  readonly maxEntries: number;
}

/** What a stream gives: `type` tells which of these. */
export type ConntrackEvent = EntryEvent | ExpectationEvent | LostEvent | ReliabilityEndedEvent;

/** What `watchEvents` takes. */
export interface WatchOptions {
  /** Which events about entries; all three when absent. */
  readonly events?: readonly EntryEventType[] | undefined;
  /** Events about expectations, too (`expectation-new`, `expectation-destroy`). */
  readonly expectations?: boolean | undefined;
  /**
   * Only events about entries that match; those about expectations come all. A mark or zone that an event lacks is 0;
   * anything else that it lacks does not match, and a `new` has no state but that
   * of its first packet.
   */
  readonly filter?: EntryFilter | readonly EntryFilter[] | undefined;
  /**
   * The size of the socket's receive buffer, as the kernel counts it (some 1300
   * bytes an event): what may come while the reader thread gets no processor.
   * Default 64 MiB, which is used only in bursts. Without CAP_NET_ADMIN in the
   * initial user namespace `net.core.rmem_max` caps it: see
   * {@link EventStream.receiveBufferBytes}.
   */
  readonly receiveBufferBytes?: number | undefined;
  /**
   * How much memory the events may take that the loop has not read yet (some 216
   * bytes an event). Default 64 MiB, which is used only in bursts.
   */
  readonly queueBytes?: number | undefined;
  /**
   * Every DESTROY arrives (`NETLINK_BROADCAST_ERROR`): one that finds no room stays
   * in the kernel, with its entry, until there is some. A loop that does not keep
   * up therefore fills the table; at 80 % the mode ends, with a
   * `reliability-ended` event. Events of other kinds can be lost as ever, and a
   * DESTROY may come after events of a newer flow on the same tuple.
   */
  readonly reliableDestroy?: boolean | undefined;
  /**
   * Events of all network namespaces that this one has an id for
   * (`NETLINK_LISTEN_ALL_NSID`). Needs CAP_NET_BROADCAST, too.
   */
  readonly allNamespaces?: boolean | undefined;
  /** Ends the stream; a pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Readable at any time, without waiting. */
export interface EventCounters {
  /** Events that the kernel gave and that passed the filter. */
  readonly received: number;
  /** Events that have reached JavaScript. What is neither delivered nor lost is on its way. */
  readonly delivered: number;
  /** Events that found no room in the receive buffer. */
  readonly lostInKernel: number;
  /** Events that found no room in the queue: part of `received`. */
  readonly lostInQueue: number;
  /** Messages of the kernel that could not be decoded, and were dropped. */
  readonly malformed: number;
  /** Messages that another process sent to the socket or the group, and were dropped. */
  readonly foreign: number;
}

/**
 * Which flows the stream hears of (`net.netfilter.nf_conntrack_events` when it was
 * opened):
 *
 * - `all` (1): every flow.
 * - `since-listening` (2, the default since Linux 5.19): the kernel equips a flow
 *   for events when it begins, and only if somebody listens then. Flows that are
 *   older than the first listener on the machine send neither UPDATE nor DESTROY.
 * - `none` (0): no flow that begins now sends anything.
 * - `unknown`: the setting cannot be read.
 */
export type EventCoverage = 'all' | 'since-listening' | 'none' | 'unknown';

const COVERAGE: Readonly<Record<string, EventCoverage>> = {
  '0': 'none',
  '1': 'all',
  '2': 'since-listening',
};

const MIB = 1024 * 1024;

/** @internal */
export const DEFAULT_RECEIVE_BUFFER = 64 * MIB;

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
  options: WatchOptions,
  netns?: NetNamespaceArgument,
): EventSubscription {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw typeError('options', 'must be an object');
  }
  for (const name of Object.keys(options)) {
    if (!OPTIONS.some((known) => known === name)) {
      throw typeError(`options.${name}`, `no such option; there is ${OPTIONS.join(', ')}`);
    }
  }
  const { events = ENTRY_EVENTS, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw typeError('options.signal', 'must be an AbortSignal');
  }
  const groups = groupsOf(events, flag(options, 'expectations'));
  const reliableDestroy = flag(options, 'reliableDestroy');
  if (reliableDestroy && !events.includes('destroy')) {
    throw typeError('options.reliableDestroy', "needs 'destroy' among the events");
  }
  return new EventSubscription(operation, {
    groups,
    receiveBufferBytes: bytes(options, 'receiveBufferBytes', DEFAULT_RECEIVE_BUFFER, 4096),
    queueBytes: bytes(options, 'queueBytes', 64 * MIB, 65_536),
    reliableDestroy,
    allNamespaces: flag(options, 'allNamespaces'),
    filter: compileFilter(options.filter).records,
    signal,
    netns,
  });
}

/** @internal */
export function readCoverage(netns?: NetNamespaceArgument): EventCoverage {
  // No text: no /proc, or a kernel without CONFIG_NF_CONNTRACK_EVENTS.
  const [{ text = '' } = {}] = loadAddon().readFilesNow(netns, [settingPath('events')]);
  return COVERAGE[text.trim()] ?? 'unknown';
}

const OPTIONS = [
  'events',
  'expectations',
  'filter',
  'receiveBufferBytes',
  'queueBytes',
  'reliableDestroy',
  'allNamespaces',
  'signal',
] as const satisfies (keyof WatchOptions)[];

function groupsOf(events: unknown, expectations: boolean): number {
  if (!Array.isArray(events)) throw typeError('options.events', 'must be an array');
  let groups = 0;
  for (const event of events) {
    if (!ENTRY_EVENTS.some((known) => known === event)) {
      throw typeError(
        'options.events',
        `no event ${JSON.stringify(event)}; there is ${ENTRY_EVENTS.join(', ')}`,
      );
    }
    groups |= bitOf(EVENT_GROUPS[event as EntryEventType]);
  }
  if (expectations) {
    groups |= bitOf(EVENT_GROUPS.expectationNew) | bitOf(EVENT_GROUPS.expectationDestroy);
  }
  if (groups === 0) throw typeError('options.events', 'must name at least one event');
  return groups;
}

function bitOf(group: number): number {
  return 1 << (group - 1);
}

function flag(
  options: WatchOptions,
  name: 'expectations' | 'reliableDestroy' | 'allNamespaces',
): boolean {
  const value: unknown = options[name];
  if (value !== undefined && typeof value !== 'boolean') {
    throw typeError(`options.${name}`, 'must be a boolean');
  }
  return value === true;
}

function bytes(
  options: WatchOptions,
  name: 'receiveBufferBytes' | 'queueBytes',
  byDefault: number,
  least: number,
): number {
  const value: unknown = options[name] ?? byDefault;
  const most = 2 ** 31 - 1;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw rangeError(`options.${name}`, `must be an integer from ${least} to ${most}`);
  }
  return value as number;
}
