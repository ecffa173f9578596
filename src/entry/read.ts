/**
 * A reading of the table, as a stream and as a list begin it.
 */

import { typeError } from '../core/errors.js';
import { type CompiledFilter, compileFilter } from '../filter/compile.js';
import type { EntryFilter } from '../filter/filter.js';
import { askedFields } from '../filter/plan.js';
import type { Context } from '../request/context.js';
import { entriesInTurns } from './entries.js';
import type { Entry } from './entry.js';
import { readOptionsOf } from './options.js';
import { TableReader } from './reader.js';
import type { ReadOptions } from './stream.js';

/** Checks the arguments of a reading, which begins with its first read. */
export function openReader(
  context: Context,
  operation: string,
  filter: EntryFilter | readonly EntryFilter[] | undefined,
  options: ReadOptions | undefined,
): TableReader {
  const read = readOptionsOf(options);
  return openCompiled(context, operation, compileFilter(filter), read);
}

/** The same, checked. */
export function openCompiled(
  context: Context,
  operation: string,
  compiled: CompiledFilter,
  { signal, zeroCounters = false, table }: ReadOptions,
): TableReader {
  const { ask, records, isFamily } = compiled;
  // The kernel zeroes what it reads, matching or not.
  if (zeroCounters && !isFamily) {
    throw typeError('options.zeroCounters', 'excludes every filter but { family }');
  }
  const dying = table === 'dying';
  if (zeroCounters && dying) {
    throw typeError(
      'options.zeroCounters',
      "excludes table: 'dying', which the kernel does not zero",
    );
  }
  return context.follow(
    new TableReader(operation, {
      ask,
      filter: isFamily && !dying ? undefined : records,
      signal,
      zeroCounters,
      dying,
      netns: context.netns,
      fields: () => (dying ? [] : askedFields(compiled)),
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
