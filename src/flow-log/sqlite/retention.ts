/**
 * What is too old, or too much, goes: a few rows at a time, the oldest first. The last part of an open
 * flow stays, for a recorder that resumes.
 */
import { LIMITS } from '../../core/limits.js';
import type { Connection } from './connection.js';

export interface Keep {
  /** Milliseconds. */
  readonly keepFor?: number | undefined;
  readonly keepBytes?: number | undefined;
}

const OLDEST = `
SELECT id, to_ms FROM flow_parts
WHERE to_ms >= ? AND to_ms < ?
  AND NOT EXISTS (
    SELECT 1 FROM open_flows
    WHERE open_flows.flow = flow_parts.flow AND open_flows.part = flow_parts.part
  )
ORDER BY to_ms LIMIT ?`;

const DELETE = 'DELETE FROM flow_parts WHERE id = ?';

const DELETE_NOTES = `
DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE at_ms < ? ORDER BY at_ms LIMIT ?)`;

/** Beyond any time that a Date has. */
const ANY_TIME = 8.64e15 + 1;

export class Retention {
  private readonly connection: Connection;
  private readonly keep: Keep;
  /** Before it only open flows are left. */
  private from = -ANY_TIME;
  private restarted = 0;

  constructor(connection: Connection, keep: Keep) {
    this.connection = connection;
    this.keep = keep;
  }

  /** In a transaction: deletes at most so many rows. Returns whether there may be more. */
  step(rows: number, now = Date.now()): boolean {
    const { keepFor, keepBytes } = this.keep;
    if (keepFor === undefined && keepBytes === undefined) return false;
    // Flows that have ended meanwhile left parts behind.
    if (now - this.restarted >= LIMITS.databaseIdleMs || now < this.restarted) {
      this.restarted = now;
      this.from = -ANY_TIME;
    }
    let deleted = 0;
    if (keepFor !== undefined) deleted += this.delete(now - keepFor, rows);
    if (keepBytes !== undefined && deleted < rows && this.usedBytes() > keepBytes) {
      deleted += this.delete(ANY_TIME, rows - deleted);
    }
    const hasRoom = this.giveBack();
    return deleted >= rows || hasRoom;
  }

  private delete(before: number, rows: number): number {
    const oldest = this.connection.all<{ readonly id: number; readonly to_ms: number }>(
      ...([OLDEST, this.from, before, rows] as const),
    );
    for (const { id } of oldest) this.connection.run(DELETE, id);
    this.from = oldest.at(-1)?.to_ms ?? this.from;
    // The notes of the same time.
    const until = before === ANY_TIME ? this.from : before;
    return oldest.length + this.connection.run(DELETE_NOTES, until, rows);
  }

  private usedBytes(): number {
    return (this.pragma('page_count') - this.pragma('freelist_count')) * this.pragma('page_size');
  }

  /** Rows to come fill free pages. What is more than a part of the file goes back to the disk. */
  private giveBack(): boolean {
    const most = this.pragma('page_count') / LIMITS.databaseFreeShare;
    if (this.pragma('freelist_count') <= Math.max(most, LIMITS.pagesInDeletion)) return false;
    this.connection.exec(`PRAGMA incremental_vacuum(${LIMITS.pagesInDeletion})`);
    return true;
  }

  private pragma(name: string): number {
    return this.connection.number(`PRAGMA ${name}`) ?? 0;
  }
}
