/**
 * The traffic of all flows, hour by hour.
 *
 * @module
 */
import { optional, options } from '../../core/check.js';
import { LIMITS } from '../../core/limits.js';
import { duration, type Interval } from '../duration.js';
import type { Connection } from './connection.js';
import { type FlowPeriod, PERIOD, type Period, where, within } from './period.js';
import { type FlowSums, SUMS, type SumsRow, sumsOf } from './sums.js';

/** Options of {@link FlowDatabase.totals}. */
export interface TotalsQuery extends FlowPeriod {
  /** The length of each, from one second on; they begin at multiples of it since 1970. Default: 1h. */
  readonly every?: Interval | undefined;
}

/** One of {@link FlowDatabase.totals}. */
export interface FlowTotal extends FlowSums {
  readonly from: Date;
  readonly to: Date;
  /** Events that were lost: the sum of the `lost` records. */
  readonly lost: number;
}

const HOUR_MS = 3_600_000;
const SECOND_MS = 1000;

interface Wanted extends Period {
  readonly every?: number | undefined;
}

export const totalsQueryOf = options<Wanted>({
  ...PERIOD,
  every: optional(duration(SECOND_MS, LIMITS.longestKeptMs)),
}) as (value: TotalsQuery | undefined) => Wanted;

const NOTHING: SumsRow = {
  ...{ parts: 0, ended: 0, estimated: 0, uncounted: 0 },
  ...{ sum_packets: '0', sum_bytes: '0', sum_reply_packets: '0', sum_reply_bytes: '0' },
};

interface LostRow {
  readonly at: number;
  readonly lost: number;
}

export function queryTotals(connection: Connection, wanted: Wanted): FlowTotal[] {
  const { every = HOUR_MS } = wanted;
  const parts = within('to_ms', wanted);
  const sums = connection.all<SumsRow & { readonly at: number }>(
    `SELECT to_ms - to_ms % ? AS at, ${SUMS} FROM flow_parts ${where(parts)} GROUP BY 1`,
    ...[every, ...parts.values],
  );
  const notes = within('at_ms', wanted);
  const conditions = { ...notes, sql: ["type = 'lost'", ...notes.sql] };
  const lost = connection.all<LostRow>(
    "SELECT at_ms - at_ms % ? AS at, sum(json_extract(record, '$.count')) AS lost " +
      `FROM notes ${where(conditions)} GROUP BY 1`,
    ...[every, ...notes.values],
  );
  const rows = new Map<number, SumsRow>(sums.map((row) => [row.at, row]));
  const losses = new Map(lost.map((row) => [row.at, row.lost]));
  const times = [...new Set([...rows.keys(), ...losses.keys()])].sort((one, other) => one - other);
  return times.map((at) => ({
    from: new Date(at),
    to: new Date(at + every),
    ...sumsOf(rows.get(at) ?? NOTHING),
    lost: losses.get(at) ?? 0,
  }));
}
