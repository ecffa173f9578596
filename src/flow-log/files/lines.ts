/**
 * The lines of a file of a flow log, whatever state it is in. A line without its end is none yet.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { LIMITS } from '../../core/limits.js';
import { SUFFIXES } from './names.js';

/** A line, and where the next one begins, in bytes. */
export interface FileLine {
  readonly number: number;
  /** `undefined`: it is longer than LIMITS.lineCharacters. */
  readonly text: string | undefined;
  readonly end: number;
}

const NEWLINE = 10;

/**
 * Opens a file in the state that it has now. A writer may rename it, and compress it, at the same time:
 * each state is looked for after the one before it. `undefined`: it is gone.
 */
export async function openLogFile(directory: string, name: string) {
  for (const suffix of SUFFIXES) {
    const path = join(directory, name + suffix);
    try {
      return { path, handle: await open(path), isCompressed: suffix.endsWith('.gz') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** The lines that end with a line break. */
export async function* linesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<FileLine, undefined> {
  let rest: Buffer[] = [];
  let length = 0;
  let number = 0;
  let end = 0;
  for await (const piece of pieces) {
    let from = 0;
    for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, from)) {
      length += at - from;
      end += length + 1;
      const isTooLong = length > LIMITS.lineCharacters;
      const line = piece.subarray(from, at);
      const bytes = rest.length === 0 ? line : Buffer.concat([...rest, line]);
      yield { number: ++number, text: isTooLong ? undefined : bytes.toString(), end };
      rest = [];
      length = 0;
      from = at + 1;
    }
    length += piece.length - from;
    // Of a line that is too long nothing is kept.
    if (length > LIMITS.lineCharacters) rest = [];
    else if (from < piece.length) rest.push(piece.subarray(from));
  }
  return undefined;
}

/** The bytes of a file, decompressed. The handle is closed at the end. */
export function bytesOf(file: NonNullable<Awaited<ReturnType<typeof openLogFile>>>) {
  const stream = createReadStream(file.path, { fd: file.handle, autoClose: true });
  if (!file.isCompressed) return stream;
  return pipeline(stream, createGunzip(), () => undefined);
}
