/**
 * The iterators of a stream that is read in batches: one by one, or array by array.
 */

/** The source of the batches. */
export interface BatchSource<T> {
  /** The next batch, which is not empty; `undefined` at the end. */
  read(): Promise<T[] | undefined>;
  /** Ends the reading from within its own loop. */
  leave(): Promise<void>;
  /** Whether the reading was ended from outside: the rest of the batch must not be returned. */
  readonly interrupted: boolean;
  /** Takes that rest, and what a loop item by item had before it when it was left. */
  unread?(rest: T[]): void;
}

export function iterateBatches<T>(source: BatchSource<T>): AsyncIterableIterator<T[], undefined> {
  return iterate(
    source,
    () => source.read(),
    () => undefined,
  );
}

export function iterateItems<T>(source: BatchSource<T>): AsyncIterableIterator<T, undefined> {
  let batch: T[] = [];
  let index = 0;
  const drop = () => {
    if (index < batch.length) source.unread?.(batch.slice(index));
    batch = [];
  };
  const read = async () => {
    drop();
    batch = (await source.read()) ?? [];
    index = 1;
    return batch[0];
  };
  const leave = () => {
    drop();
    return source.leave();
  };
  return iterate(source, read, () => batch[index++], leave);
}

/** `ready` returns a value that needs no waiting. */
function iterate<T>(
  source: BatchSource<unknown>,
  read: () => Promise<T | undefined>,
  ready: () => T | undefined,
  end = () => source.leave(),
): AsyncIterableIterator<T, undefined> {
  let left = false;
  const leave = () => {
    left = true;
    return end();
  };
  const resultOf = (value: T | undefined): IteratorResult<T, undefined> =>
    value === undefined ? { value: undefined, done: true } : { value, done: false };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (left) return Promise.resolve({ value: undefined, done: true });
      const value = source.interrupted ? undefined : ready();
      if (value !== undefined) return Promise.resolve({ value, done: false });
      return read().then(resultOf);
    },
    async return() {
      await leave();
      return { value: undefined, done: true };
    },
    async throw(error: unknown) {
      await leave();
      throw error;
    },
  };
}
