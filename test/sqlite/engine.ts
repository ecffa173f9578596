/**
 * The engine that the tests of this folder run on: that of `CONNTRACK_SQLITE_ENGINE`, or any that is
 * here. tools/test-sqlite.mjs runs them on each.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import {
  ENGINES,
  type SqliteDatabase,
  type SqliteEngine,
} from '../../src/flow-log/sqlite/engine.js';
import {
  type FlowDatabase,
  type FlowDatabaseOptions,
  openFlowDatabase,
} from '../../src/flow-log/sqlite/sqlite.js';

const require = createRequire(import.meta.url);
type Opener = new (path: string) => SqliteDatabase;

function openerOf(name: SqliteEngine): Opener | undefined {
  try {
    if (name === 'node:sqlite') return (require(name) as { DatabaseSync: Opener }).DatabaseSync;
    const Database = require(name) as Opener;
    new Database(':memory:').close();
    return Database;
  } catch {
    return undefined;
  }
}

const { CONNTRACK_SQLITE_ENGINE: named } = process.env;
export const ENGINE = ENGINES.filter((name) => named === undefined || name === named).find(
  (name) => openerOf(name) !== undefined,
);

/** A `describe` that runs where there is an engine. */
export const describeWithEngine: (name: string, body: () => void) => void = (name, body) => {
  if (ENGINE !== undefined) {
    describe(`${name}, on ${ENGINE}`, body);
    return;
  }
  const message = 'no engine for SQLite: npm run test:sqlite';
  const { CONNTRACK_TEST_STRICT } = process.env;
  if (CONNTRACK_TEST_STRICT === '1' || named !== undefined) {
    throw new Error(`cannot run: ${message}`);
  }
  describe.skip(`${name} [skipped: ${message}]`, body);
};

/** In memory where that is possible: a commit on a disk takes some milliseconds. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A new folder, until the test ends. */
export function folder(): string {
  const path = mkdtempSync(join(ROOT, 'conntrack-sqlite-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  return path;
}

type Options = Omit<FlowDatabaseOptions, 'database'> & { readonly path?: string };

/** A database of flows, until the test ends; by default in a new file. */
export async function open({ path, ...options }: Options = {}): Promise<FlowDatabase> {
  const database = await openFlowDatabase({
    ...options,
    path: path ?? join(folder(), 'flows.db'),
    ...(ENGINE !== undefined && { engine: ENGINE }),
  });
  onTestFinished(() => database.close());
  return database;
}

interface Statement {
  all(...values: unknown[]): Record<string, unknown>[];
}

/** The same file, without the library. */
export function sql(path: string, text: string, ...values: unknown[]): Record<string, unknown>[] {
  const database = raw(path);
  try {
    return (database.prepare(text) as Statement).all(...values);
  } finally {
    database.close();
  }
}

export function raw(path: string): SqliteDatabase {
  const Database = openerOf(ENGINE ?? 'node:sqlite');
  if (Database === undefined) throw new Error('no engine');
  return new Database(path);
}
