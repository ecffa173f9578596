/**
 * A reading of the table, as a stream and as a list begin it.
 */
import type { Context } from '../core/context.js';
import { typeError } from '../core/errors.js';
import { compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import type { Entry } from './entry.js';
import { TableReader } from './reader.js';
import type { ReadOptions } from './stream.js';
import { entriesInTurns } from './view.js';

/** Checks the arguments of a reading, which begins with its first read. */
export function openReader(
  context: Context,
  operation: string,
  filter: EntryFilter | readonly EntryFilter[] | undefined,
  options: ReadOptions = {},
): TableReader {
  if (typeof options !== 'object' || (options as unknown) === null) {
    throw typeError('options', 'must be an object');
  }
  const { signal, zeroCounters } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw typeError('options.signal', 'must be an AbortSignal');
  }
  if (zeroCounters !== undefined && typeof zeroCounters !== 'boolean') {
    throw typeError('options.zeroCounters', 'must be a boolean');
  }
  const { ask, records, isFamily } = compileFilter(filter);
  // The kernel zeroes what it reads, matching or not.
  if (zeroCounters === true && !isFamily) {
    throw typeError('options.zeroCounters', 'takes no filter but { family }');
  }
  return context.follow(
    new TableReader(operation, {
      ask,
      filter: isFamily ? undefined : records,
      signal,
      zeroCounters: zeroCounters === true,
      netns: context.netns,
    }),
  );
}

/** All entries of a reading. */
export async function listAll(reader: TableReader): Promise<Entry[]> {
  const all: ArrayBuffer[] = [];
  for (let slabs = await reader.read(); slabs !== undefined; slabs = await reader.read()) {
    all.push(...slabs);
  }
  // Only now, so that the garbage collector does not copy entries while others are read.
  return entriesInTurns(all);
}
