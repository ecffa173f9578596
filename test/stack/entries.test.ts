import { type EntryJson, listEntries, STATUS_FLAGS, type StatusFlag } from 'conntrack';
import { assert, describe, expect, test } from 'vitest';
import {
  attribute,
  doneMessage,
  type EntryDescription,
  entryMessage,
  nest,
  text,
  u8,
  u32,
  u64,
} from '../support/message-builder.js';
import { answer } from '../support/scripted-kernel.js';
import { tcpTuple } from './flows.js';

async function read(description: EntryDescription) {
  const [[entry]] = await Promise.all([
    listEntries(),
    answer([entryMessage(description), doneMessage()]),
  ]);
  assert(entry);
  return entry;
}

function status(bits: number, ...flags: StatusFlag[]) {
  const booleans = STATUS_FLAGS.map((flag) => [flag, flags.includes(flag)]);
  return { bits, ...Object.fromEntries(booleans) } as EntryJson['status'];
}

/** What an entry with nothing but its tuples says. */
const bare = {
  id: 1,
  zone: 0,
  status: status(0x8, 'confirmed'),
  assured: false,
  unknownAttributes: 0,
};

const v4 = { source: '192.0.2.1', destination: '198.51.100.2' };
const v4Reply = { source: '198.51.100.2', destination: '192.0.2.1' };
const v6 = { source: '2001:db8::1', destination: 'fd00:0:0:1::2' };
const v6Reply = { source: 'fd00:0:0:1::2', destination: '2001:db8::1' };
const tcpPorts = { sourcePort: 40000, destinationPort: 443 };
const tcpReplyPorts = { sourcePort: 443, destinationPort: 40000 };

const protocols: [name: string, sent: EntryDescription, expected: Partial<EntryJson>][] = [
  [
    'TCP with its state, window scales and flags',
    {
      original: { ...v4, protocol: 6, ports: [40000, 443] },
      tcp: { state: 3, windowScales: [7, 14], flags: [0x23, 0x0b] },
    },
    {
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      original: { ...v4, ...tcpPorts },
      reply: { ...v4Reply, ...tcpReplyPorts },
      tcp: {
        state: 'ESTABLISHED',
        original: { windowScale: 7, flags: 0x23, flagsMask: 0 },
        reply: { windowScale: 14, flags: 0x0b, flagsMask: 0 },
      },
    },
  ],
  [
    'TCP in a state without a word',
    { original: { ...v6, protocol: 6, ports: [40000, 443] }, tcp: { state: 200 } },
    {
      family: 'ipv6',
      protocol: 'tcp',
      protocolNumber: 6,
      original: { ...v6, ...tcpPorts },
      reply: { ...v6Reply, ...tcpReplyPorts },
      tcp: { state: 'UNKNOWN(200)', original: {}, reply: {} },
    },
  ],
  [
    'TCP that is offloaded, without protocol info and timeout',
    { original: { ...v4, protocol: 6, ports: [40000, 443] }, status: 0x4000 },
    {
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      original: { ...v4, ...tcpPorts },
      reply: { ...v4Reply, ...tcpReplyPorts },
      status: status(0x4000, 'offload'),
    },
  ],
  [
    'UDP',
    { original: { ...v4, protocol: 17, ports: [65535, 53] } },
    {
      family: 'ipv4',
      protocol: 'udp',
      protocolNumber: 17,
      original: { ...v4, sourcePort: 65535, destinationPort: 53 },
      reply: { ...v4Reply, sourcePort: 53, destinationPort: 65535 },
    },
  ],
  [
    'UDP-Lite',
    { original: { ...v6, protocol: 136, ports: [1, 2] } },
    {
      family: 'ipv6',
      protocol: 'udplite',
      protocolNumber: 136,
      original: { ...v6, sourcePort: 1, destinationPort: 2 },
      reply: { ...v6Reply, sourcePort: 2, destinationPort: 1 },
    },
  ],
  [
    'ICMP',
    {
      original: { ...v4, protocol: 1, icmp: { type: 8, code: 0, id: 513 } },
      reply: { ...v4Reply, protocol: 1, icmp: { type: 0, code: 0, id: 513 } },
    },
    {
      family: 'ipv4',
      protocol: 'icmp',
      protocolNumber: 1,
      original: { ...v4, icmp: { type: 8, code: 0, id: 513 } },
      reply: { ...v4Reply, icmp: { type: 0, code: 0, id: 513 } },
    },
  ],
  [
    'ICMPv6',
    {
      original: { ...v6, protocol: 58, icmp: { type: 128, code: 0, id: 65535 } },
      reply: { ...v6Reply, protocol: 58, icmp: { type: 129, code: 0, id: 65535 } },
    },
    {
      family: 'ipv6',
      protocol: 'icmpv6',
      protocolNumber: 58,
      original: { ...v6, icmp: { type: 128, code: 0, id: 65535 } },
      reply: { ...v6Reply, icmp: { type: 129, code: 0, id: 65535 } },
    },
  ],
  [
    'SCTP with its tags',
    {
      original: { ...v4, protocol: 132, ports: [100, 200] },
      sctp: { state: 4, tags: [0xdeadbeef, 1] },
    },
    {
      family: 'ipv4',
      protocol: 'sctp',
      protocolNumber: 132,
      original: { ...v4, sourcePort: 100, destinationPort: 200 },
      reply: { ...v4Reply, sourcePort: 200, destinationPort: 100 },
      sctp: { state: 'ESTABLISHED', originalTag: 0xdeadbeef, replyTag: 1 },
    },
  ],
  [
    'DCCP with role and handshake',
    {
      original: { ...v4, protocol: 33, ports: [100, 200] },
      dccp: { state: 4, role: 1, handshakeSequence: 0xfedc_ba98_7654n },
    },
    {
      family: 'ipv4',
      protocol: 'dccp',
      protocolNumber: 33,
      original: { ...v4, sourcePort: 100, destinationPort: 200 },
      reply: { ...v4Reply, sourcePort: 200, destinationPort: 100 },
      dccp: { state: 'OPEN', role: 'server', handshakeSequence: '280223976814164' },
    },
  ],
  [
    'GRE with its keys',
    { original: { ...v4, protocol: 47, ports: [0x1234, 0xffff] } },
    {
      family: 'ipv4',
      protocol: 'gre',
      protocolNumber: 47,
      original: { ...v4, sourceKey: 0x1234, destinationKey: 0xffff },
      reply: { ...v4Reply, sourceKey: 0xffff, destinationKey: 0x1234 },
    },
  ],
  [
    'a protocol that is tracked by its addresses alone',
    { original: { ...v6, protocol: 50 } },
    {
      family: 'ipv6',
      protocol: 'other',
      protocolNumber: 50,
      original: v6,
      reply: v6Reply,
    },
  ],
];

describe('an entry of', () => {
  test.each(protocols)('%s', async (_, sent, expected) => {
    expect((await read(sent)).toJSON()).toEqual({ ...bare, ...expected });
  });
});

/** The description's fields, the JSON's fields. The rest is a bare TCP entry. */
const attributes: [name: string, sent: Partial<EntryDescription>, expected: Partial<EntryJson>][] =
  [
    ['the greatest id', { id: 0xffffffff }, { id: 0xffffffff }],
    ['a zone', { zone: 65535 }, { zone: 65535 }],
    ['a mark', { mark: 0xffffffff }, { mark: 0xffffffff }],
    ['a mark of 0', { mark: 0 }, { mark: 0 }],
    ['a use count', { use: 2 }, { use: 2 }],
    ['a timeout', { timeout: 432000 }, { timeout: 432000 }],
    [
      'status bits, with one that has no word',
      { status: 0x8000000e },
      {
        status: status(0x8000000e, 'seenReply', 'assured', 'confirmed'),
        assured: true,
      },
    ],
    [
      'counters that are exact',
      { counters: { original: [1n, 9007199254740991n], reply: [0n, 0n] } },
      {
        counters: {
          original: { packets: 1, bytes: 9007199254740991 },
          reply: { packets: 0, bytes: 0 },
        },
      },
    ],
    [
      'counters beyond 2^53',
      { counters: { original: [1n, 18446744073709551615n], reply: [9007199254740993n, 2n] } },
      {
        counters: {
          original: { packets: 1, bytes: 18446744073709552000, bytesBig: '18446744073709551615' },
          reply: { packets: 9007199254740992, packetsBig: '9007199254740993', bytes: 2 },
        },
      },
    ],
    [
      'both timestamps',
      { startTime: 1_700_000_000_123_456_789n, stopTime: 1_700_000_001_000_000_000n },
      {
        startTime: '2023-11-14T22:13:20.123Z',
        startTimeNs: '1700000000123456789',
        stopTime: '2023-11-14T22:13:21.000Z',
        stopTimeNs: '1700000001000000000',
      },
    ],
    [
      'labels in both words',
      { labels: (1n << 127n) | (1n << 64n) | 0x102n },
      { labels: ((1n << 127n) | (1n << 64n) | 0x102n).toString() },
    ],
    ['a helper', { helper: 'ftp' }, { helper: 'ftp' }],
    [
      'a security context',
      { securityContext: 'system_u:object_r:ünlabeled_t:s0' },
      { securityContext: 'system_u:object_r:ünlabeled_t:s0' },
    ],
    [
      'a master',
      { master: { ...v6, protocol: 17, ports: [5060, 5061] } },
      {
        master: {
          protocol: 'udp',
          protocolNumber: 17,
          ...v6,
          sourcePort: 5060,
          destinationPort: 5061,
        },
      },
    ],
    [
      'sequence adjustments of either sign',
      {
        sequenceAdjust: {
          original: { position: 0xfffffff0, before: -3, after: 12 },
          reply: { position: 1, before: 0, after: -12 },
        },
      },
      {
        sequenceAdjust: {
          original: { correctionPosition: 0xfffffff0, offsetBefore: -3, offsetAfter: 12 },
          reply: { correctionPosition: 1, offsetBefore: 0, offsetAfter: -12 },
        },
      },
    ],
    [
      'a synproxy',
      { synproxy: { initialSequence: 0xffffffff, initialTimestamp: 2, timestampOffset: 3 } },
      { synproxy: { initialSequence: 0xffffffff, initialTimestamp: 2, timestampOffset: 3 } },
    ],
    [
      'a synproxy of zeros',
      { synproxy: { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 } },
      { synproxy: { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 } },
    ],
    [
      'source and destination NAT',
      {
        status: 0x38,
        reply: {
          source: '10.1.1.1',
          destination: '203.0.113.9',
          protocol: 6,
          ports: [8443, 61000],
        },
      },
      {
        status: status(0x38, 'confirmed', 'sourceNat', 'destinationNat'),
        reply: {
          source: '10.1.1.1',
          destination: '203.0.113.9',
          sourcePort: 8443,
          destinationPort: 61000,
        },
        nat: {
          source: { address: '203.0.113.9', port: 61000 },
          destination: { address: '10.1.1.1', port: 8443 },
        },
      },
    ],
    [
      'a zone of one direction',
      {
        original: { ...v4, protocol: 6, ports: [40000, 443], zone: 12 },
        reply: { ...v4Reply, protocol: 6, ports: [443, 40000] },
      },
      { original: { ...v4, ...tcpPorts, zone: 12 } },
    ],
    [
      'an attribute that it does not know',
      { more: [attribute(90, u32(1))] },
      { unknownAttributes: 1 },
    ],
    [
      'unknown attributes in nests, and beside them',
      {
        more: [
          nest(9, attribute(1, Buffer.alloc(8)), attribute(2, Buffer.alloc(8)), attribute(77)),
          attribute(500, text('new')),
        ],
      },
      { unknownAttributes: 2 },
    ],
    [
      // nla_put_be64 puts one before a number that would not be aligned, on
      // machines that care.
      'padding, which is no unknown attribute',
      {
        more: [
          nest(9, attribute(5), attribute(1, u64(1n)), attribute(5), attribute(2, u64(2n))),
          nest(10, attribute(5), attribute(1, u64(3n)), attribute(5), attribute(2, u64(4n))),
          nest(20, attribute(3), attribute(1, u64(0n))),
          nest(4, nest(2, attribute(1, u8(4)), attribute(4), attribute(3, u64(6n)))),
        ],
      },
      {
        counters: { original: { packets: 1, bytes: 2 }, reply: { packets: 3, bytes: 4 } },
        startTime: '1970-01-01T00:00:00.000Z',
        startTimeNs: '0',
        dccp: { state: 'OPEN', handshakeSequence: '6' } as NonNullable<EntryJson['dccp']>,
      },
    ],
    [
      'integers that a newer kernel made longer',
      { more: [attribute(8, u32(5), u32(6))] },
      { mark: 5 },
    ],
  ];

describe('an entry has', () => {
  const original = { ...v4, protocol: 6, ports: [40000, 443] } as const;

  test.each(attributes)('%s', async (_, sent, expected) => {
    expect((await read({ original, ...sent })).toJSON()).toEqual({
      ...bare,
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      original: { ...v4, ...tcpPorts },
      reply: { ...v4Reply, ...tcpReplyPorts },
      ...expected,
    });
  });

  test('all of it at once', async () => {
    const adjust = { position: 1, before: 2, after: 3 };
    const entry = await read({
      original: { ...tcpTuple },
      id: 7,
      status: 0x3cf,
      zone: 5,
      mark: 6,
      securityContext: 'context',
      use: 8,
      master: { ...tcpTuple, ports: [21, 22] },
      timeout: 9,
      tcp: { state: 7, windowScales: [1, 2], flags: [3, 4] },
      counters: { original: [10n, 11n], reply: [12n, 13n] },
      startTime: 14_000_000n,
      stopTime: 15_000_000n,
      helper: 'h323',
      labels: 16n,
      sequenceAdjust: { original: adjust, reply: adjust },
      synproxy: { initialSequence: 17, initialTimestamp: 18, timestampOffset: 19 },
      eventTime: 20n,
    });
    expect(entry).toMatchObject({
      id: 7,
      zone: 5,
      mark: 6,
      securityContext: 'context',
      use: 8,
      timeout: 9,
      startTimeNs: 14_000_000n,
      stopTimeNs: 15_000_000n,
      helper: 'h323',
      labels: 16n,
      sequenceAdjust: {
        original: { correctionPosition: 1, offsetBefore: 2, offsetAfter: 3 },
        reply: { correctionPosition: 1, offsetBefore: 2, offsetAfter: 3 },
      },
      synproxy: { initialSequence: 17, initialTimestamp: 18, timestampOffset: 19 },
      unknownAttributes: 0,
    });
    expect(entry.tcp?.state).toBe('TIME_WAIT');
    expect(entry.master?.sourcePort).toBe(21);
    expect(entry.counters?.reply.bytesBig).toBe(13n);
    expect(String(entry)).toMatch(/^tcp +6 9 TIME_WAIT src=10\.0\.0\.1 .* helper=h323 use=8$/);
  });
});
