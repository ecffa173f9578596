/**
 * Periods of time in queries.
 *
 * @module
 */
import { types } from 'node:util';
import { type Check, optional } from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import { shownAsOther } from '../../core/show-value.js';
import type { SqliteValue } from './connection.js';

/**
 * A part of a flow belongs to the period in which its own ends (`to`), with all of its traffic: the
 * sums of periods that follow each other are the sum of all. Default: all that is kept.
 */
export interface FlowPeriod {
  /** The beginning, which is included: a `Date`, or milliseconds since 1970. */
  readonly since?: Date | number | undefined;
  /** The end, which is not included. */
  readonly until?: Date | number | undefined;
}

/** Milliseconds. */
export interface Period {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

const time: Check<number> = (value, path) => {
  const milliseconds = types.isDate(value) ? Date.prototype.getTime.call(value) : value;
  if (typeof milliseconds === 'number' && Number.isFinite(milliseconds)) return milliseconds;
  throw typeError(
    path,
    `must be a valid Date or milliseconds since 1970, not ${shownAsOther(value)}`,
  );
};

export const PERIOD = { since: optional(time), until: optional(time) };

/** Conditions of SQL, and their values. */
export interface Conditions {
  readonly sql: readonly string[];
  readonly values: readonly SqliteValue[];
}

export function within(column: string, { since, until }: Period): Conditions {
  const sql: string[] = [];
  const values: SqliteValue[] = [];
  if (since !== undefined) {
    sql.push(`${column} >= ?`);
    values.push(since);
  }
  if (until !== undefined) {
    sql.push(`${column} < ?`);
    values.push(until);
  }
  return { sql, values };
}

/** `WHERE` and what follows it; empty where nothing is asked for. */
export function where({ sql }: Conditions): string {
  return sql.length === 0 ? '' : `WHERE ${sql.join(' AND ')}`;
}
