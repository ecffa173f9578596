/**
 * Keeps a live table in step from the public streams: subscribe, dump, replay; again after a loss;
 * and now and then for the flows that send no events.
 */
import { setImmediate } from 'node:timers/promises';
import { orAborted } from '../core/abort.js';
import { type End, Ending } from '../core/ending.js';
import { closedError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { EntryStream } from '../entry/stream.js';
import type { ConntrackEvent } from '../event/event.js';
import type { EventStream } from '../event/stream.js';
import type { EntryFilter } from '../filter/filter.js';
import type { LiveTable } from './live-table.js';
import type { MirrorOptions } from './options.js';
import type { MirrorSource } from './source.js';
import { ticksNow } from './ticks.js';

type Filter = EntryFilter | readonly EntryFilter[] | undefined;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A reading of the table that somebody asked for. */
interface Refresh extends Waiting {
  readonly entries: EntryStream;
  readonly isWhole: boolean;
}

export class TableSync {
  private readonly source: MirrorSource;
  private readonly live: LiveTable;
  private readonly options: MirrorOptions;
  private readonly events: EventStream;
  private readonly ending = new Ending();
  /** Called once, when it has ended. */
  private readonly ended: (end: End) => void;
  private readonly refreshes: Refresh[] = [];
  private readonly settling: Waiting[] = [];
  private readonly timers: NodeJS.Timeout[] = [];
  private wake: () => void = () => undefined;
  /** Events are missing; a dump has not begun since. */
  private isStale = true;
  private malformed = 0;
  private lastRecheckMs = 0;
  private rechecks = 0;
  private recheckIsDue = false;
  /** Since when it has been out of step. */
  private lostAt: number | undefined = performance.now();
  private outOfStepMs = 0;
  /** When the last complete check of all flows began. */
  private checkedAt = performance.now();
  private lossCount = 0;
  private asksByDump = false;
  /** A dump runs that decides about flows that were doubtful. */
  private isDeciding = false;
  private readonly working: Promise<unknown>;
  /** Ends what is being read. */
  private readonly reading = new AbortController();

  constructor(
    source: MirrorSource,
    live: LiveTable,
    options: MirrorOptions,
    ended: (end: End) => void,
  ) {
    const { filter, receiveBufferBytes, queueBytes } = options;
    this.source = source;
    this.live = live;
    this.options = options;
    this.ended = ended;
    this.events = source.watchEvents({ filter, receiveBufferBytes, queueBytes });
    this.working = Promise.all([this.run(this.follow()), this.run(this.maintain())]);
  }

  /** Whether nothing is missing. */
  get isInStep(): boolean {
    return this.lostAt === undefined;
  }

  /** How often events were lost, and the table was read again for it. */
  get losses(): number {
    return this.lossCount;
  }

  get outOfStepFor(): number {
    const since = this.lostAt === undefined ? 0 : performance.now() - this.lostAt;
    return this.outOfStepMs + since;
  }

  /** The age of the oldest knowledge that no event keeps right, in milliseconds. */
  get staleFor(): number {
    const now = performance.now();
    const ofLoss = this.lostAt === undefined ? 0 : now - this.lostAt;
    const ofSilent = this.live.table.records.silent === 0 ? 0 : now - this.checkedAt;
    return Math.max(ofLoss, ofSilent);
  }

  /** Resolves when it is in step for the first time. */
  opened(): Promise<void> {
    return this.wait((waiting) => this.settling.push(waiting));
  }

  /** Resolves when the live table has all that the kernel sent before the call. */
  async settled(): Promise<void> {
    try {
      await this.events.caughtUp();
    } catch (error) {
      // The end of the mirror closes its events: the error is that of the mirror.
      throw this.endError() ?? error;
    }
    if (this.isSettled) return;
    return this.wait((waiting) => this.settling.push(waiting));
  }

  /** Reads what matches again. */
  refresh(filter: Filter): Promise<void> {
    const isWhole = filter === undefined;
    // Takes the filter as it is now.
    const entries = this.read(isWhole ? this.options.filter : filter);
    return this.wait((waiting) => this.refreshes.push({ ...waiting, entries, isWhole }));
  }

  async close(end: End): Promise<void> {
    this.stop(end);
    await this.working;
  }

  /** A method: the compiler would take a property for one that does not change meanwhile. */
  private missesEvents(): boolean {
    return this.isStale;
  }

  private get isSettled(): boolean {
    return this.isInStep && this.live.follower.isCertain && !this.isDeciding;
  }

  /** Why it has ended; `undefined`: it has not. */
  private endError(): unknown {
    if (!this.ending.hasEnded()) return undefined;
    return this.ending.error ?? closedError('mirrorTable', 'mirror');
  }

  private async wait(join: (waiting: Waiting) => void): Promise<void> {
    if (this.ending.hasEnded()) throw this.endError();
    await new Promise<void>((resolve, reject) => {
      join({ resolve, reject });
      this.wake();
    });
  }

  private async run(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.stop({ error });
    }
  }

  private stop(end: End): void {
    if (this.ending.hasEnded()) return;
    this.ending.set(end);
    const error = this.endError();
    for (const timer of this.timers) clearInterval(timer);
    void this.events.close();
    this.reading.abort(error);
    for (const { reject } of [...this.refreshes.splice(0), ...this.settling.splice(0)]) {
      reject(error);
    }
    this.wake();
    this.ended(end);
  }

  // Events -------------------------------------------------------------------------------

  private async follow(): Promise<void> {
    const { live, events } = this;
    for await (const batch of events.batches()) {
      live.follower.time = ticksNow();
      live.feed.synthetic = false;
      for (const event of batch) this.take(event);
      live.feed.synthetic = true;
      live.feed.flush();
      if (!this.isSettled) this.wake();
    }
    // Whoever closes the handle ends the stream.
    if (!this.ending.hasEnded()) throw closedError('mirrorTable', 'handle');
  }

  private take(event: ConntrackEvent): void {
    switch (event.type) {
      case 'new':
      case 'update':
      case 'destroy':
        this.live.follower.tell(event.type, event.entry);
        break;
      case 'lost':
        this.lose();
        this.live.feed.lost(event.cause, event.count);
        break;
      default:
        break;
    }
  }

  private lose(): void {
    this.lossCount++;
    this.isStale = true;
    this.lostAt ??= performance.now();
  }

  // Readings -----------------------------------------------------------------------------

  /** One thing after the other, as long as there is something to do. */
  private async maintain(): Promise<void> {
    await this.synchronize();
    if (this.ending.hasEnded()) return;
    this.startTimers();
    while (!this.ending.hasEnded()) {
      if (this.isStale) await this.synchronize();
      else if (this.refreshes.length > 0) await this.readAgain();
      else if (this.live.follower.doubtful.size > 0) await this.ask();
      else if (this.recheckIsDue) await this.recheck();
      else await this.rest();
    }
  }

  private async rest(): Promise<void> {
    for (const { resolve } of this.settling.splice(0)) resolve();
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }

  /** Reads the whole part of the table, until no event was lost meanwhile. */
  private async synchronize(): Promise<void> {
    for (let tookMs = 0; this.missesEvents() && !this.ending.hasEnded(); ) {
      if (tookMs > 0) await orAborted(this.reading.signal, pause(tookMs));
      this.isStale = false;
      const began = performance.now();
      await this.dumpAll();
      tookMs = performance.now() - began;
    }
    if (this.ending.hasEnded()) return;
    // The events that came while the dump ran belong to what is in step.
    await this.events.caughtUp();
    while (this.live.follower.doubtful.size > 0 && !this.ending.hasEnded()) await this.ask();
    if (this.missesEvents() || this.lostAt === undefined) return;
    this.outOfStepMs += performance.now() - this.lostAt;
    this.lostAt = undefined;
  }

  private async readAgain(): Promise<void> {
    const [first] = this.refreshes;
    if (first === undefined) return;
    // One reading of all answers each that asked for all.
    const isAnswered = (one: Refresh) => one === first || (one.isWhole && first.isWhole);
    const answered = this.refreshes.filter(isAnswered);
    this.refreshes.splice(
      0,
      this.refreshes.length,
      ...this.refreshes.filter((one) => !isAnswered(one)),
    );
    try {
      await this.dump(first.entries, first.isWhole);
      for (const { resolve } of answered) resolve();
    } catch (error) {
      for (const { reject } of answered) reject(error);
      throw error;
    }
  }

  private read(filter: Filter): EntryStream {
    return this.source.streamEntries(filter, { signal: this.reading.signal });
  }

  private dumpAll(): Promise<void> {
    return this.dump(this.read(this.options.filter), true);
  }

  private async dump(stream: EntryStream, isWhole: boolean): Promise<void> {
    const { follower, feed } = this.live;
    const began = performance.now();
    follower.begin();
    for await (const entries of stream.batches()) {
      follower.time = ticksNow();
      // Those that match another filter may be outside of the mirror's part.
      for (const entry of entries) follower.show(entry, isWhole);
      feed.flush();
    }
    for (const _ of follower.end(isWhole)) {
      feed.flush();
      await setImmediate();
    }
    feed.flush();
    if (isWhole) this.checkedAt = began;
  }

  /** Asks the kernel for the doubtful flows. */
  private async ask(): Promise<void> {
    const { follower, feed } = this.live;
    const { size } = follower.doubtful;
    // A dump is cheaper than many gets. Gets follow for the flows that it leaves in doubt.
    this.asksByDump =
      !this.asksByDump && size > LIMITS.getsOfMirror && size > this.live.size / DUMP_SHARE;
    if (this.asksByDump) {
      follower.doubtful.clear();
      this.isDeciding = true;
      await this.dumpAll();
      this.isDeciding = false;
      return;
    }
    const slots = follower.ask(LIMITS.getsOfMirror);
    const gets = this.source.getEntries(slots.map((slot) => this.live.keyOf(slot)));
    const found = await orAborted(this.reading.signal, gets);
    follower.time = ticksNow();
    for (const [index, slot] of slots.entries()) follower.answer(slot, found[index]);
    feed.flush();
  }

  // Flows that send no events ------------------------------------------------------------

  private startTimers(): void {
    const { recheckInterval = LIMITS.recheckMs } = this.options;
    const every = (milliseconds: number, act: () => void) => {
      this.timers.push(setInterval(act, milliseconds).unref());
    };
    every(Math.min(1000, recheckInterval), () => {
      this.doubtExpired();
    });
    every(recheckInterval, () => {
      const least = LIMITS.recheckShare * this.lastRecheckMs;
      if (performance.now() - this.checkedAt < least) return;
      this.recheckIsDue = true;
      this.wake();
    });
  }

  /** Marks silent flows whose time is over: packets may have renewed them, or they have ended. */
  private doubtExpired(): void {
    const { follower, table } = this.live;
    const { records } = table;
    const now = ticksNow();
    follower.time = now;
    for (
      let slot = records.nextExpired(0, now);
      slot !== -1;
      slot = records.nextExpired(slot + 1, now)
    ) {
      follower.doubt(slot);
    }
    const { malformed } = this.events.counters;
    // What could not be read may have been an event.
    if (malformed > this.malformed) {
      this.lose();
      this.live.feed.lost('kernel', malformed - this.malformed);
      this.live.feed.flush();
    }
    this.malformed = malformed;
    if (!this.isSettled) this.wake();
  }

  private async recheck(): Promise<void> {
    const { follower, table } = this.live;
    const { records } = table;
    const began = performance.now();
    const { coverage } = this.events;
    const hearsNothing = coverage === 'none' || coverage === 'unknown';
    const isAudit = ++this.rechecks % LIMITS.rechecksPerAudit === 0;
    if (hearsNothing || isAudit || records.silent > this.live.size / DUMP_SHARE) {
      await this.dumpAll();
    } else {
      for (let slot = records.nextSilent(0); slot !== -1; slot = records.nextSilent(slot + 1)) {
        follower.doubt(slot);
      }
      while (follower.doubtful.size > 0 && !this.ending.hasEnded()) await this.ask();
      this.checkedAt = began;
    }
    this.lastRecheckMs = performance.now() - began;
    // The interval may have ended meanwhile, when nobody knew how long this check takes.
    this.recheckIsDue = false;
  }
}

/** A dump replaces gets for more than one flow in eight. */
const DUMP_SHARE = 8;

/** After a loss the next reading begins when as much time has passed as the last one took. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
