/**
 * Errors of the database: what failed, why, and what to do.
 *
 * @module
 */
import { setHint, withLink } from '../../core/error-page.js';
import { printable } from '../../core/printable.js';

/**
 * Why a database failed:
 *
 * - `full`: the disk has no room.
 * - `busy`: another process has been writing for a second, or another recorder goes on with the file.
 * - `corrupt`: the file is damaged.
 * - `foreign`: the file is something else than a database of flows.
 * - `newer`: a newer version of this package has made it.
 * - `engine`: no engine, or a broken one.
 * - `closed`: the database was closed, or only reads.
 * - `record`: a record has a field of a wrong type.
 * - `other`: `cause` has the engine's error.
 */
export type FlowDatabaseFailure =
  | 'full'
  | 'busy'
  | 'corrupt'
  | 'foreign'
  | 'newer'
  | 'engine'
  | 'closed'
  | 'record'
  | 'other';

interface Parts {
  readonly reason: FlowDatabaseFailure;
  readonly why: string;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A database of flows failed.
 *
 * @example
 * ```ts
 * import { FlowDatabaseError, openFlowDatabase } from 'conntrack/flow-log/sqlite';
 *
 * try {
 *   await using database = await openFlowDatabase({ path: 'flows.db', readOnly: true });
 *   console.log(database.totals());
 * } catch (error) {
 *   if (!(error instanceof FlowDatabaseError)) throw error;
 *   console.error(error.code, error.message);
 * }
 * ```
 */
export class FlowDatabaseError extends Error {
  override readonly name = 'FlowDatabaseError';
  readonly code = 'ERR_FLOW_DATABASE';
  readonly reason: FlowDatabaseFailure;
  /** The file. */
  readonly path: string;
  /** Advice, if there is any, and a link to the section of the code. `message` includes it. */
  declare readonly hint: string;

  /** @internal */
  constructor(path: string, problem: string, { reason, why, hint: advice, cause }: Parts) {
    const hint = withLink('ERR_FLOW_DATABASE', advice);
    super(
      `the database of flows ${printable(path)} ${problem}: ${printable(why)}\n${hint}`,
      cause === undefined ? undefined : { cause },
    );
    setHint(this, hint);
    this.reason = reason;
    this.path = path;
  }
}

/** SQLite's primary result codes, by number, and what they mean here. */
const RESULTS: readonly (readonly [number, string, FlowDatabaseFailure, string])[] = [
  [
    ...([5, 'SQLITE_BUSY', 'busy'] as const),
    'Another process is writing to it. Write again later, and let long transactions end.',
  ],
  [
    ...([8, 'SQLITE_READONLY', 'other'] as const),
    'Give this process the right to write to the file and its folder.',
  ],
  [
    ...([10, 'SQLITE_IOERR', 'other'] as const),
    'The disk or the file system fails: see the log of the kernel.',
  ],
  [
    ...([11, 'SQLITE_CORRUPT', 'corrupt'] as const),
    'Move the file and those ending in -wal and -shm away, and begin another one. ' +
      '"sqlite3 FILE .recover" prints what is left.',
  ],
  [
    ...([13, 'SQLITE_FULL', 'full'] as const),
    'Free some space on its disk, and write the same records again: nothing of them is kept. ' +
      '"keepBytes" bounds the size of the file.',
  ],
  [
    ...([14, 'SQLITE_CANTOPEN', 'other'] as const),
    'Its folder must exist. Let this process read and write there; a reader, too, needs the files ' +
      'ending in -wal and -shm.',
  ],
  [
    ...([19, 'SQLITE_CONSTRAINT', 'record'] as const),
    'A record has a field that is missing or of another type than in FlowRecord. Nothing is kept.',
  ],
  [
    ...([26, 'SQLITE_NOTADB', 'foreign'] as const),
    'The file is no database of SQLite. Pass another path.',
  ],
];

/** What an engine throws. */
interface EngineError {
  /** better-sqlite3: such as `SQLITE_IOERR_WRITE`. */
  readonly code?: unknown;
  /** node:sqlite: the number, whose last eight bits are the primary code. */
  readonly errcode?: unknown;
  readonly message?: unknown;
}

function resultOf(cause: unknown) {
  const { code, errcode } = cause as EngineError;
  return RESULTS.find(
    ([number, name]) =>
      (typeof errcode === 'number' && (errcode & 0xff) === number) ||
      (typeof code === 'string' && (code === name || code.startsWith(`${name}_`))),
  );
}

/** Of the error of an engine. */
export function reasonOf(cause: unknown): FlowDatabaseFailure | undefined {
  return resultOf(cause)?.[2];
}

/** Turns the error of an engine into one of the database. */
export function databaseError(path: string, problem: string, cause: unknown): Error {
  if (cause instanceof FlowDatabaseError) return cause;
  const { code, message } = cause as EngineError;
  const why = typeof message === 'string' ? message : String(cause);
  const result = resultOf(cause);
  if (result !== undefined) {
    const [, , reason, hint] = result;
    return new FlowDatabaseError(path, problem, { reason, why, hint, cause });
  }
  if (isBrokenEngine(code, why)) {
    return new FlowDatabaseError(path, problem, {
      reason: 'engine',
      // The rest lists files.
      why: why.replace(/ Tried:.*/s, '').replaceAll('\n', ' '),
      hint: 'The binary of better-sqlite3 is missing or of another Node.js: npm rebuild better-sqlite3',
      cause,
    });
  }
  if (why.includes('directory does not exist')) {
    const hint = 'Make the folder, or pass another path.';
    return new FlowDatabaseError(path, problem, { reason: 'other', why, hint, cause });
  }
  // A value that the engine does not take.
  if (cause instanceof TypeError || cause instanceof RangeError) {
    return new FlowDatabaseError(path, problem, { reason: 'record', why, cause });
  }
  return new FlowDatabaseError(path, problem, { reason: 'other', why, cause });
}

/** Of a reader, which makes no file. A broken engine stays one. */
export function missingFile(path: string, cause: unknown): Error {
  const error = databaseError(path, 'cannot be opened', cause);
  if (!(error instanceof FlowDatabaseError) || error.reason !== 'other') return error;
  return new FlowDatabaseError(path, 'cannot be opened', {
    reason: 'other',
    why: 'the file does not exist',
    hint: 'Pass the path of a database of flows. Without "readOnly" it is made, in a folder that exists.',
    cause,
  });
}

function isBrokenEngine(code: unknown, why: string): boolean {
  return code === 'ERR_DLOPEN_FAILED' || why.includes('bindings file');
}
