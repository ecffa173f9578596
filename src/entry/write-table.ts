/**
 * Writes a table as lines of JSON.
 */
import { Interruptible } from '../core/interruptible.js';
import { LIMITS } from '../core/limits.js';
import { compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import type { Context } from '../request/context.js';
import type { Entry } from './entry.js';
import { openCompiled } from './read.js';
import { EntryStream } from './stream.js';
import {
  type TextWritable,
  type WriteEntriesOptions,
  type WriteEntriesResult,
  writableOf,
  writeOptionsOf,
} from './transfer.js';

export async function writeTable(
  context: Context,
  operation: string,
  to: TextWritable,
  filter: EntryFilter | readonly EntryFilter[] | undefined,
  options: WriteEntriesOptions | undefined,
): Promise<WriteEntriesResult> {
  const writable = writableOf(to, 'writable');
  const compiled = compileFilter(filter);
  const { signal } = writeOptionsOf(options);
  const waiting = new Interruptible(operation, signal);
  const read = () =>
    new EntryStream(operation, openCompiled(context, operation, compiled, { signal })).batches();

  const work = async () => {
    let entries = 0;
    let skipped = 0;
    const write = async (batch: readonly Entry[]) => {
      for (let first = 0; first < batch.length; first += LIMITS.entriesInWrite) {
        const part = batch.slice(first, first + LIMITS.entriesInWrite);
        const text = part.map((entry) => `${JSON.stringify(entry)}\n`).join('');
        await waiting.wait(written(writable, text));
        entries += part.length;
      }
    };
    // Masters before what they expect, for whoever restores them line by line.
    for await (const batch of read()) {
      const ready = batch.filter(({ master }) => master === undefined);
      skipped += batch.length - ready.length;
      await write(ready);
    }
    if (skipped > 0) {
      for await (const batch of read()) {
        await write(batch.filter(({ master }) => master !== undefined));
      }
    }
    return { entries };
  };

  // A failed write has an event of its own, behind the callback, which would end the process.
  const ignore = () => undefined;
  writable.on('error', ignore);
  try {
    return await context.during(waiting, () => waiting.run(work));
  } finally {
    setImmediate(() => writable.removeListener('error', ignore));
  }
}

/** Resolves when the stream has taken the text, so that no more than this waits in it. */
function written(writable: TextWritable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    writable.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
