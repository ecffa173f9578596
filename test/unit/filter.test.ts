import {
  Conntrack,
  deleteEntries,
  type EntryFilter,
  explainFilter,
  listEntries,
  streamEntries,
  updateEntries,
  watchEvents,
} from 'conntrack';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.js';
import { compileFilter } from '../../src/filter/compile.js';
import { FILTER, FILTER_PRESENT } from '../../src/record/layout.js';
import { LITTLE_ENDIAN } from '../../src/record/words.js';

const AF_INET = 2;
const AF_INET6 = 10;
const BOTH = 0;

function askedFamily(ask: ArrayBuffer | undefined): number | undefined {
  if (ask === undefined) return undefined;
  const view = new DataView(ask);
  const asked = view.getUint32(FILTER.present, LITTLE_ENDIAN) & FILTER_PRESENT.family;
  return asked === 0 ? BOTH : view.getUint8(FILTER.family);
}

describe('the family that the kernel is asked for', () => {
  it.each<[EntryFilter | EntryFilter[] | undefined, number | undefined]>([
    [undefined, BOTH],
    [{}, BOTH],
    [{ family: undefined }, BOTH],
    [{ family: 'ipv4' }, AF_INET],
    [{ family: 'ipv6' }, AF_INET6],
    [[{ family: 'ipv4' }], AF_INET],
    [[{ family: 'ipv6' }, { family: 'ipv6' }], AF_INET6],
    [[{ family: 'ipv4' }, { family: 'ipv6' }], BOTH],
    [[{ family: 'ipv4' }, {}], BOTH],
    [[{}], BOTH],
    [[], undefined],
    // What only one family has.
    [{ address: '10.0.0.1' }, AF_INET],
    [[{ address: 'fd00::/8' }, { reply: { source: 'fe80::1' } }], AF_INET6],
    [[{ address: '10.0.0.1' }, { address: 'fd00::1' }], BOTH],
    [[{ address: '10.0.0.1' }, { protocol: 'tcp' }], BOTH],
    // An IPv4-mapped address is IPv4.
    [{ address: '::ffff:10.0.0.1' }, AF_INET],
    [{ address: '::ffff:10.0.0.0/104', family: 'ipv4' }, AF_INET],
  ])('%j is %j', (filter, expected) => {
    expect(askedFamily(compileFilter(filter).ask)).toBe(expected);
  });
});

describe('addresses of two families in one filter', () => {
  const fields: Record<string, (address: string) => EntryFilter> = {
    address: (address) => ({ address }),
    'original.source': (source) => ({ original: { source } }),
    'original.destination': (destination) => ({ original: { destination } }),
    'reply.source': (source) => ({ reply: { source } }),
    'reply.destination': (destination) => ({ reply: { destination } }),
  };
  const names = Object.keys(fields);
  const merged = (one: EntryFilter, other: EntryFilter): EntryFilter => ({
    ...one,
    ...other,
    ...(one.original && other.original && { original: { ...one.original, ...other.original } }),
    ...(one.reply && other.reply && { reply: { ...one.reply, ...other.reply } }),
  });
  const pairs = names.flatMap((one, index) =>
    names.slice(index + 1).map((other) => [one, other] as const),
  );
  const addresses = { ipv4: ['10.0.0.1', '10.0.0.0/8'], ipv6: ['fd00::1', '::/0'] };

  it.each(pairs)('are refused: %s and %s', (one, other) => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const opposite = family === 'ipv4' ? 'ipv6' : 'ipv4';
      for (const index of [0, 1]) {
        const first = fields[one]?.(addresses[family][index] ?? '') ?? {};
        const wrong = merged(first, fields[other]?.(addresses[opposite][index] ?? '') ?? {});
        expect(() => compileFilter(wrong)).toThrow(
          new RegExp(`^filter\\.${other}: must have the address family of ${one}, ${family}`),
        );
        const right = merged(first, fields[other]?.(addresses[family][index] ?? '') ?? {});
        expect(() => compileFilter(right)).not.toThrow();
      }
    }
  });

  it.each(names)('are refused: family and %s', (name) => {
    const ipv4 = fields[name]?.('10.0.0.1') ?? {};
    expect(() => compileFilter([{}, { family: 'ipv6', ...ipv4 }])).toThrow(
      new RegExp(`^filter\\[1\\]\\.${name}: must have the address family of family, ipv6`),
    );
    expect(() => compileFilter({ family: 'ipv4', ...ipv4 })).not.toThrow();
  });
});

describe('a wrong filter', () => {
  const wrong: [unknown, RegExp][] = [
    [{ famly: 'ipv4' }, /^filter\.famly: .*\bfamily\b/],
    [{ family: 'ipv4', protocl: 'tcp' }, /^filter\.protocl: /],
    [{ family: 'ipv5' }, /^filter\.family: .*'ipv4' or 'ipv6'.*ipv5/],
    [{ family: 'IPv4' }, /^filter\.family: /],
    [{ family: 'toString' }, /^filter\.family: /],
    [{ family: '' }, /^filter\.family: /],
    [{ family: 4 }, /^filter\.family: /],
    [{ family: null }, /^filter\.family: /],
    [{ family: ['ipv4'] }, /^filter\.family: /],
    [{ family: Symbol('ipv4') }, /^filter\.family: /],
    [null, /^filter: /],
    ['ipv4', /^filter: /],
    [4, /^filter: /],
    [[{ family: 'ipv4' }, null], /^filter/],
    [[{ family: 'ipv4' }, { famly: 'ipv6' }], /^filter.*famly: /],
  ];

  it.each(wrong)('%o is a TypeError that names the field', (filter, message) => {
    expect(() => compileFilter(filter as EntryFilter)).toThrow(TypeError);
    expect(() => compileFilter(filter as EntryFilter)).toThrow(message);
  });

  it.each<[object, typeof TypeError | typeof RangeError, RegExp]>([
    [{ protocol: 'TCP' }, TypeError, /^filter\.protocol: must be 'icmp'.* or 'udplite', not "TCP"/],
    [{ protocol: 256 }, RangeError, /^filter\.protocol: .*255/],
    [{ address: '10.0.0.256' }, TypeError, /^filter\.address: must be an IPv4 or IPv6 address/],
    [{ address: 'fe80::1%eth0' }, TypeError, /^filter\.address: /],
    [
      { address: '10.0.0.0/33' },
      RangeError,
      /^filter\.address: the prefix length must be from 0 to 32/,
    ],
    [{ address: 'fd00::/129' }, RangeError, /^filter\.address: .*0 to 128/],
    [{ address: '10.0.0.0/' }, RangeError, /^filter\.address: /],
    [{ address: '10.0.0.0/8/8' }, TypeError, /^filter\.address: /],
    [{ address: '10.0.0.1/8' }, TypeError, /^filter\.address: "10\.0\.0\.1\/8" has bits beyond/],
    [{ address: 'fd00::1/127' }, TypeError, /^filter\.address: .* has bits beyond/],
    [{ port: 65536 }, RangeError, /^filter\.port: must be an integer from 0 to 65535/],
    [{ port: '80' }, TypeError, /^filter\.port: /],
    [{ port: { from: 10, to: 9 } }, RangeError, /^filter\.port: from must not exceed to/],
    [{ port: { from: 10 } }, TypeError, /^filter\.port\.to: /],
    [{ port: { form: 10 } }, TypeError, /^filter\.port\.form: unknown field; known: from, to/],
    [{ mark: -1 }, RangeError, /^filter\.mark: /],
    [{ mark: 2 ** 32 }, RangeError, /^filter\.mark: /],
    [
      { mark: { value: 3, mask: 1 } },
      RangeError,
      /^filter\.mark\.value: has bits outside the mask/,
    ],
    [{ mark: { value: 3 } }, TypeError, /^filter\.mark\.mask: /],
    [{ zone: 65536 }, RangeError, /^filter\.zone: /],
    [
      { status: { all: ['ASSURED'] } },
      TypeError,
      /^filter\.status\.all\[0\]: must be 'expected', .*, not "ASSURED"; did you mean 'assured'\?$/,
    ],
    [{ status: ['assured'] }, TypeError, /^filter\.status: must be a plain object, not an array$/],
    [{ status: { any: [] } }, TypeError, /^filter\.status\.any: unknown field/],
    [{ assured: 1 }, TypeError, /^filter\.assured: /],
    [
      { state: 'established' },
      TypeError,
      /^filter\.state: must be 'NONE', .*, not "established"; did you mean 'ESTABLISHED'\?$/,
    ],
    [{ state: ['CLOSE', 7] }, TypeError, /^filter\.state\[1\]: must be 'NONE', .*, not 7$/],
    [{ labels: { all: 1 } }, TypeError, /^filter\.labels\.all: must be a bigint/],
    [{ labels: { none: 1n << 128n } }, RangeError, /^filter\.labels\.none: /],
    [{ helper: '' }, TypeError, /^filter\.helper: /],
    [{ helper: 'x'.repeat(32) }, TypeError, /^filter\.helper: /],
    [{ nat: 'src' }, TypeError, /^filter\.nat: must be 'source', 'destination', 'any' or 'none'/],
    [{ original: { src: '10.0.0.1' } }, TypeError, /^filter\.original\.src: unknown field/],
    [{ reply: { sourcePort: 1.5 } }, RangeError, /^filter\.reply\.sourcePort: /],
    [{ protocol: ['tcp', 'TCP'] }, TypeError, /^filter\.protocol\[1\]: must be 'icmp'/],
    [{ protocol: [256] }, RangeError, /^filter\.protocol\[0\]: /],
    [{ protocol: 'constructor' }, TypeError, /^filter\.protocol: /],
    [{ id: -1 }, RangeError, /^filter\.id: /],
    [{ timeout: 5 }, TypeError, /^filter\.timeout: must be \{ from, to \}, not 5/],
    [
      { timeout: { from: 2, to: 1 } },
      RangeError,
      /^filter\.timeout: from must not exceed to: 2, 1/,
    ],
    [{ timeout: { from: 2 ** 32 } }, RangeError, /^filter\.timeout\.from: /],
    [{ counters: { both: {} } }, TypeError, /^filter\.counters\.both: unknown field/],
    [
      { counters: { total: { bytes: 5 } } },
      TypeError,
      /^filter\.counters\.total\.bytes: must be \{/,
    ],
    [
      { counters: { reply: { packets: { from: -1n } } } },
      RangeError,
      /packets\.from: must be from 0/,
    ],
    [
      { counters: { reply: { packets: { to: 2n ** 64n } } } },
      RangeError,
      /packets\.to: must be from 0/,
    ],
    [
      { counters: { reply: { packets: { to: 1.5 } } } },
      TypeError,
      /packets\.to: must be an integer/,
    ],
    [{ startedAfter: 5 }, TypeError, /^filter\.startedAfter: must be a Date, or nanoseconds/],
    [{ startedAfter: '2026-01-01' }, TypeError, /^filter\.startedAfter: must be a Date/],
    [{ startedBefore: new Date(Number.NaN) }, RangeError, /^filter\.startedBefore: .* not NaN ms/],
    [{ startedBefore: new Date(-1) }, RangeError, /^filter\.startedBefore: must be from 1970 on/],
    [{ startedBefore: -1n }, RangeError, /^filter\.startedBefore: /],
    [{ sctp: { tag: 1 } }, TypeError, /^filter\.sctp\.tag: unknown field/],
    [{ dccp: { role: 'both' } }, TypeError, /^filter\.dccp\.role: must be 'client' or 'server'/],
    [{ original: { sourceKey: 65536 } }, RangeError, /^filter\.original\.sourceKey: /],
    [
      { reply: { sourcePort: 1, destinationKey: 2 } },
      TypeError,
      /^filter\.reply: must have ports or keys \(GRE\), not both: no tuple has both$/,
    ],
    [{ not: 5 }, TypeError, /^filter\.not: must be a plain object or an array/],
    [{ not: [{}, { famly: 1 }] }, TypeError, /^filter\.not\[1\]\.famly: unknown field/],
    [{ not: { not: {} } }, TypeError, /^filter\.not\.not: unknown field/],
    [
      { not: { address: '10.0.0.1', original: { source: 'fd00::1' } } },
      TypeError,
      /^filter\.not\.original\.source: must have the address family of address, ipv4/,
    ],
    [{ original: { icmp: { type: 256 } } }, RangeError, /^filter\.original\.icmp\.type: /],
    [[{}, { original: { zone: -1 } }], RangeError, /^filter\[1\]\.original\.zone: /],
  ])('%o is refused by name', (filter, type, message) => {
    const compile = () => compileFilter(filter);
    expect(compile).toThrow(type);
    expect(compile).toThrow(message);
  });

  it('is refused before anything is opened: a stream throws at once, a list rejects', async () => {
    const filter = { famly: 'ipv4' } as EntryFilter;
    expect(() => streamEntries(filter)).toThrow(/^filter\.famly: /);
    await expect(listEntries(filter)).rejects.toThrow(/^filter\.famly: /);
    await using conntrack = await Conntrack.open();
    expect(() => conntrack.streamEntries(filter)).toThrow(/^filter\.famly: /);
    await expect(conntrack.listEntries(filter)).rejects.toThrow(/^filter\.famly: /);
    expect(() => conntrack.watchEvents({ filter })).toThrow(/^options\.filter\.famly: /);
  });
});

describe('a filter without a condition', () => {
  it.each<EntryFilter>([
    { not: [] },
    { timeout: {} },
    { counters: {} },
    { counters: { total: { packets: {}, bytes: undefined } } },
    { sctp: {} },
    { dccp: {} },
    { original: {}, status: {} },
  ])('%o deletes nothing: it is the whole table', async (filter) => {
    await expect(deleteEntries(filter)).rejects.toThrow(/^filter: .*flushEntries/);
  });

  it.each<EntryFilter>([
    { not: {} },
    { protocol: [] },
    { counters: { total: { packets: { from: 0 } } } },
  ])('%o has one', (filter) => {
    expect(compileFilter(filter).takesWholeFamily).toBe(false);
  });
});

describe('more filters than a call takes', () => {
  const most = LIMITS.filters;
  const filters = (length: number) => Array.from({ length }, () => ({ port: 1 }));

  it('compiles as many as it takes', () => {
    expect(compileFilter(filters(most)).records?.byteLength).toBe(most * FILTER.size);
  });

  it('counts those of not', () => {
    const not = filters(most - 1);
    expect(compileFilter({ not }).records?.byteLength).toBe(most * FILTER.size);
    expect(() => compileFilter([{ not }, { port: 1 }])).toThrow(
      new RangeError(
        `filter: must have at most ${most} filters, those of not included, not ${most + 1}`,
      ),
    );
  });

  it.each<[string, (filter: EntryFilter[]) => unknown]>([
    ['listEntries', (filter) => listEntries(filter)],
    ['streamEntries', (filter) => streamEntries(filter)],
    ['deleteEntries', (filter) => deleteEntries(filter)],
    ['updateEntries', (filter) => updateEntries(filter, { mark: 1 })],
    ['watchEvents', (filter) => watchEvents({ filter })],
    ['explainFilter', (filter) => explainFilter(filter)],
  ])('is a RangeError of %s, and none is read', async (_, call) => {
    // A sparse array costs its caller nothing.
    for (const many of [filters(most + 1), new Array<EntryFilter>(2 ** 32 - 1)]) {
      const called = async () => call(many);
      await expect(called).rejects.toThrow(RangeError);
      await expect(called).rejects.toThrow(
        `filter: must have at most ${most} items, not ${many.length}; make several calls`,
      );
    }
  });
});

describe('wrong options', () => {
  it.each([
    [{ signal: {} }, /^options\.signal: /],
    [{ signal: null }, /^options\.signal: /],
    [{ zeroCounters: 1 }, /^options\.zeroCounters: /],
    [{ zeroCounters: 'no' }, /^options\.zeroCounters: /],
  ])('%o are a TypeError that names the field', (options, message) => {
    expect(() => streamEntries({}, options as object)).toThrow(TypeError);
    expect(() => streamEntries({}, options as object)).toThrow(message);
  });
});

it('a filter that nothing can match asks nobody', async () => {
  expect(await listEntries([])).toEqual([]);
});
