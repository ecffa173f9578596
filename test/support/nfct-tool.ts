/**
 * Timeout policies as nfct, the tool of conntrack-tools, reads and writes them.
 */
import type { Family, TimeoutProtocol } from 'conntrack';
import { run } from './namespace.js';

const UDP = ['unreplied', 'replied'];

/**
 * The words of nfct (1.4.7) for the states, in the order of the kernel's attributes. It knows neither
 * HEARTBEAT_SENT nor HEARTBEAT_ACKED of SCTP.
 */
export const NFCT_STATES: Readonly<Record<TimeoutProtocol, readonly string[]>> = {
  icmp: ['timeout'],
  tcp: [
    ...['syn_sent', 'syn_recv', 'established', 'fin_wait', 'close_wait', 'last_ack', 'time_wait'],
    ...['close', 'syn_sent2', 'retrans', 'unacknowledged'],
  ],
  udp: UDP,
  dccp: ['request', 'respond', 'partopen', 'open', 'closereq', 'closing', 'timewait'],
  gre: UDP,
  icmpv6: ['timeout'],
  sctp: [
    ...['closed', 'cookie_wait', 'cookie_echoed', 'established'],
    ...['shutdown_sent', 'shutdown_recd', 'shutdown_ack_sent'],
  ],
  udplite: UDP,
  generic: ['timeout'],
};

const FAMILIES = { ipv4: 'inet', ipv6: 'inet6' } as const;

/** What nfct prints of a policy, or of defaults, which have no name. */
export interface PrintedPolicy {
  readonly name: string | undefined;
  readonly family: number;
  readonly protocol: number;
  /** Seconds in the order of the states. */
  readonly seconds: readonly number[];
}

export function addWithNfct(
  name: string,
  family: Family,
  protocol: TimeoutProtocol,
  seconds: readonly number[],
): void {
  run('nfct', 'add', 'timeout', name, FAMILIES[family], protocol, ...pairs(protocol, seconds));
}

export function listWithNfct(): PrintedPolicy[] {
  return printed(run('nfct', 'list', 'timeout'));
}

export function getWithNfct(name: string): PrintedPolicy | undefined {
  return printed(run('nfct', 'get', 'timeout', name))[0];
}

/** Fails when there is none. */
export function deleteWithNfct(name: string): void {
  run('nfct', 'delete', 'timeout', name);
}

export function defaultsOfNfct(
  protocol: TimeoutProtocol,
  family: Family = 'ipv4',
): readonly number[] {
  const [defaults] = printed(run('nfct', 'default-get', 'timeout', FAMILIES[family], protocol));
  return defaults?.seconds ?? [];
}

export function setDefaultsWithNfct(protocol: TimeoutProtocol, seconds: readonly number[]): void {
  run('nfct', 'default-set', 'timeout', 'inet', protocol, ...pairs(protocol, seconds));
}

const pairs = (protocol: TimeoutProtocol, seconds: readonly number[]) =>
  seconds.flatMap((value, index) => [NFCT_STATES[protocol][index] ?? '?', String(value)]);

function printed(text: string): PrintedPolicy[] {
  const blocks = text.matchAll(
    /(?:^\.([^\n]*) = \{\n)?\t\.l3proto = (\d+),\n\t\.l4proto = (\d+),\n\t\.policy = \{\n(.*?)\t\},\n/gms,
  );
  return Array.from(blocks, ([, name, family, protocol, body = '']) => ({
    name,
    family: Number(family),
    protocol: Number(protocol),
    seconds: Array.from(body.matchAll(/ = (\d+),$/gm), ([, seconds]) => Number(seconds)),
  }));
}
