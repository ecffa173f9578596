/**
 * The records of a directory.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { optional, options, text } from '../../core/check.js';
import { ConntrackError, typeError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import type { FlowRecord } from '../flow-record.js';
import { parseFlowRecord } from '../parse-record.js';
import { fileError } from './file-error.js';
import { bytesOf, linesOf, openLogFile } from './lines.js';
import { logFilesAmong } from './names.js';

const OPERATION = 'readFlowFiles';

/** What cannot be read. */
export interface FlowFileDamage {
  /** The path of the file. */
  readonly file: string;
  /** The line that is no record; absent: the file cannot be read, or not further. */
  readonly line?: number | undefined;
  readonly error: Error;
}

/** Gets what cannot be read. */
export type OnDamage = (damage: FlowFileDamage) => void;

/** Options of {@link readFlowFiles}. */
export interface ReadFlowFilesOptions {
  /** Called for what cannot be read; the rest is read. Default: it ends the reading, as an error. */
  readonly onDamage?: OnDamage | undefined;
}

const checked = options<ReadFlowFilesOptions>({
  onDamage: optional((value, path) => {
    if (typeof value !== 'function') throw typeError(path, 'must be a function');
    return value as NonNullable<ReadFlowFilesOptions['onDamage']>;
  }),
});

export const directoryPath = text(1, 4096);

/**
 * Reads the records of a directory that `openFlowFiles` has filled, in the order in which they were
 * written: of complete files, compressed or not, and of the one that is being written. A process may
 * write there at the same time.
 *
 * @throws ConntrackError, code `EBADMSG`, for a line that is no record, naming file and line.
 * @throws ConntrackError with the code of the file system: `ENOENT` for no such directory.
 * @throws TypeError for a wrong argument.
 *
 * @example
 * ```ts
 * import { readFlowFiles } from 'conntrack/flow-log/files';
 *
 * let bytes = 0;
 * for await (const record of readFlowFiles('/var/log/flows')) {
 *   if (record.type === 'flow') bytes += record.traffic?.original.bytes ?? 0;
 * }
 * console.log(bytes);
 * ```
 */
export function readFlowFiles(
  directory: string,
  options?: ReadFlowFilesOptions,
): AsyncGenerator<FlowRecord, undefined> {
  const path = directoryPath(directory, 'directory');
  const { onDamage = fail } = checked(options);
  return recordsIn(path, undefined, onDamage);
}

/**
 * The records of all files, or of those after one, and up to one; of the lines that are wanted alone.
 */
export async function* recordsIn(
  directory: string,
  after: string | undefined,
  onDamage: OnDamage,
  upTo?: string,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<FlowRecord, undefined> {
  for (const { name } of logFilesAmong(await namesIn(directory))) {
    if (after !== undefined && name <= after) continue;
    if (upTo !== undefined && name > upTo) return undefined;
    yield* recordsOf(directory, name, onDamage, isWanted);
  }
  return undefined;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw fileError(OPERATION, `${directory} cannot be read`, error);
  }
}

async function* recordsOf(
  directory: string,
  name: string,
  onDamage: OnDamage,
  isWanted: (text: string) => boolean,
): AsyncGenerator<FlowRecord, undefined> {
  const file = await openLogFile(directory, name);
  // What keeps only so many files has deleted it meanwhile.
  if (file === undefined) return undefined;
  const lines = linesOf(bytesOf(file));
  for (;;) {
    let next: Awaited<ReturnType<typeof lines.next>>;
    try {
      next = await lines.next();
    } catch (error) {
      onDamage({ file: file.path, error: error as Error });
      return undefined;
    }
    if (next.done === true) return undefined;
    const { number, text } = next.value;
    if (text !== undefined && !isWanted(text)) continue;
    let record: FlowRecord;
    try {
      record = recordIn(text);
    } catch (error) {
      onDamage({ file: file.path, line: number, error: error as Error });
      continue;
    }
    yield record;
  }
}

/** The record of a line. */
export function recordIn(text: string | undefined): FlowRecord {
  if (text === undefined) {
    throw new RangeError(`the line has more than ${LIMITS.lineCharacters} characters`);
  }
  return parseFlowRecord(text);
}

function fail(damage: FlowFileDamage): never {
  throw new ConntrackError(describeDamage(damage), {
    code: 'EBADMSG',
    operation: OPERATION,
    hint: '"onDamage" reads the rest.',
    cause: damage.error,
  });
}

export function describeDamage({ file, line, error }: FlowFileDamage): string {
  return `${file}${line === undefined ? '' : `, line ${line}`}: ${error.message}`;
}
