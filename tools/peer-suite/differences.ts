/**
 * Where this package and conntrack-tools 1.4.7 differ, and why. A difference without a reason fails a
 * run, and so does a reason without a difference.
 */
import type { Conntrack } from 'conntrack';
import { hasTimeoutsOf } from './kernel.js';

/**
 * `verdict`: one side does it, the other does not. `expected`: both agree, against the verdict of the
 * case. `output`: they print different things. `table`: the tables differ afterwards.
 */
export type Aspect = 'verdict' | 'expected' | 'output' | 'table';

export interface KnownDifference {
  /** The command lines that show it. */
  readonly command: RegExp;
  /** The file or group that they are in. Default: any. */
  readonly within?: string;
  readonly aspect: Aspect;
  readonly reason: string;
  /** Whether the kernel lets it be seen. */
  readonly isFor?: (handle: Conntrack) => Promise<boolean>;
}

/** Those that this kernel shows. */
export async function shownBy(
  handle: Conntrack,
  known: readonly KnownDifference[],
): Promise<KnownDifference[]> {
  const shown = await Promise.all(known.map(async ({ isFor }) => (await isFor?.(handle)) ?? true));
  return known.filter((_, index) => shown[index]);
}

const NAT_OF_IPV6 = 'Fault of the tool: of IPv6 it compares the port of NAT, and not the address.';
const HEARTBEATS = 'The tool knows neither HEARTBEAT_SENT nor HEARTBEAT_ACKED of SCTP.';
const LENIENT =
  'The tool reads numbers to the first other character, and cuts them to their width.';

/** In conntrack-tools' own suite of conntrack(8). */
export const CONNTRACK_DIFFERENCES: readonly KnownDifference[] = [
  {
    command: /^-D -w \d+-s /,
    aspect: 'verdict',
    reason:
      'The line lacks a space: the tool reads `10-s` as zone 10 and ignores the lone address.',
  },
  {
    command: /^-L --dst-nat \[[^\]]+\]:80$/,
    aspect: 'output',
    reason: NAT_OF_IPV6,
  },
];

/** In its suite of nfct(8). */
export const NFCT_DIFFERENCES: readonly KnownDifference[] = [
  { command: /^get timeout test$/, within: '06sctp', aspect: 'output', reason: HEARTBEATS },
  {
    command: /./,
    within: '07dccp',
    aspect: 'expected',
    reason: 'Linux has no DCCP from 6.16 on.',
    isFor: async (handle) => !(await hasTimeoutsOf('dccp')(handle)),
  },
];

/** In the cases of our own, of conntrack(8). */
export const OWN_CONNTRACK_DIFFERENCES: readonly KnownDifference[] = [
  ...(['output', 'table'] as const).map((aspect) => ({
    command: / -m \S+ -u /,
    aspect,
    reason: 'Fault of the tool: `-u` behind `-m` puts its bits in place of the mark.',
  })),
  {
    command: /^-U -m 9$/,
    aspect: 'verdict',
    reason: 'Fault of the tool: `-U` fails without an address or a family.',
  },
  ...(['output', 'table'] as const).map((aspect) => ({
    command: /^-U -s \S+ -t 550 -m 77$/,
    aspect,
    reason: 'Fault of the tool: `-U` loses the zone, and changes the entry of zone 0 instead.',
  })),
  {
    command: /^-G -r /,
    aspect: 'verdict',
    reason: 'Fault of the tool: `-G` does not find an entry by its reply.',
  },
  {
    command: /^-[IA] .* -t 500 -[rq] \S+$/,
    aspect: 'verdict',
    reason: 'The tool sends half of a reply; the rest of ours is the inverse of the original.',
  },
  { command: /^-L -g 2001:/, aspect: 'output', reason: NAT_OF_IPV6 },
  {
    command: /^-L (-n|-g|-n -g)$/,
    within: 'filters',
    aspect: 'output',
    reason: 'Fault of the tool: it takes every ICMP flow with NAT for one with NAT of each kind.',
  },
  ...(['output', 'table'] as const).map((aspect) => ({
    command: /^-R -$/,
    within: 'faults',
    aspect,
    reason: 'Fault of the tool: `-U` in a line of `-R` does nothing.',
  })),
  {
    command: /^-F -f /,
    aspect: 'table',
    reason: 'Fault of the tool: it flushes both families.',
  },
  {
    command: /^-R -$/,
    within: 'faults',
    aspect: 'verdict',
    reason: 'Fault of the tool: `--label-add` beside another line of `-R` ends it with SIGSEGV.',
  },
  {
    command: /^-D expect /,
    aspect: 'verdict',
    reason: 'Fault of the tool: it deletes an expectation, and ends with exit code 1.',
  },
  {
    command: /^-I expect /,
    aspect: 'table',
    reason: 'Fault of the tool: the protocol of what it expects is a number that nobody gave.',
  },
  {
    command: /^-L (-w 70000|-m x|-p udp --sport x)$/,
    aspect: 'verdict',
    reason: LENIENT,
  },
  {
    command: /^-L -r 192\.0\.2$/,
    aspect: 'verdict',
    reason: 'The tool reads 192.0.2 as 192.0.0.2, which no address of the API looks like.',
  },
  { command: / stray$/, aspect: 'verdict', reason: 'The tool ignores words without an option.' },
  {
    command: /^-L --sport 5 -p udp$/,
    aspect: 'verdict',
    reason: 'The tool demands the protocol before its options; here they stand in any order.',
  },
  {
    command: /^-D -t /,
    aspect: 'verdict',
    reason: 'The tool ignores the timeout and deletes everything.',
  },
  {
    command: /^-L -c /,
    aspect: 'verdict',
    reason: 'No kernel sends the mark of SELinux since Linux 2.6.37; the tool ignores the option.',
  },
  {
    command: /^-L --orig-zone 0$/,
    aspect: 'output',
    reason: 'The API cannot say it: `original.zone: 0` does not match where the kernel sends none.',
  },
  {
    command: /--mask-src 255\.0\.255\.0$/,
    aspect: 'verdict',
    reason: 'The API cannot say it: filters have networks, and no masks with holes.',
  },
  {
    command: /^-L unconfirmed$/,
    aspect: 'verdict',
    reason: 'The API cannot say it; the kernel has had no such list since Linux 6.0.',
  },
  {
    command: /^-L expect -o xml$/,
    aspect: 'verdict',
    reason: 'The API cannot say it: an expectation has a line and JSON, and no XML.',
  },
];

/** In the cases of our own, of nfct(8). */
export const OWN_NFCT_DIFFERENCES: readonly KnownDifference[] = [
  {
    command: /^(get|list|default-get) /,
    within: 'policies-sctp',
    aspect: 'output',
    reason: HEARTBEATS,
  },
  {
    command: /^add timeout one inet tcp$/,
    aspect: 'verdict',
    reason: 'The tool fails without a state; a policy of ours then has the defaults.',
  },
  {
    command: /^add timeout a{32} /,
    aspect: 'verdict',
    reason: 'The tool cuts the name to 31 bytes without a word.',
  },
  { command: / replied x$/, aspect: 'verdict', reason: LENIENT },
];
