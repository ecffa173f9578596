/**
 * Mirrors on the real kernel: whatever happens to the table, and however much is lost, a mirror
 * equals a fresh dump when the load pauses, and its changes lead there, too.
 */
import {
  createEntries,
  deleteEntries,
  type Entry,
  type EntrySpec,
  flushEntries,
  listEntries,
  MIRROR_INDEXES,
  type MirrorChange,
  mirrorTable,
  type TableMirror,
  updateEntries,
} from 'conntrack';
import { expect, test } from 'vitest';
import { setting } from '../support/namespace.js';
import { Random } from '../support/random.js';
import { describeInNamespace } from '../support/requirements.js';

/** How long the table changes; `CONNTRACK_CHURN_SECONDS=600` for ten minutes. */
const SECONDS = Number(process.env.CONNTRACK_CHURN_SECONDS ?? 4);
/** Each case takes half of that. */
const LIMIT = 45_000 + 1000 * SECONDS;
const SEED = Number(process.env.CONNTRACK_SEED ?? Date.now() % 1e6);

/** What a dump and events agree upon: a flow that events told of has no counters and no `use`. */
const known = ({ zone, original, reply, id, mark, status, labels, tcp }: Entry) =>
  JSON.stringify([
    ...[zone, original, reply, id, mark ?? 0],
    ...[status.bits, String(labels ?? 0n), tcp?.state],
  ]);
const linesOf = (entries: Iterable<Entry>) => Array.from(entries, known).sort().join('\n');

const nameOf = ({ zone, protocolNumber, original }: Entry) =>
  JSON.stringify([zone, protocolNumber, original]);

/** What changes make of the entries that there were. */
class Replay {
  readonly flows: Map<string, Entry>;

  constructor(entries: Iterable<Entry>) {
    this.flows = new Map(Array.from(entries, (entry) => [nameOf(entry), entry]));
  }

  take(change: MirrorChange): void {
    switch (change.type) {
      case 'added':
        expect(this.flows.has(nameOf(change.after))).toBe(false);
        this.flows.set(nameOf(change.after), change.after);
        break;
      case 'changed':
        expect(known(this.flows.get(nameOf(change.before)) as Entry)).toBe(known(change.before));
        this.flows.set(nameOf(change.after), change.after);
        break;
      case 'removed':
        expect(this.flows.delete(nameOf(change.before))).toBe(true);
        break;
      case 'lost':
        expect(change.cause).not.toBe('changes');
        break;
    }
  }
}

/** Counts, lists and lookups say what the entries say. */
function expectConsistent(mirror: TableMirror): void {
  const entries = [...mirror.entries()];
  expect(mirror.size).toBe(entries.length);
  const count = (texts: (entry: Entry) => (string | undefined)[]) => {
    const counts = new Map<string, number>();
    for (const entry of entries)
      for (const text of new Set(texts(entry)))
        if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
    return Object.fromEntries(counts);
  };
  const counted = (by: Parameters<TableMirror['countBy']>[0]) =>
    Object.fromEntries(mirror.countBy(by));
  const ends = ({ original, reply }: Entry) => [
    ...[original.source, original.destination, reply.source, reply.destination],
  ];
  expect(counted('protocol')).toEqual(count(({ protocol }) => [protocol]));
  expect(counted('state')).toEqual(count(({ tcp }) => [tcp?.state]));
  expect(counted('mark')).toEqual(count(({ mark }) => [String(mark ?? 0)]));
  expect(counted('zone')).toEqual(count(({ zone }) => [String(zone)]));
  expect(counted('source')).toEqual(count(({ original }) => [original.source]));
  expect(counted('destination')).toEqual(count(({ original }) => [original.destination]));
  expect(counted('port')).toEqual(count(({ original }) => [String(original.destinationPort)]));
  expect(counted('address')).toEqual(count(ends));
  for (const mark of [0, 1, 2, 3]) {
    const expected = linesOf(entries.filter((entry) => (entry.mark ?? 0) === mark));
    expect(linesOf(mirror.findAll({ mark }))).toBe(expected);
    expect(linesOf(mirror.entries({ mark }))).toBe(expected);
  }
  for (const entry of entries.slice(0, 50)) {
    const { protocol, zone, original, reply } = entry;
    for (const tuple of [original, reply]) {
      const { source, destination, sourcePort, destinationPort } = tuple;
      const key = { protocol, zone, source, destination, sourcePort, destinationPort };
      expect(known(mirror.find(key) as Entry)).toBe(known(entry));
    }
    const address = entry.reply.destination;
    const expected = entries.filter((other) => ends(other).includes(address));
    expect(linesOf(mirror.findAll({ address }))).toBe(linesOf(expected));
  }
}

/** Random flows, and what happens to them. */
class Churn {
  private readonly random = new Random(SEED);

  some(count: number): EntrySpec[] {
    return Array.from({ length: count }, () => this.flow(this.random.below(2000)));
  }

  async act(): Promise<void> {
    const { random } = this;
    const what = random.below(100);
    const mark = random.below(4);
    const protocol = random.of(['udp', 'tcp'] as const);
    if (what < 50) await createEntries(this.some(1 + random.below(200)));
    else if (what < 75) await updateEntries({ mark, protocol: 'tcp' }, { mark: random.below(4) });
    else if (what < 90) await deleteEntries({ mark, protocol });
    // A newer flow on each tuple, at once.
    else if (what < 97) await reuse({ mark, protocol });
    else if (what < 98) await flushEntries();
    else if (what < 99) await flushEntries({ family: 'ipv6' });
    else for (const end = performance.now() + 100; performance.now() < end; );
  }

  private flow(number: number): EntrySpec {
    const { random } = this;
    const isIPv6 = number % 3 === 0;
    const isTcp = number % 2 === 0;
    return {
      protocol: isTcp ? 'tcp' : 'udp',
      original: {
        source: isIPv6 ? `2001:db8::${number.toString(16)}` : `10.0.${number >> 8}.${number & 255}`,
        destination: isIPv6 ? '2001:db8::ffff' : '192.0.2.1',
        sourcePort: 1000,
        destinationPort: 53 + (number % 5),
      },
      timeout: random.below(10) === 0 ? 1 : 100 + random.below(600),
      mark: random.below(4),
      ...(number % 7 === 0 && { zone: 1 + (number % 2) }),
      ...(number % 5 === 0 && !isIPv6 && { nat: { source: { address: '198.51.100.1' } } }),
      ...(isTcp && {
        tcp: { state: random.below(2) === 0 ? 'ESTABLISHED' : 'SYN_SENT' } as const,
      }),
    };
  }
}

async function reuse(filter: { mark: number; protocol: 'tcp' | 'udp' }): Promise<void> {
  const { entries } = await deleteEntries(filter, { entries: true });
  await createEntries(
    entries.map(({ original, protocol, zone, tcp }) => ({
      ...{ original, protocol, timeout: 300, zone },
      ...(tcp && { tcp: { state: 'SYN_RECV' } as const }),
    })),
  );
}

describeInNamespace('conntrack')(`a mirror of a table that changes (seed ${SEED})`, () => {
  test.each([
    ['default buffers', undefined],
    ['a buffer that overruns', 4096],
  ])(
    'equals a fresh dump when the load pauses, with %s',
    async (_, receiveBufferBytes) => {
      setting('events', 1);
      const churn = new Churn();
      await createEntries(churn.some(500));
      await using mirror = await mirrorTable({ receiveBufferBytes, indexes: MIRROR_INDEXES });
      const changes = mirror.changes();
      const replay = new Replay(mirror.entries());
      const replaying = (async () => {
        for await (const change of changes) replay.take(change);
      })();
      const end = performance.now() + 500 * SECONDS;
      let pauses = 0;
      do {
        for (let actions = 0; actions < 20; actions++) await churn.act();
        await mirror.caughtUp();
        // A dump ends flows whose time is over: their events are still on their way.
        await expect
          .poll(
            async () => {
              const lines = linesOf(await listEntries());
              await mirror.caughtUp();
              return linesOf(mirror) === lines;
            },
            { message: `seed ${SEED}`, timeout: 10_000, interval: 20 },
          )
          .toBe(true);
        expectConsistent(mirror);
        const expected = linesOf(mirror);
        await expect
          .poll(() => linesOf(replay.flows.values()) === expected, { message: `seed ${SEED}` })
          .toBe(true);
        pauses++;
      } while (performance.now() < end);
      expect(pauses).toBeGreaterThan(0);
      if (receiveBufferBytes !== undefined) expect(mirror.resyncs).toBeGreaterThan(1);
      expect(mirror.synced).toBe(true);
      await mirror.close();
      await replaying;
    },
    LIMIT,
  );
});
