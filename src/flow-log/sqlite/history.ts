/**
 * What a recorder that resumes has to know.
 */

import { LIMITS } from '../../core/limits.js';
import type { FlowPart } from '../flow-record.js';
import type { FlowHistory } from '../writer.js';
import type { Connection } from './connection.js';
import { type PartRow, partOf } from './part-row.js';

const LAST_PARTS = `
FROM open_flows JOIN flow_parts
  ON flow_parts.flow = open_flows.flow AND flow_parts.part = open_flows.part`;

const OPEN_AFTER = `
SELECT flow_parts.* ${LAST_PARTS}
WHERE open_flows.flow > ? ORDER BY open_flows.flow LIMIT ?`;

// As FlowProgress, which reads all records, has it.

/** Events come in their order: with an end, all before it have been recorded. */
const LAST_END = `
SELECT to_ms FROM flow_parts WHERE outcome IN ('expired', 'deleted') AND end_ms IS NOT NULL
ORDER BY to_ms DESC LIMIT 1`;

/** A reading takes in all events before its end, and the next part of a flow comes after it. */
const LAST_READING = `SELECT max(flow_parts.from_ms) ${LAST_PARTS} WHERE open_flows.part > 1`;

const LAST_GAP = `
SELECT max(at_ms) FROM notes
WHERE type = 'gap' OR (type = 'notice' AND json_extract(record, '$.code') = 'finished')`;
const FIRST_PART = 'SELECT min(to_ms) FROM flow_parts';
const FIRST_NOTE = 'SELECT min(at_ms) FROM notes';

export function readHistory(connection: Connection): FlowHistory | undefined {
  const number = (sql: string) => connection.number(sql);
  const told = [LAST_END, LAST_READING, LAST_GAP].map(number).filter((time) => time !== undefined);
  const first = [FIRST_PART, FIRST_NOTE].map(number).filter((time) => time !== undefined);
  if (first.length === 0) return undefined;
  const until = told.length > 0 ? Math.max(...told) : Math.min(...first);
  return {
    until: new Date(until),
    open: { [Symbol.iterator]: () => openFlows(connection) },
  };
}

function* openFlows(connection: Connection): Generator<FlowPart, undefined> {
  for (let after = ''; ; ) {
    const rows = connection.all<PartRow>(OPEN_AFTER, after, LIMITS.flowsInPage);
    for (const row of rows) yield partOf(row);
    const last = rows.at(-1);
    if (last === undefined) return undefined;
    after = last.flow as string;
  }
}
