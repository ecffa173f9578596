/**
 * The table, counted once.
 */
import type { Entry } from '../entry/entry.js';
import type { TableSettings } from './settings.js';

export interface Census {
  entries: number;
  withoutCounters: number;
  withoutTimestamps: number;
  /** Established TCP connections, and how many of them are idle for longer than each timeout. */
  established: number;
  readonly idle: Record<ReasonableTimeout, number>;
}

/**
 * A day; and two hours and four minutes, the least that RFC 5382 allows a NAT.
 */
export const REASONABLE_TIMEOUTS = [86_400, 7440] as const;
type ReasonableTimeout = (typeof REASONABLE_TIMEOUTS)[number];

export function emptyCensus(): Census {
  return {
    entries: 0,
    withoutCounters: 0,
    withoutTimestamps: 0,
    established: 0,
    idle: { 86400: 0, 7440: 0 },
  };
}

export function count(census: Census, entry: Entry, settings: TableSettings, now: number): void {
  census.entries++;
  if (entry.counters === undefined) census.withoutCounters++;
  if (entry.startTimeNs === undefined) census.withoutTimestamps++;
  if (entry.tcp?.state !== 'ESTABLISHED') return;
  census.established++;
  const idle = idleSeconds(entry, settings, now);
  if (idle === undefined) return;
  for (const limit of REASONABLE_TIMEOUTS) if (idle > limit) census.idle[limit]++;
}

/**
 * Each packet sets the timeout of an established connection anew, so that what is left tells
 * how long ago the last one came; unless data waits for an acknowledgement, which has a shorter
 * timeout of its own: then nothing tells.
 */
function idleSeconds(
  { timeout, startTime }: Entry,
  {
    tcpEstablishedTimeout,
    tcpUnacknowledgedTimeout = 300,
    tcpMaxRetransTimeout = 300,
  }: TableSettings,
  now: number,
): number | undefined {
  if (timeout === undefined || tcpEstablishedTimeout === undefined) return undefined;
  if (timeout <= Math.max(tcpUnacknowledgedTimeout, tcpMaxRetransTimeout)) return undefined;
  const age =
    startTime === undefined ? Number.POSITIVE_INFINITY : (now - startTime.getTime()) / 1000;
  return Math.min(tcpEstablishedTimeout - timeout, age);
}
