/**
 * The two engines that Node.js programs have for SQLite. What both offer is enough: `exec`, `prepare`
 * and `close`, and statements with `run`, `get` and `all`.
 *
 * @module
 */
import { databaseError, FlowDatabaseError } from './errors.js';

/** The name of an engine: a package, or a module of Node.js. */
export type SqliteEngine = 'better-sqlite3' | 'node:sqlite';

export const ENGINES: readonly SqliteEngine[] = ['better-sqlite3', 'node:sqlite'];

/** A database that an engine has opened: a `Database` of better-sqlite3 or a `DatabaseSync`. */
export interface SqliteDatabase {
  /** Runs statements without values. */
  exec(sql: string): unknown;
  /** Makes a statement that is run with values. */
  prepare(sql: string): object;
  /** Closes the database. */
  close(): unknown;
}

interface Opening {
  readonly path: string;
  readonly isReadOnly: boolean;
}

type Open = (opening: Opening) => SqliteDatabase;

/** The first engine that works here, or the one that is named. */
export async function loadEngine(path: string, named: SqliteEngine | undefined): Promise<Open> {
  let broken: unknown;
  for (const name of named === undefined ? ENGINES : [named]) {
    try {
      const open = await LOADERS[name]();
      if (open !== undefined) return open;
    } catch (error) {
      broken ??= error;
    }
  }
  if (broken !== undefined) throw databaseError(path, 'cannot be opened', broken);
  throw new FlowDatabaseError(path, 'cannot be opened', {
    reason: 'engine',
    why: named === undefined ? 'no engine for SQLite is installed' : `${named} is not here`,
    hint:
      named === 'node:sqlite'
        ? 'Node.js has it from 22.13 on. Or install another one: npm install better-sqlite3'
        : 'npm install better-sqlite3 (@12 on Node.js 20), or run Node.js 22.13 or later, which has one.',
  });
}

/** `undefined`: it is not installed. The types of the modules are not installed either. */
const LOADERS: { readonly [Name in SqliteEngine]: () => Promise<Open | undefined> } = {
  async 'better-sqlite3'() {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- it has no types
    const { default: Database } = (await import('better-sqlite3' as string).catch(absent)) as {
      default?: new (path: string, options?: object) => SqliteDatabase;
    };
    if (Database === undefined) return undefined;
    // Its binary is loaded here: an installation without scripts has none.
    new Database(':memory:').close();
    return ({ path, isReadOnly }) =>
      new Database(path, { readonly: isReadOnly, fileMustExist: isReadOnly });
  },
  async 'node:sqlite'() {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- nor has this one
    const { DatabaseSync } = (await import('node:sqlite' as string).catch(absent)) as {
      DatabaseSync?: new (path: string, options: object) => SqliteDatabase;
    };
    if (DatabaseSync === undefined) return undefined;
    return ({ path, isReadOnly }) => new DatabaseSync(path, { readOnly: isReadOnly });
  },
};

const ABSENT = new Set(['ERR_MODULE_NOT_FOUND', 'ERR_UNKNOWN_BUILTIN_MODULE', 'MODULE_NOT_FOUND']);

function absent(error: unknown): object {
  if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return {};
  throw error;
}
