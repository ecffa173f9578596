/**
 * Options of `recordFlows`.
 *
 * @module
 */
import { boolean, instance, integer, optional, options, signal } from '../core/check.js';
import { LIMITS } from '../core/limits.js';
import type { EntryStream, ReadOptions } from '../entry/stream.js';
import type { OriginProgram, WatchOptions } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { EntryFilter } from '../filter/filter.js';
import { lastingFilters } from '../filter/lasting.js';
import type { TableSettings } from '../health/settings.js';
import { duration, type Interval } from './duration.js';
import type { FlowArchive } from './writer.js';

/** What a recorder asks of a `Conntrack`. */
export interface FlowTableHandle {
  /** As the function. */
  watchEvents(
    options: WatchOptions,
  ): Pick<EventStream, 'batches' | 'caughtUp' | 'close' | 'counters' | 'coverage'>;
  /** As the function. */
  streamEntries(
    filter: EntryFilter | readonly EntryFilter[] | undefined,
    options: ReadOptions,
  ): Pick<EntryStream, 'batches'>;
  /** As the function. */
  readSettings(): Promise<Pick<TableSettings, 'accounting' | 'timestamps'>>;
  /** As the function. */
  findOrigin(portId: number): Promise<Pick<OriginProgram, 'pid' | 'name'> | undefined>;
}

/** Options of {@link recordFlows}. */
export interface FlowLogOptions {
  /** A handle on the table to record. Default: the table of the process's network namespace. */
  readonly conntrack?: FlowTableHandle | undefined;
  /**
   * The flows to record. As for `mirrorTable`, only conditions that a flow meets or fails for its
   * whole life are possible: `family`, `protocol`, `original`, `reply`, `address`, `port`, `zone`, and
   * `not` with these.
   */
  readonly filter?: EntryFilter | readonly EntryFilter[] | undefined;
  /**
   * How often open flows are recorded, too, from 1 s on: milliseconds, or a text such as `'60s'`. A
   * flow without traffic since its last record has none. Default: flows are recorded when they end.
   */
  readonly interval?: Interval | undefined;
  /**
   * What keeps the records of an earlier recorder of the same table and filter, such as the sink that
   * these are written to: its open flows go on, with their names and the counters that were recorded,
   * and a `gap` record reports the time between. A flow that has ended meanwhile is `unobserved`.
   */
  readonly resume?: FlowArchive | undefined;
  /** The mode `reliableDestroy` of `watchEvents`: no end of a flow is lost. */
  readonly reliable?: boolean | undefined;
  /** As in `WatchOptions`. */
  readonly receiveBufferBytes?: number | undefined;
  /** As in `WatchOptions`. */
  readonly queueBytes?: number | undefined;
  /** Ends the recorder; a pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const handle = instance<FlowTableHandle>(
  'a Conntrack',
  ({ watchEvents, streamEntries, readSettings, findOrigin }) =>
    [watchEvents, streamEntries, readSettings, findOrigin].every(
      (method) => typeof method === 'function',
    ),
);

const archive = instance<FlowArchive>(
  'an archive of flows',
  ({ history }) => typeof history === 'function',
);

const instead = (name: string) => `record the flows without it, and look at ${name} of each record`;

/** Options that were checked: a copy, in which nothing changes afterwards. */
export interface RecorderOptions extends Omit<FlowLogOptions, 'filter' | 'interval'> {
  readonly filter?: readonly EntryFilter[] | undefined;
  /** Milliseconds. */
  readonly interval?: number | undefined;
}

const checked = options<RecorderOptions>({
  conntrack: optional(handle),
  filter: optional((value, path) => lastingFilters(value as EntryFilter, path, instead)),
  interval: optional(duration(LIMITS.leastFlowIntervalMs)),
  resume: optional(archive),
  reliable: optional(boolean),
  receiveBufferBytes: optional(integer(LIMITS.leastReceiveBufferBytes, LIMITS.mostBufferBytes)),
  queueBytes: optional(integer(LIMITS.leastQueueBytes, LIMITS.mostBufferBytes)),
  signal: optional(signal),
});

export function recorderOptionsOf(value: FlowLogOptions | undefined): RecorderOptions {
  return checked(value as RecorderOptions | undefined);
}
