/**
 * The recorder of flows.
 *
 * @module
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { randomBytes } from 'node:crypto';
import { followSignal, unfollowSignal } from '../core/abort.js';
import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { LIMITS } from '../core/limits.js';
import type { ConntrackEvent, EntryEvent, EventCounters } from '../event/event.js';
import { Arrivals } from './arrivals.js';
import { Deleters } from './deleters.js';
import { flowPartOf } from './flow-part.js';
import type { FlowRecord, GapRecord, LossRecord } from './flow-record.js';
import { KnownFlows, type Sighting } from './known-flows.js';
import { finished, noticesOf, reliabilityEnded } from './notices.js';
import type { FlowTableHandle, RecorderOptions } from './options.js';

export const OPERATION = 'recordFlows';

/**
 * The records of flows: async iterable, record by record or, through `batches()`, array by array. It
 * can be read once.
 *
 * Events wait in the queue of an event stream until the loop asks for more records. A pending read
 * keeps the process alive. Leaving the loop, `close()` and the signal end the recorder.
 *
 * @example
 * ```ts
 * import { recordFlows } from 'conntrack/flow-log';
 *
 * const recorder = recordFlows();
 * process.on('SIGTERM', () => recorder.finish());
 * for await (const records of recorder.batches()) console.log(records.length, recorder.counters);
 * ```
 */
export class FlowRecorder implements AsyncIterable<FlowRecord>, AsyncDisposable {
  readonly #handle: FlowTableHandle;
  readonly #options: RecorderOptions;
  readonly #events: ReturnType<FlowTableHandle['watchEvents']>;
  readonly #arrivals: Arrivals;
  readonly #deleters: Deleters;
  readonly #flows: KnownFlows;
  /** Ends the reading that runs. */
  readonly #reading = new AbortController();
  readonly #records: AsyncGenerator<FlowRecord[], undefined>;
  /** In the flows of this recorder alone. */
  readonly #run = randomBytes(9).toString('base64url');
  readonly #signal: AbortSignal | undefined;
  /** The signal ends the stream of events by itself. */
  readonly #follower = {
    abort: (reason: unknown) => {
      this.#reading.abort(reason);
    },
  };
  #isClosed = false;
  #claimed = false;
  #pending = false;
  /** Events were lost since the last reading began. */
  #hasLost = false;
  #malformed = 0;
  /** No reading begins before then. */
  #rested = 0;
  /** When the next reading is due, as `performance.now()`; `undefined`: none is. */
  #due: number | undefined = 0;
  /** When `finish()` was called. */
  #finishing: Date | undefined;
  /** Ends the wait for events. */
  #wake = () => {};
  readonly #began: number;

  /** @internal */
  constructor(handle: FlowTableHandle, options: RecorderOptions) {
    const { filter, interval, reliable, receiveBufferBytes, queueBytes, signal } = options;
    this.#handle = handle;
    this.#options = options;
    this.#events = handle.watchEvents({
      events: ['destroy'],
      filter,
      receiveBufferBytes,
      queueBytes,
      signal,
      reliableDestroy: reliable,
    });
    this.#arrivals = new Arrivals(this.#events.batches(), () => {
      this.#wake();
    });
    this.#began = Date.now();
    this.#deleters = new Deleters(handle);
    this.#flows = new KnownFlows(interval !== undefined);
    this.#records = this.#make();
    this.#signal = signal;
    if (signal?.aborted === true) this.#reading.abort(signal.reason);
    else if (signal !== undefined) followSignal(signal, this.#follower);
  }

  /** The sums of the stream of events. Readable at any time, also after the end. */
  get counters(): EventCounters {
    return this.#events.counters;
  }

  /** How many open flows the last reading has shown, less those that have ended since. */
  get openFlows(): number {
    return this.#flows.size;
  }

  /** Iterates over the records. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FlowRecord, undefined> {
    return iterateItems(this.#source());
  }

  /** Iterates over arrays of records, as they come. */
  batches(): AsyncIterableIterator<FlowRecord[], undefined> {
    return iterateBatches(this.#source());
  }

  /**
   * Ends the recorder when its loop has had everything: what the kernel sent before the call and, with
   * `interval`, a last part of each open flow. A notice `finished` is the last record, and the loop ends by
   * itself. For a process that is asked to end; `close()` drops what waits. Returns at once.
   *
   * @example
   * ```ts
   * import { recordFlows, writeFlows } from 'conntrack/flow-log';
   *
   * const recorder = recordFlows();
   * process.on('SIGTERM', () => recorder.finish());
   * await writeFlows(recorder, { write: async (records) => console.log(records.length) });
   * ```
   */
  finish(): void {
    this.#finishing ??= new Date();
    this.#wake();
  }

  /** Ends the recorder and its loop. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reading.abort();
    if (this.#signal !== undefined) unfollowSignal(this.#signal, this.#follower);
    await this.#events.close();
    // What it reads ends with it, also where nobody asks for more records.
    void this.#records.return(undefined).catch(() => undefined);
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #source(): BatchSource<FlowRecord> {
    if (this.#claimed) throw secondReaderError(OPERATION);
    this.#claimed = true;
    const isClosed = () => this.#isClosed;
    return {
      read: () => this.#read(),
      leave: () => this.close(),
      get interrupted() {
        return isClosed();
      },
    };
  }

  async #read(): Promise<FlowRecord[] | undefined> {
    if (this.#pending) throw concurrentReadError(OPERATION);
    this.#pending = true;
    try {
      const { value } = await this.#records.next();
      if (value === undefined) await this.close();
      if (!this.#isClosed) return value;
    } catch (error) {
      if (!this.#isClosed) {
        await this.close();
        throw error;
      }
    } finally {
      this.#pending = false;
    }
    return undefined;
  }

  /** The records, none of them in an empty batch. */
  async *#make(): AsyncGenerator<FlowRecord[], undefined> {
    const gap = await this.#resume();
    if (gap !== undefined) yield [gap];
    const notices = noticesOf(await this.#settings(), this.#events.coverage);
    if (notices.length > 0) yield notices;
    for (;;) {
      if (this.#finishing !== undefined) {
        yield* this.#last();
        yield [finished(this.#finishing)];
        return undefined;
      }
      if (this.#due !== undefined && performance.now() >= this.#due) yield* this.#readTable();
      await this.#eventsOrDue();
      const batch = this.#arrivals.take();
      if (batch?.done === true) return undefined;
      if (batch !== undefined) yield* this.#recordsOf(batch.value);
    }
  }

  async #settings() {
    try {
      return await this.#handle.readSettings();
    } catch {
      // A notice reports it.
      return undefined;
    }
  }

  async *#last(): AsyncGenerator<FlowRecord[], void> {
    // What an earlier recorder knew is compared with the table once at least.
    if (this.#options.interval !== undefined || this.#due === 0) yield* this.#readTable();
    else yield* this.#catchUp();
    if (this.#losesEvents()) yield* this.#readTable();
  }

  /** Takes over what an earlier recorder knew. */
  async #resume(): Promise<GapRecord | undefined> {
    const { signal } = this.#reading;
    const history = await this.#unlessEnded(this.#options.resume?.history());
    if (history === undefined) return undefined;
    for await (const part of history.open) {
      signal.throwIfAborted();
      this.#flows.resume(part);
    }
    const to = new Date(this.#began);
    return { type: 'gap', from: history.until < to ? history.until : to, to };
  }

  /** Rejects at once when the recorder ends. */
  async #unlessEnded<T>(promise: Promise<T> | undefined): Promise<T | undefined> {
    if (promise === undefined) return undefined;
    const { signal } = this.#reading;
    signal.throwIfAborted();
    let stop = () => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        stop = () => {
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', stop);
        promise.then(resolve, reject);
      });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Resolves when a batch of events has come, a reading is due, or the recorder is to end. */
  async #eventsOrDue(): Promise<void> {
    this.#arrivals.ask();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#arrivals.haveCome || this.#finishing !== undefined) resolve();
      else if (this.#due !== undefined) {
        timer = setTimeout(resolve, Math.max(1, this.#due - performance.now()));
      }
    });
    clearTimeout(timer);
  }

  /** Shows the flows all entries of the table, and finds those that are gone. */
  async *#readTable(): AsyncGenerator<FlowRecord[], void> {
    const began = performance.now();
    const hadLost = this.#losesEvents();
    this.#hasLost = false;
    this.#flows.begin(Date.now());
    const { signal } = this.#reading;
    const entries = this.#handle.streamEntries(this.#options.filter, { signal });
    const batches = entries.batches();
    try {
      for await (const batch of batches) {
        const time = Date.now();
        yield* this.#parts(batch.map((entry) => this.#flows.show(entry, time)));
        const events = this.#arrivals.take();
        if (events?.done === true) return;
        if (events !== undefined) yield* this.#recordsOf(events.value);
        this.#arrivals.ask();
      }
    } finally {
      await batches.return?.();
    }
    yield* this.#catchUp();
    if (this.#arrivals.haveEnded) return;
    const doubt = hadLost || this.#losesEvents() ? 'lost' : 'no-event';
    for (const sightings of inBatches(this.#flows.end(doubt))) yield* this.#parts(sightings);
    const tookMs = performance.now() - began;
    // At most half of the time goes into readings.
    this.#rested = began + 2 * tookMs;
    this.#due = this.#nextReading(began, tookMs);
  }

  /** A method: the compiler would take a property for one that does not change meanwhile. */
  #losesEvents(): boolean {
    return this.#hasLost;
  }

  /** Takes in what the kernel sent before the call. */
  async *#catchUp(): AsyncGenerator<FlowRecord[], void> {
    const progress = { isDone: false };
    // Where the stream has ended, it tells why.
    void this.#events
      .caughtUp()
      .catch(() => undefined)
      .finally(() => {
        progress.isDone = true;
        this.#wake();
      });
    while (!progress.isDone) {
      this.#arrivals.ask();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#arrivals.haveCome) resolve();
      });
      const events = this.#arrivals.take();
      if (events?.done === true) return;
      if (events !== undefined) yield* this.#recordsOf(events.value);
    }
  }

  #nextReading(began: number, tookMs: number): number | undefined {
    if (this.#hasLost) return this.#rested;
    const { interval } = this.#options;
    if (interval !== undefined) return Math.max(began + interval, this.#rested);
    if (this.#events.coverage === 'all') return undefined;
    return began + tookMs + Math.max(LIMITS.flowRecheckMs, LIMITS.recheckShare * tookMs);
  }

  async *#recordsOf(events: readonly ConntrackEvent[]): AsyncGenerator<FlowRecord[], void> {
    const portIds = new Set(events.map((event) => deleterOf(event)).filter((id) => id !== 0));
    if (portIds.size > 0) await this.#deleters.find(portIds);
    const time = Date.now();
    const records: FlowRecord[] = [];
    for (const event of events) {
      switch (event.type) {
        case 'destroy':
          records.push(this.#ended(event, time));
          break;
        case 'lost':
          records.push(this.#lost(event.cause, event.count, time));
          break;
        case 'reliability-ended':
          records.push(reliabilityEnded(event));
          break;
        default:
          break;
      }
    }
    const { malformed } = this.#events.counters;
    // What could not be read may have been the end of a flow.
    if (malformed > this.#malformed) {
      records.push(this.#lost('kernel', malformed - this.#malformed, time));
      this.#malformed = malformed;
    }
    if (records.length > 0) yield records;
  }

  #lost(cause: LossRecord['cause'], count: number, time: number): LossRecord {
    this.#hasLost = true;
    const soonest = Math.max(performance.now(), this.#rested);
    this.#due = Math.min(this.#due ?? soonest, soonest);
    return { type: 'lost', cause, count, at: new Date(time) };
  }

  #ended(event: EntryEvent, time: number): FlowRecord {
    const { entry, originPortId } = event;
    const outcome = originPortId === 0 ? 'expired' : 'deleted';
    const deleter = originPortId === 0 ? undefined : this.#deleters.get(originPortId);
    return flowPartOf(this.#flows.destroy(entry, outcome, time), this.#run, deleter);
  }

  *#parts(sightings: readonly (Sighting | undefined)[]): Generator<FlowRecord[], void> {
    const parts: FlowRecord[] = [];
    for (const sighting of sightings) {
      if (sighting !== undefined) parts.push(flowPartOf(sighting, this.#run, undefined));
    }
    if (parts.length > 0) yield parts;
  }
}

/** The port id of who deleted a flow; 0: nobody did. */
function deleterOf(event: ConntrackEvent): number {
  return event.type === 'destroy' ? event.originPortId : 0;
}

/** Arrays of some of the items. */
function* inBatches<T>(items: Iterable<T>): Generator<T[], void> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < MOST) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

const MOST = 1024;
