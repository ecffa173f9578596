/**
 * The tables of a mirror against plain Maps: whatever is put and deleted, they have the same.
 */
import { describe, expect, it, test } from 'vitest';
import { INDEXED, type IndexName, KEY_WORDS } from '../../src/mirror/dimensions.js';
import { FlowIndex } from '../../src/mirror/flow-index.js';
import { type FlowKey, FlowKeyReader } from '../../src/mirror/flow-key.js';
import { FLOW, FlowRecords } from '../../src/mirror/flow-records.js';
import { FlowTable, recordOf } from '../../src/mirror/flow-table.js';
import { SlotHash } from '../../src/mirror/slot-hash.js';
import { Tally } from '../../src/mirror/tally.js';
import { Random } from '../support/random.js';
import { entryWith } from './records.js';

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

describe('a hash of slots', () => {
  // Few different hashes, in few parts: chains that wrap around, and move up.
  test.each(SEEDS)('has what was added and not deleted (seed %i)', (seed) => {
    const random = new Random(seed);
    const hash = new SlotHash();
    const model = new Map<number, Set<number>>();
    const hashOf = () => ((random.below(2) << 24) | (random.below(4) << 3) | random.below(3)) >>> 0;
    for (let step = 0; step < 3000; step++) {
      const key = hashOf();
      const slots = model.get(key) ?? new Set();
      model.set(key, slots);
      const [some] = slots;
      const grows = Math.floor(step / 500) % 2 === 0;
      if (random.below(4) < (grows ? 3 : 1)) {
        slots.add(step);
        hash.add(key, step);
      } else if (some !== undefined) {
        slots.delete(some);
        hash.delete(key, some);
      }
      const found: number[] = [];
      for (let slot = hash.first(key); slot !== -1; slot = hash.next()) found.push(slot);
      expect(found.sort()).toEqual([...slots].sort());
    }
  });
});

const tuple = (source: number, port: number, mapped: number) => ({
  original: {
    source: `10.0.0.${source}`,
    destination: '10.0.1.1',
    protocol: 6,
    sourcePort: port,
    destinationPort: 80 + (port % 3),
  },
  reply: {
    source: `10.0.1.${1 + mapped}`,
    destination: `10.0.0.${source}`,
    protocol: 6,
    sourcePort: 80 + (port % 3) + mapped,
    destinationPort: port,
  },
});

describe('an index', () => {
  test.each(Object.keys(INDEXED) as IndexName[])('of %s has the keys of each slot', (name) => {
    const random = new Random(7);
    const dimension = INDEXED[name];
    const index = new FlowIndex(dimension);
    const model = new Map<number, Set<string>>();
    const keysOf = (record: ReturnType<typeof recordOf>) => {
      const keys = new Uint32Array(dimension.most * KEY_WORDS);
      const count = dimension.keys(record.words, record.at, keys);
      return Array.from({ length: count }, (_, at) =>
        keys.slice(at * KEY_WORDS, (at + 1) * KEY_WORDS),
      );
    };
    for (let step = 0; step < 4000; step++) {
      const slot = random.below(200) * 41;
      if (random.below(3) > 0) {
        const flow = tuple(random.below(5), 1000 + random.below(4), random.below(2));
        const record = recordOf(
          entryWith({ ...flow, id: slot, mark: random.below(3), zone: random.below(2) }),
        );
        index.put(slot, record.words, record.at);
        model.set(slot, new Set(keysOf(record).map(String)));
      } else {
        index.delete(slot);
        model.delete(slot);
      }
      if (step % 100 !== 0) continue;
      const counts = new Map<string, number>();
      for (const keys of model.values())
        for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
      expect(index.size).toBe(counts.size);
      for (const [text, count] of counts) {
        const key = Uint32Array.from(text.split(',').map(Number));
        const slots = [...index.slotsOf(key)];
        const expected = [...model].filter(([, keys]) => keys.has(text)).map(([each]) => each);
        expect(slots.sort()).toEqual(expected.sort());
        expect(slots).toHaveLength(count);
        for (const each of model.keys()) expect(index.has(each, key)).toBe(expected.includes(each));
      }
      const visited: number[] = [];
      index.forEach((_, count) => {
        visited.push(count);
      });
      expect(visited.sort()).toEqual([...counts.values()].sort());
    }
    expect([...index.slotsOf(new Uint32Array(KEY_WORDS).fill(9))]).toEqual([]);
  });
});

it('a tally counts all numbers but 0', () => {
  const tally = new Tally(10);
  const counts = () => {
    const all: [number, number][] = [];
    tally.forEach((...pair) => {
      all.push(pair);
    });
    return all;
  };
  for (const number of [0, 3, 3, 9]) tally.add(number, 1);
  expect(counts()).toEqual([
    [3, 2],
    [9, 1],
  ]);
  tally.add(9, -1);
  expect(counts()).toEqual([[3, 2]]);
});

it('records know which flows are silent, and skip pages without one', () => {
  const records = new FlowRecords();
  const before = process.memoryUsage().arrayBuffers;
  const slots = Array.from({ length: 10_000 }, () => records.take());
  expect((process.memoryUsage().arrayBuffers - before) / 10_000).toBeLessThan(300);
  expect(records.silent).toBe(10_000);
  const silent = [0, 4095, 4096, 9_999];
  for (const slot of slots) if (!silent.includes(slot)) records.set(slot, 2);
  const found: number[] = [];
  for (let slot = records.nextSilent(0); slot !== -1; slot = records.nextSilent(slot + 1)) {
    found.push(slot);
  }
  expect(found).toEqual(silent);
  for (const [slot, tick] of [
    [0, 5],
    [4095, 7],
    [4096, undefined],
    [9_999, 2 ** 40],
    [17, 1],
  ] as const) {
    records.setExpiry(slot, tick);
  }
  records.set(17, 2); // it speaks
  const expired = (tick: number) => {
    const all: number[] = [];
    for (let slot = records.nextExpired(0, tick); slot !== -1; ) {
      all.push(slot);
      slot = records.nextExpired(slot + 1, tick);
    }
    return all;
  };
  expect(expired(4)).toEqual([]);
  expect(expired(5)).toEqual([0]);
  expect(expired(2 ** 32 - 2)).toEqual([0, 4095]);
  records.give(4096);
  records.set(0, 32); // it has ended
  expect(records.silent).toBe(2);
  expect(records.nextSilent(0)).toBe(4095);
});

it.each([0, 4096])('of %i records none is silent or over where all have sent events', (count) => {
  const records = new FlowRecords();
  for (let slot = 0; slot < count; slot++) {
    records.take();
    records.set(slot, FLOW.speaks);
  }
  expect([records.end, records.silent]).toEqual([count, 0]);
  expect([records.nextSilent(0), records.nextExpired(0, 2 ** 31)]).toEqual([-1, -1]);
});

describe('the key of a flow', () => {
  const key: FlowKey = {
    protocol: 'tcp',
    source: '10.0.0.1',
    destination: '192.168.255.254',
    sourcePort: 1,
    destinationPort: 65_535,
  };
  const read = (given: FlowKey) => {
    const { words, at, zone } = new FlowKeyReader().read(given);
    return [[...words.subarray(at)], zone];
  };

  // With a field more, a key takes the long way.
  test.each<[string, Partial<FlowKey>]>([
    ['TCP', {}],
    ['UDP', { protocol: 'udp' }],
    ['zeros', { source: '0.0.0.0', sourcePort: 0 }],
    ['IPv6', { source: '2001:db8::1', destination: '2001:db8::ffff' }],
  ])('is the same in short and at length: %s', (_, part) => {
    const given = { ...key, ...part };
    const [words, zone] = read(given) as [number[], number];
    const [atLength] = read({ ...given, zone: 0 }) as [number[]];
    // But for the bits of what is present, which are no part of a tuple's identity.
    expect(words.slice(0, -1)).toEqual(atLength.slice(0, -1));
    expect(zone).toBe(0);
  });

  test.each<[string, object, RegExp]>([
    ['an octet too large', { source: '10.0.0.256' }, /^key\.source: must be an IP/],
    ['a leading zero', { source: '10.0.0.01' }, /^key\.source: must be an IP/],
    ['three octets', { source: '10.0.1' }, /^key\.source: must be an IP/],
    ['five octets', { source: '1.2.3.4.5' }, /^key\.source: must be an IP/],
    ['an empty octet', { source: '10..0.1' }, /^key\.source: must be an IP/],
    ['a dot at the end', { source: '10.0.0.1.' }, /^key\.source: must be an IP/],
    ['a text too long', { source: '255.255.255.2550' }, /^key\.source: must be an IP/],
    ['no text', { source: 167_772_161 }, /^key\.source: must be/],
    ['a sign', { source: '10.0.0.-1' }, /^key\.source: must be an IP/],
    ['a port too large', { sourcePort: 65_536 }, /^key\.sourcePort: must be an integer/],
    ['two ports too large', { sourcePort: 65_536, destinationPort: 65_537 }, /^key\.sourcePort: /],
    ['half a port', { sourcePort: 1.5 }, /^key\.sourcePort: must be an integer/],
    ['no protocol', { protocol: undefined }, /^key\.protocol: must be/],
    ['a misspelled field', { sourceport: 1 }, /^key\.sourceport: unknown field/],
    ['two families', { source: '::1' }, /^key\.destination: must have the address family/],
  ])('is refused with %s', (_, part, message) => {
    expect(() => read({ ...key, ...part })).toThrow(message);
  });

  it('finds a flow of each kind by either tuple', () => {
    const table = new FlowTable();
    const plain = table.add(recordOf(entryWith({ ...tuple(1, 1000, 0), id: 1 })));
    const translated = table.add(recordOf(entryWith({ ...tuple(2, 1000, 1), id: 2 })));
    const reader = new FlowKeyReader();
    const find = (ends: ReturnType<typeof tuple>['original']) =>
      table.find(reader.read({ ...ends, protocol: 'tcp' }));
    for (const [flow, slot] of [
      [tuple(1, 1000, 0), plain],
      [tuple(2, 1000, 1), translated],
    ] as const) {
      expect(find(flow.original)).toBe(slot);
      expect(find(flow.reply)).toBe(slot);
    }
    // That of the answers without NAT.
    expect(find(tuple(2, 1000, 0).reply)).toBe(-1);
    table.delete(plain);
    expect(find(tuple(1, 1000, 0).reply)).toBe(-1);
  });
});
