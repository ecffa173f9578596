/**
 * Sums over parts of flows.
 *
 * @module
 */
import type { FlowTraffic } from '../flow-record.js';

/** What some parts of flows have together. */
export interface FlowSums {
  /** How many parts they are. */
  readonly parts: number;
  /** How many of these are the last ones of their flows. */
  readonly ended: number;
  /** Exact up to 2^53 - 1; rounded above that. */
  readonly traffic: FlowTraffic;
  /** How many parts are `estimated`: traffic may be missing in these. */
  readonly estimated: number;
  /** How many parts have no `traffic`: the kernel counted none. */
  readonly uncounted: number;
}

const COUNTS = ['packets', 'bytes', 'reply_packets', 'reply_bytes'] as const;

/** As text: an engine would round a larger number, or refuse it. */
export const SUMS = [
  'count(*) AS parts',
  "count(*) FILTER (WHERE outcome <> 'open') AS ended",
  'count(*) FILTER (WHERE estimated) AS estimated',
  'count(*) FILTER (WHERE bytes IS NULL) AS uncounted',
  ...COUNTS.map((name) => `CAST(coalesce(sum(${name}), 0) AS TEXT) AS sum_${name}`),
].join(', ');

export type SumsRow = Readonly<Record<'parts' | 'ended' | 'estimated' | 'uncounted', number>> &
  Readonly<Record<`sum_${(typeof COUNTS)[number]}`, string>>;

export function sumsOf(row: SumsRow): FlowSums {
  const { parts, ended, estimated, uncounted } = row;
  return {
    parts,
    ended,
    traffic: {
      original: { packets: Number(row.sum_packets), bytes: Number(row.sum_bytes) },
      reply: { packets: Number(row.sum_reply_packets), bytes: Number(row.sum_reply_bytes) },
    },
    estimated,
    uncounted,
  };
}
