/**
 * The kernel's counters of connection tracking.
 *
 * @module
 */

/**
 * What the kernel counts since the network namespace began, or since it was last loaded.
 * A counter that this kernel does not have is absent. Each is 32 bits wide and starts
 * again at 0 after 4,294,967,295.
 *
 * None of them is the rate of new connections: for that, count `new` events.
 */
export interface TableCounters {
  /**
   * A tuple that was to be used for NAT was taken already (`found`). Not the number of
   * lookups, nor of packets.
   */
  readonly found?: number;
  /** Packets that belong to no connection and can begin none (`invalid`). */
  readonly invalid?: number;
  /** Entries that a program has created (`insert`), through ctnetlink or BPF. */
  readonly insert?: number;
  /**
   * Entries that could not be put into the table (`insert_failed`): another one had
   * taken the tuple meanwhile, or a chain was too long. The packet was dropped.
   */
  readonly insertFailed?: number;
  /**
   * Packets that were dropped because no entry could be made (`drop`): the table was
   * full, there was no memory, or the entry clashed with another one.
   */
  readonly drop?: number;
  /** Entries that were removed before their time, to make room in a full table (`early_drop`). */
  readonly earlyDrop?: number;
  /** ICMP and other packets with an error in them (`error`; `icmp_error` in /proc). */
  readonly error?: number;
  /** Lookups that began again because the table was being resized (`search_restart`). */
  readonly searchRestart?: number;
  /** Clashes of two new entries that were resolved (`clash_resolve`; `clashres` in /proc), Linux 5.10. */
  readonly clashResolve?: number;
  /** Entries that found a chain of more than 50 to 80 others (`chaintoolong`; `chainlength` in /proc), Linux 5.15. */
  readonly chainTooLong?: number;
  /** Packets that were tracked already (`ignore`), until Linux 5.9. */
  readonly ignore?: number;
  /** Flows that began as a helper expected them (`expect_new`). */
  readonly expectNew?: number;
  /** Expectations that were created (`expect_create`). */
  readonly expectCreate?: number;
  /** Expectations that were removed (`expect_delete`). */
  readonly expectDelete?: number;
  /** Counters that this version has no name for, by their number in netlink or their name in /proc. */
  readonly other: Readonly<Record<string, number>>;
}

/** The counters of one processor. */
export interface CpuStats extends TableCounters {
  /** Its number; from /proc, its place among those that are possible. */
  readonly cpu: number;
}

/** What {@link readStats} gives. */
export interface TableStats {
  /**
   * `netlink`: as the kernel sends them to who has CAP_NET_ADMIN. `proc`: from
   * /proc/net/stat/nf_conntrack, which anybody may read.
   */
  readonly source: 'netlink' | 'proc';
  /** Entries in the table of this network namespace, dying ones included. */
  readonly entries: number;
  /**
   * How many there may be (`nf_conntrack_max`). It is one number for all network
   * namespaces, and each may have so many. 0: no limit.
   */
  readonly maxEntries: number;
  /** Counters by processor; empty where /proc has none (without CONFIG_NF_CONNTRACK_PROCFS). */
  readonly cpus: readonly CpuStats[];
  /** Their sums. */
  readonly total: TableCounters;
}
