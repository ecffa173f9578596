/**
 * The settings of connection tracking: the sysctls `net.netfilter.nf_conntrack_*`.
 *
 * @module
 */

/** What a setting holds, by its kind. */
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
  /** One for all network namespaces, and read-only in all but the initial one. */
  readonly global?: true;
}

const globalCount = (sysctl: string) => ({ sysctl, kind: 'count', global: true }) as const;
const byte = (sysctl: string) => ({ sysctl, kind: 'byte' }) as const;
const bytes = (sysctl: string) => ({ sysctl, kind: 'bytes' }) as const;
const onOff = (sysctl: string) => ({ sysctl, kind: 'switch' }) as const;
const seconds = (sysctl: string) => ({ sysctl, kind: 'seconds' }) as const;

/** Every setting: its sysctl, and what it holds. */
export const SETTINGS = {
  /**
   * How many entries each network namespace may have (`nf_conntrack_max`); 0 for any
   * number. One for all namespaces; changed in the initial one alone.
   */
  maxEntries: globalCount('max'),
  /**
   * Size of the hash table (`nf_conntrack_buckets`). One for all namespaces; changed in
   * the initial one alone, which moves every entry. The kernel rounds it up.
   */
  buckets: globalCount('buckets'),
  /**
   * How many expectations there may be (`nf_conntrack_expect_max`). One for all
   * namespaces; changed in the initial one alone.
   */
  maxExpectations: globalCount('expect_max'),
  /** Flows that begin from now on count their packets and bytes (`nf_conntrack_acct`). */
  accounting: onOff('acct'),
  /** Flows that begin from now on know when they began (`nf_conntrack_timestamp`). */
  timestamps: onOff('timestamp'),
  /**
   * Which flows tell of themselves (`nf_conntrack_events`): `off` 0, `on` 1, `auto` 2: those
   * that begin while somebody listens (Linux 5.19).
   */
  events: { sysctl: 'events', kind: 'events' },
  /** Checksums of incoming packets are verified; a wrong one is invalid (`nf_conntrack_checksum`). */
  checksum: onOff('checksum'),
  /** Helpers are given to flows by their ports, without a rule (`nf_conntrack_helper`, until Linux 5.19). */
  automaticHelpers: onOff('helper'),
  /** Which invalid packets are logged (`nf_conntrack_log_invalid`): 0 none, 255 all, else those of that protocol number. */
  logInvalid: byte('log_invalid'),
  /** TCP connections are picked up in the middle (`nf_conntrack_tcp_loose`). */
  tcpLoose: onOff('tcp_loose'),
  /** Only RSTs outside of the window are invalid (`nf_conntrack_tcp_be_liberal`). */
  tcpLiberal: onOff('tcp_be_liberal'),
  /** RSTs outside of the window do not count as invalid (`nf_conntrack_tcp_ignore_invalid_rst`, Linux 5.14). */
  tcpIgnoreInvalidRst: onOff('tcp_ignore_invalid_rst'),
  /** So many retransmissions without an answer, and `tcpMaxRetransTimeout` holds (`nf_conntrack_tcp_max_retrans`). */
  tcpMaxRetrans: byte('tcp_max_retrans'),

  /** Seconds that a flow of a protocol without settings of its own lasts without packets (`nf_conntrack_generic_timeout`). */
  genericTimeout: seconds('generic_timeout'),
  /** Seconds (`nf_conntrack_icmp_timeout`). */
  icmpTimeout: seconds('icmp_timeout'),
  /** Seconds (`nf_conntrack_icmpv6_timeout`). */
  icmpv6Timeout: seconds('icmpv6_timeout'),
  /** Seconds, before there was an answer (`nf_conntrack_udp_timeout`). */
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
  /** Seconds that an idle connection lasts (`nf_conntrack_tcp_timeout_established`); 432,000 by default, five days. */
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
  /** Seconds at most after `tcpMaxRetrans` retransmissions (`nf_conntrack_tcp_timeout_max_retrans`). */
  tcpMaxRetransTimeout: seconds('tcp_timeout_max_retrans'),
  /** Seconds at most while data is not acknowledged (`nf_conntrack_tcp_timeout_unacknowledged`). */
  tcpUnacknowledgedTimeout: seconds('tcp_timeout_unacknowledged'),

  /** Seconds in the state CLOSED (`nf_conntrack_sctp_timeout_closed`). */
  sctpClosedTimeout: seconds('sctp_timeout_closed'),
  /** Seconds in the state COOKIE_WAIT (`nf_conntrack_sctp_timeout_cookie_wait`). */
  sctpCookieWaitTimeout: seconds('sctp_timeout_cookie_wait'),
  /** Seconds in the state COOKIE_ECHOED (`nf_conntrack_sctp_timeout_cookie_echoed`). */
  sctpCookieEchoedTimeout: seconds('sctp_timeout_cookie_echoed'),
  /** Seconds that an idle association lasts (`nf_conntrack_sctp_timeout_established`). */
  sctpEstablishedTimeout: seconds('sctp_timeout_established'),
  /** Seconds in the state SHUTDOWN_SENT (`nf_conntrack_sctp_timeout_shutdown_sent`). */
  sctpShutdownSentTimeout: seconds('sctp_timeout_shutdown_sent'),
  /** Seconds in the state SHUTDOWN_RECD (`nf_conntrack_sctp_timeout_shutdown_recd`). */
  sctpShutdownRecdTimeout: seconds('sctp_timeout_shutdown_recd'),
  /** Seconds in the state SHUTDOWN_ACK_SENT (`nf_conntrack_sctp_timeout_shutdown_ack_sent`). */
  sctpShutdownAckSentTimeout: seconds('sctp_timeout_shutdown_ack_sent'),
  /** Seconds in the state HEARTBEAT_SENT (`nf_conntrack_sctp_timeout_heartbeat_sent`). */
  sctpHeartbeatSentTimeout: seconds('sctp_timeout_heartbeat_sent'),
  /** Seconds in the state HEARTBEAT_ACKED (`nf_conntrack_sctp_timeout_heartbeat_acked`, not in newer kernels). */
  sctpHeartbeatAckedTimeout: seconds('sctp_timeout_heartbeat_acked'),

  /** DCCP connections are picked up in the middle (`nf_conntrack_dccp_loose`, until Linux 6.16). */
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

  /** Seconds that fragments of an IPv6 packet wait for the others (`nf_conntrack_frag6_timeout`). */
  ipv6FragmentTimeout: seconds('frag6_timeout'),
  /** So much memory of fragments of IPv6 packets, and no more come in (`nf_conntrack_frag6_high_thresh`). */
  ipv6FragmentHighBytes: bytes('frag6_high_thresh'),
  /** So much memory of fragments of IPv6 packets is kept at least (`nf_conntrack_frag6_low_thresh`). */
  ipv6FragmentLowBytes: bytes('frag6_low_thresh'),
} as const satisfies Record<string, Setting>;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/**
 * The settings of a network namespace. One that this kernel lacks is absent. Timeouts are
 * seconds that an entry lasts without packets.
 */
export type TableSettings = {
  readonly [Name in SettingName]?: SettingValues[(typeof SETTINGS)[Name]['kind']];
};

/** What {@link writeSettings} takes: what is named is changed, and nothing else. */
export type SettingChanges = {
  readonly [Name in SettingName]?: TableSettings[Name] | undefined;
};
