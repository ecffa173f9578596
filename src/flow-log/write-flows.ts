/**
 * Records go to what keeps them.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  arrayOf,
  type Check,
  instance,
  isArray,
  optional,
  options,
  signal,
} from '../core/check.js';
import { setHint, withLink } from '../core/error-page.js';
import { typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { FlowRecord } from './flow-record.js';
import type { FlowWriter } from './writer.js';

/** A recorder, or any other source of records. */
export interface FlowSource extends AsyncIterable<FlowRecord> {
  /** Read instead of the records one by one, where there is one. */
  batches?(): AsyncIterable<FlowRecord[]>;
}

/** Options of {@link writeFlows}. */
export interface WriteFlowsOptions {
  /**
   * Decides what follows a write that failed: returns the milliseconds until the same records are
   * written again, or `undefined` to give up. `failures`: how often they have failed. Default: the
   * first failure ends the writing.
   */
  readonly retry?: ((error: unknown, failures: number) => number | undefined) | undefined;
  /**
   * Ends the writing. What has been read is written, once, and the promise rejects with the signal's
   * reason.
   */
  readonly signal?: AbortSignal | undefined;
}

const ADVICE =
  'They are in "records" of this error. "retry" writes again where a writer can recover.';

/**
 * Some records could not be written. `cause` has the error of the writer.
 *
 * @example
 * ```ts
 * import { FlowWriteError, recordFlows, writeFlows } from 'conntrack/flow-log';
 *
 * try {
 *   await writeFlows(recordFlows(), { write: () => Promise.reject(new Error('no room')) });
 * } catch (error) {
 *   if (!(error instanceof FlowWriteError)) throw error;
 *   console.error(error.message, error.records.length);
 * }
 * ```
 */
export class FlowWriteError extends Error {
  override readonly name = 'FlowWriteError';
  readonly code = 'ERR_FLOW_WRITE';
  /** All that were read and may be not written, in their order. */
  readonly records: readonly FlowRecord[];
  /** Advice, and a link to the section of the code. `message` includes it. */
  declare readonly hint: string;

  /** @internal */
  constructor(cause: unknown, records: readonly FlowRecord[]) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = withLink('ERR_FLOW_WRITE', ADVICE);
    super(`writeFlows: ${records.length} records are not written: ${why}\n${hint}`, { cause });
    setHint(this, hint);
    this.records = records;
  }
}

/** A stream and a buffer have a `write()` as well, which resolves nothing. */
const writer = instance<FlowWriter & { readonly end?: unknown; readonly fill?: unknown }>(
  'a writer of flows: an object whose write() takes records and resolves when they are kept',
  ({ write, end, fill }) => typeof write === 'function' && end === undefined && fill === undefined,
);
const several = arrayOf<FlowWriter>(writer);

const writers: Check<readonly FlowWriter[]> = (value, path) => {
  if (!isArray(value, path)) return [writer(value, path)];
  const all = several(value, path);
  if (all.length === 0) throw typeError(path, 'must have a writer of flows');
  return all;
};

const source = instance<FlowSource>(
  'records of flows',
  (value) => typeof (value as Partial<FlowSource>)[Symbol.asyncIterator] === 'function',
);

const checkedOptions = options<WriteFlowsOptions>({
  retry: optional((value, path) => {
    if (typeof value !== 'function') throw typeError(path, 'must be a function');
    return value as NonNullable<WriteFlowsOptions['retry']>;
  }),
  signal: optional(signal),
});

/**
 * Writes the records of a recorder, or of any other source, until it ends. Resolves with the number of
 * records that were written.
 *
 * Records that come while a write is under way are written together, at most 8,192 at a time; a writer
 * that is slower than the records lets them wait in the queue of the recorder. Several writers get the
 * same records at once, and the next ones when all of them have these.
 *
 * @throws {@link FlowWriteError} when a writer fails, and `retry` gives up. The source is left.
 * @throws what the source throws, after all before it has been written.
 * @throws TypeError for a wrong argument.
 *
 * @example
 * ```ts
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 *
 * const recorder = recordFlows({ interval: '60s' });
 * process.on('SIGTERM', () => recorder.finish());
 * await writeFlows(recorder, {
 *   async write(records) {
 *     for (const record of records) console.log(JSON.stringify(record));
 *   },
 * });
 * ```
 */
export async function writeFlows(
  records: FlowSource,
  to: FlowWriter | readonly FlowWriter[],
  options?: WriteFlowsOptions,
): Promise<number> {
  const checked = checkedOptions(options);
  return new FlowWriting(source(records, 'records'), writers(to, 'to'), checked).run();
}

class FlowWriting {
  private waiting: FlowRecord[] = [];
  private hasEnded = false;
  private failure: { readonly error: unknown } | undefined;
  private wakeWriter = () => {};
  private wakeReader = () => {};
  private readonly source: FlowSource;
  private readonly writers: readonly FlowWriter[];
  private readonly options: WriteFlowsOptions;

  constructor(source: FlowSource, writers: readonly FlowWriter[], options: WriteFlowsOptions) {
    this.source = source;
    this.writers = writers;
    this.options = options;
  }

  async run(): Promise<number> {
    const { signal } = this.options;
    signal?.throwIfAborted();
    const batches = batchesOf(this.source);
    const stop = () => {
      this.hasEnded = true;
      this.failure ??= { error: signal?.reason };
      this.wakeWriter();
    };
    signal?.addEventListener('abort', stop);
    void this.read(batches);
    let written = 0;
    try {
      for (;;) {
        const records = await this.next();
        if (records === undefined) break;
        await this.writeToAll(records);
        written += records.length;
      }
      if (this.failure !== undefined) throw this.failure.error;
      return written;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.hasEnded = true;
      this.wakeReader();
      // A generator that waits for its own source would return when that has more.
      const left = batches.return?.();
      if (this.source.batches !== undefined) await left;
      else left?.catch(() => undefined);
    }
  }

  /** Reads while records are written. */
  private async read(batches: AsyncIterator<FlowRecord[]>): Promise<void> {
    try {
      while (!this.hasEnded) {
        const batch = await batches.next();
        if (batch.done === true || this.isOver()) break;
        for (const record of batch.value) this.waiting.push(record);
        this.wakeWriter();
        if (this.waiting.length < LIMITS.flowsInWrite) continue;
        await new Promise<void>((resolve) => {
          this.wakeReader = resolve;
        });
      }
    } catch (error) {
      this.failure ??= { error };
    }
    this.hasEnded = true;
    this.wakeWriter();
  }

  /** A method: the compiler would take the property for one that does not change meanwhile. */
  private isOver(): boolean {
    return this.hasEnded;
  }

  /** Some records; `undefined`: no more come. */
  private async next(): Promise<FlowRecord[] | undefined> {
    if (this.waiting.length === 0 && !this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.wakeWriter = resolve;
      });
    }
    if (this.waiting.length === 0) return undefined;
    const records = this.waiting.splice(0, LIMITS.flowsInWrite);
    this.wakeReader();
    return records;
  }

  private async writeToAll(records: readonly FlowRecord[]): Promise<void> {
    const outcomes = await Promise.allSettled(
      this.writers.map((writer) => this.writeTo(writer, records)),
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') continue;
      throw new FlowWriteError(outcome.reason, [...records, ...this.waiting]);
    }
  }

  private async writeTo(writer: FlowWriter, records: readonly FlowRecord[]): Promise<void> {
    const { retry, signal } = this.options;
    for (let failures = 1; ; failures++) {
      try {
        await writer.write(records);
        return;
      } catch (error) {
        const delay = signal?.aborted === true ? undefined : retry?.(error, failures);
        if (delay === undefined) throw error;
        // An abort tries once more, at once.
        await sleep(delay, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

function batchesOf(source: FlowSource): AsyncIterator<FlowRecord[]> {
  const batches = source.batches?.();
  return batches === undefined ? oneByOne(source) : batches[Symbol.asyncIterator]();
}

async function* oneByOne(source: AsyncIterable<FlowRecord>): AsyncGenerator<FlowRecord[]> {
  for await (const record of source) yield [record];
}
