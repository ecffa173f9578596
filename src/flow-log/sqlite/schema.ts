/**
 * The tables, and what a file must be to have them.
 */
import { LIMITS } from '../../core/limits.js';
import type { Connection } from './connection.js';
import { FlowDatabaseError } from './errors.js';
import { COLUMNS } from './part-columns.js';

/** In the header of the file: `PRAGMA application_id`. */
const APPLICATION = 0x636e666c;
/** `PRAGMA user_version`. */
const VERSION = 1;

/** `flow` and `part` name a row, `id` is the order in which they came. */
const TABLES = `
CREATE TABLE flow_parts (
  id INTEGER PRIMARY KEY,
  ${COLUMNS.map(({ name, type }) => `${name} ${type}`).join(',\n  ')},
  UNIQUE (flow, part)
) STRICT;
CREATE INDEX flow_parts_time ON flow_parts (to_ms);
CREATE INDEX flow_parts_source ON flow_parts (source, to_ms);
CREATE INDEX flow_parts_destination ON flow_parts (destination, to_ms);
-- Without NAT these are the same two addresses.
CREATE INDEX flow_parts_reply_source ON flow_parts (reply_source, to_ms)
  WHERE reply_source <> destination;
CREATE INDEX flow_parts_reply_destination ON flow_parts (reply_destination, to_ms)
  WHERE reply_destination <> source;
CREATE TABLE open_flows (
  flow TEXT PRIMARY KEY,
  part INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  record TEXT NOT NULL,
  nth INTEGER NOT NULL,
  UNIQUE (at_ms, record, nth)
) STRICT;
PRAGMA application_id = ${APPLICATION};
PRAGMA user_version = ${VERSION};
`;

/** How long a write waits for another process, and how a commit reaches the disk. */
const SETTINGS = `
PRAGMA busy_timeout = ${LIMITS.databaseBusyMs};
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = ${LIMITS.databaseLogPages};
PRAGMA cache_size = -${LIMITS.databaseCacheBytes / 1024};
PRAGMA journal_size_limit = ${LIMITS.databaseLogBytes};
`;

/** Makes the tables where the file is new, and looks whether they are ours where it is not. */
export function prepareSchema(connection: Connection, isReadOnly: boolean): void {
  connection.exec(SETTINGS);
  if (isOurs(connection)) {
    if (!isReadOnly) connection.exec('PRAGMA journal_mode = WAL');
    return;
  }
  if (isReadOnly) {
    throw new FlowDatabaseError(connection.path, 'cannot be read', {
      reason: 'foreign',
      why: 'it has no flows',
      hint: 'Open it once without "readOnly", which makes its tables.',
    });
  }
  // Only before the first table, and outside of a transaction.
  connection.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
  connection.transaction('cannot be made', () => {
    // Another process may have been faster.
    if (!isOurs(connection)) connection.exec(TABLES);
  });
}

/** `false`: it is new. */
function isOurs(connection: Connection): boolean {
  const application = connection.number('PRAGMA application_id');
  const version = connection.number('PRAGMA user_version') ?? 0;
  const tables = connection.number('SELECT count(*) FROM sqlite_schema') ?? 0;
  if (application !== APPLICATION) {
    if (application === 0 && version === 0 && tables === 0) return false;
    throw new FlowDatabaseError(connection.path, 'cannot be opened', {
      reason: 'foreign',
      why: 'another program has made this database',
      hint: 'Pass another path.',
    });
  }
  if (version !== VERSION) {
    throw new FlowDatabaseError(connection.path, 'cannot be opened', {
      reason: 'newer',
      why: `its tables are of version ${version}, and this package knows ${VERSION}`,
      hint: 'Use the newer version of the package that has made it, or pass another path.',
    });
  }
  return true;
}
