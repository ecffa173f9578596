/**
 * Flows of each protocol, in both families, as options of the tool.
 */
import type { Family } from 'conntrack';

export interface Flow {
  readonly protocol: string;
  readonly family: Family;
  /** The protocol's part of the tuple. */
  readonly tuple: string;
  /** That of another flow. */
  readonly otherTuple: string;
  /** What `-I` needs beside the tuple. */
  readonly state: string;
  /** Whether some kernels track it by its addresses only. */
  readonly isRare: boolean;
}

/** Of documentation: RFC 5737 and RFC 3849. */
export const ADDRESSES = {
  ipv4: {
    source: '192.0.2.1',
    destination: '198.51.100.2',
    prefix: 24,
    mask: '255.255.255.0',
    nat: '203.0.113.9',
  },
  ipv6: {
    source: '2001:db8::1',
    destination: '2001:db8:1::2',
    prefix: 48,
    mask: 'ffff:ffff:ffff::',
    nat: '2001:db8:2::9',
  },
} as const;

export const PORTS = '--sport 1025 --dport 53';

/** A flow of UDP over IPv4, without its timeout. */
export const UDP_FLOW = `-s 192.0.2.1 -d 198.51.100.2 -p udp ${PORTS}`;

const OTHER_PORTS = '--sport 1026 --dport 53';

function flowsOf(family: Family): Flow[] {
  const flow = (
    protocol: string,
    tuple: string,
    otherTuple: string,
    { state = '', isRare = false } = {},
  ): Flow => ({ protocol, family, tuple, otherTuple, state, isRare });
  const icmp = family === 'ipv4' ? 'icmp' : 'icmpv6';
  const echo = (id: number) =>
    `--${icmp}-type ${family === 'ipv4' ? 8 : 128} --${icmp}-code 0 --${icmp}-id ${id}`;
  const sctp = '--state ESTABLISHED --orig-vtag 7 --reply-vtag 8';
  return [
    flow('tcp', PORTS, OTHER_PORTS, { state: '--state ESTABLISHED' }),
    flow('udp', PORTS, OTHER_PORTS),
    flow('udplite', PORTS, OTHER_PORTS, { isRare: true }),
    flow('sctp', PORTS, OTHER_PORTS, { state: sctp, isRare: true }),
    flow('dccp', PORTS, OTHER_PORTS, { state: '--state OPEN --role client', isRare: true }),
    flow('gre', '--srckey 0x11 --dstkey 0x12', '--srckey 0x13 --dstkey 0x12', { isRare: true }),
    flow(icmp, echo(77), echo(78)),
    flow('igmp', '', ''),
    flow('200', '', ''),
  ];
}

export const FLOWS: readonly Flow[] = [...flowsOf('ipv4'), ...flowsOf('ipv6')];
