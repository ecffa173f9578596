/**
 * Filters on the real kernel: what they mean, and that they mean the same for
 * lists and for events.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  createEntries,
  type DeletedEntries,
  deleteEntries,
  type Entry,
  type EntryFilter,
  type EntrySpec,
  explainFilter,
  listEntries,
  updateEntries,
  watchEvents,
} from 'conntrack';
import { beforeAll, expect, test } from 'vitest';
import { addLabels, insert } from '../support/conntrack-tool.js';
import { isEmulated, LONG, many } from '../support/emulation.js';
import { hasFeature } from '../support/kernel-features.js';
import { nft, run, setting } from '../support/namespace.js';
import { Random } from '../support/random.js';
import { describeInNamespace } from '../support/requirements.js';
import { matchesAny, randomFilter } from './filter-reference.js';
import { createMany } from './populate.js';

const keyOf = ({ id }: Entry) => id;

function isRefused(filter: EntryFilter): boolean {
  try {
    explainFilter(filter);
    return false;
  } catch (error) {
    if (error instanceof TypeError) return true;
    throw error;
  }
}

/** UDP flows with counters that differ: the first sends a packet, the next one two. */
async function sendPackets(flows: number): Promise<void> {
  run('ip', 'link', 'set', 'lo', 'up');
  setting('acct', 1);
  for (let flow = 0; flow < flows; flow++) {
    const socket = createSocket('udp4');
    for (let packet = 0; packet <= flow; packet++) {
      const sent = once(socket, 'sent');
      socket.send(Buffer.alloc(100), 9, '127.0.0.1', () => socket.emit('sent'));
      await sent;
    }
    socket.close();
  }
  const { updated } = await updateEntries({ address: '127.0.0.1' }, { timeout: 100_000 });
  expect(updated).toBe(flows);
}

/** What names a flow when it is created anew: its tuples and its zone. */
function flowOf({ protocolNumber, original, reply, zone }: Entry): string {
  return JSON.stringify([protocolNumber, original, reply, zone]);
}

/** More of them: CONNTRACK_FILTERS=10000 npx vitest run --project kernel filter.test */
const MANY_TOGETHER = Number(process.env.CONNTRACK_FILTERS ?? 4000);

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('a filter', () => {
  let table: Entry[] = [];

  beforeAll(async () => {
    setting('events', 1); // or entries that are older than the first listener end in silence
    // The kernel has room for labels only where a rule uses them.
    nft(`table inet labels {
      chain output { type filter hook output priority 0; ct label set 1; }
    }`);
    const random = new Random(1);
    for (let i = 0; i < 160; i++) {
      const ipv6 = random.below(2) === 0;
      const source = ipv6 ? `fd00:${random.below(3)}::${i}` : `10.0.${random.below(3)}.${i}`;
      const destination = ipv6
        ? `2001:db8::${1 + random.below(4)}`
        : `192.0.2.${random.below(255)}`;
      const protocol = random.of(['tcp', 'udp', 'sctp', 'udplite', 'icmp', 'gre']);
      setting('acct', random.below(3) > 0 ? 1 : 0);
      setting('timestamp', random.below(3) > 0 ? 1 : 0);
      const args = ['-s', source, '-d', destination, '-t', random.of(['1000', '100000'])];
      if (protocol === 'icmp') {
        args.push('-p', ipv6 ? 'icmpv6' : 'icmp');
        args.push(ipv6 ? '--icmpv6-type' : '--icmp-type', ipv6 ? '128' : '8');
        args.push(
          ipv6 ? '--icmpv6-code' : '--icmp-code',
          '0',
          ipv6 ? '--icmpv6-id' : '--icmp-id',
          '7',
        );
      } else if (protocol === 'gre') {
        args.push('-p', 'gre', '--srckey', '1', '--dstkey', '2');
      } else {
        args.push('-p', protocol, '--sport', String(1000 + random.below(400)), '--dport');
        args.push(random.of(['53', '80', '443']));
      }
      if (protocol === 'tcp') args.push('--state', random.of(['ESTABLISHED', 'SYN_SENT', 'CLOSE']));
      if (protocol === 'sctp')
        args.push('--state', 'ESTABLISHED', '--orig-vtag', '1', '--reply-vtag', '2');
      if (random.below(2) === 0) args.push('-m', String(random.below(40)));
      if (random.below(3) === 0) args.push('-w', String(1 + random.below(3)));
      if (random.below(3) === 0)
        args.push('-u', random.of(['ASSURED', 'SEEN_REPLY', 'SEEN_REPLY,ASSURED']));
      if (protocol === 'tcp' && random.below(2) === 0) {
        const to = ipv6 ? `fd00:9::${i}` : `203.0.113.${i}`;
        args.push(random.of(['--src-nat', '--dst-nat']), to);
      }
      insert(...args);
      // The tool forgets the zone when it adds labels.
      if (i % 2 === 0 && !ipv6 && !args.includes('-w')) addLabels([i % 3], '-s', source);
    }
    // What the tool cannot insert: protocols without a name, and zones of one direction.
    const protocols = [55, 50, 253, 'udp', 'tcp'] as const;
    const others = protocols.flatMap((protocol, index) => {
      const ports = index < 3 ? {} : { sourcePort: 1000 + index, destinationPort: 443 };
      const zone = index < 3 ? {} : { zone: index - 2 };
      return [
        { source: `10.0.1.${240 + index}`, destination: '10.0.1.239' },
        { source: `fd00:1::f${index}`, destination: 'fd00:1::ef' },
      ].map(
        (addresses): EntrySpec => ({
          protocol,
          original: { ...addresses, ...ports, ...zone },
          timeout: 1000,
          mark: index,
        }),
      );
    });
    for (const { error } of await createEntries(others)) if (error) throw error;
    await sendPackets(4);
    table = await listEntries();
  });

  test(
    'means what the reference says, for hundreds of random ones',
    async () => {
      expect(table).toHaveLength(174);
      const random = new Random(2);
      let some = 0;
      for (let round = 0; round < many(400); round++) {
        const filters = Array.from({ length: random.of([1, 1, 1, 2, 3]) }, () =>
          randomFilter(random, table),
        );
        const filter = filters.length === 1 ? filters[0] : filters;
        const expected = table.filter((entry) => matchesAny(filters, entry)).map(keyOf);
        const listed = (await listEntries(filter)).map(keyOf);
        if (expected.length > 0 && expected.length < table.length) some++;
        expect(
          new Set(listed),
          JSON.stringify(filter, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)),
        ).toEqual(new Set(expected));
        expect(listed).toHaveLength(expected.length);
        if (filters.length > 1) continue;
        // Of several filters the kernel is not asked for any.
        const compared = (await listEntries([...filters, ...filters])).map(keyOf);
        expect(new Set(compared)).toEqual(new Set(expected));
      }
      expect(some).toBeGreaterThan(many(200));
    },
    LONG,
  ); // some 1,200 walks over the hash table
  test('deletes what the reference says, and leaves the rest as it was', async () => {
    const random = new Random(4);
    let left = table;
    let partial = 0;
    const rounds = isEmulated ? 60 : 150;
    for (let round = 0; round < rounds; round++) {
      const filters = Array.from({ length: random.of([1, 1, 2]) }, () =>
        randomFilter(random, table),
      );
      const filter = filters.length === 1 ? filters[0] : filters;
      const chosen = left.filter((entry) => matchesAny(filters, entry));
      const counts = { matched: chosen.length, vanished: 0 };
      let result: DeletedEntries;
      try {
        expect(await deleteEntries(filter as EntryFilter, { dryRun: true })).toEqual({
          ...counts,
          deleted: 0,
        });
        result = await deleteEntries(filter as EntryFilter, { entries: true });
      } catch (error) {
        // A whole family is deleted by flushEntries alone.
        expect(String(error)).toMatch(/TypeError: filter: .*flushEntries/);
        continue;
      }
      const { entries, ...others } = result;
      expect(others).toEqual({ ...counts, deleted: chosen.length });
      expect(entries.map(flowOf).sort()).toEqual(chosen.map(flowOf).sort());
      const remaining = left.filter((entry) => !chosen.includes(entry));
      const now = await listEntries();
      const byId = (entries: Entry[]) =>
        new Map(entries.map((entry) => [entry.id, { ...entry.toJSON(), timeout: 0, use: 0 }]));
      expect(byId(now)).toEqual(byId(remaining));
      if (chosen.length > 0 && remaining.length > 0) partial++;
      // What was deleted comes back, as it was but for its id.
      const results = await createEntries(chosen);
      expect(results.map(({ error }) => error)).toEqual(chosen.map(() => undefined));
      left = await listEntries();
      expect(left).toHaveLength(table.length);
    }
    expect(partial).toBeGreaterThan(0.4 * rounds);
    table = left;
  });

  test(
    'many together, listed and deleted: thousands of random ones, each of few entries',
    async () => {
      const random = new Random(6);
      const wanted = isEmulated ? 400 : MANY_TOGETHER;
      const matching = new Map<EntryFilter, Set<string>>();
      while (matching.size < wanted) {
        const filter = {
          ...randomFilter(random, table, true),
          ...randomFilter(random, table, true),
        };
        if (isRefused(filter)) continue; // addresses of two families
        const chosen = table.filter((entry) => matchesAny([filter], entry)).map(flowOf);
        // The others would hide these.
        if (chosen.length <= 3) matching.set(filter, new Set(chosen));
        await turn(); // test/support/watchdog.ts
      }
      const all = [...matching];
      let partial = 0;
      for (let at = 0; at < all.length; ) {
        const some = all.slice(at, at + random.of([1, 2, 4, 8, 16, 32, 64, 300]));
        at += some.length;
        const filters = some.map(([filter]) => filter);
        const expected = new Set(some.flatMap(([, chosen]) => [...chosen]));
        const listed = new Set((await listEntries(filters)).map(flowOf));
        expect(listed, inspect(filters, { depth: 5 })).toEqual(expected);
        const result = await deleteEntries(filters);
        expect(result).toEqual({ matched: expected.size, deleted: expected.size, vanished: 0 });
        const left = new Set((await listEntries()).map(flowOf));
        expect(left).toEqual(new Set(table.map(flowOf).filter((flow) => !expected.has(flow))));
        if (left.size > 0 && expected.size > 0) partial++;
        const chosen = table.filter((entry) => expected.has(flowOf(entry)));
        const results = await createEntries(chosen);
        expect(results.map(({ error }) => error)).toEqual(chosen.map(() => undefined));
      }
      expect(partial).toBeGreaterThan(wanted / 200);
      table = await listEntries();
    },
    LONG,
  );

  test('updates what the reference says, and nothing else', async () => {
    const random = new Random(5);
    for (let round = 0; round < 60; round++) {
      const filter = {
        ...randomFilter(random, table),
        protocol: random.of(['tcp', 'udp'] as const),
      };
      const before = await listEntries();
      const chosen = before.filter((entry) => matchesAny([filter], entry));
      const mask = random.of([0xff, 0xf000, 0xffffffff]);
      const value = (random.below(0xffffffff) & mask) >>> 0;
      const result = await updateEntries(filter, { mark: { value, mask } });
      expect(result).toEqual({ matched: chosen.length, updated: chosen.length, vanished: 0 });
      const marks = new Map((await listEntries()).map(({ id, mark }) => [id, mark]));
      for (const entry of before) {
        const { id, mark = 0 } = entry;
        const expected = chosen.includes(entry) ? ((mark & ~mask) | value) >>> 0 : mark;
        expect(marks.get(id)).toBe(expected);
      }
    }
    table = await listEntries();
  });

  test('means the same for events', async () => {
    const random = new Random(3);
    const filters = Array.from({ length: 40 }, () => randomFilter(random, table));
    const streams = filters.map((filter) => watchEvents({ events: ['destroy'], filter }));
    const all = watchEvents({ events: ['destroy'] });
    run('conntrack', '-F');
    const destroyed: Entry[] = [];
    for await (const event of all) {
      if ('entry' in event) destroyed.push(event.entry);
      if (destroyed.length === table.length) break;
    }
    for (const [index, stream] of streams.entries()) {
      const filter = filters[index] as EntryFilter;
      const expected = destroyed.filter((entry) => matchesAny([filter], entry)).map(keyOf);
      const seen: number[] = [];
      if (expected.length > 0) {
        for await (const event of stream) {
          if ('entry' in event) seen.push(event.entry.id);
          if (seen.length === expected.length) break;
        }
      }
      expect(stream.counters.received).toBe(expected.length);
      expect(seen).toEqual(expected);
      await stream.close();
    }
  });

  test('keeps what does not match out of the receive buffer', async () => {
    const stream = watchEvents({
      events: ['new'],
      filter: [{ mark: 77, family: 'ipv4' }, { original: { source: 'fd77::/16' } }],
      receiveBufferBytes: 4096,
    });
    createMany(0, many(50_000));
    const hosts = ['-s', '10.77.0.1', '-d', '10.77.0.2', '--sport', '1', '--dport', '2'];
    insert('-p', 'udp', ...hosts, '-t', '60', '-m', '77');
    for await (const event of stream) {
      expect(event).toMatchObject({ type: 'new', entry: { mark: 77 } });
      break;
    }
    expect(stream.counters).toMatchObject({ received: 1, lostInKernel: 0, lostInQueue: 0 });
    run('conntrack', '-F');
  });

  test('of a thousand addresses costs about as much as one of one', async () => {
    createMany(0, many(100_000));
    const addresses = Array.from({ length: 1000 }, (_, index) => ({
      address: `10.77.${index >> 8}.${index & 255}`,
    }));
    const time = async (filter: EntryFilter[]) => {
      const start = performance.now();
      for (let round = 0; round < 5; round++) expect(await listEntries(filter)).toEqual([]);
      return performance.now() - start;
    };
    await time([{ address: '10.77.0.0' }]);
    const one = await time([{ address: '10.77.0.0' }]);
    expect(await time(addresses)).toBeLessThan((isEmulated ? 6 : 2) * one);
  });
});

describeInNamespace('conntrack')('explainFilter', () => {
  const whereOf = (filter: EntryFilter | EntryFilter[]) =>
    Object.fromEntries(
      explainFilter(filter).fields.map(({ field, evaluatedBy }) => [field, evaluatedBy]),
    );

  beforeAll(() => {
    createMany(200_000, 10);
  });

  test('tells what this kernel evaluates', () => {
    const original = { source: '10.0.0.1', destination: '10.0.0.0/8', sourcePort: 5, zone: 1 };
    expect(
      whereOf({
        family: 'ipv4',
        protocol: 'udp',
        original,
        reply: { sourcePort: 1 },
        mark: 5,
        zone: 3,
      }),
    ).toEqual({
      'filter.family': 'kernel',
      'filter.protocol': 'kernel',
      'filter.mark': 'kernel',
      'filter.zone': hasFeature('zoneFilter') ? 'kernel' : 'package',
      'filter.original.source': 'kernel',
      'filter.original.destination': 'package',
      'filter.original.sourcePort': 'kernel',
      'filter.original.zone': 'package',
      'filter.reply.sourcePort': 'package',
    });
    expect(whereOf({ status: { none: ['assured'] }, nat: 'any', zone: 0, state: 'CLOSE' })).toEqual(
      {
        'filter.status': hasFeature('statusFilter') ? 'kernel' : 'package',
        'filter.nat': 'package',
        'filter.zone': 'package',
        'filter.state': 'package',
      },
    );
    expect(whereOf({ protocol: 'icmp', original: { icmp: { type: 8, id: 1 } } })).toEqual({
      'filter.protocol': 'kernel',
      'filter.original.icmp.type': 'kernel',
      'filter.original.icmp.id': 'kernel',
    });
  });

  test('never lets the kernel compare what it gets wrong', () => {
    expect(whereOf({ original: { source: 'fd00::1' } })).toEqual({
      'filter.original.source': 'package',
    });
    for (const protocol of ['sctp', 'udplite', 'gre'] as const) {
      expect(whereOf({ protocol, original: { sourcePort: 5 } })).toEqual({
        'filter.protocol': 'kernel',
        'filter.original.sourcePort': 'package',
      });
    }
    for (const { reason } of explainFilter({ original: { source: 'fd00::1' } }).fields) {
      expect(reason).toContain('IPv6');
    }
  });

  test('says how the filters of an entry are found', () => {
    const lookupOf = (filter: EntryFilter | readonly EntryFilter[]) => explainFilter(filter).lookup;
    const ends = Array.from({ length: 1000 }, (_, index) => ({
      source: `10.0.${index >> 8}.${index & 255}`,
      sourcePort: 1024 + index,
    }));
    expect(lookupOf({})).toEqual({ indexed: 0, looks: 0, compared: 0 });
    expect(lookupOf({ mark: 1 })).toEqual({ indexed: 0, looks: 0, compared: 1 });
    expect(lookupOf([{ mark: 1 }, { mark: 2 }, { state: 'CLOSE' }])).toMatchObject({ compared: 3 });
    expect(lookupOf(ends.map((original) => ({ original })))).toEqual({
      indexed: 1000,
      looks: 1,
      compared: 0,
    });
    const both = ends.flatMap(({ source, sourcePort }, index) => [
      { address: source, port: sourcePort },
      { reply: { destination: source, destinationPort: sourcePort } },
      { address: `fd00::${index}`, port: sourcePort },
      { labels: { all: 1n << BigInt(index % 128) } },
    ]);
    // `address` and `port` of IPv4, of IPv6, and those of the reply.
    expect(lookupOf(both)).toEqual({ indexed: 3000, looks: 3, compared: 1000 });
  });

  test('tells the walks over the table', () => {
    expect(explainFilter({}).passes).toEqual([['ipv4', 'ipv6']]);
    expect(explainFilter({ mark: 1 }).passes).toEqual([['ipv4', 'ipv6']]);
    expect(explainFilter({ protocol: 'tcp' }).passes).toEqual([['ipv4'], ['ipv6']]);
    expect(explainFilter({ address: 'fd00::1' }).passes).toEqual([['ipv6']]);
    expect(explainFilter([]).passes).toEqual([]);
    const both = explainFilter([{ mark: 1, family: 'ipv4' }, { address: '10.0.0.1' }]);
    expect(both.passes).toEqual([['ipv4']]);
    expect(both.fields.map(({ evaluatedBy }) => evaluatedBy)).toEqual([
      'kernel',
      'package',
      'package',
    ]);
  });

  test('changes nothing', async () => {
    const before = (await listEntries()).map(({ id }) => id).sort();
    explainFilter({ protocol: 'tcp', status: { all: ['assured'] }, zone: 3, mark: 1 });
    expect((await listEntries()).map(({ id }) => id).sort()).toEqual(before);
  });

  test('names what is wrong with a filter', () => {
    expect(() => explainFilter({ marc: 1 } as EntryFilter)).toThrow(/^filter\.marc: /);
  });
});
