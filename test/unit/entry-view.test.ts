import { STATUS_FLAGS } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { entriesInTurns } from '../../src/entry/entries.js';
import { ENTRY_PRESENT, EXTENSION_PRESENT } from '../../src/record/layout.js';
import {
  type EntryValues,
  entryWith,
  type PresentName,
  SlabBuilder,
  TCP_TUPLES,
  type TupleValues,
} from './records.js';

const FLOW = { ...TCP_TUPLES, status: 0x8, id: 1 } as const satisfies EntryValues;

const MASTER: TupleValues = {
  source: 'fd00::1',
  destination: 'fd00::2',
  protocol: 6,
  sourcePort: 50000,
  destinationPort: 21,
  zone: 3,
};

/** Everything that an entry can have, save for what two protocols share. */
const FULL: EntryValues = {
  ...FLOW,
  mark: 0xdeadbeef,
  timeout: 432000,
  use: 2,
  zone: 7,
  tcpState: 3,
  tcpOriginalWindowScale: 7,
  tcpReplyWindowScale: 8,
  tcpOriginalFlags: [0x23, 0x33],
  tcpReplyFlags: [0x2b, 0x3b],
  originalCounters: [11n, 1100n],
  replyCounters: [22n, 2200n],
  startTime: 1_700_000_000_123_456_789n,
  stopTime: 1_700_000_001_000_000_001n,
  eventTime: 5n,
  labels: (1n << 127n) | (1n << 64n) | 5n,
  helper: 'ftp',
  securityContext: 'system_u:object_r:http_packet_t:s0',
  master: MASTER,
  originalSequenceAdjust: [1000, 5, 0xfffffff6],
  replySequenceAdjust: [2000, 0xffffffff, 7],
  synproxyNotZero: [1, 2, 3],
};

describe('an entry that has everything', () => {
  it('reads every value', () => {
    const entry = entryWith(FULL);
    expect(entry).toMatchObject({
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      id: 1,
      zone: 7,
      assured: false,
      mark: 0xdeadbeef,
      timeout: 432000,
      use: 2,
      startTimeNs: 1_700_000_000_123_456_789n,
      stopTimeNs: 1_700_000_001_000_000_001n,
      startTime: new Date(1_700_000_000_123),
      stopTime: new Date(1_700_000_001_000),
      labels: (1n << 127n) | (1n << 64n) | 5n,
      helper: 'ftp',
      securityContext: 'system_u:object_r:http_packet_t:s0',
      sequenceAdjust: {
        original: { correctionPosition: 1000, offsetBefore: 5, offsetAfter: -10 },
        reply: { correctionPosition: 2000, offsetBefore: -1, offsetAfter: 7 },
      },
      synproxy: { initialSequence: 1, initialTimestamp: 2, timestampOffset: 3 },
      tcp: {
        state: 'ESTABLISHED',
        original: { windowScale: 7, flags: 0x23, flagsMask: 0x33 },
        reply: { windowScale: 8, flags: 0x2b, flagsMask: 0x3b },
      },
      sctp: undefined,
      dccp: undefined,
      nat: undefined,
      unknownAttributes: 0,
    });
    expect(entry.original).toMatchObject({ source: '10.0.0.1', sourcePort: 40000 });
    expect(entry.reply).toMatchObject({ destination: '10.0.0.1', destinationPort: 40000 });
    expect(entry.master).toMatchObject({ source: 'fd00::1', destinationPort: 21, zone: 3 });
    const { original, reply } = entry.counters ?? {};
    expect(original).toMatchObject({ packets: 11, bytes: 1100, packetsBig: 11n, bytesBig: 1100n });
    expect(reply).toMatchObject({ packets: 22, bytes: 2200, packetsBig: 22n, bytesBig: 2200n });
  });
});

describe('an absent value', () => {
  // The values stay in the record: only the present bit says that they mean something.
  it.each<[PresentName, readonly string[]]>([
    ['mark', ['mark']],
    ['timeout', ['timeout']],
    ['use', ['use']],
    ['tcpState', ['tcp']],
    ['tcpOriginalWindowScale', ['tcp.original.windowScale']],
    ['tcpReplyWindowScale', ['tcp.reply.windowScale']],
    ['tcpOriginalFlags', ['tcp.original.flags', 'tcp.original.flagsMask']],
    ['tcpReplyFlags', ['tcp.reply.flags', 'tcp.reply.flagsMask']],
    ['originalCounters', ['counters']],
    ['replyCounters', ['counters']],
    ['startTime', ['startTime', 'startTimeNs']],
    ['stopTime', ['stopTime', 'stopTimeNs']],
    ['labels', ['labels']],
    ['helper', ['helper']],
    ['securityContext', ['securityContext']],
    ['master', ['master']],
    ['originalSequenceAdjust', ['sequenceAdjust.original']],
    ['replySequenceAdjust', ['sequenceAdjust.reply']],
    ['synproxy', ['synproxy']],
  ])('%s leaves out %j and nothing else', (bit, fields) => {
    const all = entryWith(FULL).toJSON();
    const left = entryWith(FULL, [bit]);
    const expected = structuredClone(all) as unknown as Record<string, unknown>;
    for (const field of fields) {
      const path = field.split('.');
      const name = path.pop() ?? '';
      const parent = path.reduce((node, key) => node[key] as typeof expected, expected);
      expect(parent, `${field} is there with its bit`).toHaveProperty(name);
      Reflect.deleteProperty(parent, name);
    }
    expect(left.toJSON()).toStrictEqual(expected);

    for (const field of fields) {
      const value = field
        .split('.')
        .reduce<unknown>((node, key) => Reflect.get(Object(node), key), left);
      expect(value, field).toBeUndefined();
    }
  });

  it('is undefined for every optional field of an entry that has only what is always sent', () => {
    const entry = entryWith(FLOW);
    const { timeout, mark, use, counters, startTime, stopTime, startTimeNs, stopTimeNs } = entry;
    const { labels, helper, securityContext, master, nat, sequenceAdjust, synproxy } = entry;
    const { tcp, sctp, dccp } = entry;
    const optional = {
      ...{ timeout, mark, use, counters, startTime, stopTime, startTimeNs, stopTimeNs },
      ...{ labels, helper, securityContext, master, nat, sequenceAdjust, synproxy },
      ...{ tcp, sctp, dccp },
    };
    for (const [name, value] of Object.entries(optional)) expect(value, name).toBeUndefined();
    expect(Object.keys(entry.toJSON())).toEqual([
      'family',
      'protocol',
      'protocolNumber',
      'original',
      'reply',
      'id',
      'zone',
      'status',
      'assured',
      'unknownAttributes',
    ]);
  });

  it('has a test for each bit but those that are always there or not shown', () => {
    const notOptional: PresentName[] = [
      ...(['original', 'reply', 'status', 'id', 'zone', 'eventTime', 'final'] as const),
    ];
    const all = new Set([...Object.keys(ENTRY_PRESENT), ...Object.keys(EXTENSION_PRESENT)]);
    const elsewhere = [...all].filter((name) => /^(sctp|dccp)/.test(name));
    const { synproxyNotZero: synproxy, ...others } = FULL;
    const written = Object.keys({ ...others, synproxy }).filter(
      (name) => !notOptional.includes(name as PresentName),
    );
    expect([...written, ...notOptional, ...elsewhere].sort()).toEqual([...all].sort());
  });
});

it('an entry is final or not, and its JSON says so where it is', () => {
  const last = entryWith({ ...FLOW, final: true });
  expect([last.final, last.toJSON().final]).toEqual([true, true]);
  const read = entryWith(FULL);
  expect(read.final).toBe(false);
  expect(read.toJSON()).not.toHaveProperty('final');
});

describe('a zero that was sent', () => {
  it('is a zero', () => {
    const entry = entryWith({
      ...FLOW,
      mark: 0,
      timeout: 0,
      use: 0,
      zone: 0,
      tcpState: 0,
      tcpOriginalWindowScale: 0,
      tcpReplyFlags: [0, 0],
      originalCounters: [0n, 0n],
      replyCounters: [0n, 0n],
      startTime: 0n,
      labels: 0n,
      helper: '',
      originalSequenceAdjust: [0, 0, 0],
      synproxy: true,
    });
    expect(entry.toJSON()).toMatchObject({
      mark: 0,
      timeout: 0,
      use: 0,
      zone: 0,
      tcp: { state: 'NONE', original: { windowScale: 0 }, reply: { flags: 0, flagsMask: 0 } },
      counters: { original: { packets: 0, bytes: 0 }, reply: { packets: 0, bytes: 0 } },
      startTimeNs: '0',
      startTime: '1970-01-01T00:00:00.000Z',
      labels: '0',
      helper: '',
      sequenceAdjust: { original: { correctionPosition: 0, offsetBefore: 0, offsetAfter: 0 } },
      synproxy: { initialSequence: 0, initialTimestamp: 0, timestampOffset: 0 },
    });
    expect(entry.sequenceAdjust).not.toHaveProperty('reply');
  });
});

describe('counters', () => {
  it.each([
    [2n ** 32n, 2 ** 32],
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER],
    [2n ** 53n + 1n, 2 ** 53],
    [2n ** 63n, 2 ** 63],
    [2n ** 64n - 1n, 2 ** 64],
  ])('of %d are exact as bigint, and as number up to 2^53 - 1', (big, number) => {
    const { original, reply } =
      entryWith({ ...FLOW, originalCounters: [big, 1n], replyCounters: [2n, big] }).counters ?? {};
    expect([original?.packetsBig, original?.bytesBig]).toEqual([big, 1n]);
    expect([reply?.packetsBig, reply?.bytesBig]).toEqual([2n, big]);
    expect([original?.packets, original?.bytes]).toEqual([number, 1]);
    expect([reply?.packets, reply?.bytes]).toEqual([2, number]);
  });
});

describe('status', () => {
  it.each(STATUS_FLAGS.map((flag, bit) => [flag, bit] as const))('%s is bit %i', (flag, bit) => {
    const { status } = entryWith({ ...FLOW, status: 1 << bit });
    expect(status.bits).toBe(1 << bit);
    expect(STATUS_FLAGS.filter((name) => status[name])).toEqual([flag]);
    const others = entryWith({ ...FLOW, status: ~(1 << bit) >>> 0 }).status;
    expect(STATUS_FLAGS.filter((name) => !others[name])).toEqual([flag]);
  });

  it('keeps bits that have no word', () => {
    const { status } = entryWith({ ...FLOW, status: 0xffff0000 });
    expect(status.bits).toBe(0xffff0000);
    expect(STATUS_FLAGS.filter((name) => status[name])).toEqual([]);
  });

  it('has assured once more on the entry', () => {
    expect(entryWith({ ...FLOW, status: 0x4 }).assured).toBe(true);
    expect(entryWith({ ...FLOW, status: ~0x4 >>> 0 }).assured).toBe(false);
  });
});

describe('tuples', () => {
  const tuple = (values: Partial<TupleValues>) =>
    entryWith({
      ...FLOW,
      original: { source: '10.0.0.1', destination: '10.0.0.2', protocol: 17, ...values },
    }).original;

  it('have ports, keys, an ICMP part or a zone only where they were sent', () => {
    const keys = (values: Partial<TupleValues>) => {
      const { source, destination, ...rest } = entryWith({
        ...FLOW,
        original: { source: '10.0.0.1', destination: '10.0.0.2', protocol: 17, ...values },
      }).toJSON().original;
      expect([source, destination]).toEqual(['10.0.0.1', '10.0.0.2']);
      return rest;
    };
    expect(keys({})).toEqual({});
    expect(keys({ sourcePort: 0 })).toEqual({ sourcePort: 0 });
    expect(keys({ destinationPort: 65535 })).toEqual({ destinationPort: 65535 });
    expect(keys({ zone: 0 })).toEqual({ zone: 0 });
    expect(keys({ protocol: 47, sourceKey: 1, destinationKey: 0xffff })).toEqual({
      sourceKey: 1,
      destinationKey: 0xffff,
    });
    expect(keys({ protocol: 47 })).toEqual({});
    const icmp = { icmpId: 0xabcd, icmpType: 8, icmpCode: 255 };
    expect(keys({ protocol: 1, ...icmp })).toEqual({ icmp: { id: 0xabcd, type: 8, code: 255 } });
  });

  it.each(['icmpId', 'icmpType', 'icmpCode'] as const)('have no ICMP part without %s', (name) => {
    const { [name]: _, ...rest } = { icmpId: 1, icmpType: 8, icmpCode: 0 };
    expect(tuple({ protocol: 1, ...rest }).icmp).toBeUndefined();
  });

  it('have addresses of their own family', () => {
    const entry = entryWith({
      ...FLOW,
      original: { source: '2001:db8::1', destination: '::ffff:10.0.0.1', protocol: 6 },
    });
    expect(entry.family).toBe('ipv6');
    expect(entry.original.source).toBe('2001:db8::1');
    expect(entry.original.destination).toBe('::ffff:10.0.0.1');
    expect(entry.reply.source).toBe('10.0.0.2');
  });
});

describe('protocol parts', () => {
  it.each([
    [{ tcpState: 9 }, { tcp: { state: 'SYN_SENT2', original: {}, reply: {} } }],
    [{ tcpState: 10 }, { tcp: { state: 'UNKNOWN(10)', original: {}, reply: {} } }],
    [{ tcpState: 255 }, { tcp: { state: 'UNKNOWN(255)', original: {}, reply: {} } }],
    [{ sctpState: 4 }, { sctp: { state: 'ESTABLISHED' } }],
    [{ sctpState: 10 }, { sctp: { state: 'UNKNOWN(10)' } }],
    [
      { sctpState: 0, sctpOriginalTag: 0, sctpReplyTag: 0xffffffff },
      { sctp: { state: 'NONE', originalTag: 0, replyTag: 0xffffffff } },
    ],
    [{ dccpState: 4 }, { dccp: { state: 'OPEN' } }],
    [
      { dccpState: 200, dccpRole: 2, dccpHandshakeSequence: 2n ** 48n - 1n },
      { dccp: { state: 'UNKNOWN(200)', role: 'UNKNOWN(2)', handshakeSequence: 2n ** 48n - 1n } },
    ],
    [{ dccpState: 1, dccpRole: 1 }, { dccp: { state: 'REQUEST', role: 'server' } }],
  ])('%o read as %o', (values, expected) => {
    const { tcp, sctp, dccp } = entryWith({ ...FLOW, ...values });
    expect({ tcp, sctp, dccp }).toMatchObject({
      ...{ tcp: undefined, sctp: undefined, dccp: undefined },
      ...expected,
    });
  });

  it('have other for a protocol without a word, and its number', () => {
    const { protocol, protocolNumber } = entryWith({
      original: { source: '10.0.0.1', destination: '10.0.0.2', protocol: 50 },
    });
    expect([protocol, protocolNumber]).toEqual(['other', 50]);
  });
});

describe('nat', () => {
  const ports = { sourcePort: 80, destinationPort: 1024 };
  const reply: TupleValues = {
    source: '192.168.0.2',
    destination: '203.0.113.9',
    protocol: 6,
    ...ports,
  };

  it.each([
    [0x0, undefined],
    [0x10, { source: { address: '203.0.113.9', port: 1024 } }],
    [0x20, { destination: { address: '192.168.0.2', port: 80 } }],
    [
      0x30,
      {
        source: { address: '203.0.113.9', port: 1024 },
        destination: { address: '192.168.0.2', port: 80 },
      },
    ],
    // The bits that say that NAT was looked at, not that it changed anything.
    [0x180, undefined],
  ])('of status %i', (status, nat) => {
    expect(entryWith({ ...FLOW, reply, status }).nat).toStrictEqual(nat);
  });

  it('has no port where the protocol has none', () => {
    const { sourcePort: _, destinationPort: __, ...icmp } = { ...reply, protocol: 1 };
    expect(entryWith({ ...FLOW, reply: icmp, status: 0x30 }).nat).toStrictEqual({
      source: { address: '203.0.113.9' },
      destination: { address: '192.168.0.2' },
    });
  });
});

describe('strings', () => {
  it('stand one behind the other', () => {
    const { helper, securityContext } = entryWith({
      ...FLOW,
      helper: 'sip-5060',
      securityContext: 'unconfined',
    });
    expect([helper, securityContext]).toEqual(['sip-5060', 'unconfined']);
  });

  it('are found without each other', () => {
    expect(entryWith({ ...FLOW, securityContext: 'alone' }).securityContext).toBe('alone');
    expect(entryWith({ ...FLOW, securityContext: 'alone' }).helper).toBeUndefined();
  });

  it('may be UTF-8, and what is not is replaced', () => {
    const invalid = new Uint8Array([0x61, 0xff, 0xc3, 0x28, 0x62]);
    expect(entryWith({ ...FLOW, helper: 'größe-日本' }).helper).toBe('größe-日本');
    expect(entryWith({ ...FLOW, helper: invalid }).helper).toBe('a\ufffd\ufffd(b');
  });

  it('may be as long as a record holds', () => {
    const helper = 'h'.repeat(4096);
    const securityContext = 'c'.repeat(4096);
    const entry = entryWith({ ...FLOW, helper, securityContext });
    expect(entry.helper).toBe(helper);
    expect(entry.securityContext).toBe(securityContext);
  });
});

describe('labels', () => {
  it.each([0, 1, 7, 8, 31, 32, 63, 64, 65, 127])('have bit %i', (bit) => {
    expect(entryWith({ ...FLOW, labels: 1n << BigInt(bit) }).labels).toBe(1n << BigInt(bit));
  });

  it('may all be set', () => {
    expect(entryWith({ ...FLOW, labels: 2n ** 128n - 1n }).labels).toBe(2n ** 128n - 1n);
  });
});

describe('a slab', () => {
  it('may be empty', () => {
    expect(new SlabBuilder().entries()).toEqual([]);
  });

  it('holds entries beside each other, each with its own extension', () => {
    const entries = new SlabBuilder()
      .add({ ...FLOW, id: 1, helper: 'ftp', labels: 1n })
      .add({ ...FLOW, id: 2 })
      .add({ ...FLOW, id: 3, helper: 'irc', mark: 9 })
      .entries();
    expect(entries.map(({ id, helper, labels, mark }) => ({ id, helper, labels, mark }))).toEqual([
      { id: 1, helper: 'ftp', labels: 1n, mark: undefined },
      { id: 2, helper: undefined, labels: undefined, mark: undefined },
      { id: 3, helper: 'irc', labels: undefined, mark: 9 },
    ]);
  });

  it('can be full', () => {
    const builder = new SlabBuilder();
    for (let id = 0; id < 341; id++) builder.add({ ...FLOW, id });
    expect(builder.entries().map(({ id }) => id)).toEqual(
      Array.from({ length: 341 }, (_, id) => id),
    );
  });
});

describe('an entry', () => {
  it('is read-only', () => {
    const entry = entryWith(FULL);
    const writes: [object, string][] = [
      [entry, 'id'],
      [entry, 'protocol'],
      [entry.original, 'source'],
      [entry.status, 'assured'],
    ];
    for (const [target, name] of writes) {
      expect(Reflect.set(target, name, 0), name).toBe(false);
    }
  });

  it('counts the attributes that this version does not know', () => {
    expect(entryWith({ ...FLOW, unknownAttributes: 65535 }).unknownAttributes).toBe(65535);
  });
});

describe('the entries of many slabs', () => {
  const slabs = Array.from(
    { length: 100 },
    (_, slab) =>
      new SlabBuilder().add({ ...FLOW, id: 2 * slab }).add({ ...FLOW, id: 2 * slab + 1 }).slab,
  );

  it('come in order', async () => {
    const ids = (await entriesInTurns(slabs)).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: 200 }, (_, id) => id));
    expect(await entriesInTurns([])).toEqual([]);
  });

  it('are made in turns of the event loop', async () => {
    let made = false;
    let turns = 0;
    const count = () => {
      turns++;
      if (!made) setImmediate(count);
    };
    setImmediate(count);
    await entriesInTurns(slabs);
    made = true;
    expect(turns).toBeGreaterThanOrEqual(100 / 12 - 1);
  });
});
