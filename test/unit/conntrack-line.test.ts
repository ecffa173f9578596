import { describe, expect, it } from 'vitest';
import { type EntryValues, SlabBuilder, type TupleValues } from './records.js';

// Lines that conntrack 1.4.7 prints for such entries. That it does is shown against
// the tool itself, in test/kernel; here each shape is there on every machine.

const READ_TIME = 1_700_000_100_999_999_999n;

function line(values: EntryValues): string {
  const [entry] = new SlabBuilder(READ_TIME).add({ id: 1, status: 0, ...values }).entries();
  return String(entry);
}

/** Both directions of a flow from 10.0.0.1 to 10.0.0.2. */
function flow(
  protocol: number,
  forward: Partial<TupleValues> = {},
  back: Partial<TupleValues> = {},
): EntryValues {
  return {
    original: { source: '10.0.0.1', destination: '10.0.0.2', protocol, ...forward },
    reply: { source: '10.0.0.2', destination: '10.0.0.1', protocol, ...back },
  };
}

const ports = (protocol: number) =>
  flow(
    protocol,
    { sourcePort: 40000, destinationPort: 443 },
    { sourcePort: 443, destinationPort: 40000 },
  );

const THERE = 'src=10.0.0.1 dst=10.0.0.2';
const BACK = 'src=10.0.0.2 dst=10.0.0.1';
const PORTS_THERE = `${THERE} sport=40000 dport=443`;
const PORTS_BACK = `${BACK} sport=443 dport=40000`;
const SEEN = 0xa;

describe('the line of', () => {
  it.each<[string, EntryValues, string]>([
    [
      'an established TCP flow',
      { ...ports(6), status: 0xe, timeout: 431999, tcpState: 3, mark: 0, use: 1 },
      `tcp      6 431999 ESTABLISHED ${PORTS_THERE} ${PORTS_BACK} [ASSURED] mark=0 use=1`,
    ],
    [
      'a TCP flow without an answer',
      { ...ports(6), status: 0x8, timeout: 119, tcpState: 1, mark: 0, use: 1 },
      `tcp      6 119 SYN_SENT ${PORTS_THERE} [UNREPLIED] ${PORTS_BACK} mark=0 use=1`,
    ],
    [
      'a TCP state without a word',
      { ...ports(6), status: SEEN, timeout: 1, tcpState: 42, use: 1 },
      `tcp      6 1 NONE ${PORTS_THERE} ${PORTS_BACK} use=1`,
    ],
    [
      'an offloaded flow: no timeout, no state',
      { ...ports(6), status: 0x400e, mark: 0, use: 2 },
      `tcp      6 ${PORTS_THERE} ${PORTS_BACK} [OFFLOAD] mark=0 use=2`,
    ],
    [
      'a flow that the hardware has taken over',
      { ...ports(6), status: 0xc00e, mark: 0, use: 2 },
      `tcp      6 ${PORTS_THERE} ${PORTS_BACK} [HW_OFFLOAD] mark=0 use=2`,
    ],
    [
      'UDP with counters',
      {
        ...ports(17),
        status: SEEN,
        timeout: 30,
        originalCounters: [1n, 2n ** 64n - 1n],
        replyCounters: [0n, 0n],
        mark: 0,
        use: 1,
      },
      `udp      17 30 ${PORTS_THERE} packets=1 bytes=18446744073709551615 ` +
        `${PORTS_BACK} packets=0 bytes=0 mark=0 use=1`,
    ],
    [
      'counters before and behind the mark of an unreplied flow',
      {
        ...ports(17),
        status: 0x8,
        timeout: 30,
        originalCounters: [1n, 28n],
        replyCounters: [0n, 0n],
      },
      `udp      17 30 ${PORTS_THERE} packets=1 bytes=28 [UNREPLIED] ${PORTS_BACK} packets=0 bytes=0`,
    ],
    [
      'UDP-Lite',
      { ...ports(136), status: SEEN, timeout: 30, use: 1 },
      `udplite  136 30 ${PORTS_THERE} ${PORTS_BACK} use=1`,
    ],
    [
      'SCTP',
      { ...ports(132), status: 0xe, timeout: 210, sctpState: 4, sctpReplyTag: 1, use: 1 },
      `sctp     132 210 ESTABLISHED ${PORTS_THERE} ${PORTS_BACK} [ASSURED] use=1`,
    ],
    [
      'DCCP with its state',
      { ...ports(33), status: SEEN, timeout: 5, dccpState: 4, dccpRole: 1, use: 1 },
      `dccp     33 5 OPEN ${PORTS_THERE} ${PORTS_BACK} use=1`,
    ],
    [
      'DCCP as Linux 6.17 has it: no ports',
      { ...flow(33), status: SEEN, timeout: 5, use: 1 },
      `dccp     33 5 ${THERE} sport=0 dport=0 ${BACK} sport=0 dport=0 use=1`,
    ],
    [
      'ICMP',
      {
        ...flow(
          1,
          { icmpType: 8, icmpCode: 0, icmpId: 4711 },
          { icmpType: 0, icmpCode: 0, icmpId: 4711 },
        ),
        status: SEEN,
        timeout: 29,
        use: 1,
      },
      `icmp     1 29 ${THERE} type=8 code=0 id=4711 ${BACK} type=0 code=0 id=4711 use=1`,
    ],
    [
      'ICMPv6',
      {
        original: {
          source: 'fd00::1',
          destination: '::ffff:10.0.0.1',
          protocol: 58,
          icmpType: 128,
          icmpCode: 0,
          icmpId: 1,
        },
        reply: {
          source: '::ffff:10.0.0.1',
          destination: 'fd00::1',
          protocol: 58,
          icmpType: 129,
          icmpCode: 0,
          icmpId: 1,
        },
        status: SEEN,
        timeout: 29,
        use: 1,
      },
      'icmpv6   58 29 src=fd00::1 dst=::ffff:10.0.0.1 type=128 code=0 id=1 ' +
        'src=::ffff:10.0.0.1 dst=fd00::1 type=129 code=0 id=1 use=1',
    ],
    [
      'GRE',
      {
        ...flow(
          47,
          { sourceKey: 0x1234, destinationKey: 0xabcd },
          { sourceKey: 0xabcd, destinationKey: 0x1234 },
        ),
        status: SEEN,
        timeout: 29,
        use: 1,
      },
      `gre      47 29 ${THERE} srckey=0x1234 dstkey=0xabcd ${BACK} srckey=0xabcd dstkey=0x1234 use=1`,
    ],
    [
      'a protocol without a word',
      { ...flow(50), status: 0x8, timeout: 599, mark: 0, use: 1 },
      `unknown  50 599 ${THERE} [UNREPLIED] ${BACK} mark=0 use=1`,
    ],
    [
      'a flow with all that stands at the end',
      {
        ...ports(6),
        status: 0xe,
        timeout: 10,
        tcpState: 7,
        mark: 0xffffffff,
        securityContext: 'u:r:t:s0',
        zone: 7,
        startTime: 1_700_000_000_000_000_000n,
        helper: 'ftp',
        use: 3,
      },
      `tcp      6 10 TIME_WAIT ${PORTS_THERE} ${PORTS_BACK} [ASSURED] mark=4294967295 ` +
        'secctx=u:r:t:s0 zone=7 delta-time=100 helper=ftp use=3',
    ],
    [
      'zones of one direction each',
      {
        ...flow(
          17,
          { sourcePort: 1, destinationPort: 2, zone: 5 },
          { sourcePort: 2, destinationPort: 1, zone: 6 },
        ),
        status: SEEN,
        timeout: 1,
        originalCounters: [1n, 1n],
        replyCounters: [2n, 2n],
      },
      `udp      17 1 ${THERE} sport=1 dport=2 zone-orig=5 packets=1 bytes=1 ` +
        `${BACK} sport=2 dport=1 zone-reply=6 packets=2 bytes=2`,
    ],
    [
      'a zone 0 that was sent',
      { ...ports(17), status: SEEN, timeout: 1, zone: 0 },
      `udp      17 1 ${PORTS_THERE} ${PORTS_BACK} zone=0`,
    ],
    [
      'a flow that ended: its whole age',
      {
        ...ports(17),
        status: SEEN,
        startTime: 1_700_000_000_900_000_000n,
        stopTime: 1_700_000_003_100_000_000n,
      },
      `udp      17 ${PORTS_THERE} ${PORTS_BACK} delta-time=3`,
    ],
    [
      'a flow from the future, which the tool prints as unsigned',
      { ...ports(17), status: SEEN, startTime: 1_700_000_101_000_000_000n },
      `udp      17 ${PORTS_THERE} ${PORTS_BACK} delta-time=18446744073709551615`,
    ],
  ])('%s', (_name, values, expected) => {
    expect(line(values)).toBe(expected);
  });

  it('each of the many', () => {
    const builder = new SlabBuilder().add({ ...ports(6), tcpState: 3 }).add(ports(17));
    expect(builder.entries().map((entry) => String(entry).slice(0, 4))).toEqual(['tcp ', 'udp ']);
  });
});
