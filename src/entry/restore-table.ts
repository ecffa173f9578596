/**
 * Restores a table from lines of JSON or text.
 */
import { ConntrackError, rangeError } from '../core/errors.js';
import { Interruptible } from '../core/interruptible.js';
import { LIMITS } from '../core/limits.js';
import { type Line, LineSplitter } from '../core/lines.js';
import { printable } from '../core/printable.js';
import type { Context } from '../request/context.js';
import type { RequestQueue } from '../request/queue.js';
import { createAll } from './create.js';
import { bitsOf, specOfLine } from './parse.js';
import type { BitsOfLabels } from './parsed-spec.js';
import type { EntrySpec } from './spec.js';
import {
  type RestoreEntriesOptions,
  type RestoreEntriesResult,
  type RestoreFailure,
  readableOf,
  restoreOptionsOf,
  type TextReadable,
} from './transfer.js';

type LineError = RestoreFailure['error'];

/** A line that has a specification. */
interface Item {
  readonly line: number;
  readonly text: string;
  readonly spec: EntrySpec;
}

/** A line whose master was not there. As bytes: a string would keep the piece that it was cut from. */
interface Orphan {
  readonly line: number;
  readonly bytes: Buffer;
  readonly error: LineError;
}

export async function restoreTable(
  context: Context,
  operation: string,
  from: TextReadable,
  options: RestoreEntriesOptions | undefined,
): Promise<RestoreEntriesResult> {
  const readable = readableOf(from, 'readable');
  const { signal, labels } = restoreOptionsOf(options);
  const restoring = new Restoring(context.requests, operation, bitsOf(labels));
  const waiting = new Interruptible(operation, signal);
  return context.during(waiting, () =>
    waiting.run(async () => {
      const pieces = readable[Symbol.asyncIterator]();
      let isOver = false;
      try {
        const splitter = new LineSplitter();
        while (!isOver) {
          const next = await waiting.wait(Promise.resolve(pieces.next()));
          isOver = next.done === true;
          const lines = isOver ? splitter.end() : splitter.push(next.value);
          for (const line of lines) {
            const full = restoring.add(line);
            if (full !== undefined) await waiting.wait(full);
          }
        }
        return await waiting.wait(restoring.end());
      } finally {
        if (!isOver) abandon(readable, pieces);
      }
    }),
  );
}

/**
 * Nobody reads the rest. The iterator of a Readable takes no return() while a read waits; of another
 * one it may wait for ever, and what it rejects with was not what ended the call.
 */
function abandon(readable: TextReadable, pieces: AsyncIterator<unknown>): void {
  const { destroy } = readable as { readonly destroy?: unknown };
  if (typeof destroy === 'function') Reflect.apply(destroy, readable, []);
  else void Promise.resolve(pieces.return?.()).catch(() => undefined);
}

/** The codes of failures that every other line would have, too. */
const OF_ALL = new Set(['EPERM', 'ERR_CONNTRACK_CLOSED', 'ERR_CONNTRACK_UNSUPPORTED']);

class Restoring {
  private readonly requests: RequestQueue;
  private readonly operation: string;
  private readonly labels: BitsOfLabels | undefined;
  private created = 0;
  private existed = 0;
  private failed = 0;
  private readonly failures: RestoreFailure[] = [];
  private batch: Item[] = [];
  /** One batch is under way while the next one is parsed. */
  private underWay: Promise<void> = Promise.resolve();
  private orphans: Orphan[] = [];
  private orphanBytes = 0;

  constructor(requests: RequestQueue, operation: string, labels: BitsOfLabels | undefined) {
    this.requests = requests;
    this.operation = operation;
    this.labels = labels;
  }

  /** Wait for what it returns before the next line. */
  add({ number, text }: Line): Promise<void> | undefined {
    try {
      if (text === undefined) {
        throw rangeError('the line', `must have at most ${LIMITS.lineCharacters} characters`);
      }
      const spec = specIn(text, this.labels);
      if (spec === undefined) return undefined;
      this.batch.push({ line: number, text, spec });
    } catch (error) {
      this.fail(number, error as LineError);
      return undefined;
    }
    return this.batch.length < LIMITS.itemsUnderWay ? undefined : this.sendBatch();
  }

  async end(): Promise<RestoreEntriesResult> {
    await this.sendBatch();
    await this.underWay;
    // Round by round, for an entry that was expected may be a master itself.
    for (let left = Infinity; this.orphans.length < left && this.orphans.length > 0; ) {
      const { orphans } = this;
      left = orphans.length;
      this.orphans = [];
      this.orphanBytes = 0;
      for (const { line, bytes } of orphans) {
        const full = this.add({ number: line, text: bytes.toString() });
        if (full !== undefined) await full;
      }
      await this.sendBatch();
      await this.underWay;
    }
    for (const { line, error } of this.orphans) this.fail(line, error);
    const { created, existed, failed } = this;
    const failures = this.failures.sort((one, other) => one.line - other.line);
    return { created, existed, failed, failures };
  }

  private async sendBatch(): Promise<void> {
    const { batch } = this;
    this.batch = [];
    await this.underWay;
    this.underWay = this.create(batch);
    // It is awaited later, or by nobody any more.
    this.underWay.catch(() => undefined);
  }

  private async create(items: readonly Item[]): Promise<void> {
    const results = await createAll(
      this.requests,
      this.operation,
      items.map(({ spec }) => spec),
      () => 'entry',
    );
    for (const [index, { error }] of results.entries()) {
      const { line, text, spec } = items[index] as Item;
      const code = error instanceof ConntrackError ? error.code : undefined;
      if (error === undefined) this.created++;
      else if (code !== undefined && OF_ALL.has(code)) throw error;
      else if (code === 'EEXIST') this.existed++;
      else if (code === 'ENOENT' && spec.master !== undefined) this.keep(line, text, error);
      else this.fail(line, error);
    }
  }

  private keep(line: number, text: string, error: LineError): void {
    const bytes = Buffer.from(text);
    if (this.orphanBytes + bytes.length > LIMITS.waitingBytes) {
      this.fail(line, error);
    } else {
      this.orphanBytes += bytes.length;
      this.orphans.push({ line, bytes, error });
    }
  }

  private fail(line: number, error: LineError): void {
    this.failed++;
    if (this.failures.length < LIMITS.failuresKept) this.failures.push({ line, error });
  }
}

/** The specification is checked when it is sent, as all are. */
function specIn(text: string, labels: BitsOfLabels | undefined): EntrySpec | undefined {
  return /^\s*\{/.test(text) ? parsed(text) : specOfLine(text, labels);
}

function parsed(json: string): EntrySpec {
  try {
    return JSON.parse(json) as EntrySpec;
  } catch (error) {
    // It quotes the line.
    throw new SyntaxError(printable(`the line: is no JSON: ${(error as Error).message}`));
  }
}
