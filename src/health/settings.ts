/**
 * The settings of connection tracking: the sysctls `net.netfilter.nf_conntrack_*`.
 *
 * @module
 */

/** The type of a setting's value, by kind. */
export interface SettingValues {
  count: number;
  switch: boolean;
  seconds: number;
  bytes: number;
  /** From 0 to 255. */
  byte: number;
  events: 'off' | 'on' | 'auto';
}

/** A setting of the kernel. */
export interface Setting {
  /** Its sysctl, without `net.netfilter.nf_conntrack_`. */
  readonly sysctl: string;
  readonly kind: keyof SettingValues;
  /** Applies to all network namespaces, and is read-only in all but the initial one. */
  readonly global?: true;
}

const globalCount = (sysctl: string) => ({ sysctl, kind: 'count', global: true }) as const;
const byte = (sysctl: string) => ({ sysctl, kind: 'byte' }) as const;
const bytes = (sysctl: string) => ({ sysctl, kind: 'bytes' }) as const;
const onOff = (sysctl: string) => ({ sysctl, kind: 'switch' }) as const;
const seconds = (sysctl: string) => ({ sysctl, kind: 'seconds' }) as const;

/**
 * Every setting: its sysctl and the kind of its value.
 *
 * @example
 * ```ts
 * import { readSettings, SETTINGS } from 'conntrack';
 *
 * const settings = await readSettings();
 * console.log(`net.netfilter.${SETTINGS.maxEntries.sysctl}`, settings.maxEntries);
 * ```
 */
export const SETTINGS = {
  /**
   * The maximum of entries per network namespace (`nf_conntrack_max`); 0: no limit. One value
   * for all namespaces, writable in the initial one only.
   */
  maxEntries: globalCount('max'),
  /**
   * Size of the hash table (`nf_conntrack_buckets`). One value for all namespaces, writable in
   * the initial one only. A write moves every entry. The kernel rounds it up.
   */
  buckets: globalCount('buckets'),
  /**
   * The maximum of expectations (`nf_conntrack_expect_max`). One value for all namespaces,
   * writable in the initial one only.
   */
  maxExpectations: globalCount('expect_max'),
  /** Counts packets and bytes of flows that begin from now on (`nf_conntrack_acct`). */
  accounting: onOff('acct'),
  /** Records the start time of flows that begin from now on (`nf_conntrack_timestamp`). */
  timestamps: onOff('timestamp'),
  /**
   * Which flows send events (`nf_conntrack_events`): none (`off`, 0), all (`on`, 1), or those
   * that begin while a program listens (`auto`, 2, Linux 5.19).
   */
  events: { sysctl: 'events', kind: 'events' },
  /**
   * Verifies checksums of incoming packets; a wrong one makes the packet invalid
   * (`nf_conntrack_checksum`).
   */
  checksum: onOff('checksum'),
  /**
   * Attaches helpers to flows by port, without a rule (`nf_conntrack_helper`, until Linux
   * 5.19).
   */
  automaticHelpers: onOff('helper'),
  /**
   * Which invalid packets the kernel logs (`nf_conntrack_log_invalid`): 0 none, 255 all,
   * otherwise those of this protocol number.
   */
  logInvalid: byte('log_invalid'),
  /** Picks up established TCP connections (`nf_conntrack_tcp_loose`). */
  tcpLoose: onOff('tcp_loose'),
  /** Of packets outside the window, treats only RSTs as invalid (`nf_conntrack_tcp_be_liberal`). */
  tcpLiberal: onOff('tcp_be_liberal'),
  /**
   * Does not treat RSTs outside the window as invalid (`nf_conntrack_tcp_ignore_invalid_rst`,
   * Linux 5.14).
   */
  tcpIgnoreInvalidRst: onOff('tcp_ignore_invalid_rst'),
  /**
   * Retransmissions without an answer until `tcpMaxRetransTimeout` applies
   * (`nf_conntrack_tcp_max_retrans`).
   */
  tcpMaxRetrans: byte('tcp_max_retrans'),

  /** Seconds, for protocols without their own setting (`nf_conntrack_generic_timeout`). */
  genericTimeout: seconds('generic_timeout'),
  /** Seconds (`nf_conntrack_icmp_timeout`). */
  icmpTimeout: seconds('icmp_timeout'),
  /** Seconds (`nf_conntrack_icmpv6_timeout`). */
  icmpv6Timeout: seconds('icmpv6_timeout'),
  /** Seconds, until both sides have sent for a while (`nf_conntrack_udp_timeout`). */
  udpTimeout: seconds('udp_timeout'),
  /** Seconds, once both sides have sent for a while (`nf_conntrack_udp_timeout_stream`). */
  udpStreamTimeout: seconds('udp_timeout_stream'),
  /** Seconds (`nf_conntrack_gre_timeout`). */
  greTimeout: seconds('gre_timeout'),
  /** Seconds, once both sides have sent (`nf_conntrack_gre_timeout_stream`). */
  greStreamTimeout: seconds('gre_timeout_stream'),

  /** Seconds in the state SYN_SENT (`nf_conntrack_tcp_timeout_syn_sent`). */
  tcpSynSentTimeout: seconds('tcp_timeout_syn_sent'),
  /** Seconds in the state SYN_RECV (`nf_conntrack_tcp_timeout_syn_recv`). */
  tcpSynRecvTimeout: seconds('tcp_timeout_syn_recv'),
  /**
   * Seconds in the state ESTABLISHED (`nf_conntrack_tcp_timeout_established`). Kernel default:
   * 432,000, five days.
   */
  tcpEstablishedTimeout: seconds('tcp_timeout_established'),
  /** Seconds in the state FIN_WAIT (`nf_conntrack_tcp_timeout_fin_wait`). */
  tcpFinWaitTimeout: seconds('tcp_timeout_fin_wait'),
  /** Seconds in the state CLOSE_WAIT (`nf_conntrack_tcp_timeout_close_wait`). */
  tcpCloseWaitTimeout: seconds('tcp_timeout_close_wait'),
  /** Seconds in the state LAST_ACK (`nf_conntrack_tcp_timeout_last_ack`). */
  tcpLastAckTimeout: seconds('tcp_timeout_last_ack'),
  /** Seconds in the state TIME_WAIT (`nf_conntrack_tcp_timeout_time_wait`). */
  tcpTimeWaitTimeout: seconds('tcp_timeout_time_wait'),
  /** Seconds in the state CLOSE (`nf_conntrack_tcp_timeout_close`). */
  tcpCloseTimeout: seconds('tcp_timeout_close'),
  /**
   * At most these seconds after `tcpMaxRetrans` retransmissions
   * (`nf_conntrack_tcp_timeout_max_retrans`).
   */
  tcpMaxRetransTimeout: seconds('tcp_timeout_max_retrans'),
  /**
   * At most these seconds while data is unacknowledged
   * (`nf_conntrack_tcp_timeout_unacknowledged`).
   */
  tcpUnacknowledgedTimeout: seconds('tcp_timeout_unacknowledged'),

  /** Seconds in the state CLOSED (`nf_conntrack_sctp_timeout_closed`). */
  sctpClosedTimeout: seconds('sctp_timeout_closed'),
  /** Seconds in the state COOKIE_WAIT (`nf_conntrack_sctp_timeout_cookie_wait`). */
  sctpCookieWaitTimeout: seconds('sctp_timeout_cookie_wait'),
  /** Seconds in the state COOKIE_ECHOED (`nf_conntrack_sctp_timeout_cookie_echoed`). */
  sctpCookieEchoedTimeout: seconds('sctp_timeout_cookie_echoed'),
  /** Seconds in the state ESTABLISHED (`nf_conntrack_sctp_timeout_established`). */
  sctpEstablishedTimeout: seconds('sctp_timeout_established'),
  /** Seconds in the state SHUTDOWN_SENT (`nf_conntrack_sctp_timeout_shutdown_sent`). */
  sctpShutdownSentTimeout: seconds('sctp_timeout_shutdown_sent'),
  /** Seconds in the state SHUTDOWN_RECD (`nf_conntrack_sctp_timeout_shutdown_recd`). */
  sctpShutdownRecdTimeout: seconds('sctp_timeout_shutdown_recd'),
  /** Seconds in the state SHUTDOWN_ACK_SENT (`nf_conntrack_sctp_timeout_shutdown_ack_sent`). */
  sctpShutdownAckSentTimeout: seconds('sctp_timeout_shutdown_ack_sent'),
  /** Seconds in the state HEARTBEAT_SENT (`nf_conntrack_sctp_timeout_heartbeat_sent`). */
  sctpHeartbeatSentTimeout: seconds('sctp_timeout_heartbeat_sent'),
  /**
   * Seconds in the state HEARTBEAT_ACKED (`nf_conntrack_sctp_timeout_heartbeat_acked`, not in
   * newer kernels).
   */
  sctpHeartbeatAckedTimeout: seconds('sctp_timeout_heartbeat_acked'),

  /** Picks up established DCCP connections (`nf_conntrack_dccp_loose`, until Linux 6.16). */
  dccpLoose: onOff('dccp_loose'),
  /** Seconds in the state REQUEST (`nf_conntrack_dccp_timeout_request`, until Linux 6.16). */
  dccpRequestTimeout: seconds('dccp_timeout_request'),
  /** Seconds in the state RESPOND (`nf_conntrack_dccp_timeout_respond`, until Linux 6.16). */
  dccpRespondTimeout: seconds('dccp_timeout_respond'),
  /** Seconds in the state PARTOPEN (`nf_conntrack_dccp_timeout_partopen`, until Linux 6.16). */
  dccpPartOpenTimeout: seconds('dccp_timeout_partopen'),
  /** Seconds in the state OPEN (`nf_conntrack_dccp_timeout_open`, until Linux 6.16). */
  dccpOpenTimeout: seconds('dccp_timeout_open'),
  /** Seconds in the state CLOSEREQ (`nf_conntrack_dccp_timeout_closereq`, until Linux 6.16). */
  dccpCloseRequestTimeout: seconds('dccp_timeout_closereq'),
  /** Seconds in the state CLOSING (`nf_conntrack_dccp_timeout_closing`, until Linux 6.16). */
  dccpClosingTimeout: seconds('dccp_timeout_closing'),
  /** Seconds in the state TIMEWAIT (`nf_conntrack_dccp_timeout_timewait`, until Linux 6.16). */
  dccpTimeWaitTimeout: seconds('dccp_timeout_timewait'),

  /**
   * Seconds that a fragment of an IPv6 packet waits for the rest
   * (`nf_conntrack_frag6_timeout`).
   */
  ipv6FragmentTimeout: seconds('frag6_timeout'),
  /**
   * Bytes of IPv6 fragments from which the kernel drops new ones
   * (`nf_conntrack_frag6_high_thresh`).
   */
  ipv6FragmentHighBytes: bytes('frag6_high_thresh'),
  /**
   * Bytes of IPv6 fragments at which the kernel stops evicting
   * (`nf_conntrack_frag6_low_thresh`).
   */
  ipv6FragmentLowBytes: bytes('frag6_low_thresh'),
} as const satisfies Record<string, Setting>;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/**
 * The settings of a network namespace. Settings that this kernel lacks are absent. A timeout is
 * the number of seconds until an entry expires without a packet.
 */
export type TableSettings = {
  readonly [Name in SettingName]?: SettingValues[(typeof SETTINGS)[Name]['kind']];
};

/** The argument of {@link writeSettings}. Absent settings keep their value. */
export type SettingChanges = {
  readonly [Name in SettingName]?: TableSettings[Name] | undefined;
};
