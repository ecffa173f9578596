/**
 * What a stream of events gives, and what it takes.
 *
 * @module
 */
import type { Entry } from '../entry/entry.js';
import type { Expectation } from '../expectation/expectation.js';
import type { EntryFilter } from '../filter/filter.js';

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
