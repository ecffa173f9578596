/**
 * One open database: its statements, and its transactions.
 */
import type { SqliteDatabase } from './engine.js';
import { databaseError, FlowDatabaseError, reasonOf } from './errors.js';

export type SqliteValue = string | number | null;

/** What the statements of both engines have. */
interface Statement {
  run(...values: SqliteValue[]): { readonly changes: number | bigint };
  all(...values: SqliteValue[]): unknown[];
  /** node:sqlite. */
  setReadBigInts?(enabled: boolean): unknown;
  setReturnArrays?(enabled: boolean): unknown;
  /** better-sqlite3. */
  safeIntegers?(enabled: boolean): unknown;
}

export class Connection {
  /** For messages. */
  readonly path: string;
  /** `undefined`: it is in memory alone. */
  readonly file: string | undefined;
  private readonly database: SqliteDatabase;
  private readonly statements = new Map<string, Statement>();
  private isOpen = true;

  /** `path`: as it was passed. */
  constructor(database: SqliteDatabase, path?: string) {
    this.database = database;
    const [main] = this.all<{ readonly file: string }>('PRAGMA database_list');
    this.file = main?.file || undefined;
    this.path = path ?? this.file ?? 'that was handed over';
  }

  exec(sql: string): void {
    this.requireOpen();
    this.database.exec(sql);
  }

  /** Runs a statement that changes something; returns how many rows. */
  run(sql: string, ...values: SqliteValue[]): number {
    return Number(this.prepare(sql).run(...values).changes);
  }

  /** All rows. No statement stays open: the next one may write. */
  all<Row>(sql: string, ...values: SqliteValue[]): Row[] {
    return this.prepare(sql).all(...values) as Row[];
  }

  /** The first column of the first row: a number, or `undefined` for NULL and for no row. */
  number(sql: string, ...values: SqliteValue[]): number | undefined {
    const [row] = this.all<Readonly<Record<string, number | null>>>(sql, ...values);
    return (row === undefined ? undefined : Object.values(row)[0]) ?? undefined;
  }

  /** Keeps all that `body` does, or nothing. */
  transaction<T>(problem: string, body: () => T): T {
    return this.doing(problem, () => {
      // Takes the right to write at once: later a statement would fail instead of waiting.
      this.exec('BEGIN IMMEDIATE');
      try {
        const result = body();
        this.exec('COMMIT');
        return result;
      } catch (error) {
        this.rollBack();
        // In the file it takes less.
        if (reasonOf(error) === 'full') this.emptyLog();
        throw error;
      }
    });
  }

  /** Names what failed, and the file. */
  doing<T>(problem: string, body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw databaseError(this.path, problem, error);
    }
  }

  /** `isOwn`: the engine's database closes with it. */
  close(isOwn: boolean): void {
    this.isOpen = false;
    this.statements.clear();
    if (isOwn) this.database.close();
  }

  /**
   * Puts all that the log of SQLite has into the file, and empties the log. The last connection does
   * it when it closes, unless that one only reads. Others that use the file can prevent it: nothing is
   * lost then, for they need the log.
   */
  emptyLog(): void {
    try {
      this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // There is no room in the file, or its engine has closed it.
    }
  }

  private prepare(sql: string): Statement {
    this.requireOpen();
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql) as Statement;
      // The database of somebody else may have other defaults.
      statement.setReadBigInts?.(false);
      statement.setReturnArrays?.(false);
      statement.safeIntegers?.(false);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private rollBack(): void {
    try {
      this.database.exec('ROLLBACK');
    } catch {
      // SQLite has done it by itself, as when the disk is full.
    }
  }

  private requireOpen(): void {
    if (this.isOpen) return;
    throw new FlowDatabaseError(this.path, 'cannot be used', {
      reason: 'closed',
      why: 'it is closed',
      hint: 'Open it again with openFlowDatabase().',
    });
  }
}
