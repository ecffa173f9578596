/**
 * Every condition of a filter, as the bytes of its record: nothing else is written, and two
 * conditions leave each other's bytes alone.
 */
import type { EntryFilter, TupleFilter } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { compileFilter } from '../../src/filter/compile.js';
import {
  ADDRESS_RANGE,
  COUNTER_RANGE,
  FILTER,
  FILTER_PRESENT,
  TUPLE_FILTER,
  TUPLE_FILTER_PRESENT,
} from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';

const AF_INET = 2;
const AF_INET6 = 10;

const zeros = (length: number) => Array.from({ length }, () => 0);

type Write = readonly [bits: 8 | 16 | 32 | 64, at: number, value: number | bigint];

interface Case {
  readonly filter: EntryFilter;
  readonly present: number;
  readonly writes: readonly Write[];
}

function record({ present, writes }: Omit<Case, 'filter'>): Uint8Array {
  const bytes = new Uint8Array(FILTER.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(FILTER.present, present, LITTLE_ENDIAN);
  for (const [bits, at, value] of writes) {
    if (bits === 8) view.setUint8(at, Number(value));
    else if (bits === 16) view.setUint16(at, Number(value), LITTLE_ENDIAN);
    else if (bits === 32) view.setUint32(at, Number(value), LITTLE_ENDIAN);
    else view.setBigUint64(at, BigInt(value), LITTLE_ENDIAN);
  }
  return bytes;
}

/** An address and its prefix; what the records have in network byte order is bytes here. */
const range = (at: number, bytes: readonly number[], family: number, prefix: number): Write[] => [
  ...bytes.map((byte, index): Write => [8, at + ADDRESS_RANGE.address + index, byte]),
  [8, at + ADDRESS_RANGE.family, family],
  [8, at + ADDRESS_RANGE.prefix, prefix],
];

const ofTuple: [TupleFilter, keyof typeof TUPLE_FILTER_PRESENT, Write[]][] = [
  [{ source: '10.1.0.0/16' }, 'source', range(TUPLE_FILTER.source, [10, 1], AF_INET, 16)],
  [
    { destination: 'fd00::102' },
    'destination',
    range(TUPLE_FILTER.destination, [0xfd, ...zeros(13), 1, 2], AF_INET6, 128),
  ],
  [
    { sourcePort: { from: 258, to: 772 } },
    'sourcePort',
    [
      [16, TUPLE_FILTER.sourcePortFrom, 258],
      [16, TUPLE_FILTER.sourcePortFrom + 2, 772],
    ],
  ],
  [
    { sourcePort: { from: 9, to: 9 } },
    'sourcePort',
    [
      [16, TUPLE_FILTER.sourcePortFrom, 9],
      [16, TUPLE_FILTER.sourcePortFrom + 2, 9],
    ],
  ],
  [
    { destinationPort: 443 },
    'destinationPort',
    [
      [16, TUPLE_FILTER.destinationPortFrom, 443],
      [16, TUPLE_FILTER.destinationPortFrom + 2, 443],
    ],
  ],
  [
    { sourceKey: 5 },
    'sourceKey',
    [
      [16, TUPLE_FILTER.sourcePortFrom, 5],
      [16, TUPLE_FILTER.sourcePortFrom + 2, 5],
    ],
  ],
  [
    { destinationKey: { from: 6, to: 7 } },
    'destinationKey',
    [
      [16, TUPLE_FILTER.destinationPortFrom, 6],
      [16, TUPLE_FILTER.destinationPortFrom + 2, 7],
    ],
  ],
  [{ icmp: { type: 8 } }, 'icmpType', [[8, TUPLE_FILTER.icmpType, 8]]],
  [{ icmp: { code: 3 } }, 'icmpCode', [[8, TUPLE_FILTER.icmpCode, 3]]],
  [{ icmp: { id: 0x1234 } }, 'icmpId', [[16, TUPLE_FILTER.icmpId, 0x1234]]],
  [{ zone: 0x102 }, 'zone', [[16, TUPLE_FILTER.zone, 0x102]]],
];

const ASSURED = 4; // IPS_ASSURED of <linux/netfilter/nf_conntrack_common.h>, and so on
const CONFIRMED = 8;
const SEEN_REPLY = 2;
const SOURCE_NAT = 16;
const DESTINATION_NAT = 32;
const MOST = 2n ** 64n - 1n;

const counters = (at: number, ends: readonly [bigint, bigint, bigint, bigint]): Write[] => [
  [64, at + COUNTER_RANGE.packetsFrom, ends[0]],
  [64, at + COUNTER_RANGE.packetsTo, ends[1]],
  [64, at + COUNTER_RANGE.bytesFrom, ends[2]],
  [64, at + COUNTER_RANGE.bytesTo, ends[3]],
];

const P = FILTER_PRESENT;
const cases: [EntryFilter, number, Write[]][] = [
  [{}, 0, []],
  [{ family: 'ipv6' }, P.family, [[8, FILTER.family, AF_INET6]]],
  [{ protocol: 'udp' }, P.protocol, [[8, FILTER.protocol, 17]]],
  [{ protocol: [6] }, P.protocol, [[8, FILTER.protocol, 6]]],
  [{ protocol: [] }, P.protocols, []],
  [
    { protocol: ['icmp', 'tcp', 17, 255] },
    P.protocols,
    [
      [8, FILTER.protocols, 0b1000010],
      [8, FILTER.protocols + 2, 0b10],
      [8, FILTER.protocols + 31, 0x80],
    ],
  ],
  [{ address: '10.0.0.1' }, P.address, range(FILTER.address, [10, 0, 0, 1], AF_INET, 32)],
  [{ address: '0.0.0.0/0' }, P.family, [[8, FILTER.family, AF_INET]]],
  [{ original: { source: '::/0' } }, P.family, [[8, FILTER.family, AF_INET6]]],
  [{ reply: { destination: '0.0.0.0/0' } }, P.family, [[8, FILTER.family, AF_INET]]],
  [
    { port: { from: 1, to: 65535 } },
    P.port,
    [
      [16, FILTER.portFrom, 1],
      [16, FILTER.portFrom + 2, 65535],
    ],
  ],
  [
    { mark: 7 },
    P.mark,
    [
      [32, FILTER.mark, 7],
      [32, FILTER.markMask, 0xffffffff],
    ],
  ],
  [
    { mark: { value: 0x10, mask: 0xf0 } },
    P.mark,
    [
      [32, FILTER.mark, 0x10],
      [32, FILTER.markMask, 0xf0],
    ],
  ],
  [{ mark: { value: 0, mask: 0 } }, 0, []],
  [{ zone: 0x203 }, P.zone, [[16, FILTER.zone, 0x203]]],
  [
    { status: { all: ['assured', 'confirmed'], none: ['seenReply'] } },
    0,
    [
      [32, FILTER.statusAll, ASSURED + CONFIRMED],
      [32, FILTER.statusNone, SEEN_REPLY],
    ],
  ],
  [{ status: { none: ['assured'] } }, 0, [[32, FILTER.statusNone, ASSURED]]],
  [{ assured: true }, 0, [[32, FILTER.statusAll, ASSURED]]],
  [{ assured: false }, 0, [[32, FILTER.statusNone, ASSURED]]],
  [{ nat: 'source' }, 0, [[32, FILTER.statusAll, SOURCE_NAT]]],
  [{ nat: 'destination' }, 0, [[32, FILTER.statusAll, DESTINATION_NAT]]],
  [{ nat: 'any' }, 0, [[32, FILTER.statusAny, SOURCE_NAT + DESTINATION_NAT]]],
  [{ nat: 'none' }, 0, [[32, FILTER.statusNone, SOURCE_NAT + DESTINATION_NAT]]],
  [
    { state: 'ESTABLISHED' },
    P.state,
    [
      [32, FILTER.tcpStates, 1 << 3],
      [32, FILTER.sctpStates, 1 << 4],
    ],
  ],
  [
    { state: 'NONE' },
    P.state,
    [
      [32, FILTER.tcpStates, 1],
      [32, FILTER.sctpStates, 1],
      [32, FILTER.dccpStates, 1],
    ],
  ],
  [
    { state: ['SYN_SENT', 'TIMEWAIT'] },
    P.state,
    [
      [32, FILTER.tcpStates, 1 << 1],
      [32, FILTER.dccpStates, 1 << 7],
    ],
  ],
  [{ labels: {} }, 0, []],
  [{ labels: { all: 1n } }, P.labels, [[8, FILTER.labelsAll, 1]]],
  [
    { labels: { none: (1n << 127n) | (1n << 9n) } },
    P.labels,
    [
      [8, FILTER.labelsNone + 1, 2],
      [8, FILTER.labelsNone + 15, 0x80],
    ],
  ],
  [
    { helper: 'ftp' },
    P.helper,
    [
      [8, FILTER.helperLength, 3],
      [8, FILTER.helper, 0x66],
      [8, FILTER.helper + 1, 0x74],
      [8, FILTER.helper + 2, 0x70],
    ],
  ],
  [{ id: 0x01020304 }, P.id, [[32, FILTER.id, 0x01020304]]],
  [{ timeout: {} }, 0, []],
  [
    { timeout: { from: 5 } },
    P.timeout,
    [
      [32, FILTER.timeoutFrom, 5],
      [32, FILTER.timeoutTo, 0xffffffff],
    ],
  ],
  [{ timeout: { to: 6 } }, P.timeout, [[32, FILTER.timeoutTo, 6]]],
  [
    { counters: { original: { packets: { from: 2, to: 3 } } } },
    P.originalCounters,
    counters(FILTER.originalCounters, [2n, 3n, 0n, MOST]),
  ],
  [
    { counters: { reply: { packets: { to: 3 } } } },
    P.replyCounters,
    counters(FILTER.replyCounters, [0n, 3n, 0n, MOST]),
  ],
  [
    { counters: { total: { bytes: { from: 4n, to: 5n } } } },
    P.totalCounters,
    counters(FILTER.totalCounters, [0n, MOST, 4n, 5n]),
  ],
  [
    { counters: { total: { bytes: { from: 4n } } } },
    P.totalCounters,
    counters(FILTER.totalCounters, [0n, MOST, 4n, MOST]),
  ],
  [{ startedAfter: new Date(0) }, P.startedAfter, []],
  [
    { startedAfter: new Date(1_700_000_000_001) },
    P.startedAfter,
    [[64, FILTER.startedAfter, 1_700_000_000_001_000_000n]],
  ],
  [{ startedBefore: 12n }, P.startedBefore, [[64, FILTER.startedBefore, 12n]]],
  [{ sctp: { originalTag: 9 } }, P.sctpOriginalTag, [[32, FILTER.sctpOriginalTag, 9]]],
  [{ sctp: { replyTag: 10 } }, P.sctpReplyTag, [[32, FILTER.sctpReplyTag, 10]]],
  [{ dccp: { role: 'client' } }, P.dccpRole, [[8, FILTER.dccpRole, 0]]],
  [{ dccp: { role: 'server' } }, P.dccpRole, [[8, FILTER.dccpRole, 1]]],
  [{ not: [] }, 0, []],
  ...(['original', 'reply'] as const).flatMap((direction) =>
    ofTuple.map(([tuple, bit, writes]): [EntryFilter, number, Write[]] => [
      { [direction]: tuple },
      0,
      [
        [16, FILTER[direction] + TUPLE_FILTER.present, TUPLE_FILTER_PRESENT[bit]],
        ...writes.map(([bits, at, value]): Write => [bits, FILTER[direction] + at, value]),
      ],
    ]),
  ),
];

const hex = (bytes: ArrayBuffer | Uint8Array | undefined) =>
  bytes && Buffer.from(bytes as Uint8Array).toString('hex');

describe('the record of', () => {
  const filters = cases.map(([filter, present, writes]): Case => ({ filter, present, writes }));

  it.each(filters)('$filter', (one) => {
    const bytes = record(one);
    // As the second of two: its offsets are those of its own record.
    const { records } = compileFilter([{ zone: 1 }, { ...one.filter, port: 9 }]);
    const view = new DataView(bytes.buffer.slice(0));
    if (one.filter.port === undefined) {
      view.setUint32(
        FILTER.present,
        view.getUint32(FILTER.present, LITTLE_ENDIAN) | P.port,
        LITTLE_ENDIAN,
      );
      view.setUint16(FILTER.portFrom, 9, LITTLE_ENDIAN);
      view.setUint16(FILTER.portFrom + 2, 9, LITTLE_ENDIAN);
      expect(hex(records?.slice(FILTER.size))).toBe(hex(view.buffer as ArrayBuffer));
    }
    const alone = compileFilter({ ...one.filter, zone: one.filter.zone ?? 5 });
    const zoned = record({
      present: one.present | P.zone,
      writes: [[16, FILTER.zone, 5], ...one.writes],
    });
    expect(hex(alone.records)).toBe(hex(zoned));
  });

  it('a filter and what it excludes: theirs follow', () => {
    const { records, ask, takesWholeFamily } = compileFilter({
      protocol: 'tcp',
      not: [{ port: 22 }, { zone: 3, family: 'ipv6' }],
    });
    const expected = [
      record({
        present: P.protocol,
        writes: [
          [8, FILTER.protocol, 6],
          [32, FILTER.negations, 2],
        ],
      }),
      record({
        present: P.port,
        writes: [
          [16, FILTER.portFrom, 22],
          [16, FILTER.portFrom + 2, 22],
        ],
      }),
      record({
        present: P.zone | P.family,
        writes: [
          [16, FILTER.zone, 3],
          [8, FILTER.family, AF_INET6],
        ],
      }),
    ];
    expect(hex(records)).toBe(hex(Buffer.concat(expected)));
    expect(hex(ask)).toBe(hex(expected[0]));
    expect(takesWholeFamily).toBe(false);
  });
});

describe('what is asked of the kernel', () => {
  const family = (number: number) =>
    hex(record({ present: P.family, writes: [[8, FILTER.family, number]] }));
  const nothing = hex(new Uint8Array(FILTER.size));

  it('no filter at all: every entry, and no comparison', () => {
    for (const filter of [undefined, {}, [{ zone: 1 }, {}], [{}, { zone: 1 }]]) {
      const { ask, records, isFamily, takesWholeFamily } = compileFilter(filter);
      expect(hex(ask)).toBe(nothing);
      expect({ records, isFamily, takesWholeFamily }).toEqual({
        records: undefined,
        isFamily: true,
        takesWholeFamily: true,
      });
    }
  });

  it('an empty array: no entry', () => {
    expect(compileFilter([])).toEqual({
      filters: [],
      ask: undefined,
      records: new ArrayBuffer(0),
      isFamily: true,
      takesWholeFamily: false,
    });
  });

  it.each<[EntryFilter | EntryFilter[], string | undefined, boolean, boolean]>([
    [{ family: 'ipv4' }, family(AF_INET), true, true],
    [{ address: '::/0' }, family(AF_INET6), true, true],
    [[{ family: 'ipv4' }, { family: 'ipv4' }], family(AF_INET), true, true],
    // Together they are every entry, but each is compared.
    [[{ family: 'ipv4' }, { family: 'ipv6' }], nothing, false, true],
    [[{ family: 'ipv4' }, { zone: 1 }], nothing, false, true],
    [[{ family: 'ipv4', zone: 1 }, { family: 'ipv4' }], family(AF_INET), true, true],
    [[{ address: '10.0.0.1' }, { address: '10.0.0.2' }], family(AF_INET), false, false],
    [[{ zone: 1 }, { zone: 2 }], nothing, false, false],
    // The family of what is excluded says nothing of what is included.
    [[{ zone: 1, not: [{ family: 'ipv4' }] }, { zone: 2 }], nothing, false, false],
  ])('%j', (filter, ask, isFamily, takesWholeFamily) => {
    const compiled = compileFilter(filter);
    expect(hex(compiled.ask)).toBe(ask);
    expect(compiled.records).toBeDefined();
    expect({ isFamily: compiled.isFamily, takesWholeFamily: compiled.takesWholeFamily }).toEqual({
      isFamily,
      takesWholeFamily,
    });
  });
});

describe('an entry is no filter', () => {
  const form = /^filter: must be a plain object or an array of them, not an entry; getEntry\(\)/;

  it.each([
    { protocolNumber: 6, original: {} },
    Object.create({ [Symbol.for('conntrack.view')]: 'an entry' }),
  ])('%o', (entry) => {
    expect(() => compileFilter(entry as EntryFilter)).toThrow(form);
  });

  it.each([{ protocolNumber: 6 }, { [Symbol.for('conntrack.view')]: 'an event', original: {} }])(
    '%o has no such hint',
    (other) => {
      expect(() => compileFilter(other as EntryFilter)).not.toThrow(/getEntry/);
    },
  );
});

describe('what is no filter', () => {
  const withFields = Object.assign(() => {}, { protocolNumber: 6, original: {} });
  const form = 'filter: must be a plain object or an array of them, not';

  it.each<[unknown, string]>([
    [null, `${form} null`],
    ['ipv4', `${form} the string "ipv4"`],
    [4, `${form} 4`],
    [withFields, `${form} a function`],
    [{ address: 5 }, 'filter.address: must be an IPv4 or IPv6 address or network, not 5'],
    [
      { address: 'localhost' },
      'filter.address: must be an IPv4 or IPv6 address or network, not "localhost"',
    ],
  ])('%o is refused with the whole reason', (value, message) => {
    expect(() => compileFilter(value as EntryFilter)).toThrow(new TypeError(message));
  });
});

describe('a network', () => {
  const IPV4 = [AF_INET, 32] as const;
  const given: [string, family: number, prefix: number, bytes: number[]][] = [
    ['10.0.0.1/32', ...IPV4, [10, 0, 0, 1]],
    ['128.0.0.0/1', AF_INET, 1, [128]],
    ['fd00::1/128', AF_INET6, 128, [0xfd, ...zeros(14), 1]],
    ['fd00:1::/32', AF_INET6, 32, [0xfd, 0, 0, 1]],
    ['fd00:1:8000::/33', AF_INET6, 33, [0xfd, 0, 0, 1, 0x80]],
    // What is in ::ffff:0:0/96 is IPv4; what is wider is not.
    ['::ffff:10.0.0.1', ...IPV4, [10, 0, 0, 1]],
    ['::ffff:10.0.0.0/104', AF_INET, 8, [10]],
    ['::/95', AF_INET6, 95, []],
    ['::ffff:8000:0/97', AF_INET, 1, [128]],
  ];

  it.each(given)('%s', (address, family, prefix, bytes) => {
    const expected = record({
      present: P.address,
      writes: range(FILTER.address, bytes, family, prefix),
    });
    expect(hex(compileFilter({ address }).records)).toBe(hex(expected));
  });

  it('that is a whole family in the other notation', () => {
    const expected = record({ present: P.family, writes: [[8, FILTER.family, AF_INET]] });
    expect(hex(compileFilter({ address: '::ffff:0:0/96' }).records)).toBe(hex(expected));
  });

  const lengths = ['-8', '+8', ' 8', '8 ', '0x10', '1e1', '8.0', '0008', 'x8', '8x', ''];
  it.each(lengths)('has no prefix length %j', (length) => {
    expect(() => compileFilter({ address: `10.0.0.0/${length}` })).toThrow(
      new RangeError(`filter.address: the prefix length must be from 0 to 32, not "${length}"`),
    );
  });

  it('has one prefix length', () => {
    expect(() => compileFilter({ address: '10.0.0.0/8/8' })).toThrow(
      /^filter\.address: must be an IPv4 or IPv6 address or network, not "10\.0\.0\.0\/8\/8"/,
    );
  });

  it.each([
    ['10.1.2.3/16', '10.1.0.0/16'],
    ['10.0.0.1/0', '0.0.0.0/0'],
    ['fd00:1:2::3/48', 'fd00:1:2::/48'],
    // Bits in the next word, before where the prefix ends in its own.
    ['fd00:0:ff00::/8', 'fd00::/8'],
    ['fd00::ff00:0:0:0/8', 'fd00::/8'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
  ])('%s has bits beyond its prefix length, %s has not', (address, masked) => {
    const [plain] = address.split('/');
    expect(() => compileFilter({ address })).toThrow(
      new TypeError(
        `filter.address: "${address}" has bits beyond its prefix length; ` +
          `did you mean '${masked}' or '${plain}'?`,
      ),
    );
    expect(() => compileFilter({ address: masked })).not.toThrow();
  });
});
