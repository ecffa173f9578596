/**
 * `conntrack/flow-log/sqlite`: records of flows in a database of SQLite, through `better-sqlite3`, an
 * optional peer dependency, or `node:sqlite`. See the guide to the flow log in SQLite.
 *
 * @module conntrack/flow-log/sqlite
 */
import { access } from 'node:fs/promises';
import { Connection } from './connection.js';
import { FlowDatabase } from './database.js';
import { loadEngine, type SqliteDatabase } from './engine.js';
import { databaseError, missingFile } from './errors.js';
import { type CheckedOptions, databaseOptionsOf, type FlowDatabaseOptions } from './options.js';
import { prepareSchema } from './schema.js';

export type { Interval } from '../duration.js';
export type { SqliteDatabase, SqliteEngine } from './engine.js';
export { FlowDatabaseError, type FlowDatabaseFailure } from './errors.js';
export type { FlowQuery } from './flow-query.js';
export type { FlowDatabaseOptions, Keeping } from './options.js';
export type { FlowPeriod } from './period.js';
export type { FlowSums } from './sums.js';
export type { TalkerFields, TopTalker, TopTalkersQuery } from './top-talkers.js';
export type { FlowTotal, TotalsQuery } from './totals.js';
export type { FlowDatabase };

/**
 * Opens a database of flows, and makes it where it is missing. See {@link FlowDatabase}.
 *
 * @throws {@link FlowDatabaseError}: no engine, a file of another program, a damaged file.
 * @throws TypeError or RangeError for a wrong option, naming the field.
 *
 * @example
 * ```ts
 * import { recordFlows, writeFlows } from 'conntrack/flow-log';
 * import { openFlowDatabase } from 'conntrack/flow-log/sqlite';
 *
 * await using database = await openFlowDatabase({ path: 'flows.db', keepFor: '30d' });
 * await writeFlows(recordFlows({ interval: '60s' }), database);
 * ```
 */
export async function openFlowDatabase(options: FlowDatabaseOptions): Promise<FlowDatabase> {
  const checked = databaseOptionsOf(options);
  const { database, readOnly = false } = checked;
  const connection = database === undefined ? await opened(checked) : handedOver(database);
  try {
    connection.doing('cannot be opened', () => {
      prepareSchema(connection, readOnly);
    });
  } catch (error) {
    connection.close(database === undefined);
    throw error;
  }
  return new FlowDatabase(connection, checked);
}

async function opened({ path = '', engine, readOnly }: CheckedOptions): Promise<Connection> {
  try {
    const open = await loadEngine(path, engine);
    return new Connection(open({ path, isReadOnly: readOnly === true }), path);
  } catch (error) {
    if (readOnly === true && (await isMissing(path))) throw missingFile(path, error);
    throw databaseError(path, 'cannot be opened', error);
  }
}

async function isMissing(path: string): Promise<boolean> {
  try {
    await access(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function handedOver(database: SqliteDatabase): Connection {
  try {
    return new Connection(database);
  } catch (error) {
    throw databaseError('that was handed over', 'cannot be opened', error);
  }
}
