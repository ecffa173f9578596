/**
 * What was deleted: deleteEntries() and flushEntries() with `entries`, and streamDeletes(), on the real
 * kernel.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  Conntrack,
  createEntries,
  deleteEntries,
  deleteEntry,
  type Entry,
  type EntrySpec,
  flushEntries,
  listEntries,
  streamDeletes,
  streamEntries,
  watchEvents,
} from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { count } from '../support/conntrack-tool.js';
import { many } from '../support/emulation.js';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { ping } from '../support/traffic.js';

/** The flow with this number. */
function udp(number: number, more: Partial<EntrySpec> = {}): EntrySpec {
  const source = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  const original = { source, destination: '192.0.2.1', sourcePort: 1, destinationPort: 2 };
  return { protocol: 'udp', original, timeout: 1000, mark: 1, ...more };
}

const flows = (length: number, first = 0) =>
  Array.from({ length }, (_, number) => udp(first + number));

async function create(specs: readonly EntrySpec[]): Promise<void> {
  for (const { error } of await createEntries(specs)) if (error) throw error;
}

const ids = (entries: readonly Entry[]) => new Set(entries.map(({ id }) => id));

const CHANGING = 'status assured timeout use counters stopTime stopTimeNs final'.split(' ');

/** Of an entry, what no delete changes. */
function lasting(entry: Entry) {
  const values = Object.entries(entry.toJSON());
  return Object.fromEntries(values.filter(([name]) => !CHANGING.includes(name)));
}
const byId = (entries: readonly Entry[]) =>
  new Map(entries.map((entry) => [entry.id, lasting(entry)]));

beforeEach(() => {
  run('conntrack', '-F');
  nft('flush ruleset');
  setting('events', 1);
  setting('acct', 1);
  setting('timestamp', 1);
});

describeInNamespace('conntrack', 'nft')('the last counters of deleted entries', () => {
  const PORT = 9999;
  const FIRST = 20_000;
  const loopback = (number: number): EntrySpec => ({
    protocol: 'udp',
    original: {
      source: '127.0.0.1',
      destination: '127.0.0.1',
      sourcePort: FIRST + number,
      destinationPort: PORT,
    },
    timeout: 1000,
    mark: 1,
  });

  /** Sends an answer of each flow, which counts 30 bytes. */
  async function answerAll(ports: Iterable<number>): Promise<void> {
    const socket = createSocket('udp4');
    socket.bind(PORT, '127.0.0.1');
    await once(socket, 'listening');
    for (const port of ports) {
      await new Promise((resolve) => {
        socket.send('ok', port, '127.0.0.1', resolve);
      });
    }
    socket.close();
    await once(socket, 'close');
  }

  test('have what was counted between the reading of an entry and its delete', async () => {
    trackLoopback();
    const size = 800;
    await create(Array.from({ length: size }, (_, number) => loopback(number)));
    const left = new Set(Array.from({ length: size }, (_, number) => FIRST + number));
    const batches = streamDeletes({ mark: 1 }).batches();
    const { value: first = [] } = await batches.next();
    for (const entry of first) {
      left.delete(entry.original.sourcePort ?? 0);
      expect(entry.counters?.reply).toMatchObject({ packets: 0, bytes: 0 });
    }
    expect(left.size).toBe(size - first.length);
    expect(left.size).toBeGreaterThan(400);
    // The kernel has sent some two hundred of them already, with counters of 0.
    await answerAll(left);
    await answerAll(left);
    for await (const batch of batches) {
      for (const entry of batch) {
        expect(left.delete(entry.original.sourcePort ?? 0)).toBe(true);
        expect(entry.final).toBe(true);
        expect(entry.counters?.reply).toMatchObject({ packets: 2, bytes: 60 });
        expect(entry.status).toMatchObject({ seenReply: true, dying: true });
      }
    }
    expect(left.size).toBe(0);
  });

  test('and the times at which they ended', async () => {
    const began = BigInt(Date.now()) * 1_000_000n;
    await create(flows(3));
    const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
    const over = BigInt(Date.now() + 1) * 1_000_000n;
    expect(entries).toHaveLength(3);
    for (const { startTimeNs = 0n, stopTimeNs = 0n } of entries) {
      expect(startTimeNs).toBeGreaterThanOrEqual(began);
      expect(stopTimeNs).toBeGreaterThan(startTimeNs);
      expect(stopTimeNs).toBeLessThanOrEqual(over);
    }
  });

  test('are those of the DESTROY event that others get', async () => {
    await create(flows(200));
    await using events = watchEvents({ events: ['destroy'], receiveBufferBytes: 2 ** 20 });
    const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
    const expected = new Map(
      entries.map(({ id, status, stopTimeNs, counters }) => [
        id,
        { status: status.bits, stopTimeNs, bytes: counters?.original.bytes },
      ]),
    );
    expect(expected.size).toBe(200);
    const seen = new Map<number, object>();
    for await (const event of events) {
      if (event.type !== 'destroy') throw new Error(event.type);
      const { id, status, stopTimeNs, counters, final } = event.entry;
      expect(final).toBe(true);
      seen.set(id, { status: status.bits, stopTimeNs, bytes: counters?.original.bytes });
      if (seen.size === 200) break;
    }
    expect(seen).toEqual(expected);
  });

  test('are unknown where nothing was counted, or nothing is sent', async () => {
    setting('acct', 0);
    setting('timestamp', 0);
    await create([udp(1)]);
    setting('events', 0);
    setting('acct', 1);
    await create([udp(2)]);
    const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
    const of = (end: string) => entries.find(({ original }) => original.source.endsWith(end));
    expect(of('.1')).toMatchObject({ final: true, counters: undefined, stopTime: undefined });
    expect(of('.2')).toMatchObject({ final: false, stopTime: undefined });
    expect(of('.2')?.counters?.original.packets).toBe(0);
    expect(of('.2')?.status.dying).toBe(false);
  });
});

describeInNamespace('conntrack', 'nft')('which entries are final', () => {
  test('those that began while events were on', async () => {
    const expected = new Map<string, boolean>();
    for (const [events, first] of [
      [0, 0],
      [1, 300],
      [0, 600],
    ] as const) {
      setting('events', events);
      const specs = flows(300, first);
      await create(specs);
      for (const { original } of specs) expected.set(original.source, events === 1);
    }
    const { entries, ...counts } = await deleteEntries({ mark: 1 }, { entries: true });
    expect(counts).toEqual({ matched: 900, deleted: 900, vanished: 0 });
    expect(new Map(entries.map(({ original, final }) => [original.source, final]))).toEqual(
      expected,
    );
  });

  const isAutomatic = hasFeature('automaticEvents');
  const why = isAutomatic ? '' : ' [skipped: this kernel has no events "auto"]';
  test.runIf(isAutomatic)(
    `with events "auto", those that began while somebody listened${why}`,
    async () => {
      setting('events', 2);
      await using events = watchEvents({ events: ['destroy'] });
      await create(flows(10));
      await events.close();
      const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
      expect(entries.map(({ final }) => final)).toEqual(Array(10).fill(true));
    },
  );
});

describeInNamespace('conntrack', 'nft')('deleteEntries with entries', () => {
  const mixture: EntrySpec[] = [
    udp(1),
    udp(2, { zone: 5 }),
    udp(3, { mark: 2 }),
    {
      protocol: 'tcp',
      original: { source: 'fd00::1', destination: 'fd00::2', sourcePort: 3, destinationPort: 4 },
      timeout: 600,
      tcp: { state: 'ESTABLISHED', original: { windowScale: 7, flags: 8, flagsMask: 9 } },
      status: ['assured', 'seenReply'],
      mark: 1,
    },
    {
      protocol: 'icmp',
      original: {
        source: '10.0.0.1',
        destination: '10.0.0.2',
        icmp: { type: 8, code: 0, id: 77 },
      },
      timeout: 30,
      mark: 1,
    },
    udp(4, { nat: { source: { address: '192.0.2.9', port: 99 } } }),
  ];

  test('returns each as it was, of every kind, and no other', async () => {
    await create(mixture);
    const chosen = await listEntries({ mark: 1 });
    expect(chosen).toHaveLength(5);
    const { entries, ...counts } = await deleteEntries({ mark: 1 }, { entries: true });
    expect(counts).toEqual({ matched: 5, deleted: 5, vanished: 0 });
    expect(byId(entries)).toEqual(byId(chosen));
    expect(entries.every(({ final }) => final)).toBe(true);
    expect(count()).toBe(1);
  });

  /** The line without what time changes. */
  const lasting = (entry: Entry) =>
    String(entry)
      .replace(/ \d+ (?=\D)/, ' ')
      .replace(/ delta-time=\d+/, '');

  test('and what was returned can be created again', async () => {
    await create(mixture);
    const before = (await listEntries()).map(lasting);
    const { entries } = await deleteEntries([{ mark: 1 }, { mark: 2 }], { entries: true });
    expect(count()).toBe(0);
    await create(entries);
    const after = (await listEntries()).map(lasting);
    expect(after.sort()).toEqual(before.sort());
  });

  test('with dryRun returns what it would delete, and deletes nothing', async () => {
    await create([...mixture, ...flows(1000, 100)]);
    const { entries, ...counts } = await deleteEntries(
      { mark: 1 },
      { entries: true, dryRun: true },
    );
    expect(counts).toEqual({ matched: 1005, deleted: 0, vanished: 0 });
    expect(byId(entries)).toEqual(byId(await listEntries({ mark: 1 })));
    expect(entries.some(({ final }) => final)).toBe(false);
    expect(count()).toBe(1006);
  });

  test('of an ICMP flow that packets made', async () => {
    trackLoopback();
    ping('127.0.0.1', '127.0.0.1', 4711);
    const { entries } = await deleteEntries({ protocol: 'icmp' }, { entries: true });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ final: true, original: { icmp: { id: 4711 } } });
    expect(entries[0]?.counters?.original.packets).toBe(1);
  });

  test('matches nothing', async () => {
    await create([udp(1)]);
    const nothing = { matched: 0, deleted: 0, vanished: 0, entries: [] };
    expect(await deleteEntries([], { entries: true })).toEqual(nothing);
    expect(await deleteEntries({ mark: 9 }, { entries: true })).toEqual(nothing);
    expect(await deleteEntries([], { entries: false })).not.toHaveProperty('entries');
  });

  test('of a large table: each once', async () => {
    const size = many(20_000);
    await create(flows(size));
    const expected = ids(await listEntries());
    const { entries } = await deleteEntries({ mark: 1 }, { entries: true });
    expect(entries).toHaveLength(size);
    expect(ids(entries)).toEqual(expected);
    expect(entries.every(({ final }) => final)).toBe(true);
    expect(count()).toBe(0);
  });

  test('while others delete: what had ended before is not among them', async () => {
    const size = many(20_000);
    await create(flows(size));
    const all = ids(await listEntries());
    const pass = deleteEntries({ mark: 1 }, { entries: true });
    const rival = (async () => {
      const taken: Entry[] = [];
      for await (const batch of streamEntries({ mark: 1 }).batches()) {
        for (const entry of batch) if (await deleteEntry(entry)) taken.push(entry);
      }
      return taken;
    })();
    const [{ matched, deleted, vanished, entries }, taken] = await Promise.all([pass, rival]);
    expect(matched).toBe(deleted + vanished);
    expect(entries).toHaveLength(deleted);
    expect(deleted + taken.length).toBe(size);
    expect(ids([...entries, ...taken])).toEqual(all);
  });
});

describeInNamespace('conntrack', 'nft')('streamDeletes', () => {
  test('gives each deleted entry, and counts', async () => {
    await create([...flows(1000), udp(5000, { mark: 2 })]);
    const chosen = await listEntries({ mark: 1 });
    const stream = streamDeletes({ mark: 1 });
    expect(stream.counters).toEqual({ matched: 0, deleted: 0, vanished: 0 });
    const entries: Entry[] = [];
    for await (const entry of stream) entries.push(entry);
    expect(byId(entries)).toEqual(byId(chosen));
    expect(stream.counters).toEqual({ matched: 1000, deleted: 1000, vanished: 0 });
    expect(stream.undelivered).toEqual([]);
    expect(count()).toBe(1);
  });

  test('deletes nothing before it is read, and nothing between two reads', async () => {
    await create(flows(1000));
    const batches = streamDeletes({ mark: 1 }).batches();
    expect(count()).toBe(1000);
    for (let left = 1000; left > 0; ) {
      const { value = [] } = await batches.next();
      left -= value.length;
      expect(count()).toBe(left);
    }
    expect(await batches.next()).toEqual({ value: undefined, done: true });
  });

  test('a loop over batches that is left has everything', async () => {
    await create(flows(1000));
    const stream = streamDeletes({ mark: 1 });
    let first: Entry[] = [];
    for await (const batch of stream.batches()) {
      first = batch;
      break;
    }
    await stream.close();
    expect(stream.counters.deleted).toBe(first.length);
    expect(stream.undelivered).toEqual([]);
    expect(count()).toBe(1000 - first.length);
  });

  test('a loop over entries that is left leaves the others in undelivered', async () => {
    await create(flows(1000));
    const all = ids(await listEntries());
    const stream = streamDeletes({ mark: 1 });
    const got: Entry[] = [];
    for await (const entry of stream) if (got.push(entry) === 7) break;
    await stream.close();
    const { undelivered, counters } = stream;
    expect(counters.deleted).toBe(7 + undelivered.length);
    const gone = ids([...got, ...undelivered]);
    expect(gone.size).toBe(counters.deleted);
    expect(ids(await listEntries())).toEqual(new Set([...all].filter((id) => !gone.has(id))));
  });

  test.each(['abort', 'close'] as const)('an end from outside: %s', async (how) => {
    const size = many(20_000);
    await create(flows(size));
    const controller = new AbortController();
    const reason = new Error('enough');
    const stream = streamDeletes({ mark: 1 }, { signal: controller.signal });
    let delivered = 0;
    const batches = stream.batches();
    delivered += (await batches.next()).value?.length ?? 0;
    const pending = batches.next().then(
      ({ value = [] }) => (delivered += value.length),
      (error: unknown) => error,
    );
    if (how === 'abort') controller.abort(reason);
    else void stream.close();
    const error = await pending;
    if (how === 'abort') expect(error).toBe(reason);
    else expect(error).toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    await stream.close();
    expect(stream.counters.deleted).toBe(delivered + stream.undelivered.length);
    expect(count()).toBe(size - stream.counters.deleted);
    expect(await batches.next()).toEqual({ value: undefined, done: true });
  });

  test('ends with its handle', async () => {
    await create(flows(1000));
    const handle = await Conntrack.open();
    const batches = handle.streamDeletes({ mark: 1 }).batches();
    await batches.next();
    await handle.close();
    await expect(batches.next()).rejects.toMatchObject({ code: 'ERR_CONNTRACK_CLOSED' });
    expect(() => handle.streamDeletes({ mark: 1 })).toThrow('closed');
  });

  test('refuses a filter that matches everything, before it is read', () => {
    for (const filter of [undefined, {}, { family: 'ipv4' }, [{ mark: 1 }, {}]]) {
      expect(() => streamDeletes(filter as object)).toThrow(/TypeError|flushEntries/);
    }
  });
});

describeInNamespace('conntrack', 'nft')('flushEntries with entries', () => {
  const both = async () => {
    const original = { source: 'fd00::1', destination: 'fd00::2' };
    await create([...flows(500), { ...udp(0), original: { ...udp(0).original, ...original } }]);
    return listEntries();
  };

  test('empties the table, and returns it', async () => {
    const all = await both();
    const { entries, ...counts } = await flushEntries({ entries: true });
    expect(counts).toEqual({ matched: 501, deleted: 501, vanished: 0 });
    expect(byId(entries)).toEqual(byId(all));
    expect(count()).toBe(0);
  });

  test.each(['ipv4', 'ipv6'] as const)('of %s leaves the other family alone', async (family) => {
    const all = await both();
    const { entries } = await flushEntries({ family, entries: true });
    expect(byId(entries)).toEqual(byId(all.filter((entry) => entry.family === family)));
    expect(count()).toBe(501 - entries.length);
  });

  test('without it returns nothing', async () => {
    await both();
    const flushed: Promise<unknown> = flushEntries({ entries: false });
    expect(await flushed).toBeUndefined();
    expect(count()).toBe(0);
  });
});
