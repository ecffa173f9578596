/**
 * A database of flows.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { isArray } from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { FlowPart, FlowRecord } from '../flow-record.js';
import { Lock } from '../lock.js';
import type { FlowArchive, FlowHistory, FlowWriter } from '../writer.js';
import type { Connection } from './connection.js';
import { databaseError, FlowDatabaseError } from './errors.js';
import { type FlowQuery, flowQueryOf, queryFlows } from './flow-query.js';
import { readHistory } from './history.js';
import { insertRecords } from './insertion.js';
import { periodOf, queryNotes } from './notes.js';
import type { CheckedOptions } from './options.js';
import type { FlowPeriod } from './period.js';
import { Retention } from './retention.js';
import {
  queryTopTalkers,
  type TalkerFields,
  type TopTalker,
  type TopTalkersQuery,
  topTalkersQueryOf,
} from './top-talkers.js';
import { type FlowTotal, queryTotals, type TotalsQuery, totalsQueryOf } from './totals.js';

/**
 * Keeps records of flows in a database of SQLite, and answers questions about them.
 *
 * SQLite works on the calling thread: a write or a query holds up the event loop until it is done. The
 * guide has figures, and an example with a worker thread.
 *
 * @example
 * ```ts
 * import { openFlowDatabase } from 'conntrack/flow-log/sqlite';
 *
 * await using database = await openFlowDatabase({ path: 'flows.db' });
 * for (const row of database.topTalkers({ by: 'source', limit: 10 })) console.log(row);
 * ```
 */
export class FlowDatabase implements FlowWriter, FlowArchive, AsyncDisposable {
  readonly #connection: Connection;
  readonly #retention: Retention;
  readonly #isReadOnly: boolean;
  readonly #isOwn: boolean;
  #timer: NodeJS.Timeout | undefined;
  #lock: Promise<Lock> | undefined;
  #isClosed = false;

  /** @internal */
  constructor(connection: Connection, options: CheckedOptions) {
    const { keepFor, keepBytes, readOnly = false, database } = options;
    this.#connection = connection;
    this.#retention = new Retention(connection, { keepFor, keepBytes });
    this.#isReadOnly = readOnly;
    this.#isOwn = database === undefined;
    const isKeeping = keepFor !== undefined || keepBytes !== undefined;
    if (isKeeping && !readOnly) this.#retainIn(LIMITS.databaseIdleMs);
  }

  /**
   * Writes records in one transaction: all of them, or none. When it resolves they survive the end of
   * the process and of the machine (`synchronous = FULL`), as far as the disk keeps what it confirms. A
   * record that is there already is left as it is.
   *
   * @throws {@link FlowDatabaseError}
   */
  async write(records: readonly FlowRecord[]): Promise<void> {
    if (!isArray(records, 'records')) throw typeError('records', 'must be an array of records');
    if (this.#isReadOnly) {
      throw new FlowDatabaseError(this.#connection.path, 'cannot be written', {
        reason: 'closed',
        why: 'it was opened to be read alone',
        hint: 'Open it without "readOnly".',
      });
    }
    // Without a lock, a write is done when the call returns.
    if (this.#lock !== undefined && (await this.#isLost())) throw this.#busy('another process');
    this.#connection.transaction('cannot be written', () => {
      insertRecords(this.#connection, records);
      this.#retention.step(records.length + LIMITS.flowsInDeletion);
    });
  }

  /**
   * Returns the last part of each open flow, and until when no end is missing: `resume` of `recordFlows`
   * reads it before it writes. Unless it only reads, the database belongs to this recorder until `close()`:
   * a file beside it, ending in `-recorder`, names the process.
   *
   * @throws {@link FlowDatabaseError}, reason `busy`: another recorder goes on with this file.
   */
  async history(): Promise<FlowHistory | undefined> {
    await this.#claim();
    return this.#read(() => readHistory(this.#connection));
  }

  /**
   * Returns parts of flows, the newest first. The iterator reads a page at a time, so that records can
   * be written meanwhile; leave it when you have enough.
   *
   * @throws {@link FlowDatabaseError}; TypeError or RangeError for a wrong option.
   *
   * @example
   * ```ts
   * import { openFlowDatabase } from 'conntrack/flow-log/sqlite';
   *
   * await using database = await openFlowDatabase({ path: 'flows.db', readOnly: true });
   * for (const part of database.flows({ address: '10.0.0.5', port: 443, limit: 10 }))
   *   console.log(part.to, part.original.source, part.traffic?.reply.bytes, part.outcome);
   * ```
   */
  flows(query?: FlowQuery): IterableIterator<FlowPart> {
    return queryFlows(this.#connection, flowQueryOf(query));
  }

  /** Returns the records that are no flows, the oldest first. */
  notes(period?: FlowPeriod): Exclude<FlowRecord, FlowPart>[] {
    const checked = periodOf(period);
    return this.#read(() => queryNotes(this.#connection, checked));
  }

  /**
   * Returns who had the most bytes, both directions together, in a period of time.
   *
   * @throws {@link FlowDatabaseError}; TypeError or RangeError for a wrong option.
   *
   * @example
   * ```ts
   * import { openFlowDatabase } from 'conntrack/flow-log/sqlite';
   *
   * await using database = await openFlowDatabase({ path: 'flows.db', readOnly: true });
   * const since = Date.now() - 5 * 60_000;
   * for (const { source, traffic } of database.topTalkers({ by: 'source', since, limit: 10 }))
   *   console.log(source, traffic.original.bytes, traffic.reply.bytes);
   * ```
   */
  topTalkers<By extends keyof TalkerFields>(query: TopTalkersQuery<By>): TopTalker<By>[] {
    const checked = topTalkersQueryOf<By>(query, 'options');
    return this.#read(() => queryTopTalkers(this.#connection, checked));
  }

  /** Returns the sums of all flows hour by hour, or as `every` says, the oldest first. */
  totals(query?: TotalsQuery): FlowTotal[] {
    const checked = totalsQueryOf(query);
    return this.#read(() => queryTotals(this.#connection, checked));
  }

  /**
   * Closes the database. Idempotent. One that writes first puts all that the log of SQLite (`-wal`) has
   * into the file, as far as no other process that uses it prevents that.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      if (!this.#isReadOnly) this.#connection.emptyLog();
      this.#connection.close(this.#isOwn);
    } finally {
      await (await this.#lock?.catch(() => undefined))?.release();
    }
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #claim(): Promise<void> {
    const { file } = this.#connection;
    if (this.#isReadOnly || this.#isClosed || file === undefined) return;
    this.#lock ??= Lock.take(`${file}-recorder`, (who) => this.#busy(who));
    try {
      await this.#lock;
    } catch (error) {
      this.#lock = undefined;
      throw databaseError(this.#connection.path, 'cannot be resumed', error);
    }
  }

  async #isLost(): Promise<boolean> {
    try {
      return (await (await this.#lock)?.isLost()) ?? false;
    } catch (error) {
      throw databaseError(this.#connection.path, 'cannot be written', error);
    }
  }

  #busy(who: string): FlowDatabaseError {
    return new FlowDatabaseError(this.#connection.path, 'cannot be resumed', {
      reason: 'busy',
      why: `${who} records into it`,
      hint: 'Give each recorder a file of its own. One that only asks opens it with "readOnly".',
    });
  }

  #read<T>(body: () => T): T {
    return this.#connection.doing('cannot be read', body);
  }

  /** Rows grow old also where nothing is written. */
  #retainIn(delay: number): void {
    this.#timer = setTimeout(() => {
      let isMore = false;
      try {
        isMore = this.#connection.transaction('cannot be written', () =>
          this.#retention.step(LIMITS.flowsInDeletion),
        );
      } catch {
        // The next write reports it.
      }
      this.#retainIn(isMore ? LIMITS.databaseRestMs : LIMITS.databaseIdleMs);
    }, delay).unref();
  }
}
