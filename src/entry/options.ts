/**
 * The options of functions that read and write the table.
 */
import { boolean, objectOf, optional, options, signal, word } from '../core/check.js';
import type { Family } from '../core/names.js';
import type { DeleteOptions, FlushOptions, StreamDeletesOptions, UpdateOptions } from './spec.js';
import type { ReadOptions } from './stream.js';

export const readOptionsOf = options<ReadOptions>({
  signal: optional(signal),
  zeroCounters: optional(boolean),
  table: optional(word(['dying'])),
});

export const deleteOptionsOf = options<DeleteOptions>({
  dryRun: optional(boolean),
  entries: optional(boolean),
  signal: optional(signal),
});

export const streamDeletesOptionsOf = options<StreamDeletesOptions>({
  signal: optional(signal),
});

export const updateOptionsOf = options<UpdateOptions>({
  signal: optional(signal),
});

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const flushedEntries = optional(boolean);
const flushedFamily = word(FAMILIES, '; leave it out to empty both');

/** A family that is misspelled, or undefined by accident, does not mean both. */
export function flushOptionsOf(value: FlushOptions = {}): FlushOptions {
  const given = objectOf(value, 'options', ['family', 'entries']);
  const entries = flushedEntries(given.entries, 'options.entries');
  return 'family' in given
    ? { family: flushedFamily(given.family, 'options.family'), entries }
    : { entries };
}
