/**
 * Waiting for streams of others, which may take for ever.
 */
import { followSignal, throwIfAborted, unfollowSignal } from './abort.js';
import { closedError } from './errors.js';

/** One wait at a time, which ends when the handle closes or the signal aborts. */
export class Interruptible {
  private readonly operation: string;
  private readonly signal: AbortSignal | undefined;
  private interruption: { readonly reason: unknown } | undefined;
  private reject: (reason: unknown) => void = () => undefined;

  constructor(operation: string, signal: AbortSignal | undefined) {
    this.operation = operation;
    this.signal = signal;
  }

  /** Runs work whose waits go through `wait`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this;
    if (signal !== undefined) {
      throwIfAborted(signal);
      followSignal(signal, this);
    }
    try {
      return await work();
    } finally {
      if (signal !== undefined) unfollowSignal(signal, this);
    }
  }

  /** Not Promise.race: what is to end them all would keep every wait in memory. */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.reject = reject;
      work.then(resolve, reject);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it may be anything
      if (this.interruption !== undefined) reject(this.interruption.reason);
    });
  }

  abort(reason: unknown): void {
    this.interruption ??= { reason };
    this.reject(this.interruption.reason);
  }

  close(): void {
    this.abort(closedError(this.operation, 'handle'));
  }
}
