/** Any records, beside a model: what was written comes back, once, and its sums are exact. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FlowPart, FlowRecord } from '../../src/flow-log/flow-log.js';
import { describeWithEngine, open } from './engine.js';
import { anyPart, anyRecord, part, parts, T0, traffic } from './records.js';

const seed = Number(process.env.CONNTRACK_SEED ?? 1);
const runs = Number(process.env.CONNTRACK_PROPERTY_RUNS ?? 60);

const isPart = (record: FlowRecord): record is FlowPart => record.type === 'flow';
const nameOf = ({ flow, part }: FlowPart) => `${flow}/${part}`;

/** What a database keeps of records that came in this order. */
function kept(records: readonly FlowRecord[]): Map<string, FlowPart> {
  const first = new Map<string, FlowPart>();
  for (const one of records.filter(isPart)) {
    if (!first.has(nameOf(one))) first.set(nameOf(one), one);
  }
  return first;
}

/** Without what is `undefined`, as JSON has it. */
const plain = (value: unknown) => structuredClone(present(value));
function present(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(present);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => [name, present(one)]),
  );
}

describeWithEngine('records in a database', () => {
  test('come back as they were, once, whatever is written again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyRecord, { maxLength: 20 }), { maxLength: 4 }),
        async (writes) => {
          await using database = await open();
          for (const records of writes) await database.write(records);
          for (const records of writes) await database.write(records);
          const model = kept(writes.flat());
          const found = [...database.flows()];
          expect(found).toHaveLength(model.size);
          // toStrictEqual: a field that is absent stays absent.
          for (const one of found) expect(one).toStrictEqual(plain(model.get(nameOf(one))));
          const times = found.map(({ to }) => to.getTime());
          expect(times).toEqual([...times].sort((one, other) => other - one));
          const notes = new Map<string, FlowRecord>();
          for (const records of writes) {
            const same = new Map<string, number>();
            for (const note of records.filter((one) => !isPart(one))) {
              const text = JSON.stringify(note);
              same.set(text, (same.get(text) ?? 0) + 1);
              notes.set(`${same.get(text) ?? 0} ${text}`, note);
            }
          }
          const texts = (all: Iterable<FlowRecord>) =>
            [...all].map((one) => JSON.stringify(one)).sort();
          expect(texts(database.notes())).toEqual(texts(notes.values()));
          for (const note of database.notes())
            expect(note.type === 'gap' ? note.to : note.at).toBeInstanceOf(Date);
        },
      ),
      { seed, numRuns: runs },
    );
  });

  /** Their sums stay below 2^63, as those of any network do. */
  const some = fc.uniqueArray(anyPart, { maxLength: 60, selector: nameOf });

  test('have the sums of a model, by group and by time', async () => {
    await fc.assert(
      fc.asyncProperty(some, fc.nat(4e12), fc.nat(4e12), async (all, since, until) => {
        await using database = await open();
        await database.write(all);
        const inPeriod = all.filter(({ to }) => to.getTime() >= since && to.getTime() < until);
        const groups = new Map<string, bigint[]>();
        for (const one of inPeriod) {
          const { packets, bytes } = one.traffic?.original ?? { packets: 0, bytes: 0 };
          const reply = one.traffic?.reply ?? { packets: 0, bytes: 0 };
          const sums = groups.get(one.original.source) ?? Array<bigint>(7).fill(0n);
          const adds = [
            packets,
            bytes,
            reply.packets,
            reply.bytes,
            1,
            Number(one.estimated),
            Number(one.outcome !== 'open'),
          ];
          groups.set(
            one.original.source,
            sums.map((sum, index) => sum + BigInt(adds[index] ?? 0)),
          );
        }
        const told = database.topTalkers({ by: 'source', since, until, limit: 1000 });
        const asTold = told.map(({ source, traffic: { original, reply }, ...rest }) => [
          source,
          [
            original.packets,
            original.bytes,
            reply.packets,
            reply.bytes,
            rest.parts,
            rest.estimated,
            rest.ended,
          ],
        ]);
        expect(Object.fromEntries(asTold)).toEqual(
          Object.fromEntries([...groups].map(([source, sums]) => [source, sums.map(Number)])),
        );
        const bytes = told.map(({ traffic: { original, reply } }) => original.bytes + reply.bytes);
        expect(bytes).toEqual([...bytes].sort((one, other) => other - one));
        const totals = database.totals({ since, until, every: '1d' });
        expect(totals.reduce((sum, one) => sum + one.parts, 0)).toBe(inPeriod.length);
        for (const { from, to, parts } of totals) {
          const mine = inPeriod.filter((one) => one.to >= from && one.to < to);
          expect(parts).toBe(mine.length);
        }
      }),
      { seed, numRuns: runs },
    );
  });

  test('are found by address, port, protocol and time, a page at a time', async () => {
    const wanted = fc.record(
      {
        address: fc.constantFrom('10.0.0.1', 'fd00::1', 'FD00:0::1'),
        port: fc.nat(3),
        protocol: fc.nat(3),
        since: fc.nat(4e12),
        until: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }),
        limit: fc.integer({ min: 1, max: 20 }),
      },
      { requiredKeys: [] },
    );
    const few = fc.nat(3);
    const alike = anyPart.chain((one) =>
      fc.tuple(few, few, few, few, few).map(([number, a, b, c, d]) => ({
        ...one,
        protocolNumber: number,
        original: { ...one.original, sourcePort: a, destinationPort: b },
        reply: { ...one.reply, sourcePort: c, destinationPort: d },
      })),
    );
    const every = fc.uniqueArray(alike, { maxLength: 60, selector: nameOf });
    await fc.assert(
      fc.asyncProperty(every, wanted, async (all, query) => {
        await using database = await open();
        await database.write(all);
        const { port, protocol, since = 0, until = Number.POSITIVE_INFINITY } = query;
        const address = query.address?.replace('FD00:0::1', 'fd00::1');
        const isWanted = ({ original, reply, protocolNumber, to }: FlowPart) =>
          [
            undefined,
            original.source,
            original.destination,
            reply.source,
            reply.destination,
          ].includes(address) &&
          [
            undefined,
            original.sourcePort,
            original.destinationPort,
            reply.sourcePort,
            reply.destinationPort,
          ].includes(port) &&
          [undefined, protocolNumber].includes(protocol) &&
          Number(to) >= since &&
          Number(to) < Number(until);
        const model = all
          .map((one, index) => ({ one, index }))
          .filter(({ one }) => isWanted(one))
          .sort((a, b) => Number(b.one.to) - Number(a.one.to) || b.index - a.index)
          .slice(0, query.limit)
          .map(({ one }) => nameOf(one));
        expect([...database.flows(query)].map(nameOf)).toEqual(model);
      }),
      { seed, numRuns: 2 * runs },
    );
  });

  test('come page by page while others are written', async () => {
    await using database = await open();
    await database.write(
      parts(2500, 0, { original: { source: '10.0.0.1', destination: '10.9.9.9' } }),
    );
    const address = '10.9.9.9';
    for (const query of [{ until: T0 + 2500 }, { address }]) {
      const seen: string[] = [];
      for (const { flow } of database.flows(query)) {
        // A statement that is open would refuse it.
        if (seen.length % 1000 === 500) await database.write(parts(1, 10_000 + seen.length));
        seen.push(flow);
      }
      expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => `run-${2499 - index}`));
    }
  });

  test('with the same time, and more of them than a page has: each once', async () => {
    await using database = await open();
    await database.write(parts(3000, 0, { to: new Date(T0) }));
    for (const query of [{}, { address: '10.0.0.2' }]) {
      expect(new Set([...database.flows(query)].map(({ flow }) => flow)).size).toBe(3000);
    }
  });

  test('a database of no records has no history, and nothing to tell', async () => {
    await using database = await open();
    expect(await database.history()).toBeUndefined();
    expect([
      [...database.flows()],
      database.notes(),
      database.totals(),
      database.topTalkers({ by: 'zone' }),
    ]).toEqual([[], [], [], []]);
  });

  test('history: the last part of each open flow, in whatever order parts come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 99 }),
        fc.array(fc.nat(9)),
        async (count, ending, order) => {
          await using database = await open();
          // Of three flows the last part may be an end.
          const all = Array.from({ length: 3 * count }, (_, index) => {
            const number = 1 + Math.floor(index / 3);
            const isLast = number === count && (ending >> (index % 3)) % 2 === 1;
            return part({
              flow: `run-${index % 3}`,
              part: number,
              outcome: isLast ? 'expired' : 'open',
              to: new Date(T0 + number),
            });
          });
          const shuffled = all
            .map((one, index) => ({ one, by: order[index] ?? 0 }))
            .sort((a, b) => a.by - b.by)
            .map(({ one }) => one);
          for (const one of shuffled) await database.write([one]);
          for (const one of shuffled) await database.write([one]);
          const history = await database.history();
          const open_: FlowPart[] = [];
          for await (const one of history?.open ?? []) open_.push(one);
          const model = all.filter(
            ({ part: number, outcome }) => number === count && outcome === 'open',
          );
          expect(open_.map(nameOf).sort()).toEqual(model.map(nameOf).sort());
        },
      ),
      { seed, numRuns: runs },
    );
  });

  test('history: many open flows', async () => {
    await using database = await open();
    await database.write(parts(2345, 0, { outcome: 'open' }));
    const history = await database.history();
    const found: FlowPart[] = [];
    for await (const one of history?.open ?? []) found.push(one);
    expect(found).toHaveLength(2345);
  });

  test('history: until when nothing is missing', async () => {
    const until = async (...records: FlowRecord[]) => {
      await using database = await open();
      await database.write(records);
      return Number((await database.history())?.until) - T0;
    };
    const at = (ms: number) => new Date(T0 + ms);
    const open1 = part({ outcome: 'open', to: at(50) });
    const open2 = part({ outcome: 'open', part: 2, from: at(50), to: at(90) });
    // Of the first reading nothing is known but that the recorder ran before.
    expect(await until(open1)).toBe(50);
    expect(await until({ type: 'lost', cause: 'queue', count: 1, at: at(40) })).toBe(40);
    expect(await until(open1, { type: 'gap', from: at(-100), to: at(0) })).toBe(0);
    // The second one came after all that the first has taken in.
    expect(await until(open1, open2)).toBe(50);
    expect(await until(open1, open2, part({ flow: 'run-2', to: at(70), end: at(70) }))).toBe(70);
    // Without timestamps it has the time at which it was read.
    expect(await until(open1, open2, part({ flow: 'run-2', to: at(70) }))).toBe(50);
    const finished = { type: 'notice', code: 'finished', message: '', at: at(95) } as const;
    expect(await until(open1, open2, finished)).toBe(95);
    // A flow that is gone tells nothing of the events of others.
    expect(
      await until(open1, open2, part({ flow: 'run-2', outcome: 'unobserved', to: at(70) })),
    ).toBe(50);
  });

  test('sums beyond 2^53 are rounded, not refused', async () => {
    await using database = await open();
    const most = 2 ** 53 - 1;
    await database.write([
      part({ traffic: traffic(most, most, most, most) }),
      part({ part: 2, traffic: traffic(most, most, most, most) }),
      part({ part: 3, traffic: undefined }),
    ]);
    const [talker] = database.topTalkers({ by: 'service' });
    expect(talker).toEqual({
      protocol: 'tcp',
      protocolNumber: 6,
      destination: '10.0.0.2',
      destinationPort: 443,
      parts: 3,
      ended: 3,
      traffic: traffic(2 ** 54 - 2, 2 ** 54 - 2, 2 ** 54 - 2, 2 ** 54 - 2),
      estimated: 0,
      uncounted: 1,
    });
  });

  test.each([
    'source',
    'destination',
    'pair',
    'service',
    'port',
    'protocol',
    'zone',
    'mark',
  ] as const)('the top talkers by %s', async (by) => {
    await using database = await open();
    const small = part({ traffic: traffic(1, 10, 1, 10) });
    const original = {
      source: 'fd00::1',
      destination: 'fd00::2',
      icmp: { type: 128, code: 0, id: 1 },
    };
    const large = part({
      flow: 'run-2',
      protocol: 'icmpv6',
      protocolNumber: 58,
      original,
      zone: 4,
      mark: 9,
      traffic: traffic(1, 10, 1, 11),
    });
    await database.write([small, large]);
    const keys = database
      .topTalkers({ by, limit: 5 })
      .map(({ parts: _p, ended: _d, traffic: _t, estimated: _e, uncounted: _u, ...key }) => key);
    const expected = {
      source: [{ source: 'fd00::1' }, { source: '10.0.0.1' }],
      destination: [{ destination: 'fd00::2' }, { destination: '10.0.0.2' }],
      pair: [
        { source: 'fd00::1', destination: 'fd00::2' },
        { source: '10.0.0.1', destination: '10.0.0.2' },
      ],
      service: [
        { protocol: 'icmpv6', protocolNumber: 58, destination: 'fd00::2' },
        { protocol: 'tcp', protocolNumber: 6, destination: '10.0.0.2', destinationPort: 443 },
      ],
      port: [
        { protocol: 'icmpv6', protocolNumber: 58 },
        { protocol: 'tcp', protocolNumber: 6, destinationPort: 443 },
      ],
      protocol: [
        { protocol: 'icmpv6', protocolNumber: 58 },
        { protocol: 'tcp', protocolNumber: 6 },
      ],
      zone: [{ zone: 4 }, { zone: 0 }],
      mark: [{ mark: 9 }, {}],
    };
    expect(keys).toEqual(expected[by]);
    expect(database.topTalkers({ by, limit: 1 })).toHaveLength(1);
  });

  test('totals report what was lost, also where no flow is', async () => {
    await using database = await open();
    const hour = 3_600_000;
    await database.write([
      part(),
      { type: 'lost', cause: 'kernel', count: 5, at: new Date(T0 + 1) },
      { type: 'lost', cause: 'kernel', count: 5, at: new Date(T0 + 1) },
      { type: 'lost', cause: 'queue', count: 7, at: new Date(T0 + hour) },
    ]);
    expect(
      database
        .totals()
        .map(({ from, to, parts, lost }) => [Number(from) - T0, Number(to) - T0, parts, lost]),
    ).toEqual([
      [0, hour, 1, 10],
      [hour, 2 * hour, 0, 7],
    ]);
    expect(database.notes({ since: T0 + 1, until: T0 + hour })).toHaveLength(2);
  });
});
