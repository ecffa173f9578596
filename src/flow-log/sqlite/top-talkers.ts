/**
 * Who talked most.
 *
 * @module
 */
import { type Check, integer, object, optional, word } from '../../core/check.js';
import { LIMITS } from '../../core/limits.js';
import type { Protocol } from '../../core/names.js';
import type { Connection } from './connection.js';
import { type FlowPeriod, PERIOD, type Period, where, within } from './period.js';
import { type FlowSums, SUMS, type SumsRow, sumsOf } from './sums.js';

/** What {@link FlowDatabase.topTalkers} can sum traffic by, and the fields of each. */
export interface TalkerFields {
  /** The address that began the flow, before NAT. */
  readonly source: { readonly source: string };
  /** The address that the flow began to, before NAT. */
  readonly destination: { readonly destination: string };
  readonly pair: { readonly source: string; readonly destination: string };
  /** Protocol, destination and its port, before NAT. Protocols without ports have none. */
  readonly service: {
    readonly protocol: Protocol;
    readonly protocolNumber: number;
    readonly destination: string;
    readonly destinationPort?: number;
  };
  readonly port: {
    readonly protocol: Protocol;
    readonly protocolNumber: number;
    readonly destinationPort?: number;
  };
  readonly protocol: { readonly protocol: Protocol; readonly protocolNumber: number };
  readonly zone: { readonly zone: number };
  /** Absent where a part has none. */
  readonly mark: { readonly mark?: number };
}

/** Options of {@link FlowDatabase.topTalkers}. */
export interface TopTalkersQuery<By extends keyof TalkerFields> extends FlowPeriod {
  readonly by: By;
  /** How many at most. Default: 20. */
  readonly limit?: number | undefined;
}

/** One of {@link FlowDatabase.topTalkers}. */
export type TopTalker<By extends keyof TalkerFields> = TalkerFields[By] & FlowSums;

/** The columns, by field. */
const GROUPS: {
  readonly [By in keyof TalkerFields]: {
    readonly [Field in keyof Required<TalkerFields[By]>]: string;
  };
} = {
  source: { source: 'source' },
  destination: { destination: 'destination' },
  pair: { source: 'source', destination: 'destination' },
  service: {
    protocol: 'protocol',
    protocolNumber: 'protocol_number',
    destination: 'destination',
    destinationPort: 'destination_port',
  },
  port: {
    protocol: 'protocol',
    protocolNumber: 'protocol_number',
    destinationPort: 'destination_port',
  },
  protocol: { protocol: 'protocol', protocolNumber: 'protocol_number' },
  zone: { zone: 'zone' },
  mark: { mark: 'mark' },
};

interface Wanted<By> extends Period {
  readonly by: By;
  readonly limit?: number | undefined;
}

const check = object<Wanted<keyof TalkerFields>>({
  ...PERIOD,
  by: word(Object.keys(GROUPS) as (keyof TalkerFields)[]),
  limit: optional(integer(1, LIMITS.mostTalkers)),
});

export const topTalkersQueryOf = check as <By extends keyof TalkerFields>(
  ...given: Parameters<Check<unknown>>
) => Wanted<By>;

/** SQL, and its values. */
export function topTalkersSql(wanted: Wanted<keyof TalkerFields>) {
  const { by, limit = LIMITS.talkers } = wanted;
  const columns: readonly string[] = Object.values(GROUPS[by]);
  const period = within('to_ms', wanted);
  return {
    sql:
      `SELECT ${columns.join(', ')}, ${SUMS} FROM flow_parts ${where(period)} ` +
      `GROUP BY ${columns.join(', ')} ` +
      `ORDER BY sum(bytes + reply_bytes) DESC, ${columns.join(', ')} LIMIT ?`,
    values: [...period.values, limit],
  };
}

export function queryTopTalkers<By extends keyof TalkerFields>(
  connection: Connection,
  wanted: Wanted<By>,
): TopTalker<By>[] {
  const { sql, values } = topTalkersSql(wanted);
  const rows = connection.all<SumsRow & Readonly<Record<string, unknown>>>(sql, ...values);
  return rows.map((row) => {
    const fields = Object.entries<string>(GROUPS[wanted.by])
      .map(([field, column]) => [field, row[column]] as const)
      .filter(([, value]) => value !== null);
    return { ...Object.fromEntries(fields), ...sumsOf(row) } as TopTalker<By>;
  });
}
