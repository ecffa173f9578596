/**
 * What some kernels have and others lack, each declared once: explainFilter() takes its words from
 * here, and the tables of docs/kernels.md are these lists.
 *
 * A version is one of the kernel's own. Distributions move changes into older ones; where the
 * running kernel can be asked, it is.
 */
import type { FilterSupport } from './native.js';

/** What the running kernel is asked. */
export type Probe = Exclude<keyof FilterSupport, 'failure'>;

export interface Feature {
  /** As docs/kernels.md names it. */
  readonly what: string;
  /** The kernel's name of it. */
  readonly attribute?: string;
  /** The first Linux that has it. */
  readonly since?: string;
  /** The last one. */
  readonly until?: string;
  /** The option of the kernel that it needs. */
  readonly option?: string;
  /** Where no version tells: those of `TRIED_ON` that lack it. */
  readonly notOn?: readonly string[];
  /** Why test/kernel/features.test.ts does not try it. */
  readonly untried?: string;
  /** Absent: the kernel is not asked. */
  readonly probe?: Probe;
  /** What the package does without it. */
  readonly without: string;
}

/**
 * The kernels on which test/kernel/features.test.ts has tried each feature, and found it as its
 * declaration says: a kernel that disagrees fails that test.
 */
export const TRIED_ON = ['5.10', '6.1', '6.12', '6.18', '7.2', '7.3'] as const;

export const FEATURES = {
  startTime: {
    what: '`startTime`, with `CONFIG_NF_CONNTRACK_TIMESTAMP`',
    attribute: 'CTA_TIMESTAMP',
    since: '2.6.38',
    without: '`undefined`',
  },
  zeroCounters: {
    what: '`zeroCounters`',
    attribute: 'IPCTNL_MSG_CT_GET_CTRZERO',
    since: '2.6.38',
    without: 'no other way',
  },
  labels: { what: '`labels`', attribute: 'CTA_LABELS', since: '3.9', without: '`undefined`' },
  allNamespaces: {
    what: '`allNamespaces`',
    attribute: 'NETLINK_LISTEN_ALL_NSID',
    since: '4.2',
    without: '`watchEvents` throws `ENOPROTOOPT`',
  },
  tupleZone: {
    what: '`original.zone`, `reply.zone`',
    attribute: 'CTA_TUPLE_ZONE',
    since: '4.3',
    without: '`undefined`',
  },
  errorDetail: {
    what: '`error.detail`',
    attribute: 'NETLINK_EXT_ACK',
    since: '4.12',
    untried: 'the kernel has no text for what this package can get wrong',
    without: '`undefined`',
  },
  lostCounts: {
    what: 'the count of a `lost` event whose cause is the kernel',
    attribute: 'SO_MEMINFO',
    since: '4.12',
    without: 'each gap counts as one event',
  },
  maxEntries: {
    what: '`maxEntries` from netlink',
    attribute: 'CTA_STATS_GLOBAL_MAX_ENTRIES',
    since: '4.18',
    untried: 'the package reads the same number from /proc/sys',
    without: 'read from /proc/sys',
  },
  synproxy: {
    what: '`synproxy`',
    attribute: 'CTA_SYNPROXY',
    since: '4.18',
    without: '`undefined`',
  },
  flushFamily: {
    what: '`flushEntries({ family })` in one request',
    since: '5.2',
    // Only a flush would tell. A kernel that compares tuples is newer.
    probe: 'tuple',
    untried: 'a kernel that compares tuples has it',
    without: 'the package deletes them one by one',
  },
  stableId: {
    what: '`id` that stays the same for the life of an entry',
    attribute: 'CTA_ID',
    since: '5.3',
    without: '`getEntry(entry)` and `deleteEntry(entry)` may miss an entry whose id has changed',
  },
  tupleFilter: {
    what: "a filter's `protocol`, IPv4 addresses, ports and `icmp` compared in the kernel",
    attribute: 'CTA_FILTER',
    since: '5.8',
    probe: 'tuple',
    without: 'the package compares them',
  },
  destroyState: {
    what: '`tcp` in a `destroy` event',
    attribute: 'CTA_PROTOINFO',
    since: '5.11',
    without: '`undefined`',
  },
  statusFilter: {
    what: "a filter's `status`, `assured` and `nat` compared in the kernel",
    attribute: 'CTA_STATUS',
    since: '5.15',
    probe: 'status',
    without: 'the package compares them',
  },
  replyFilter: {
    what: "a filter's `reply` compared rightly in the kernel",
    attribute: 'CTA_FILTER_REPLY_FLAGS',
    since: '5.16',
    untried: 'the package never asks for it',
    without: 'the package always compares it: no request reveals which kernel it is',
  },
  automaticEvents: {
    what: 'events only for flows that begin while somebody listens',
    attribute: 'nf_conntrack_events=2',
    since: '5.19',
    without: 'all flows have events: the default is 1',
  },
  zoneFilter: {
    what: "a filter's `zone` compared in the kernel",
    attribute: 'CTA_ZONE',
    since: '6.8',
    option: 'CONFIG_NF_CONNTRACK_ZONES',
    probe: 'zone',
    without: 'the package compares it',
  },
  eventTime: {
    what: '`eventTimeNs`',
    attribute: 'CTA_TIMESTAMP_EVENT',
    since: '6.14',
    without: '`undefined`',
  },
  dccp: {
    what: '`dccp`, and ports of DCCP',
    attribute: 'CTA_PROTOINFO_DCCP',
    until: '6.16',
    without: '`undefined`',
  },
  udplitePorts: {
    what: 'ports of `udplite`',
    attribute: 'CTA_PROTO_SRC_PORT',
    notOn: ['7.2', '7.3'],
    without: 'the kernel tracks it by its addresses alone',
  },
  ipv6Filter: {
    what: "a filter's IPv6 addresses compared rightly in the kernel",
    attribute: 'CTA_FILTER',
    untried: 'the package never asks for it',
    without:
      'the package always compares them. 6.12.117 and 7.3.4 are right; 5.10.46, 6.1.176, 6.1.192, ' +
      '6.12.113, 6.17.13, 6.18.44 and 7.2.7 have it the wrong way round',
  },
} as const satisfies Record<string, Feature>;

/** The requests that ask the kernel, which change nothing, and what an answer means. */
export const PROBES: Readonly<Record<Probe, string>> = {
  tuple:
    'a dump of both families with `CTA_FILTER`: `EOPNOTSUPP` from a kernel that compares tuples, ' +
    'which it does within one family',
  status: 'a dump with `CTA_STATUS_MASK` alone: `EINVAL` from a kernel that compares the status',
  zone:
    'a dump with `CTA_ZONE` 0: `NLM_F_DUMP_FILTERED` on the first entry from a kernel that ' +
    'compares zones, `EOPNOTSUPP` from one without `CONFIG_NF_CONNTRACK_ZONES`. Nothing tells while ' +
    'no entry has zone 0',
};
