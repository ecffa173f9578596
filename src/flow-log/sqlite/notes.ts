/**
 * The records that are no flows: what was lost, when no recorder ran, and what leaves records
 * incomplete.
 *
 * @module
 */
import { options } from '../../core/check.js';
import type { FlowPart, FlowRecord } from '../flow-record.js';
import { parseFlowRecord } from '../parse-record.js';
import type { Connection } from './connection.js';
import { type FlowPeriod, PERIOD, type Period, where, within } from './period.js';

export const periodOf = options<Period>(PERIOD) as (value: FlowPeriod | undefined) => Period;

/** The oldest first. */
export function queryNotes(
  connection: Connection,
  period: Period,
): Exclude<FlowRecord, FlowPart>[] {
  const conditions = within('at_ms', period);
  return connection
    .all<{ readonly record: string }>(
      `SELECT record FROM notes ${where(conditions)} ORDER BY at_ms, id`,
      ...conditions.values,
    )
    .map(({ record }) => parseFlowRecord(record) as Exclude<FlowRecord, FlowPart>);
}
