/**
 * Events, and the options and counters of their stream.
 *
 * @module
 */
import type { Entry } from '../entry/entry.js';
import type { Expectation } from '../expectation/expectation.js';
import type { EntryFilter } from '../filter/filter.js';

/**
 * The kinds of entry events.
 *
 * @example
 * ```ts
 * import { ENTRY_EVENTS, watchEvents } from 'conntrack';
 *
 * const counts = new Map<string, number>(ENTRY_EVENTS.map((type) => [type, 0]));
 * for await (const { type } of watchEvents({ events: ENTRY_EVENTS })) {
 *   counts.set(type, (counts.get(type) ?? 0) + 1);
 *   console.log(counts);
 * }
 * ```
 */
export const ENTRY_EVENTS = ['new', 'update', 'destroy'] as const;

/** One of {@link ENTRY_EVENTS}. */
export type EntryEventType = (typeof ENTRY_EVENTS)[number];

/** The program that a netlink port id belongs to: the result of `findOrigin`. */
export interface OriginProgram {
  /** Its process id, in the PID namespace of /proc. */
  readonly pid: number;
  /** Its name (/proc/PID/comm), of at most 15 bytes, with control characters escaped. */
  readonly name: string;
  /**
   * Its command line (/proc/PID/cmdline), with control characters escaped; the first 4,096 bytes.
   * A program can change what it shows there.
   */
  readonly command: readonly string[];
}

/** A network namespace that another one has an id for: an item of `listNamespaceIds`. */
export interface NamespaceId {
  /** As `netns` of an event. */
  readonly id: number;
  /** Its name under /run/netns (`ip netns`), if it has one. */
  readonly name?: string;
  /** A file of it, such as /proc/1234/ns/net, for `Conntrack.open({ netns })`. */
  readonly path: string;
  /** The processes in it that this one may look into. */
  readonly pids: readonly number[];
}

/** The origin of an event. */
export interface EventOrigin {
  /**
   * The netlink port id of the program that caused the event (`nlmsg_pid`); 0 when a packet or
   * timer did. `findOrigin` returns its name.
   */
  readonly originPortId: number;
  /**
   * With `allNamespaces`: the id of the event's network namespace, as the subscribing namespace
   * knows it (`ip netns list-id`). Absent for its own events. `listNamespaceIds` returns its name.
   */
  readonly netns?: number;
}

/**
 * The kernel created, changed or removed an entry. It sends different fields:
 *
 * - `new`: no counters; the status is `confirmed` alone, and no reply was seen yet.
 * - `update`: the changed values, and those of every message.
 * - `destroy`: counters and timestamps, if they were switched on when the flow began; no
 * labels, helper, master or sequence adjustment, and of TCP only the state (Linux 5.11).
 *
 * The kernel does not send a mark of 0 in events; `entry.mark` is then `undefined`.
 */
export interface EntryEvent extends EventOrigin {
  readonly type: EntryEventType;
  readonly entry: Entry;
  /**
   * When it happened, in nanoseconds since 1970 (`CTA_TIMESTAMP_EVENT`, Linux 6.14, and only
   * with `net.netfilter.nf_conntrack_timestamp` on when the flow began).
   */
  readonly eventTimeNs?: bigint;
}

/**
 * A helper announced a flow, or the announcement ended: the flow came, its time was over, or a
 * request deleted it. The kernel sends no event for a change.
 */
export interface ExpectationEvent extends EventOrigin {
  readonly type: 'expectation-new' | 'expectation-destroy';
  readonly expectation: Expectation;
}

/** Events are missing between the previous event and the next one. */
export interface LostEvent {
  readonly type: 'lost';
  /**
   * `kernel`: the receive buffer was full; the count excludes events that the kernel's part of
   * the filter dropped. `queue`: the loop did not keep up, and `queueBytes` were full.
   */
  readonly cause: 'kernel' | 'queue';
  /** The number of missing events, as the kernel or the queue counted them. */
  readonly count: number;
}

/**
 * The stream left the mode `reliableDestroy`, because entries that waited for the delivery of
 * their DESTROY were about to fill the table. From here on DESTROY events can be lost, and
 * `lost` reports them.
 */
export interface ReliabilityEndedEvent {
  readonly type: 'reliability-ended';
  /** Entries in the table at that moment. */
  readonly entries: number;
  readonly maxEntries: number;
}

/** An event of the stream, discriminated by `type`. */
export type ConntrackEvent = EntryEvent | ExpectationEvent | LostEvent | ReliabilityEndedEvent;

/** Options of `watchEvents`. */
export interface WatchOptions {
  /** The kinds of entry events. Default: all three. */
  readonly events?: readonly EntryEventType[] | undefined;
  /** Adds events about expectations (`expectation-new`, `expectation-destroy`). */
  readonly expectations?: boolean | undefined;
  /**
   * Selects events about matching entries. It does not apply to expectations. A mark or zone
   * that an event lacks is 0, labels none; no other absent field matches, and a `new` event has
   * the state of its first packet.
   */
  readonly filter?: EntryFilter | readonly EntryFilter[] | undefined;
  /**
   * The size of the socket's receive buffer, as the kernel counts it (some 1,300 bytes per
   * event). It takes the events while the reader thread gets no processor. Default: 64 MiB,
   * used only in bursts. Without CAP_NET_ADMIN in the initial user namespace
   * `net.core.rmem_max` caps it: see {@link EventStream.receiveBufferBytes}.
   */
  readonly receiveBufferBytes?: number | undefined;
  /**
   * The size of the queue of unread events (some 216 bytes per event). Default: 64 MiB, used
   * only in bursts.
   */
  readonly queueBytes?: number | undefined;
  /**
   * How many milliseconds events may gather in the receive buffer before the stream wakes up
   * for them, at most 60,000; fewer when half of the buffer is in use. For those who count
   * flows rather than react to them: at 1,000 events per second, 50 ms save most of the CPU time.
   * Default: 0, each event at once.
   */
  readonly maxDelay?: number | undefined;
  /**
   * Delivers every DESTROY (`NETLINK_BROADCAST_ERROR`): the kernel keeps one that finds no
   * room, with its entry, until there is room. A loop that does not keep up therefore fills the
   * table; at 80 % the mode ends with a `reliability-ended` event. Other events can still be
   * lost, and a DESTROY may come after events of a newer flow on the same tuple.
   */
  readonly reliableDestroy?: boolean | undefined;
  /**
   * Adds the events of all network namespaces that this one has an id for
   * (`NETLINK_LISTEN_ALL_NSID`). Also needs CAP_NET_BROADCAST.
   */
  readonly allNamespaces?: boolean | undefined;
  /** Ends the stream; a pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The counters of a stream. */
export interface EventCounters {
  /** Events that arrived and matched the filter. */
  readonly received: number;
  /** Events that the loop has received. The rest of `received` waits in the queue or is lost. */
  readonly delivered: number;
  /** Events that found no room in the receive buffer. */
  readonly lostInKernel: number;
  /** Events that found no room in the queue; `received` includes them. */
  readonly lostInQueue: number;
  /** Messages of the kernel that the stream could not decode and dropped. */
  readonly malformed: number;
  /** Messages of other processes, which the stream dropped. */
  readonly foreign: number;
}

/**
 * Which flows send events (`net.netfilter.nf_conntrack_events` when the stream was opened):
 *
 * - `all` (1): every flow.
 * - `since-listening` (2, the default since Linux 5.19): flows that begin while a program
 * listens. Flows older than the first listener on the machine send neither UPDATE nor DESTROY.
 * - `none` (0): no flow that begins now.
 * - `unknown`: the setting is unreadable.
 */
export type EventCoverage = 'all' | 'since-listening' | 'none' | 'unknown';
