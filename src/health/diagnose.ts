/**
 * What is wrong with the table, or will be.
 *
 * @module
 */
import { LIMITS } from '../core/limits.js';
import { type Census, REASONABLE_TIMEOUTS } from './census.js';
import type { CounterName } from './counters.js';
import { DEFAULT_THRESHOLDS } from './pressure.js';
import type { TableSettings } from './settings.js';
import type { TableStats } from './stats.js';
import { utilizationOf } from './utilization.js';

/** What {@link diagnose} can find. The guide on tuning has the reasons for each. */
export type FindingCode =
  | 'table-near-full'
  | 'packets-dropped'
  | 'early-drops'
  | 'insert-failures'
  | 'long-chains'
  | 'few-buckets'
  | 'established-timeout-long'
  | 'accounting-off'
  | 'timestamps-off'
  | 'events-off'
  | 'events-auto'
  | 'receive-buffer-capped'
  | 'nothing-tracked'
  | 'privileges-missing'
  | 'ctnetlink-missing';

/**
 * `critical`: flows fail now, or will soon. `warning`: some have, or will under load.
 * `info`: something is not as a monitoring tool would want it.
 */
export type FindingSeverity = 'info' | 'warning' | 'critical';

/** One finding. */
export interface Finding {
  /** Stable across minor versions; the message is not. */
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  /** In words, with the numbers. */
  readonly message: string;
  /** The numbers that it stands on. */
  readonly evidence: Readonly<Record<string, number>>;
  /** The sysctl that it is about, such as `net.netfilter.nf_conntrack_max`. */
  readonly setting?: string;
  /** Its value now, as sysctl prints it. */
  readonly current?: number;
  /** The value to try. */
  readonly suggested?: number;
}

/**
 * What findings stand on.
 *
 * @internal
 */
export interface Evidence {
  /** At the beginning and at the end of the look at the table. */
  readonly before: TableStats;
  readonly after: TableStats;
  readonly settings: TableSettings;
  /** Why the table itself could not be looked at. */
  readonly refusal: 'EPERM' | 'UNSUPPORTED' | undefined;
  readonly census: Census | undefined;
  readonly receiveBuffer: { readonly granted: number; readonly largest: number } | undefined;
  /** `undefined`: /proc does not show it. */
  readonly traffic: { readonly packets: number; readonly tcpConnections: number } | undefined;
}

const { elevatedAt: ELEVATED, criticalAt: CRITICAL } = DEFAULT_THRESHOLDS;
const SYSCTL = 'net.netfilter.nf_conntrack_';
const RANK: readonly FindingSeverity[] = ['critical', 'warning', 'info'];

/**
 * What the evidence says, the worst first.
 *
 * @internal
 */
export function findingsOf(evidence: Evidence): Finding[] {
  return CHECKS.flatMap((check) => check(evidence) ?? []).sort(
    (a, b) => RANK.indexOf(a.severity) - RANK.indexOf(b.severity),
  );
}

type Check = (evidence: Evidence) => Finding | undefined;

const CHECKS: readonly Check[] = [
  tableNearFull,
  packetsDropped,
  earlyDrops,
  insertFailures,
  longChains,
  fewBuckets,
  establishedTimeout,
  nothingTracked,
  refused,
  accounting,
  timestamps,
  events,
  receiveBuffer,
];

function tableNearFull({ after }: Evidence): Finding | undefined {
  const { entries, maxEntries } = after;
  const utilization = utilizationOf(after);
  if (utilization < ELEVATED) return undefined;
  return {
    code: 'table-near-full',
    severity: utilization < CRITICAL ? 'warning' : 'critical',
    message:
      `The table has ${entries} of at most ${maxEntries} entries (${percent(utilization)}). ` +
      'When it is full, packets that would begin a flow are dropped, unless a flow that is not ' +
      'assured can make room.',
    evidence: { entries, maxEntries, utilization },
    setting: `${SYSCTL}max`,
    current: maxEntries,
    suggested: 2 * maxEntries,
  };
}

function packetsDropped({ before, after }: Evidence): Finding | undefined {
  const count = counted('drop', before, after);
  if (count === undefined) return undefined;
  const { total, delta } = count;
  const { entries, maxEntries } = after;
  const full = utilizationOf(after) >= ELEVATED;
  return {
    code: 'packets-dropped',
    severity: delta > 0 ? 'critical' : 'warning',
    message:
      `${total} packets were dropped because no entry could be made for them` +
      `${delta > 0 ? `, ${delta} of them just now` : ''}: the table was full, ` +
      'there was no memory, or the flow clashed with another one.',
    evidence: { dropped: total, justNow: delta, entries, maxEntries },
    ...(full && { setting: `${SYSCTL}max`, current: maxEntries, suggested: 2 * maxEntries }),
  };
}

function earlyDrops({ before, after }: Evidence): Finding | undefined {
  const count = counted('earlyDrop', before, after);
  if (count === undefined) return undefined;
  const { total, delta } = count;
  const { maxEntries } = after;
  return {
    code: 'early-drops',
    severity: 'warning',
    message:
      `${total} entries were removed before their time to make room in a full table` +
      `${delta > 0 ? `, ${delta} of them just now` : ''}: flows that were not assured, such as ` +
      'connections being opened, and UDP without an answer.',
    evidence: { earlyDropped: total, justNow: delta },
    ...(maxEntries > 0 && {
      setting: `${SYSCTL}max`,
      current: maxEntries,
      suggested: 2 * maxEntries,
    }),
  };
}

function insertFailures({ before, after }: Evidence): Finding | undefined {
  const count = counted('insertFailed', before, after);
  if (count === undefined) return undefined;
  const { total, delta } = count;
  return {
    code: 'insert-failures',
    severity: delta > 0 ? 'warning' : 'info',
    message:
      `${total} entries could not be put into the table, and their packets were dropped: ` +
      'mostly two first packets of one flow at the same time, such as DNS queries over UDP ' +
      'through NAT.',
    evidence: { insertFailed: total, justNow: delta },
  };
}

function longChains({ before, after, settings: { buckets } }: Evidence): Finding | undefined {
  const count = counted('chainTooLong', before, after);
  if (count === undefined) return undefined;
  const { total, delta } = count;
  return {
    code: 'long-chains',
    severity: 'warning',
    message:
      `${total} entries met a chain of the hash table that is too long, and their packets were ` +
      'dropped: there are too few buckets, or somebody makes entries collide.',
    evidence: { chainTooLong: total, justNow: delta },
    ...(buckets !== undefined && {
      setting: `${SYSCTL}buckets`,
      current: buckets,
      suggested: Math.max(2 * buckets, after.maxEntries),
    }),
  };
}

function fewBuckets({ after, settings: { buckets } }: Evidence): Finding | undefined {
  const { entries, maxEntries } = after;
  if (buckets === undefined || buckets >= maxEntries / 4) return undefined;
  const load = (2 * entries) / buckets; // an entry stands in the table with both its tuples
  return {
    code: 'few-buckets',
    severity: load > 4 ? 'warning' : 'info',
    message:
      `The hash table has ${buckets} buckets for up to ${maxEntries} entries: each lookup will ` +
      `walk a chain of ${Math.round((2 * maxEntries) / buckets)} tuples when it is full ` +
      `(${load.toFixed(1)} now). A bucket costs 8 bytes.`,
    evidence: { buckets, entries, maxEntries, tuplesPerBucket: load },
    setting: `${SYSCTL}buckets`,
    current: buckets,
    suggested: maxEntries,
  };
}

/** From which share of the table on idle connections are worth a word. */
const IDLE_SHARE = 0.1;

function establishedTimeout({ after, settings, census }: Evidence): Finding | undefined {
  const { tcpEstablishedTimeout: timeout } = settings;
  if (census === undefined || timeout === undefined || census.entries === 0) return undefined;
  const [day, least] = REASONABLE_TIMEOUTS;
  // A day where that frees nearly as much.
  const suggested = census.idle[day] * 2 >= census.idle[least] ? day : least;
  const freed = census.idle[suggested];
  const share = freed / census.entries;
  if (timeout <= suggested || share < IDLE_SHARE) return undefined;
  const near = utilizationOf(after) >= ELEVATED;
  return {
    code: 'established-timeout-long',
    severity: near ? 'warning' : 'info',
    message:
      `${freed} of ${census.entries} entries (${percent(share)}) are TCP connections that have ` +
      `been idle for over ${suggested} seconds, and last up to ${timeout} idle seconds: that ` +
      `timeout would free them.`,
    evidence: {
      entries: census.entries,
      established: census.established,
      idle: freed,
      share,
      freed,
    },
    setting: `${SYSCTL}tcp_timeout_established`,
    current: timeout,
    suggested,
  };
}

function nothingTracked({ after, traffic }: Evidence): Finding | undefined {
  const { other, ...counters } = after.total;
  const counts = [...Object.values(counters), ...Object.values(other)];
  const still = counts.length > 0 && counts.every((count) => count === 0);
  if (after.entries > 0 || !still) return undefined;
  if (traffic === undefined || traffic.packets === 0) return undefined;
  const { packets, tcpConnections } = traffic;
  return {
    code: 'nothing-tracked',
    severity: tcpConnections > 0 ? 'warning' : 'info',
    message:
      `The table is empty, and none of its counters has ever moved, but ${packets} packets have ` +
      `passed here${tcpConnections > 0 ? ` and ${tcpConnections} TCP connections are open` : ''}. ` +
      'The kernel tracks nothing before a rule of this network namespace needs it (ct state, NAT).',
    evidence: { packets, tcpConnections },
  };
}

function refused({ refusal }: Evidence): Finding | undefined {
  if (refusal === undefined) return undefined;
  if (refusal === 'EPERM') {
    return {
      code: 'privileges-missing',
      severity: 'warning',
      message:
        'Without CAP_NET_ADMIN the entries cannot be looked at: this stands on counters and ' +
        'settings alone.',
      evidence: {},
    };
  }
  return {
    code: 'ctnetlink-missing',
    severity: 'warning',
    message:
      'This kernel has no ctnetlink (nf_conntrack_netlink): entries and events cannot be read. ' +
      'This stands on counters and settings alone.',
    evidence: {},
  };
}

function accounting({ settings, census }: Evidence): Finding | undefined {
  if (settings.accounting !== false) return undefined;
  return {
    code: 'accounting-off',
    severity: 'info',
    message: `Flows that begin now will not count packets and bytes${without(census, 'withoutCounters', 'counters')}.`,
    evidence: census === undefined ? {} : { entriesWithout: census.withoutCounters },
    setting: `${SYSCTL}acct`,
    current: 0,
    suggested: 1,
  };
}

function timestamps({ settings, census }: Evidence): Finding | undefined {
  if (settings.timestamps !== false) return undefined;
  return {
    code: 'timestamps-off',
    severity: 'info',
    message: `Flows that begin now will not tell when${without(census, 'withoutTimestamps', 'time of beginning')}.`,
    evidence: census === undefined ? {} : { entriesWithout: census.withoutTimestamps },
    setting: `${SYSCTL}timestamp`,
    current: 0,
    suggested: 1,
  };
}

function events({ settings, after: { entries } }: Evidence): Finding | undefined {
  if (settings.events === 'off') {
    return {
      code: 'events-off',
      severity: 'warning',
      message: 'No flow that begins now sends events, whoever listens.',
      evidence: { entries },
      setting: `${SYSCTL}events`,
      current: 0,
      suggested: 1,
    };
  }
  if (settings.events !== 'auto') return undefined;
  return {
    code: 'events-auto',
    severity: 'info',
    message:
      'Only flows that begin while somebody listens send events. Of the ' +
      `${entries} in the table, those that began before the first listener will end in silence.`,
    evidence: { entries },
    setting: `${SYSCTL}events`,
    current: 2,
    suggested: 1,
  };
}

function receiveBuffer({ receiveBuffer: buffer }: Evidence): Finding | undefined {
  if (buffer === undefined || buffer.granted >= LIMITS.receiveBufferBytes) return undefined;
  const { granted, largest } = buffer;
  return {
    code: 'receive-buffer-capped',
    severity: 'info',
    message:
      `A stream of events gets a receive buffer of ${granted} bytes, some ` +
      `${Math.floor(granted / LIMITS.eventBytesInKernel)} events, instead of ${LIMITS.receiveBufferBytes}: ` +
      'more at once are lost. CAP_NET_ADMIN in the initial user namespace lifts the limit, too.',
    evidence: { granted, wanted: LIMITS.receiveBufferBytes },
    setting: 'net.core.rmem_max',
    current: largest,
    suggested: LIMITS.receiveBufferBytes / 2,
  };
}

/** `undefined`: it has never counted, or this kernel does not have it. */
function counted(
  name: CounterName,
  before: TableStats,
  after: TableStats,
): { total: number; delta: number } | undefined {
  const total = after.total[name] ?? 0;
  if (total === 0) return undefined;
  // What was counted in one look alone was not seen to move.
  return { total, delta: Math.max(0, total - (before.total[name] ?? total)) };
}

function without(
  census: Census | undefined,
  field: 'withoutCounters' | 'withoutTimestamps',
  what: string,
): string {
  if (census === undefined || census.entries === 0) return '';
  return `; of the ${census.entries} in the table ${census[field]} have no ${what}`;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
