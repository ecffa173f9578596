/**
 * Makes the kernel track the packets of the private network's loopback device, with the
 * installed tools.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

function succeeds(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** The addresses of the device: 127.0.0.1, and ::1 unless IPv6 is off. Empty if it stays down. */
export function bringUpLoopback(): string[] {
  if (!succeeds('ip', 'link', 'set', 'lo', 'up')) return [];
  return networkInterfaces().lo?.map(({ address }) => address) ?? [];
}

const NFT_RULES = `
  add table inet first_look
  add chain inet first_look output { type filter hook output priority 0; }
  add rule inet first_look output ct state new
`;
const IPTABLES_RULE = ['-A', 'OUTPUT', '-m', 'conntrack', '--ctstate', 'NEW'];

/** The kernel tracks connections only where a rule needs their state. */
export function trackLoopback(): boolean {
  return (
    succeeds('nft', NFT_RULES) ||
    (succeeds('iptables', ...IPTABLES_RULE) && succeeds('ip6tables', ...IPTABLES_RULE))
  );
}

/** Switches on accounting and timestamps for flows that begin from now on. */
export function countAndTime(): void {
  for (const name of ['acct', 'timestamp']) {
    writeFileSync(`/proc/sys/net/netfilter/nf_conntrack_${name}`, '1');
  }
}

/**
 * Sends an echo request and waits for the answer. Node.js has no raw sockets, and some systems
 * lack ping; most have perl. The kernel fills in the checksum of ICMPv6, but not of ICMP.
 */
const PERL_PING = `
  use Socket qw(:all);
  alarm 5;
  my ($family, $protocol, $to, $request, $checksum, $answer, $offset) = shift =~ /:/
    ? (AF_INET6, 58, pack_sockaddr_in6(0, IN6ADDR_LOOPBACK), 128, 0, 129, 0)
    : (AF_INET, 1, pack_sockaddr_in(0, INADDR_LOOPBACK), 8, 0xf7d4, 0, 20);
  socket(my $socket, $family, SOCK_RAW, $protocol) or die;
  send($socket, pack('CCnnn', $request, 0, $checksum, 42, 1), 0, $to) or die;
  do { recv($socket, $_, 2048, 0) // die } until unpack("x$offset C", $_) == $answer;
`;

/** Sends one ICMP or ICMPv6 echo request. Returns false if no tool can. */
export function ping(address: string): boolean {
  return succeeds('ping', '-c', '1', address) || succeeds('perl', '-e', PERL_PING, address);
}
