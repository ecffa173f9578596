/**
 * A table as lines of JSON in a stream.
 *
 * @module
 */
import { instance, optional, options, signal } from '../core/check.js';
import type { ConntrackError } from '../core/errors.js';
import { labelNames } from './format.js';

/** A stream to write to: a `Writable` of Node.js. */
export interface TextWritable {
  /** Takes text, and calls back when it has done so or has failed. */
  write(text: string, done: (error?: Error | null) => void): unknown;
  /** Adds a listener for `'error'`, which is ignored: `write` reports the same. */
  on(event: 'error', listener: () => void): unknown;
  /** Removes it. */
  removeListener(event: 'error', listener: () => void): unknown;
}

/** A stream to read from: a `Readable` of Node.js, a `ReadableStream`, or any of strings or bytes. */
export type TextReadable = AsyncIterable<string | Uint8Array>;

/** Options of `writeEntries`. */
export interface WriteEntriesOptions {
  /** Ends the writing; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What `writeEntries` has written. */
export interface WriteEntriesResult {
  readonly entries: number;
}

/** Options of `restoreEntries`. */
export interface RestoreEntriesOptions {
  /**
   * Ends the restoring; the call rejects with the signal's reason. The kernel may still do what was
   * sent by then.
   */
  readonly signal?: AbortSignal | undefined;
  /** The names of labels by bit, for lines of text that have some: see `parseEntries`. */
  readonly labels?: ReadonlyMap<number, string> | undefined;
}

/** A line that was not restored. */
export interface RestoreFailure {
  /** The number of the line, from 1. */
  readonly line: number;
  /** A `TypeError`, `RangeError` or `SyntaxError` for a line that is wrong; it was not sent. */
  readonly error: ConntrackError | TypeError | RangeError | SyntaxError;
}

/** What became of the lines of `restoreEntries`. */
export interface RestoreEntriesResult {
  readonly created: number;
  /** Entries one of whose tuples was in the table already (`EEXIST`); they were left as they are. */
  readonly existed: number;
  readonly failed: number;
  /** The first 100 failures. */
  readonly failures: readonly RestoreFailure[];
}

export const writableOf = instance<TextWritable>(
  'a Writable of Node.js',
  ({ write, on, removeListener }) =>
    [write, on, removeListener].every((method) => typeof method === 'function'),
);

export const readableOf = instance<TextReadable>(
  'a Readable, or another async iterable of strings or bytes',
  ({ [Symbol.asyncIterator]: iterate }) => typeof iterate === 'function',
);

export const writeOptionsOf = options<WriteEntriesOptions>({ signal: optional(signal) });

export const restoreOptionsOf = options<RestoreEntriesOptions>({
  signal: optional(signal),
  labels: optional(labelNames),
});
