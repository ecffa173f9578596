/** A mirror of a table that a test plays: what it tells of the flows, and how it stays in step. */
import { getEventListeners } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  ConntrackError,
  MIRROR_INDEXES,
  type MirrorChange,
  type TableMirror,
  type Tuple,
} from 'conntrack';
import { describe, expect, it, test, vi } from 'vitest';
import { flowOf, inverseOf, PlayedTable, tuplesOf } from '../unit/played-table.js';
import { type EntryValues, entryWith } from '../unit/records.js';

/** The changes that may wait. */
const CHANGES = 1700;
vi.mock('../../src/core/limits.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/core/limits.js')>();
  const small = {
    changesWaiting: 1700,
    flowsInTurn: 50,
    getsOfMirror: 8,
    recheckShare: 4,
    rechecksPerAudit: 5,
  };
  return { ...original, LIMITS: { ...original.LIMITS, ...small } };
});

const SEEN_REPLY = 2;
const ASSURED = 4;
const CONFIRMED = 8;
const DYING = 512;

/** The numbers of the flows, in order. */
const idsOf = (flows: Iterable<{ readonly id?: number | undefined }>) =>
  Array.from(flows, ({ id }) => id as number).sort((one, other) => one - other);

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** A weak reference keeps its object until the turn ends. */
async function collectGarbage(): Promise<void> {
  await setImmediate();
  gc();
}

/** As plain values. */
const plain = (changes: readonly MirrorChange[]) =>
  JSON.parse(JSON.stringify(changes)) as Record<string, unknown>[];

/** What the changes are, from now on. */
function changesOf(mirror: TableMirror): MirrorChange[] {
  const all: MirrorChange[] = [];
  void (async () => {
    for await (const batch of mirror.changes().batches()) all.push(...batch);
  })();
  return all;
}

const IPV6 = {
  source: '2001:db8::1',
  destination: '2001:db8::2',
  protocol: 17,
  sourcePort: 5,
  destinationPort: 53,
};
const ICMP = {
  source: '10.0.0.9',
  destination: '10.0.1.9',
  protocol: 1,
  icmpId: 7,
  icmpType: 8,
  icmpCode: 0,
};
/** Flows of each kind: plain, of IPv6, without ports, translated, marked, and in zones. */
const KINDS: EntryValues[] = [
  flowOf(1, { tcpState: 3 }),
  flowOf(2, { tcpState: 1, mark: 7 }),
  flowOf(3, {
    reply: {
      source: '192.168.0.5',
      destination: '198.51.100.1',
      protocol: 6,
      sourcePort: 8443,
      destinationPort: 61_000,
    },
  }),
  { original: IPV6, reply: inverseOf(IPV6), id: 4, status: 8, timeout: 30 },
  {
    original: ICMP,
    reply: { ...inverseOf(ICMP), icmpType: 0 },
    id: 5,
    status: 8,
    timeout: 30,
  },
  flowOf(6, { zone: 9, tcpState: 0 }),
  { ...tuplesOf(7, 132), id: 7, status: 8, timeout: 100, sctpState: 4 },
  { ...tuplesOf(8, 33), id: 8, status: 8, timeout: 100, dccpState: 4 },
  {
    original: { source: '10.0.0.1', destination: '10.0.1.1', protocol: 99 },
    reply: { source: '10.0.1.1', destination: '10.0.0.1', protocol: 99 },
    id: 9,
    status: 8,
    timeout: 30,
  },
];

describe('a mirror has the flows of the table', () => {
  const played = () => new PlayedTable(...KINDS).mirror({ indexes: MIRROR_INDEXES });

  it('each once, as the kernel described it', async () => {
    await using mirror = await played();
    expect(mirror.size).toBe(KINDS.length);
    expect(idsOf(mirror)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const copies = [...mirror.entries()].map((entry) => JSON.stringify(entry));
    expect(copies.sort()).toEqual(KINDS.map((one) => JSON.stringify(entryWith(one))).sort());
    expect(mirror.synced).toBe(true);
    expect(mirror.resyncs).toBe(0);
  });

  it('found by either tuple, in the zone that they are in', async () => {
    await using mirror = await played();
    for (const { original, reply, protocol, protocolNumber, zone, id } of mirror) {
      for (const tuple of [original, reply]) {
        const ends = JSON.parse(JSON.stringify(tuple)) as Tuple;
        const key = { ...ends, protocol, protocolNumber, zone };
        expect(mirror.find(key)?.id, JSON.stringify(key)).toBe(id);
        expect(mirror.freshness(key)?.sendsEvents).toBe(false);
        expect(mirror.find({ ...key, zone: zone + 1 })).toBeUndefined();
        expect(mirror.freshness({ ...key, zone: zone + 1 })).toBeUndefined();
      }
    }
  });

  it('found by either tuple when NAT or zones change a part of it', async () => {
    const { original, reply } = tuplesOf(1, 6);
    const parts: EntryValues[] = [
      { reply: { ...reply, destinationPort: 2 } },
      { original: { ...original, sourcePort: 3 }, reply: { ...reply, destination: '10.0.0.3' } },
      { original: { ...original, sourcePort: 4 }, reply: { ...reply, source: '10.0.1.4' } },
      { original: { ...original, sourcePort: 5 }, reply: { ...reply, sourcePort: 445 } },
      { original: { ...original, zone: 6 }, reply: { ...reply, destinationPort: 6 } },
      {
        original: { ...original, sourcePort: 7 },
        reply: { ...reply, destinationPort: 7, zone: 7 },
      },
    ];
    const flows = parts.map((part, index) => ({ ...flowOf(1), ...part, id: index + 1 }));
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror();
    for (const one of flows) {
      for (const { protocol: _, ...ends } of [one.original, one.reply]) {
        expect(mirror.find({ ...ends, protocol: 'tcp' })?.id, JSON.stringify(ends)).toBe(one.id);
      }
    }
    // What a reply would be without NAT is no flow's.
    const { protocol: _, ...other } = { ...reply, destinationPort: 4 };
    expect(mirror.find({ ...other, protocol: 'tcp' })).toBeUndefined();
    table.tell(...flows.map((flow) => ['destroy', flow] as const));
    await mirror.caughtUp();
    for (const {
      reply: { protocol: _none, ...ends },
    } of flows) {
      expect(mirror.find({ ...ends, protocol: 'tcp' })).toBeUndefined();
    }
  });

  it('counted by protocol, by state, and by each index', async () => {
    await using mirror = await played();
    const counts = (by: Parameters<TableMirror['countBy']>[0]) =>
      Object.fromEntries(mirror.countBy(by));
    expect(counts('protocol')).toEqual({ tcp: 4, udp: 1, icmp: 1, sctp: 1, dccp: 1, 99: 1 });
    expect(counts('state')).toEqual({ ESTABLISHED: 3, SYN_SENT: 1, NONE: 1, OPEN: 1 });
    expect(counts('mark')).toEqual({ 0: 8, 7: 1 });
    expect(counts('zone')).toEqual({ 0: 8, 9: 1 });
    expect(counts('source')).toEqual({ '10.0.0.1': 7, '10.0.0.9': 1, '2001:db8::1': 1 });
    expect(counts('destination')).toEqual({ '10.0.1.1': 7, '10.0.1.9': 1, '2001:db8::2': 1 });
    expect(counts('port')).toEqual({ 443: 6, 53: 1 });
    expect(counts('service')).toEqual({
      '10.0.1.1:443': 6,
      '192.168.0.5:8443': 1,
      '[2001:db8::2]:53': 1,
    });
    expect(counts('address')).toEqual({
      '10.0.0.1': 7,
      '10.0.1.1': 7,
      '10.0.0.9': 1,
      '10.0.1.9': 1,
      '192.168.0.5': 1,
      '198.51.100.1': 1,
      '2001:db8::1': 1,
      '2001:db8::2': 1,
    });
  });

  it('counted, the largest first, up to a limit, with the rest as one', async () => {
    await using mirror = await played();
    expect([...mirror.countBy('protocol', { limit: 1, other: true })]).toEqual([
      ['tcp', 4],
      ['other', 5],
    ]);
    expect([...mirror.countBy('port', { limit: 1, other: true })]).toEqual([
      ['443', 6],
      ['other', 1],
    ]);
    expect([...mirror.countBy('port', { limit: 1 })]).toEqual([['443', 6]]);
    expect([...mirror.countBy('port', { limit: 2, other: true })].at(-1)).toEqual(['53', 1]);
  });

  it.each([
    [{ source: '10.0.0.9' }, [5]],
    [{ source: '2001:db8::1' }, [4]],
    [{ destination: '2001:db8::2' }, [4]],
    [{ address: '198.51.100.1' }, [3]],
    [{ address: '10.0.1.9' }, [5]],
    [{ address: '192.168.0.5', port: 8443 }, [3]],
    [{ address: '10.0.1.1', port: 8443 }, []],
    [{ port: 53 }, [4]],
    [{ mark: 7 }, [2]],
    [{ zone: 9 }, [6]],
    [{ zone: 8 }, []],
  ])('found by %j', async (criteria, ids) => {
    await using mirror = await played();
    expect(idsOf(mirror.findAll(criteria))).toEqual(ids);
  });

  it.each([
    [{}, /^criteria: must have one of address, /],
    [{ mark: 1, zone: 1 }, /^criteria: must have one of /],
    [{ address: '10.0.0.1', port: 5, mark: 1 }, /^criteria: must have one of /],
    [{ source: '10.0.0.1', port: 5 }, /^criteria: must have one of /],
    [{ source: 'x' }, /^criteria\.source: /],
    [{ port: 65_536 }, /^criteria\.port: /],
    [{ mark: -1 }, /^criteria\.mark: /],
  ])('not found by %j', async (criteria, message) => {
    await using mirror = await played();
    expect(() => mirror.findAll(criteria as never)).toThrow(message);
  });

  it('found and counted only by the indexes that it was opened with', async () => {
    await using mirror = await new PlayedTable(...KINDS).mirror({ indexes: ['mark', 'mark'] });
    expect(idsOf(mirror.findAll({ mark: 7 }))).toEqual([2]);
    for (const look of [() => mirror.findAll({ port: 5 }), () => mirror.countBy('port')]) {
      expect(look).toThrow(/needs the index 'port': mirrorTable\(\{ indexes: \['port'\] \}\)/);
    }
    expect(() => mirror.countBy('color' as never)).toThrow(/^by: /);
    expect(() => mirror.countBy('state', { limit: 0 })).toThrow(/^options\.limit: /);
  });

  it('selected by a filter, in as many slabs as they need', async () => {
    const many = Array.from({ length: 1500 }, (_, index) => flowOf(index + 1, { mark: index % 3 }));
    await using mirror = await new PlayedTable(...many, ...KINDS.slice(3, 5)).mirror();
    expect(idsOf(mirror.entries({ mark: 1 }))).toHaveLength(500);
    expect(idsOf(mirror.entries({ original: { sourcePort: 1499 } }))).toEqual([1499]);
    expect(idsOf(mirror.entries([{ family: 'ipv6' }, { protocol: 'icmp' }]))).toEqual([4, 5]);
    expect(idsOf(mirror.entries({}))).toHaveLength(1502);
    expect(() => [...mirror.entries({ mark: 'x' } as never)]).toThrow(/mark/);
  });

  it('with timeouts that count down from what the kernel said last', async () => {
    const { timeout: _none, ...endless } = flowOf(3);
    const began = performance.now();
    await using mirror = await new PlayedTable(flowOf(1), endless).mirror();
    const [first] = mirror;
    const timeouts = (flows: Iterable<{ readonly timeout?: number | undefined }>) =>
      Array.from(flows, ({ timeout }) => timeout);
    expect(timeouts(mirror)).toEqual([100, undefined]);
    await expect.poll(() => timeouts(mirror)[0], { timeout: 5000 }).toBeLessThan(99);
    const least = 100 - (performance.now() - began) / 1000;
    expect(timeouts(mirror)[0]).toBeGreaterThanOrEqual(Math.floor(least));
    expect(timeouts(mirror.entries({ protocol: 'tcp' }))).toEqual(timeouts(mirror));
    expect(timeouts(mirror)[1]).toBeUndefined();
    // What was returned before does not change.
    expect(first?.timeout).toBe(100);
    const { confirmedMsAgo = 0 } =
      mirror.freshness({ ...tuplesOf(1, 6).original, protocol: 'tcp' }) ?? {};
    expect(confirmedMsAgo).toBeGreaterThan(1000);
    expect(confirmedMsAgo).toBeLessThanOrEqual(performance.now() - began + 100);
  });

  it('with what only some of them have', async () => {
    const helped = flowOf(1, {
      helper: 'ftp',
      labels: 5n,
      securityContext: 'a'.repeat(60),
      originalSequenceAdjust: [1, 2, 3],
    });
    const flows = [helped, flowOf(2, { helper: 'sip' }), flowOf(3)];
    await using mirror = await new PlayedTable(...flows).mirror();
    const copies = [...mirror.entries({})].map((entry) => JSON.stringify(entry));
    expect(copies.sort()).toEqual(flows.map((one) => JSON.stringify(entryWith(one))).sort());
  });
});

describe('events change a mirror', () => {
  it('which has what they tell, and counts and finds by it', async () => {
    const table = new PlayedTable(flowOf(1), flowOf(2));
    await using mirror = await table.mirror({ indexes: MIRROR_INDEXES });
    table.tell(['new', flowOf(5, { mark: 4, tcpState: 1 })], ['destroy', flowOf(1)]);
    await mirror.caughtUp();
    expect(idsOf(mirror)).toEqual([2, 5]);
    expect(idsOf(mirror.findAll({ mark: 4 }))).toEqual([5]);
    expect(Object.fromEntries(mirror.countBy('state'))).toEqual({ ESTABLISHED: 1, SYN_SENT: 1 });
    table.tell(['update', flowOf(5, { mark: 6, tcpState: 3 })]);
    await mirror.caughtUp();
    expect(idsOf(mirror.findAll({ mark: 4 }))).toEqual([]);
    expect(idsOf(mirror.findAll({ mark: 6 }))).toEqual([5]);
    expect(Object.fromEntries(mirror.countBy('state'))).toEqual({ ESTABLISHED: 2 });
    const { original } = tuplesOf(5, 6);
    expect(mirror.freshness({ ...original, protocol: 'tcp' })?.sendsEvents).toBe(true);
    expect(table.gets).toEqual([]);
  });

  it('and are its changes, with what was known before', async () => {
    const table = new PlayedTable(flowOf(1, { labels: 1n }), flowOf(2));
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.tell(
      ['new', flowOf(3, { mark: 1 })],
      ['update', flowOf(1, { labels: 3n })],
      [
        'destroy',
        flowOf(2, {
          originalCounters: [5n, 6n],
          replyCounters: [7n, 8n],
          stopTime: 9n,
          final: true,
        }),
      ],
    );
    await mirror.caughtUp();
    await expect.poll(() => changes.length).toBe(3);
    expect(plain(changes)).toMatchObject([
      { type: 'added', synthetic: false, after: { id: 3, mark: 1 } },
      { type: 'changed', synthetic: false, before: { id: 1 }, after: { id: 1 } },
      {
        type: 'removed',
        synthetic: false,
        before: { id: 2 },
        final: { id: 2, counters: { original: { packets: 5, bytes: 6 } } },
      },
    ]);
    const [, changed, removed] = changes;
    if (changed?.type !== 'changed' || removed?.type !== 'removed')
      throw new Error('other changes');
    expect([changed.before.labels, changed.after.labels]).toEqual([1n, 3n]);
    expect(removed.before.counters).toBeUndefined();
    expect(removed.final?.stopTimeNs).toBe(9n);
  });

  const whole = flowOf(1, {
    status: CONFIRMED | SEEN_REPLY,
    mark: 1,
    timeout: 100,
    use: 1,
    tcpState: 3,
    tcpOriginalWindowScale: 1,
    tcpReplyWindowScale: 2,
    originalCounters: [1n, 2n],
    replyCounters: [3n, 4n],
    startTime: 5n,
    labels: 1n,
    helper: 'ftp',
    securityContext: 'old',
    originalSequenceAdjust: [1, 2, 3],
    replySequenceAdjust: [4, 5, 6],
    synproxyNotZero: [7, 8, 9],
    master: tuplesOf(21, 6).original,
  });
  /** What every event has, of the same flow. */
  const bare = { original: whole.original, reply: whole.reply, id: 1 } as EntryValues;

  test.each<[string, EntryValues, boolean]>([
    ['the status', { status: CONFIRMED | SEEN_REPLY | ASSURED }, true],
    ['the mark', { mark: 9 }, true],
    ['the state of TCP', { tcpState: 4, tcpOriginalWindowScale: 1, tcpReplyWindowScale: 2 }, true],
    ['the window of TCP', { tcpState: 3, tcpOriginalWindowScale: 9, tcpReplyWindowScale: 2 }, true],
    ['the labels', { labels: 1n << 127n }, true],
    ['the helper', { helper: 'netbios-ns' }, true],
    ['the security context', { securityContext: 'a newer one' }, true],
    ['the original sequence', { originalSequenceAdjust: [9, 9, 9] }, true],
    ['the reply sequence', { replySequenceAdjust: [9, 9, 9] }, true],
    ['the SYN proxy', { synproxyNotZero: [9, 9, 9] }, true],
    ['the stop time', { stopTime: 77n }, true],
    ['the timeout', { timeout: 50 }, false],
    ['the use', { use: 3 }, false],
    ['the counters of the original direction', { originalCounters: [2n ** 40n, 7n] }, false],
    ['the counters of the reply', { replyCounters: [8n, 2n ** 50n] }, false],
  ])('which takes over %s, and keeps the rest', async (_, part, isChange) => {
    const table = new PlayedTable(whole);
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    // No mark in an event means 0 (ctnetlink_dump_mark).
    table.tell(['update', { ...bare, mark: 1, ...part }]);
    // Behind it, so that its changes have come when that of this one has.
    table.tell(['new', flowOf(2)]);
    await mirror.caughtUp();
    const [entry] = mirror.entries({ original: { sourcePort: 1 } });
    const expected = entryWith({ ...whole, ...part });
    expect(JSON.stringify(entry)).toBe(JSON.stringify(expected));
    await expect.poll(() => changes.at(-1)?.type).toBe('added');
    expect(changes.map(({ type }) => type)).toEqual(isChange ? ['changed', 'added'] : ['added']);
    if (changes[0]?.type !== 'changed') return;
    expect(JSON.stringify(changes[0].before)).toBe(JSON.stringify(entryWith(whole)));
    expect(JSON.stringify(changes[0].after)).toBe(JSON.stringify(expected));
  });

  it('without a mark, of a flow that has one: the mark is 0', async () => {
    const table = new PlayedTable(flowOf(1, { mark: 5 }));
    await using mirror = await table.mirror();
    table.tell(['update', flowOf(1)]);
    await mirror.caughtUp();
    expect([...mirror][0]?.mark).toBe(0);
    const other = new PlayedTable(flowOf(1));
    await using second = await other.mirror();
    other.tell(['update', flowOf(1)]);
    await second.caughtUp();
    expect([...second][0]?.mark).toBeUndefined();
  });

  test.each<[string, EntryValues, EntryValues]>([
    [
      'of SCTP',
      { sctpState: 3, sctpOriginalTag: 1, sctpReplyTag: 2 },
      { sctpState: 4, sctpOriginalTag: 3, sctpReplyTag: 4 },
    ],
    [
      'of DCCP',
      { dccpState: 3, dccpRole: 0, dccpHandshakeSequence: 2n ** 33n },
      { dccpState: 4, dccpRole: 1, dccpHandshakeSequence: 2n ** 40n },
    ],
  ])('which takes over what a protocol knows as a whole: %s', async (_, before, after) => {
    const { tcpState: _state, ...plain } = flowOf(1, { zone: 5 });
    const table = new PlayedTable({ ...plain, ...before });
    await using mirror = await table.mirror();
    table.tell(['update', { ...plain, ...after }]);
    await mirror.caughtUp();
    expect(JSON.stringify([...mirror][0])).toBe(JSON.stringify(entryWith({ ...plain, ...after })));
  });

  it('whose last values go into the end of a flow, and not into what was before it', async () => {
    const table = new PlayedTable(whole);
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.tell([
      'destroy',
      { ...bare, mark: 1, replyCounters: [9n, 9n], stopTime: 8n, labels: 4n },
    ]);
    await expect.poll(() => changes.length).toBe(1);
    const [change] = changes;
    if (change?.type !== 'removed') throw new Error('another change');
    expect(JSON.stringify(change.before)).toBe(JSON.stringify(entryWith(whole)));
    expect(JSON.stringify(change.final)).toBe(
      JSON.stringify(entryWith({ ...whole, replyCounters: [9n, 9n], stopTime: 8n, labels: 4n })),
    );
    expect(mirror.size).toBe(0);
  });

  it('of another flow on the tuple: the one before it has ended, without an event', async () => {
    const table = new PlayedTable(flowOf(1, { startTime: 5n }), flowOf(2));
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.tell(
      ['new', flowOf(1, { startTime: 6n })],
      ['new', flowOf(1, { startTime: 6n + 2n ** 32n })],
      ['update', flowOf(1, { startTime: 6n + 2n ** 32n, mark: 1 })],
      ['new', flowOf(2, { id: 77 })],
    );
    await expect.poll(() => changes.length).toBe(7);
    expect(changes.map(({ type }) => type)).toEqual([
      ...['removed', 'added', 'removed', 'added', 'changed', 'removed', 'added'],
    ]);
    expect(changes[0]).not.toHaveProperty('final');
    expect(idsOf(mirror)).toEqual([1, 77]);
    expect(table.gets).toEqual([]);
  });

  it('about a flow that it does not have: the kernel is asked', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.flows = [flowOf(1, { mark: 3, zone: 2 })];
    table.tell(['update', flowOf(1, { zone: 2 })], ['update', flowOf(2)]);
    await mirror.caughtUp();
    expect(table.gets.flat()).toEqual([
      [1, 2],
      [2, undefined],
    ]);
    expect(idsOf(mirror)).toEqual([1]);
    expect([...mirror][0]?.mark).toBe(3);
    await expect.poll(() => changes.length).toBe(4);
    expect(
      changes.map((change) => [change.type, 'synthetic' in change && change.synthetic]),
    ).toEqual([
      ['added', false],
      ['added', false],
      ['changed', true],
      ['removed', true],
    ]);
  });

  it('while the kernel is asked: it is asked again', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror();
    let asked = 0;
    table.beforeAnswer = async () => {
      if (asked++ > 0) return;
      table.tell(['update', flowOf(1, { mark: 4 })]);
      await table.events.caughtUp();
      table.flows = [flowOf(1, { mark: 4 })];
    };
    // Its start was not seen as one: the flow was there.
    table.tell(['new', flowOf(1)]);
    await mirror.caughtUp();
    expect(asked).toBe(2);
    expect([...mirror][0]?.mark).toBe(4);
  });

  it.each([
    ['still has', [flowOf(1)]],
    ['no longer has', []],
  ])('that end a flow which the kernel is asked about, and %s', async (_, flows) => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.beforeAnswer = async () => {
      table.tell(['destroy', flowOf(1)]);
      await table.events.caughtUp();
      table.flows = flows;
    };
    table.tell(['new', flowOf(1)]);
    await mirror.caughtUp();
    table.tell(['new', flowOf(2)]);
    await expect.poll(() => changes.at(-1)?.type).toBe('added');
    expect(changes.map(({ type }) => type)).toEqual(['removed', 'added']);
    expect([mirror.size, idsOf(mirror)]).toEqual([1, [2]]);
    expect(table.gets).toHaveLength(1);
  });
});

describe('a mirror stays in step', () => {
  it('with events that come while it reads', async () => {
    const table = new PlayedTable(flowOf(1), flowOf(2), flowOf(3));
    table.meanwhile = async () => {
      table.meanwhile = () => undefined;
      table.tell(['destroy', flowOf(1)], ['new', flowOf(9)], ['update', flowOf(3, { mark: 5 })]);
      await table.events.caughtUp();
    };
    await using mirror = await table.mirror();
    // The reading shows the first, which has ended before.
    expect(idsOf(mirror)).toEqual([2, 3, 9]);
    expect([...mirror].find(({ id }) => id === 3)?.mark).toBe(5);
    expect(mirror.resyncs).toBe(0);
  });

  it('with ends that come while it reads: what has ended is nowhere', async () => {
    const nat = { reply: { ...inverseOf(tuplesOf(2, 6).original), destination: '192.0.2.1' } };
    const flows = [flowOf(1), flowOf(2, nat), flowOf(3)];
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror({ indexes: MIRROR_INDEXES });
    const keys = flows.flatMap(({ original, reply }) =>
      [original, reply].map(({ protocol: _, ...ends }) => ({ ...ends, protocol: 'tcp' as const })),
    );
    const seen: unknown[] = [];
    table.meanwhile = async () => {
      table.meanwhile = () => undefined;
      table.tell(...flows.slice(0, 2).map((flow) => ['destroy', flow] as const));
      await table.events.caughtUp();
      seen.push(mirror.size, idsOf(mirror), idsOf(mirror.findAll({ port: 443 })));
      seen.push(keys.map((key) => mirror.find(key)?.id));
      seen.push(keys.map((key) => mirror.freshness(key)?.sendsEvents));
    };
    await mirror.refresh();
    const none = Array<undefined>(4).fill(undefined);
    expect(seen).toEqual([1, [3], [3], [...none, 3, 3], [...none, false, false]]);
  });

  it('with an end that came before it reads, while the entry is about to leave the table', async () => {
    const dying = { status: CONFIRMED | DYING };
    const table = new PlayedTable(flowOf(1), flowOf(2));
    await using mirror = await table.mirror();
    table.tell(['destroy', flowOf(1)]);
    await mirror.caughtUp();
    // Of the second the event is still to come.
    table.flows = [flowOf(1, dying), flowOf(2, dying)];
    await mirror.refresh();
    expect(idsOf(mirror)).toEqual([2]);
    table.tell(['destroy', flowOf(2)]);
    await mirror.caughtUp();
    expect(idsOf(mirror)).toEqual([]);
  });

  it('with events that disagree with what it reads: the kernel decides', async () => {
    const table = new PlayedTable();
    table.batches = [[flowOf(1), flowOf(2)], [flowOf(3)]];
    table.meanwhile = async (batch) => {
      if (batch !== 1) return;
      // Of one that was shown, and one whose UPDATE is of the flow before it.
      table.tell(['new', flowOf(1)], ['update', flowOf(3, { id: 33 })]);
      await table.events.caughtUp();
      table.meanwhile = () => undefined;
      table.batches[0] = [flowOf(1, { mark: 6 }), flowOf(2)];
    };
    await using mirror = await table.mirror();
    expect(table.gets.flat().map(([port]) => port)).toEqual([1, 3]);
    expect(idsOf(mirror)).toEqual([1, 2, 3]);
    expect([...mirror].find(({ id }) => id === 1)?.mark).toBe(6);
  });

  it('after a loss, by a reading whose differences are changes', async () => {
    const table = new PlayedTable(flowOf(1), flowOf(2));
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.flows = [flowOf(2, { mark: 8 }), flowOf(3)];
    const during: unknown[] = [];
    const out = mirror.outOfSyncFor;
    table.meanwhile = () => during.push([mirror.synced, mirror.outOfSyncFor - out < 60_000]);
    table.put({ type: 'lost', cause: 'queue', count: 7 });
    await mirror.caughtUp();
    expect(during[0]).toEqual([false, true]);
    expect(mirror.outOfSyncFor).toBeGreaterThan(out);
    expect(mirror.synced).toBe(true);
    expect(mirror.resyncs).toBe(1);
    await expect.poll(() => changes.length).toBe(4);
    expect(changes[0]).toEqual({ type: 'lost', cause: 'queue', count: 7 });
    expect(plain(changes.slice(1))).toMatchObject([
      { type: 'changed', synthetic: true, before: { id: 2 }, after: { id: 2, mark: 8 } },
      { type: 'added', synthetic: true, after: { id: 3 } },
      { type: 'removed', synthetic: true, before: { id: 1 } },
    ]);
    expect(changes[3]).not.toHaveProperty('final');
    expect(table.dumps).toEqual([undefined, undefined]);
  });

  it('after a loss while it reads, by another reading', async () => {
    const table = new PlayedTable(flowOf(1));
    table.meanwhile = async () => {
      table.meanwhile = () => undefined;
      table.put({ type: 'lost', cause: 'kernel', count: 1 });
      await table.events.caughtUp();
      table.flows = [flowOf(2)];
    };
    await using mirror = await table.mirror();
    expect(idsOf(mirror)).toEqual([2]);
    expect(table.dumps).toHaveLength(2);
    expect(mirror.resyncs).toBe(1);
    expect(mirror.outOfSyncFor).toBeGreaterThan(0);
  });

  it.each([
    ['all of them', 80, [2]],
    ['more than one in eight', 11, [2]],
    ['one in eight', 10, [1, 8, 2]],
    ['as many as gets are under way', 8, [1, 8]],
  ])('by one reading where very many flows are in doubt: %s', async (_, count, expected) => {
    const flows = Array.from({ length: 80 }, (_item, index) => flowOf(index + 1));
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror();
    table.tell(...flows.slice(0, count).map((flow) => ['new', flow] as const));
    await mirror.caughtUp();
    expect([table.dumps.length, ...table.gets.map(({ length }) => length)]).toEqual(expected);
  });

  it('by gets, too, where such a reading leaves many in doubt', async () => {
    const flows = Array.from({ length: 20 }, (_, index) => flowOf(index + 1));
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror();
    const all = flows.map((flow) => ['new', flow] as const);
    table.meanwhile = async () => {
      table.meanwhile = () => undefined;
      table.tell(...all);
      await table.events.caughtUp();
    };
    table.tell(...all);
    // Until then, for the kernel has not decided about them.
    await mirror.caughtUp();
    expect(table.gets.map(({ length }) => length)).toEqual([8]);
    expect(table.dumps).toHaveLength(3);
  });

  it('after a loss, while the loop turns, and its changes come', async () => {
    const flows = Array.from({ length: 120 }, (_, index) => flowOf(index + 1));
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror();
    table.flows = [];
    const reader = mirror.changes().batches();
    const seen: [changes: number, size: number][] = [];
    table.put({ type: 'lost', cause: 'kernel', count: 1 });
    while (mirror.size > 0) {
      const { value = [] } = await reader.next();
      seen.push([value.length, mirror.size]);
    }
    expect(seen).toEqual([
      [1, 120],
      [49, 71],
      [50, 21],
      [21, 0],
    ]);
  });

  it('after losses while it reads: it pauses for as long as it has read', async () => {
    const table = new PlayedTable(flowOf(1));
    const times: number[] = [];
    table.meanwhile = async (batch) => {
      times.push(performance.now());
      if (batch > 0 || table.dumps.length > 1) return;
      await setTimeout(200);
      table.put({ type: 'lost', cause: 'kernel', count: 1 });
      await table.events.caughtUp();
    };
    await using mirror = await table.mirror();
    const [began = 0, ended = 0, again = 0] = times;
    expect(again - ended).toBeGreaterThan(0.9 * (ended - began));
    expect(mirror.resyncs).toBe(1);
  });
});

describe('a refresh', () => {
  it('of all brings counters up to date, and drops what is gone', async () => {
    const table = new PlayedTable(flowOf(1), flowOf(2));
    await using mirror = await table.mirror({ filter: { family: 'ipv4' } });
    table.flows = [flowOf(1, { originalCounters: [5n, 60n], replyCounters: [7n, 80n] }), flowOf(3)];
    await mirror.refresh();
    expect(idsOf(mirror)).toEqual([1, 3]);
    expect([...mirror][0]?.counters?.original.packets).toBe(5);
    expect(table.dumps).toEqual([[{ family: 'ipv4' }], [{ family: 'ipv4' }]]);
  });

  it('of a part adds nothing and drops nothing', async () => {
    const table = new PlayedTable(flowOf(1), flowOf(2));
    await using mirror = await table.mirror();
    table.flows = [flowOf(1, { mark: 4 }), flowOf(3)];
    await mirror.refresh({ mark: 4 });
    expect(idsOf(mirror)).toEqual([1, 2]);
    expect([...mirror].find(({ id }) => id === 1)?.mark).toBe(4);
    expect(table.dumps).toEqual([undefined, { mark: 4 }]);
  });

  test.each([
    ['nothing else', {}],
    ['labels', { labels: 1n }],
    ['a long helper', { helper: 'h'.repeat(60) }],
  ])('of what an event with a time has told is no change: %s', async (_, more) => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const changes = changesOf(mirror);
    table.tell(['new', flowOf(1, { ...more, eventTime: 5n })]);
    await mirror.caughtUp();
    table.flows = [flowOf(1, more), flowOf(2)];
    await mirror.refresh();
    await expect.poll(() => changes.length).toBe(2);
    expect(changes.map(({ type }) => type)).toEqual(['added', 'added']);
  });

  it('is one reading for all that wait for all, and one for each part', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror();
    let begun = 0;
    table.meanwhile = () => begun++;
    await Promise.all([
      mirror.refresh({ mark: 1 }),
      mirror.refresh(),
      mirror.refresh(),
      mirror.refresh({ mark: 1 }),
      mirror.refresh({ mark: 1 }),
      mirror.refresh(),
    ]);
    // Each of these readings has one batch and an end.
    expect(begun).toBe(2 * 4);
  });

  it('that fails ends the mirror', async () => {
    const table = new PlayedTable(flowOf(1));
    const mirror = await table.mirror();
    const failure = new ConntrackError('no memory', { code: 'ENOMEM', operation: 'streamEntries' });
    table.meanwhile = () => Promise.reject(failure);
    const both = [mirror.refresh(), mirror.refresh(), mirror.refresh({ mark: 1 })];
    for (const refreshed of both) await expect(refreshed).rejects.toBe(failure);
    expect(() => mirror.size).toThrow(failure);
    await expect(mirror.caughtUp()).rejects.toBe(failure);
    expect(table.events.isClosed).toBe(true);
  });
});

describe('the end of a mirror', () => {
  const closed = { code: 'ERR_CONNTRACK_CLOSED', operation: 'mirrorTable' };

  it('is its close, which ends what waits', async () => {
    const table = new PlayedTable(flowOf(1));
    const mirror = await table.mirror();
    const changes = mirror.changes();
    const next = changes[Symbol.asyncIterator]().next();
    table.meanwhile = () => new Promise(() => undefined);
    const settled = expect(mirror.caughtUp()).rejects.toMatchObject(closed);
    const refreshed = expect(mirror.refresh()).rejects.toMatchObject(closed);
    await Promise.all([mirror.close(), mirror[Symbol.asyncDispose]()]);
    await Promise.all([refreshed, settled]);
    expect(await next).toEqual({ value: undefined, done: true });
    expect(table.events.isClosed).toBe(true);
    for (const look of [
      () => mirror.size,
      () => mirror.entries(),
      () => mirror.countBy('state'),
      () => mirror.changes(),
      () => mirror[Symbol.iterator](),
    ]) {
      expect(look).toThrow(expect.objectContaining(closed));
    }
    await expect(mirror.refresh()).rejects.toMatchObject(closed);
    await mirror.close();
  }, 5000);

  it('is its signal, at once or later', async () => {
    const reason = new Error('enough');
    const table = new PlayedTable(flowOf(1));
    await expect(table.mirror({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(table.watched).toBeUndefined();
    const controller = new AbortController();
    const mirror = await table.mirror({ signal: controller.signal });
    const changes = mirror.changes();
    const next = changes.batches().next();
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(() => mirror.size).toThrow(reason);
    expect(table.events.isClosed).toBe(true);
  });

  it('is what came first, whatever it makes fail', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const table = new PlayedTable(flowOf(1));
    const mirror = await table.mirror({ signal: controller.signal });
    table.events.caughtUp = () => {
      controller.abort(reason);
      return Promise.reject(new Error('the events are closed'));
    };
    table.put({ type: 'lost', cause: 'kernel', count: 1 });
    await expect(mirror.changes().batches().next()).resolves.toMatchObject({ done: false });
    await vi.waitFor(() => {
      expect(() => mirror.size).toThrow();
    });
    await setImmediate();
    expect(() => mirror.size).toThrow(reason);
  });

  it('is a signal that aborts while it opens', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const table = new PlayedTable(flowOf(1));
    table.meanwhile = () => {
      controller.abort(reason);
    };
    await expect(table.mirror({ signal: controller.signal })).rejects.toBe(reason);
    expect(table.events.isClosed).toBe(true);
  });

  it('leaves no timer behind, at whatever step of its opening it comes', async () => {
    const flows = Array.from({ length: 60 }, (_, index) => flowOf(index + 1));
    for (let step = 0; step < 8; step++) {
      const set = vi.spyOn(globalThis, 'setInterval');
      const cleared = vi.spyOn(globalThis, 'clearInterval');
      const controller = new AbortController();
      const opening = new PlayedTable(...flows).mirror({ signal: controller.signal });
      const closed = opening.then(
        (mirror) => mirror.close(),
        () => undefined,
      );
      for (let turn = 0; turn < step; turn++) await setImmediate();
      controller.abort();
      await closed;
      await setImmediate();
      const left = set.mock.results.filter(
        ({ value }) => !cleared.mock.calls.some(([timer]) => timer === value),
      );
      expect(left, `step ${step}`).toEqual([]);
      vi.restoreAllMocks();
    }
  });

  it('is an error of its events, or their end', async () => {
    const failure = new Error('no descriptor');
    const broken = new PlayedTable(flowOf(1));
    const mirror = await broken.mirror();
    const next = mirror.changes().batches().next();
    const refreshed = mirror.refresh();
    broken.events.put(failure);
    await expect(refreshed).rejects.toBe(failure);
    await expect(next).rejects.toBe(failure);
    expect(() => mirror.size).toThrow(failure);
    const failing = new PlayedTable(flowOf(1));
    await using first = await failing.mirror();
    failing.events.caughtUp = () => Promise.reject(failure);
    await expect(first.caughtUp()).rejects.toBe(failure);
    const ended = new PlayedTable(flowOf(1));
    const other = await ended.mirror();
    const waiting = other.changes().batches().next();
    await ended.events.close();
    await expect(waiting).rejects.toMatchObject(closed);
    expect(() => other.size).toThrow(/the handle is closed/);
  });

  it('is a table that is larger than it may be, at its opening and later', async () => {
    const full = { code: 'ERR_CONNTRACK_FULL', operation: 'mirrorTable' };
    const opening = new PlayedTable(flowOf(1), flowOf(2)).mirror({ maxEntries: 1 });
    await expect(opening).rejects.toMatchObject(full);
    const table = new PlayedTable(flowOf(1), flowOf(2));
    const mirror = await table.mirror({ maxEntries: 2 });
    table.tell(['destroy', flowOf(1)], ['new', flowOf(3)], ['new', flowOf(4)]);
    await expect(mirror.changes().batches().next()).rejects.toMatchObject(full);
    expect(() => mirror.size).toThrow(expect.objectContaining(full));
    expect(table.events.isClosed).toBe(true);
  });
});

describe('the options of a mirror', () => {
  test.each<[object, RegExp]>([
    [{ filter: { mark: 1 } }, /^options\.filter\.mark: may change while a flow lives/],
    [{ filter: [{ zone: 1 }, { state: 'CLOSE' }] }, /^options\.filter\[1\]\.state: may change/],
    [{ filter: { not: { status: 'assured' } } }, /^options\.filter\.not/],
    [
      { filter: { not: [{ port: 1 }, { timeout: { from: 5 } }] } },
      /\.not\[1\]\.timeout: may change/,
    ],
    [{ indexes: ['color'] }, /^options\.indexes\[0\]: /],
    [{ maxEntries: 0 }, /^options\.maxEntries: /],
    [{ recheckInterval: 99 }, /^options\.recheckInterval: /],
  ])('are refused: %j', async (options, message) => {
    await expect(new PlayedTable().mirror(options)).rejects.toThrow(message);
  });

  it('may be a filter of all that a flow keeps, and no later change to it counts', async () => {
    const not = { port: 5 };
    const filter = { protocol: 'tcp' as const, zone: 3, mark: undefined, not: [not] };
    const table = new PlayedTable();
    const opening = table.mirror({ filter, indexes: [], queueBytes: 1 << 20 });
    filter.zone = 9;
    not.port = 9;
    await using mirror = await opening;
    expect(mirror.size).toBe(0);
    expect(table.watched).toEqual({
      filter: [{ protocol: 6, zone: 3, not: [{ port: 5 }] }],
      receiveBufferBytes: undefined,
      queueBytes: 1 << 20,
    });
  });
});

describe('the changes of a mirror', () => {
  it('are read once, one read at a time', async () => {
    await using mirror = await new PlayedTable(flowOf(1)).mirror();
    const changes = mirror.changes();
    const reader = changes.batches();
    const first = reader.next();
    await expect(reader.next()).rejects.toMatchObject({ code: 'ERR_CONNTRACK_BUSY' });
    expect(() => changes[Symbol.asyncIterator]()).toThrow(/read/);
    await changes.close();
    expect(await first).toEqual({ value: undefined, done: true });
    const disposed = mirror.changes();
    const next = disposed[Symbol.asyncIterator]().next();
    await disposed[Symbol.asyncDispose]();
    expect(await next).toEqual({ value: undefined, done: true });
  });

  it('end with their signal, and the mirror stays', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror();
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = mirror.changes({ signal: controller.signal }).batches().next();
    const unread = mirror.changes({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const reader = unread.batches();
    await expect(reader.next()).rejects.toBe(reason);
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    await expect(mirror.changes({ signal: controller.signal }).batches().next()).rejects.toBe(
      reason,
    );
    expect(mirror.size).toBe(1);
  });

  it('end with their loop, and within a batch when they are closed', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const { signal } = new AbortController();
    const left = mirror.changes({ signal });
    const closed = mirror.changes();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    table.tell(['new', flowOf(1)], ['new', flowOf(2)]);
    for await (const change of left) {
      expect(change.type).toBe('added');
      break;
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const reader = closed[Symbol.asyncIterator]();
    expect((await reader.next()).done).toBe(false);
    await closed.close();
    expect(await reader.next()).toEqual({ value: undefined, done: true });
  });

  it('begin when they are asked for, and go to each reader', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror();
    const early = mirror.changes();
    table.tell(['new', flowOf(2)]);
    await mirror.caughtUp();
    const late = mirror.changes();
    table.tell(['new', flowOf(3)], ['new', flowOf(4)]);
    await mirror.caughtUp();
    const idsIn = async (changes: typeof early) => {
      const { value } = await changes.batches().next();
      return value?.map((change) => 'after' in change && change.after.id);
    };
    expect(await idsIn(early)).toEqual([2, 3, 4]);
    expect(await idsIn(late)).toEqual([3, 4]);
  });

  it('reach whoever waits for them, when nothing else refers to the stream', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const read: unknown[] = [];
    void (async () => {
      for await (const { type } of mirror.changes()) read.push(type);
    })();
    for (const number of [1, 2]) {
      await collectGarbage();
      table.tell(['new', flowOf(number)]);
      await mirror.caughtUp();
      await expect.poll(() => read).toHaveLength(number);
    }
  });

  it('are kept for no stream that was dropped', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const next = async (changes = mirror.changes()) => {
      const read = changes.batches().next();
      table.tell(['new', flowOf(1)], ['destroy', flowOf(1)]);
      const { value: [change] = [] } = await read;
      return new WeakRef(change as MirrorChange);
    };
    await next();
    await collectGarbage();
    const kept = mirror.changes();
    const change = await next(kept);
    await collectGarbage();
    expect(change.deref()).toBeUndefined();
    await kept.close();
  });

  it('that nobody reads are dropped beyond a limit, and counted', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror();
    const slow = mirror.changes();
    // One flow that begins and ends.
    const pair = [
      ['new', flowOf(1)],
      ['destroy', flowOf(1)],
    ] as const;
    for (let told = 0; told < 2000; told += 500) {
      table.tell(...Array.from({ length: 250 }, () => pair).flat());
    }
    // No change, and so none of those that are counted.
    table.put({ type: 'lost', cause: 'kernel', count: 5 });
    await mirror.caughtUp();
    const reader = slow.batches();
    const { value } = await reader.next();
    expect(value).toHaveLength(CHANGES + 1);
    expect(value?.at(-1)).toEqual({ type: 'lost', cause: 'changes', count: 2000 - CHANGES });
    expect(value?.slice(0, -1).every(({ type }) => type !== 'lost')).toBe(true);
    table.tell(['new', flowOf(2)]);
    expect(plain((await reader.next()).value ?? [])).toMatchObject([
      { type: 'added', after: { id: 2 } },
    ]);
  });
});

describe('a mirror looks again', () => {
  it('after an event that could not be read', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror({ recheckInterval: 100_000 });
    const changes = changesOf(mirror);
    table.events.counters.malformed = 3;
    table.flows = [flowOf(2)];
    await expect.poll(() => changes.length, { timeout: 10_000 }).toBe(3);
    expect(changes[0]).toEqual({ type: 'lost', cause: 'kernel', count: 3 });
    expect(idsOf(mirror)).toEqual([2]);
    expect(mirror.resyncs).toBe(1);
  });

  it('at its interval, also at an empty table', async () => {
    const table = new PlayedTable();
    await using mirror = await table.mirror({ recheckInterval: 100 });
    await setTimeout(250);
    table.tell(['new', flowOf(1)]);
    await mirror.caughtUp();
    expect(mirror.size).toBe(1);
    expect(table.gets).toEqual([]);
    expect(table.dumps).toHaveLength(1);
  });

  it('by gets of the flows that send no events, at its interval', async () => {
    const table = new PlayedTable(...Array.from({ length: 16 }, (_, index) => flowOf(index + 1)));
    await using mirror = await table.mirror({ recheckInterval: 100 });
    // Of these an event came: an event will tell their end.
    table.tell(...Array.from({ length: 14 }, (_, index) => ['update', flowOf(index + 1)] as const));
    await mirror.caughtUp();
    expect(mirror.staleFor).toBeGreaterThan(0);
    table.flows = table.batches.flat().filter(({ id }) => id !== 16);
    await expect.poll(() => mirror.size).toBe(15);
    expect(table.gets[0]?.map(([port]) => port)).toEqual([15, 16]);
    expect(table.dumps).toHaveLength(1);
  });

  it('now and then by a reading of flows whose end no event told', async () => {
    const flows = Array.from({ length: 16 }, (_, index) => flowOf(index + 1));
    const table = new PlayedTable(...flows);
    await using mirror = await table.mirror({ recheckInterval: 100 });
    table.tell(...flows.slice(1).map((flow) => ['update', flow] as const));
    await mirror.caughtUp();
    table.flows = flows.slice(0, 15);
    await expect.poll(() => mirror.size, { timeout: 5000 }).toBe(15);
    expect(table.dumps).toHaveLength(2);
    expect(table.gets.map((keys) => keys.map(([port]) => port))).toEqual(Array(4).fill([1]));
  });

  it('less often when that takes long', async () => {
    const table = new PlayedTable(flowOf(1));
    await using mirror = await table.mirror({ recheckInterval: 100 });
    const times: number[] = [];
    table.meanwhile = async (batch) => {
      times.push(performance.now());
      if (batch === 0) await setTimeout(100);
    };
    await expect.poll(() => times.length, { timeout: 5000 }).toBeGreaterThan(4);
    const [began = 0, ended = 0, again = 0] = times;
    expect(again - began).toBeGreaterThan(4 * (ended - began));
    expect(mirror.synced).toBe(true);
  });

  it.each([
    ['many flows send no events', 'all', 20],
    ['none sends any', 'none', 1],
    ['nothing shows whether they do', 'unknown', 1],
  ])('by a reading at its interval where %s', async (_, coverage, silent) => {
    const flows = Array.from({ length: 20 }, (_item, index) => flowOf(index + 1));
    const table = new PlayedTable(...flows);
    table.events.coverage = coverage;
    await using mirror = await table.mirror({ recheckInterval: 100, filter: { protocol: 'tcp' } });
    table.tell(...flows.slice(silent).map((flow) => ['update', flow] as const));
    await mirror.caughtUp();
    table.flows = flows.slice(1);
    await expect.poll(() => mirror.size).toBe(19);
    expect(table.gets).toEqual([]);
    expect(table.dumps.slice(0, 2)).toEqual([[{ protocol: 6 }], [{ protocol: 6 }]]);
    expect(table.watched).toMatchObject({ filter: [{ protocol: 6 }] });
  });

  it('by gets when the time of silent flows is over, and knows nothing stale without them', async () => {
    const table = new PlayedTable(flowOf(1, { timeout: 0 }), flowOf(2, { timeout: 500 }));
    await using mirror = await table.mirror({ recheckInterval: 100_000 });
    table.flows = [flowOf(2)];
    await expect.poll(() => mirror.size, { timeout: 10_000 }).toBe(1);
    expect(table.gets).toHaveLength(1);
    expect(mirror.staleFor).toBeGreaterThan(0);
    table.tell(['update', flowOf(2)]);
    await mirror.caughtUp();
    expect(mirror.staleFor).toBe(0);
  });
});
