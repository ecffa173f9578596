/**
 * The stream of changes of a mirror, and the queue behind it.
 *
 * @module
 */
import { followSignal, reasonOf, unfollowSignal } from '../core/abort.js';
import { type End, Ending } from '../core/ending.js';
import { concurrentReadError, secondReaderError } from '../core/errors.js';
import { type BatchSource, iterateBatches, iterateItems } from '../core/iterator.js';
import { LIMITS } from '../core/limits.js';
import type { MirrorChange } from './change.js';

const OPERATION = 'mirror.changes';

/** The changes that wait to be read. */
export class ChangeQueue {
  private readonly signal: AbortSignal | undefined;
  private readonly ending = new Ending();
  private waiting: MirrorChange[] = [];
  private dropped = 0;
  private answer: (() => void) | undefined;
  /** Called when whoever reads waits, and when that ends. */
  private readonly reading: (isReading: boolean) => void;

  constructor(signal: AbortSignal | undefined, reading: (isReading: boolean) => void) {
    this.signal = signal;
    this.reading = reading;
    if (signal === undefined) return;
    if (signal.aborted) this.end({ error: reasonOf(signal) });
    else followSignal(signal, this);
  }

  get hasEnded(): boolean {
    return this.ending.hasEnded();
  }

  put(changes: readonly MirrorChange[]): void {
    const room = LIMITS.changesWaiting - this.waiting.length;
    if (changes.length <= room) {
      for (const change of changes) this.waiting.push(change);
    } else {
      for (const change of changes.slice(0, room)) this.waiting.push(change);
      // Losses of the mirror are no changes.
      this.dropped += changes.slice(room).filter(({ type }) => type !== 'lost').length;
    }
    this.wake();
  }

  async read(): Promise<MirrorChange[] | undefined> {
    if (this.waiting.length === 0 && !this.hasEnded) await this.wait();
    if (!this.hasEnded) {
      const changes = this.waiting;
      this.waiting = [];
      if (this.dropped > 0) {
        changes.push({ type: 'lost', cause: 'changes', count: this.dropped });
        this.dropped = 0;
      }
      return changes;
    }
    this.ending.throwError();
    return undefined;
  }

  /** The signal aborted. */
  abort(reason: unknown): void {
    this.end({ error: reason });
  }

  end(end: End): void {
    this.ending.set(end);
    this.waiting = [];
    if (this.signal !== undefined) unfollowSignal(this.signal, this);
    this.wake();
  }

  private async wait(): Promise<void> {
    this.reading(true);
    await new Promise<void>((resolve) => {
      this.answer = resolve;
    });
    this.reading(false);
  }

  private wake(): void {
    this.answer?.();
    this.answer = undefined;
  }
}

/**
 * The changes of a mirror: async iterable, change by change or, through `batches()`, array by array.
 * It can be read once. At most 65,536 changes wait to be read; a `lost` change reports those that
 * found no room.
 *
 * @example
 * ```ts
 * import { mirrorTable } from 'conntrack';
 *
 * await using mirror = await mirrorTable();
 * for await (const changes of mirror.changes().batches()) console.log(changes.length);
 * ```
 */
export class ChangeStream implements AsyncIterable<MirrorChange>, AsyncDisposable {
  readonly #queue: ChangeQueue;
  /** The mirror lives as long as its changes are read. */
  readonly mirror: object;
  #claimed = false;
  #pending = false;

  /** @internal */
  constructor(queue: ChangeQueue, mirror: object) {
    this.#queue = queue;
    this.mirror = mirror;
  }

  /** Iterates over the changes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<MirrorChange, undefined> {
    return iterateItems(this.#source());
  }

  /** Iterates over arrays of all waiting changes. */
  batches(): AsyncIterableIterator<MirrorChange[], undefined> {
    return iterateBatches(this.#source());
  }

  /** Ends the stream and its loop; the mirror stays. Idempotent. */
  async close(): Promise<void> {
    this.#queue.end('complete');
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.end('complete');
  }

  #source(): BatchSource<MirrorChange> {
    if (this.#claimed) throw secondReaderError(OPERATION);
    this.#claimed = true;
    const queue = this.#queue;
    return {
      read: () => this.#read(),
      leave: () => this.close(),
      get interrupted() {
        return queue.hasEnded;
      },
    };
  }

  async #read(): Promise<MirrorChange[] | undefined> {
    if (this.#pending) throw concurrentReadError(OPERATION);
    this.#pending = true;
    try {
      return await this.#queue.read();
    } finally {
      this.#pending = false;
    }
  }
}
