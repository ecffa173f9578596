/**
 * The parts of flows that a query asks for, the newest first, page by page: between two pages the
 * database can be written to.
 *
 * @module
 */
import { integer, optional, options, uint16 } from '../../core/check.js';
import { LIMITS } from '../../core/limits.js';
import type { ProtocolWord } from '../../core/names.js';
import { address, protocol } from '../../record/check-tuple.js';
import { addressFamily, formatIPv6, writeAddress } from '../../record/ip-address.js';
import type { FlowPart } from '../flow-record.js';
import type { Connection, SqliteValue } from './connection.js';
import { type PartRow, partOf } from './part-row.js';
import { type Conditions, type FlowPeriod, PERIOD, type Period, where, within } from './period.js';

/** Options of {@link FlowDatabase.flows}. */
export interface FlowQuery extends FlowPeriod {
  /** An address of either direction, before or after NAT. An index finds it. */
  readonly address?: string | undefined;
  /**
   * A port of either direction, before or after NAT. Without an address every part of the period is
   * looked at.
   */
  readonly port?: number | undefined;
  /** As in filters: `'tcp'`, or a number. */
  readonly protocol?: ProtocolWord | number | undefined;
  /** How many at most. Default: all. */
  readonly limit?: number | undefined;
}

interface Wanted extends Period {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly protocol?: number | undefined;
  readonly limit?: number | undefined;
}

export const flowQueryOf = options<Wanted>({
  ...PERIOD,
  address: optional((value, path) => asKernelWrites(address(value, path))),
  port: optional(uint16),
  protocol: optional(protocol),
  limit: optional(integer(1, Number.MAX_SAFE_INTEGER)),
}) as (value: FlowQuery | undefined) => Wanted;

/** Addresses are compared as texts. */
function asKernelWrites(text: string): string {
  if (addressFamily(text) === 'ipv4') return text;
  const words = new Uint32Array(4);
  writeAddress(new DataView(words.buffer), 0, text);
  return formatIPv6(words, 0);
}

/** Where an address may be. The indexes of the second pair have the rows that differ from the first. */
const ENDS = [
  'source = ?',
  'destination = ?',
  'reply_source = ? AND reply_source <> destination',
  'reply_destination = ? AND reply_destination <> source',
];

const ANY_PORT =
  '(source_port = ? OR destination_port = ? OR reply_source_port = ? OR reply_destination_port = ?)';

/** The last row of the page before. */
interface Place {
  readonly to_ms: number;
  readonly id: number;
}

/** A page: SQL, and its values. */
export function pageOf(wanted: Wanted, after: Place | undefined, rows: number) {
  const { sql, values } = conditionsOf(wanted, after);
  const newest = 'ORDER BY to_ms DESC, id DESC LIMIT ?';
  if (wanted.address === undefined) {
    return {
      sql: `SELECT * FROM flow_parts ${where({ sql, values })} ${newest}`,
      values: [...values, rows],
    };
  }
  const ends = ENDS.map((end) => {
    const conditions = { sql: [end, ...sql], values };
    return `SELECT * FROM (SELECT id, to_ms FROM flow_parts ${where(conditions)} ${newest})`;
  });
  const found = ends.join(' UNION ');
  const each = [wanted.address, ...values, rows];
  return {
    sql:
      `SELECT flow_parts.* FROM (SELECT id FROM (${found}) ${newest}) AS found ` +
      'JOIN flow_parts ON flow_parts.id = found.id ' +
      'ORDER BY flow_parts.to_ms DESC, flow_parts.id DESC',
    values: [...ENDS.flatMap(() => each), rows],
  };
}

function conditionsOf(wanted: Wanted, after: Place | undefined): Conditions {
  const period = within('to_ms', wanted);
  const sql = [...period.sql];
  const values: SqliteValue[] = [...period.values];
  const also = (condition: string, ...given: SqliteValue[]) => {
    sql.push(condition);
    values.push(...given);
  };
  if (after !== undefined) also('(to_ms, id) < (?, ?)', after.to_ms, after.id);
  if (wanted.protocol !== undefined) also('protocol_number = ?', wanted.protocol);
  const { port } = wanted;
  if (port !== undefined) also(ANY_PORT, port, port, port, port);
  return { sql, values };
}

export function* queryFlows(
  connection: Connection,
  wanted: Wanted,
): Generator<FlowPart, undefined, undefined> {
  let left = wanted.limit ?? Number.POSITIVE_INFINITY;
  let after: Place | undefined;
  while (left > 0) {
    const size = Math.min(left, LIMITS.flowsInPage);
    const { sql, values } = pageOf(wanted, after, size);
    const rows = connection.doing('cannot be read', () => connection.all<PartRow>(sql, ...values));
    for (const row of rows) yield partOf(row);
    after = rows.at(-1);
    if (rows.length < size) return undefined;
    left -= rows.length;
  }
  return undefined;
}
