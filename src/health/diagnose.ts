/**
 * Findings about the table.
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

/** The kinds of findings of {@link diagnose}. The guide on tuning explains each. */
export type FindingCode =
  | 'table-near-full'
  | 'packets-dropped'
  | 'early-drops'
  | 'insert-failures'
  | 'long-chains'
  | 'few-buckets'
  | 'entries-dying'
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
 * `critical`: flows fail now or soon. `warning`: flows have failed, or will fail under load.
 * `info`: a setting limits monitoring.
 */
export type FindingSeverity = 'info' | 'warning' | 'critical';

/** One finding. */
export interface Finding {
  /** Stable across minor versions; the message is not. */
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  /** A sentence with the numbers. */
  readonly message: string;
  /** The numbers behind the finding. */
  readonly evidence: Readonly<Record<string, number>>;
  /** The sysctl to change, such as `net.netfilter.nf_conntrack_max`. */
  readonly setting?: string;
  /** The current value of `setting`, as sysctl prints it. Absent where /proc does not show it. */
  readonly current?: number;
  /** A value of `setting` to try. */
  readonly suggested?: number;
}

/**
 * The evidence behind findings.
 *
 * @internal
 */
export interface Evidence {
  /** Before and after the pass over the table. */
  readonly before: TableStats;
  readonly after: TableStats;
  readonly settings: TableSettings;
  /** Why the table could not be read. */
  readonly refusal: 'EPERM' | 'UNSUPPORTED' | undefined;
  readonly census: Census | undefined;
  /** Entries that have ended and wait for the delivery of their event; as `census`. */
  readonly dying: number | undefined;
  readonly receiveBuffer:
    | {
        /** By a socket that asked for the default of a stream of events. */
        readonly granted: number;
        /** `net.core.rmem_max`; `undefined`: 6.1 shows it in the initial network namespace alone. */
        readonly largest: number | undefined;
      }
    | undefined;
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
  entriesDying,
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
      'When it is full, the kernel drops packets that begin a flow, unless it finds an entry to ' +
      'evict that is not assured.',
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
      `The kernel dropped ${total} packets that began a flow${justNow(delta)}, because the table ` +
      'was full, memory was short, or the flow clashed with another one.',
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
      `The kernel evicted ${total} entries to make room in a full table${justNow(delta)}: flows ` +
      'that were not assured, such as opening connections and unanswered UDP.',
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
      `The kernel could not insert ${total} entries${justNow(delta)} and dropped their packets. ` +
      'The usual cause: two first packets of a flow at the same time, such as two DNS queries ' +
      'over UDP through NAT.',
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
      `The kernel refused ${total} entries${justNow(delta)} because their hash chain was too ` +
      'long, and dropped their packets: the table has too few buckets, or a peer makes entries ' +
      'collide.',
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
  const load = (2 * entries) / buckets; // an entry is in the table twice, once per tuple
  return {
    code: 'few-buckets',
    severity: load > 4 ? 'warning' : 'info',
    message:
      `The hash table has ${buckets} buckets for up to ${maxEntries} entries. A full table has ` +
      `chains of ${Math.round((2 * maxEntries) / buckets)} tuples (now ${load.toFixed(1)}), which ` +
      'slow down every lookup. A bucket costs 8 bytes.',
    evidence: { buckets, entries, maxEntries, tuplesPerBucket: load },
    setting: `${SYSCTL}buckets`,
    current: buckets,
    suggested: maxEntries,
  };
}

/** The least share of the table that is a finding. */
const DYING_SHARE = 0.05;

function entriesDying({ after, dying = 0 }: Evidence): Finding | undefined {
  const { entries, maxEntries } = after;
  const share = dying / (maxEntries || entries);
  if (dying === 0 || share < DYING_SHARE) return undefined;
  return {
    code: 'entries-dying',
    severity: utilizationOf(after) < ELEVATED ? 'warning' : 'critical',
    message:
      `${dying} entries, ${percent(share)} of the table, have ended and wait for a listener to take ` +
      'their DESTROY event: a stream with reliableDestroy, or another program, that reads more ' +
      'slowly than flows end. Until then they count in the table.',
    evidence: { dying, entries, maxEntries, share },
  };
}

/** The least share of idle connections that is a finding. */
const IDLE_SHARE = 0.1;

function establishedTimeout({ after, settings, census }: Evidence): Finding | undefined {
  const { tcpEstablishedTimeout: timeout } = settings;
  if (census === undefined || timeout === undefined || census.entries === 0) return undefined;
  const [day, least] = REASONABLE_TIMEOUTS;
  // Suggests a day if that frees at least half as many entries.
  const suggested = census.idle[day] * 2 >= census.idle[least] ? day : least;
  const freed = census.idle[suggested];
  const share = freed / census.entries;
  if (timeout <= suggested || share < IDLE_SHARE) return undefined;
  const near = utilizationOf(after) >= ELEVATED;
  return {
    code: 'established-timeout-long',
    severity: near ? 'warning' : 'info',
    message:
      `${freed} of ${census.entries} entries (${percent(share)}) are TCP connections idle for ` +
      `more than ${suggested} seconds; the kernel keeps idle connections for ${timeout} seconds. ` +
      `A timeout of ${suggested} seconds would free them.`,
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
      'The table is empty and no counter has moved, although this network namespace has passed ' +
      `${packets} packets${tcpConnections > 0 ? ` and has ${tcpConnections} open TCP connections` : ''}. ` +
      'The kernel tracks connections only if a rule of the namespace needs them (ct state, NAT).',
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
        'This process lacks CAP_NET_ADMIN and cannot read the entries. These findings use ' +
        'counters and settings only.',
      evidence: {},
    };
  }
  return {
    code: 'ctnetlink-missing',
    severity: 'warning',
    message:
      'This kernel has no ctnetlink (nf_conntrack_netlink), which serves entries and events, or a ' +
      'sandbox forbids netlink sockets. ' +
      'These findings use counters and settings only.',
    evidence: {},
  };
}

function accounting({ settings, census }: Evidence): Finding | undefined {
  if (settings.accounting !== false) return undefined;
  return {
    code: 'accounting-off',
    severity: 'info',
    message: `The kernel does not count packets and bytes of new flows${without(census, 'withoutCounters', 'counters')}.`,
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
    message: `The kernel does not record when new flows begin${without(census, 'withoutTimestamps', 'start time')}.`,
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
      message: 'New flows send no events, even to a listener.',
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
      'Only flows that begin while a program listens send events. Those of the ' +
      `${entries} entries that began before the first listener will end without one.`,
    evidence: { entries },
    setting: `${SYSCTL}events`,
    current: 2,
    suggested: 1,
  };
}

const ELSEWHERE = ' in the initial network namespace (/proc does not show it here)';

function receiveBuffer({ receiveBuffer: buffer }: Evidence): Finding | undefined {
  if (buffer === undefined || buffer.granted >= LIMITS.receiveBufferBytes) return undefined;
  const { granted, largest } = buffer;
  return {
    code: 'receive-buffer-capped',
    severity: 'info',
    message:
      `The kernel grants a stream of events ${granted} bytes of receive buffer instead of ` +
      `${LIMITS.receiveBufferBytes}: a burst of more than some ` +
      `${Math.floor(granted / LIMITS.eventBytesInKernel)} events loses the rest. Raise ` +
      `net.core.rmem_max${largest === undefined ? ELSEWHERE : ''}, or grant CAP_NET_ADMIN in the ` +
      'initial user namespace.',
    evidence: { granted, wanted: LIMITS.receiveBufferBytes },
    setting: 'net.core.rmem_max',
    ...(largest !== undefined && { current: largest }),
    suggested: LIMITS.receiveBufferBytes / 2,
  };
}

/** `undefined`: the counter is 0, or this kernel lacks it. */
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
  return `; ${census[field]} of ${census.entries} entries have no ${what}`;
}

function justNow(delta: number): string {
  return delta > 0 ? ` (${delta} during this check)` : '';
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
