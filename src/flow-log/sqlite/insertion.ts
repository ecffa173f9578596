/**
 * Records become rows. A record that is there is left as it is.
 */
import { word } from '../../core/check.js';
import { typeError } from '../../core/errors.js';
import type { FlowPart, FlowRecord } from '../flow-record.js';
import type { Connection } from './connection.js';
import { COLUMNS, valuesOf } from './part-columns.js';

// "OR IGNORE" would also leave out rows that lack something.
const INSERT_PART = `
INSERT INTO flow_parts (${COLUMNS.map(({ name }) => name).join(', ')})
VALUES (${COLUMNS.map(() => '?').join(', ')})
ON CONFLICT (flow, part) DO NOTHING`;

const INSERT_NOTE = `
INSERT INTO notes (at_ms, type, record, nth) VALUES (?, ?, ?, ?)
ON CONFLICT (at_ms, record, nth) DO NOTHING`;

/** A part that comes late may have later ones before it. */
const OPEN = `
INSERT INTO open_flows (flow, part) SELECT ?, ?
WHERE NOT EXISTS (SELECT 1 FROM flow_parts WHERE flow = ? AND part > ?)
ON CONFLICT (flow) DO UPDATE SET part = excluded.part`;

const END = 'DELETE FROM open_flows WHERE flow = ?';

type Note = Exclude<FlowRecord, FlowPart>;

const type = word<FlowRecord['type']>(['flow', 'lost', 'gap', 'notice']);

/** In a transaction. */
export function insertRecords(connection: Connection, records: readonly FlowRecord[]): void {
  const same = new Map<string, number>();
  for (const [index, record] of records.entries()) {
    // Callers without types.
    if (typeof record !== 'object' || (record as unknown) === null) {
      throw typeError(`records[${index}]`, 'must be a record of recordFlows()');
    }
    type(record.type, `records[${index}].type`);
    if (record.type === 'flow') insertPart(connection, record);
    else insertNote(connection, record, same);
  }
}

function insertPart(connection: Connection, part: FlowPart): void {
  if (connection.run(INSERT_PART, ...valuesOf(part)) === 0) return;
  const { flow } = part;
  if (part.outcome === 'open') connection.run(OPEN, flow, part.part, flow, part.part);
  else if (part.part > 1) connection.run(END, flow);
}

/** Nothing names a note: the same one twice in a write is two, in two writes it is one. */
function insertNote(connection: Connection, note: Note, same: Map<string, number>): void {
  const text = JSON.stringify(note);
  const nth = (same.get(text) ?? 0) + 1;
  same.set(text, nth);
  connection.run(INSERT_NOTE, timeOf(note), note.type, text, nth);
}

function timeOf(note: Note): number {
  return (note.type === 'gap' ? note.to : note.at).getTime();
}
