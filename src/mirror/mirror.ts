/**
 * The live copy of a table.
 *
 * @module
 */
import { followSignal, throwIfAborted, unfollowSignal } from '../core/abort.js';
import { optional, options, signal } from '../core/check.js';
import type { End } from '../core/ending.js';
import { closedError } from '../core/errors.js';
import type { Entry } from '../entry/entry.js';
import type { EntryFilter } from '../filter/filter.js';
import { ChangeStream } from './change-stream.js';
import { type FlowKey, FlowKeyReader } from './flow-key.js';
import { type CountedBy, type CountOptions, countBy } from './groups.js';
import { type Freshness, LiveTable } from './live-table.js';
import { type FlowCriteria, findAll } from './lookup.js';
import type { MirrorOptions } from './options.js';
import { allEntries, entriesMatching } from './selection.js';
import type { MirrorSource } from './source.js';
import { TableSync } from './table-sync.js';

/** Options of `mirror.changes()`. */
export interface ChangeOptions {
  /** Ends the stream; a pending read rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What is open. */
interface Open {
  readonly live: LiveTable;
  readonly sync: TableSync;
}

interface State {
  open: Open | undefined;
  end: End | undefined;
}

/** What each method throws after the end. */
function errorOf(end: End | undefined): unknown {
  return typeof end === 'object' ? end.error : closedError('mirrorTable', 'mirror');
}

/** Ends a mirror that the garbage collector takes. */
const dropped = new FinalizationRegistry<TableSync>((sync) => {
  void sync.close({ error: closedError('mirrorTable', 'mirror') });
});

const changeOptions = options<ChangeOptions>({ signal: optional(signal) });

/**
 * A live copy of the table, or of a part of it: what `mirrorTable` resolves to.
 *
 * Lookups, counts and iteration are synchronous, and ask the kernel nothing. Entries are copies: they
 * do not change when the flow does. `timeout` counts down from what the kernel said last; packets
 * renew it without an event. Counters are as old as the kernel's last word of the flow, and absent
 * where no reading has shown them: see {@link TableMirror.refresh}.
 *
 * An open mirror keeps the process alive. `close()`, the signal, the garbage collection of the mirror
 * and an error end it; from then on its methods throw `ERR_CONNTRACK_CLOSED`, or the error or reason
 * that it ended with.
 *
 * @example
 * ```ts
 * import { mirrorTable } from 'conntrack';
 *
 * await using mirror = await mirrorTable({ indexes: ['source'] });
 * for (const entry of mirror.entries({ original: { source: '10.0.0.5' } })) console.log(String(entry));
 * ```
 */
export class TableMirror implements AsyncDisposable {
  readonly #state: State;
  readonly #keys = new FlowKeyReader();
  #closing: Promise<void> | undefined;

  private constructor(state: State) {
    this.#state = state;
  }

  /** @internal */
  static async open(source: MirrorSource, checked: MirrorOptions): Promise<TableMirror> {
    const { signal, indexes = [], maxEntries = Number.POSITIVE_INFINITY } = checked;
    if (signal !== undefined) throwIfAborted(signal);
    const state: State = { open: undefined, end: undefined };
    const live = new LiveTable([...new Set(indexes)], maxEntries);
    const follower = {
      abort: (reason: unknown) => void sync.close({ error: reason }),
    };
    const sync = new TableSync(source, live, checked, (end) => {
      state.end = end;
      state.open = undefined;
      live.feed.end(end);
      if (signal !== undefined) unfollowSignal(signal, follower);
    });
    if (signal !== undefined) followSignal(signal, follower);
    await sync.opened();
    // The signal may have aborted since it resolved.
    if (state.end !== undefined) throw errorOf(state.end);
    state.open = { live, sync };
    const mirror = new TableMirror(state);
    dropped.register(mirror, sync, mirror);
    return mirror;
  }

  /** How many flows there are. */
  get size(): number {
    return this.#open().live.size;
  }

  /** Whether no event is missing. `false` from a loss until the table has been read again. */
  get synced(): boolean {
    return this.#open().sync.isInStep;
  }

  /** How often events were lost and the table was read again. */
  get resyncs(): number {
    return this.#open().sync.losses;
  }

  /** For how many milliseconds, in all, events were missing. The opening counts. */
  get outOfSyncFor(): number {
    return this.#open().sync.outOfStepFor;
  }

  /**
   * How many milliseconds ago the oldest knowledge was confirmed that no event keeps right: of flows
   * that send none, and of all since a loss. 0 when there is no such flow.
   */
  get staleFor(): number {
    return this.#open().sync.staleFor;
  }

  /**
   * Returns the flow that has the tuple in one direction or the other, or `undefined`: the answer to
   * "who is behind this address and port?", whatever NAT did. In constant time.
   *
   * @throws TypeError or RangeError for a wrong key, naming the field.
   *
   * @example
   * ```ts
   * import { mirrorTable } from 'conntrack';
   *
   * await using mirror = await mirrorTable();
   * const flow = mirror.find({
   *   protocol: 'tcp',
   *   source: '192.0.2.80',
   *   sourcePort: 443,
   *   destination: '198.51.100.1',
   *   destinationPort: 40000,
   * });
   * console.log(flow?.original.source);
   * ```
   */
  find(key: FlowKey): Entry | undefined {
    const { live } = this.#open();
    return live.find(this.#keys.read(key));
  }

  /**
   * Iterates over the flows of an address, service, port, mark or zone, in time that depends on
   * their number alone. It needs the index of that name in `options.indexes`:
   *
   * - `{ address }`: in any of the four places (`address`).
   * - `{ source }`, `{ destination }`: of the first packet, before NAT (`source`, `destination`).
   * - `{ address, port }`: to that service, before or after NAT (`service`).
   * - `{ port }`: to that port, before NAT (`port`).
   * - `{ mark }`, `{ zone }`: with that mark or zone (`mark`, `zone`).
   *
   * @throws TypeError or RangeError for wrong criteria, naming the field.
   */
  findAll(criteria: FlowCriteria): IterableIterator<Entry, undefined> {
    return findAll(this.#open().live, criteria);
  }

  /**
   * Iterates over the flows, or those that match. A flow that is there during the whole iteration
   * comes exactly once, whatever happens between two steps; others may come or not.
   *
   * @throws TypeError or RangeError for a wrong filter, naming the field.
   *
   * @example
   * ```ts
   * import { mirrorTable } from 'conntrack';
   *
   * await using mirror = await mirrorTable({ filter: { protocol: 'tcp' } });
   * for (const flow of mirror.entries({ state: 'ESTABLISHED' })) console.log(String(flow));
   * ```
   */
  entries(filter?: EntryFilter | readonly EntryFilter[]): IterableIterator<Entry, undefined> {
    return entriesMatching(this.#open().live, filter);
  }

  /** As `entries()`. */
  [Symbol.iterator](): IterableIterator<Entry, undefined> {
    return allEntries(this.#open().live);
  }

  /**
   * Returns how many flows there are by state, by protocol, or by an index of `options.indexes`, the
   * largest first. The counts are kept up to date, not recomputed. Flows of protocols without states
   * are not in `state`, those without ports neither in `service` nor in `port`; `address` and
   * `service` count a flow for each address or service that it has.
   *
   * @throws TypeError for an index that the mirror does not have.
   *
   * @example
   * ```ts
   * import { mirrorTable } from 'conntrack';
   *
   * await using mirror = await mirrorTable({ indexes: ['source'] });
   * console.log(mirror.countBy('state').get('ESTABLISHED'));
   * for (const [address, flows] of mirror.countBy('source', { limit: 10 })) console.log(address, flows);
   * ```
   */
  countBy(by: CountedBy, options?: CountOptions): Map<string, number> {
    return countBy(this.#open().live, by, options);
  }

  /**
   * Reads the table again, or what matches, and so brings counters and timeouts up to date. A rate is
   * the difference of two refreshes.
   *
   * @throws {@link ConntrackError} as `streamEntries`; the mirror has ended then.
   * @throws TypeError or RangeError for a wrong filter, naming the field.
   */
  async refresh(filter?: EntryFilter | readonly EntryFilter[]): Promise<void> {
    await this.#open().sync.refresh(filter);
  }

  /**
   * Resolves when the mirror has every event that the kernel sent before the call. A program that
   * changes the table and then awaits this finds the change here, unless the flow sends no events.
   */
  async caughtUp(): Promise<void> {
    await this.#open().sync.settled();
  }

  /**
   * Returns the changes from now on. `mirror.entries()` in the same turn of the loop is what they
   * change.
   *
   * @example
   * ```ts
   * import { mirrorTable } from 'conntrack';
   *
   * await using mirror = await mirrorTable();
   * for await (const change of mirror.changes()) {
   *   if (change.type === 'removed') console.log('ended', String(change.final ?? change.before));
   * }
   * ```
   */
  changes(options?: ChangeOptions): ChangeStream {
    const { signal } = changeOptions(options);
    return new ChangeStream(this.#open().live.feed.subscribe(signal), this);
  }

  /** Returns how fresh what is known of a flow is; `undefined` when there is no such flow. */
  freshness(key: FlowKey): Freshness | undefined {
    const { live } = this.#open();
    return live.freshness(this.#keys.read(key));
  }

  /** Ends the mirror, and frees its memory. Idempotent. */
  async close(): Promise<void> {
    dropped.unregister(this);
    this.#closing ??= this.#state.open?.sync.close('complete');
    await this.#closing;
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): Open {
    const { open, end } = this.#state;
    if (open !== undefined) return open;
    throw errorOf(end);
  }
}
