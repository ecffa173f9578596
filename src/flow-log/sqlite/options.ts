/**
 * Options of `openFlowDatabase`.
 *
 * @module
 */
import { boolean, instance, integer, object, optional, text, word } from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import { LIMITS } from '../../core/limits.js';
import { duration, type Interval } from '../duration.js';
import { ENGINES, type SqliteDatabase, type SqliteEngine } from './engine.js';

/** What stays in a database, and whether it is written. */
export interface Keeping {
  /**
   * Parts of flows that are older go, an hour at least: milliseconds, or a text such as `'30d'`. The
   * last part of an open flow stays. Default: they stay.
   */
  readonly keepFor?: Interval | undefined;
  /**
   * The oldest parts go when the file has more bytes in use, 1 MiB at least. Beside it there is the
   * log of SQLite, of some MiB. Default: they stay.
   */
  readonly keepBytes?: number | undefined;
  /** Only reads, beside the process that writes. Default: `false`. */
  readonly readOnly?: boolean | undefined;
}

/** Options of {@link openFlowDatabase}: a file, or a database that an engine has opened. */
export type FlowDatabaseOptions = Keeping &
  (
    | {
        /** The file. It is made where it is missing; its folder must exist. */
        readonly path: string;
        /** Default: better-sqlite3 where it is installed and works, else node:sqlite. */
        readonly engine?: SqliteEngine | undefined;
        readonly database?: undefined;
      }
    | {
        /**
         * A `Database` of better-sqlite3 or a `DatabaseSync` of node:sqlite, on a file with nothing
         * else in it. `close()` leaves it open.
         */
        readonly database: SqliteDatabase;
        readonly path?: undefined;
        readonly engine?: undefined;
      }
  );

/** Options that were checked. */
export interface CheckedOptions {
  readonly path?: string | undefined;
  readonly engine?: SqliteEngine | undefined;
  readonly database?: SqliteDatabase | undefined;
  readonly readOnly?: boolean | undefined;
  /** Milliseconds. */
  readonly keepFor?: number | undefined;
  readonly keepBytes?: number | undefined;
}

const checked = object<CheckedOptions>({
  path: optional(text(1, LIMITS.pathBytes)),
  engine: optional(word(ENGINES)),
  database: optional(
    instance<SqliteDatabase>(
      'a Database of better-sqlite3 or a DatabaseSync of node:sqlite',
      ({ exec, prepare, close }) =>
        [exec, prepare, close].every((method) => typeof method === 'function'),
    ),
  ),
  readOnly: optional(boolean),
  keepFor: optional(duration(LIMITS.leastKeptMs, LIMITS.longestKeptMs)),
  keepBytes: optional(integer(LIMITS.leastDatabaseBytes, Number.MAX_SAFE_INTEGER)),
});

export function databaseOptionsOf(value: unknown): CheckedOptions {
  const given = checked(value, 'options');
  if ((given.path === undefined) === (given.database === undefined)) {
    throw typeError('options.path', 'is missing: pass the path of a file, or "database" instead');
  }
  return given;
}
