/**
 * The kernel's counters of connection tracking.
 *
 * @module
 */

/**
 * The kernel's counters, since the network namespace began or the module was loaded. Counters
 * that this kernel lacks are absent. Each is 32 bits wide and wraps to 0 after 4,294,967,295.
 *
 * None of them counts new connections: count `new` events.
 */
export interface TableCounters {
  /**
   * Tuples that NAT wanted but found in use (`found`). It counts neither lookups nor packets.
   */
  readonly found?: number;
  /** Packets that belong to no flow and cannot begin one (`invalid`). */
  readonly invalid?: number;
  /** Entries created by programs, through ctnetlink or BPF (`insert`). */
  readonly insert?: number;
  /**
   * Entries that could not be inserted (`insert_failed`), because another entry took the tuple
   * meanwhile or a chain was too long. The kernel dropped the packet.
   */
  readonly insertFailed?: number;
  /**
   * Packets dropped because no entry could be created (`drop`): the table was full, memory was
   * short, or the entry clashed with another one.
   */
  readonly drop?: number;
  /** Entries evicted to make room in a full table (`early_drop`). */
  readonly earlyDrop?: number;
  /** ICMP and other packets with an error in them (`error`; `icmp_error` in /proc). */
  readonly error?: number;
  /** Lookups restarted while the table was resized (`search_restart`). */
  readonly searchRestart?: number;
  /** Resolved clashes of two new entries (`clash_resolve`; `clashres` in /proc), Linux 5.10. */
  readonly clashResolve?: number;
  /**
   * Entries refused because their chain exceeded a limit between 50 and 80 (`chaintoolong`;
   * `chainlength` in /proc), Linux 5.15.
   */
  readonly chainTooLong?: number;
  /** Packets that were tracked already (`ignore`), until Linux 5.9. */
  readonly ignore?: number;
  /** Expected flows that began (`expect_new`). */
  readonly expectNew?: number;
  /** Expectations created (`expect_create`). */
  readonly expectCreate?: number;
  /** Expectations removed (`expect_delete`). */
  readonly expectDelete?: number;
  /**
   * Counters without a name in this version, by their number in netlink or their column in
   * /proc.
   */
  readonly other: Readonly<Record<string, number>>;
}

/** The counters of one processor. */
export interface CpuStats extends TableCounters {
  /** The number of the processor; from /proc, its position among the possible ones. */
  readonly cpu: number;
}

/** The result of {@link readStats}. */
export interface TableStats {
  /**
   * `netlink`: from ctnetlink, with CAP_NET_ADMIN. `proc`: from /proc/net/stat/nf_conntrack,
   * for any user.
   */
  readonly source: 'netlink' | 'proc';
  /** Entries in the table of this network namespace, dying ones included. */
  readonly entries: number;
  /**
   * The maximum (`nf_conntrack_max`), one limit that applies to each network namespace
   * separately. 0: no limit.
   */
  readonly maxEntries: number;
  /** Counters per processor; empty if /proc lacks them (no CONFIG_NF_CONNTRACK_PROCFS). */
  readonly cpus: readonly CpuStats[];
  /** Their sums. */
  readonly total: TableCounters;
}
