/**
 * The kernel's counters, each declared once: what reads, exports and documents them derives
 * from this list or is tested against it.
 */
import type { TableCounters } from './stats.js';

/** The counters that have a name in this version. */
export type CounterName = Exclude<keyof TableCounters, 'other'>;

/** A request of `NativeRequestSocket`. */
export type CounterRequest = 'stats' | 'expectationStats';

export interface Counter {
  /** The request that it answers: those of `enum ctattr_stats_cpu`, and of `ctattr_expect_stats`. */
  readonly request: CounterRequest;
  /** Its number there. */
  readonly attribute: number;
  /** As `conntrack -S` prints it, and as /proc/net/stat/nf_conntrack heads its column. */
  readonly kernelName: string;
  /** Its column, where that has a name of its own. */
  readonly column?: string;
  /** What is counted. */
  readonly meaning: string;
  /** The first Linux that has it. */
  readonly since?: string;
  /** The last one. */
  readonly until?: string;
  /** A newer kernel keeps the column beside that of this counter, and counts nothing in it. */
  readonly replacedBy?: CounterName;
}

export const COUNTERS = {
  found: {
    request: 'stats',
    attribute: 2,
    kernelName: 'found',
    meaning: 'tuples wanted for NAT that were taken already',
  },
  invalid: {
    request: 'stats',
    attribute: 4,
    kernelName: 'invalid',
    meaning: 'packets that belong to no connection and can begin none',
  },
  ignore: {
    request: 'stats',
    attribute: 5,
    kernelName: 'ignore',
    meaning: 'packets that were tracked already',
    until: '5.9',
    replacedBy: 'clashResolve',
  },
  insert: {
    request: 'stats',
    attribute: 8,
    kernelName: 'insert',
    meaning: 'entries that programs created; those of packets do not count',
  },
  insertFailed: {
    request: 'stats',
    attribute: 9,
    kernelName: 'insert_failed',
    meaning: 'entries that could not be put into the table',
  },
  drop: {
    request: 'stats',
    attribute: 10,
    kernelName: 'drop',
    meaning: 'packets dropped because no entry could be made',
  },
  earlyDrop: {
    request: 'stats',
    attribute: 11,
    kernelName: 'early_drop',
    meaning: 'entries removed to make room in a full table',
  },
  error: {
    request: 'stats',
    attribute: 12,
    kernelName: 'error',
    column: 'icmp_error',
    meaning: 'ICMP and other packets with an error in them',
  },
  searchRestart: {
    request: 'stats',
    attribute: 13,
    kernelName: 'search_restart',
    meaning: 'lookups begun again because the table was resized',
  },
  clashResolve: {
    request: 'stats',
    attribute: 14,
    kernelName: 'clash_resolve',
    column: 'clashres',
    meaning: 'clashes of two new entries that were resolved',
    since: '5.10',
  },
  chainTooLong: {
    request: 'stats',
    attribute: 15,
    kernelName: 'chaintoolong',
    column: 'chainlength',
    meaning: 'entries that found a chain of more than 50 to 80 others',
    since: '5.15',
  },
  expectNew: {
    request: 'expectationStats',
    attribute: 1,
    kernelName: 'expect_new',
    meaning: 'flows that began as a helper expected them',
  },
  expectCreate: {
    request: 'expectationStats',
    attribute: 2,
    kernelName: 'expect_create',
    meaning: 'expectations that were created',
  },
  expectDelete: {
    request: 'expectationStats',
    attribute: 3,
    kernelName: 'expect_delete',
    meaning: 'expectations that were removed',
  },
} as const satisfies Record<CounterName, Counter>;

/**
 * Columns that are no counters of a processor: the same number in every line, and those in
 * which nothing has been counted since Linux 4.9.
 */
export const OTHER_COLUMNS: readonly string[] = [
  'entries',
  'searched',
  'new',
  'delete',
  'delete_list',
];

export const COUNTER_LIST = Object.entries(COUNTERS) as [CounterName, Counter][];

export function columnOf({ column, kernelName }: Counter): string {
  return column ?? kernelName;
}
