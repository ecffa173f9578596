/** What explainFilter() says of the answers of a kernel. */
import type { EntryFilter, PlannedField } from 'conntrack';
import { describe, expect, it, vi } from 'vitest';
import type { FilterSupport } from '../../src/core/native.js';

const kernel = vi.hoisted(() => ({ support: {} }));
vi.mock('../../src/core/load-addon.js', async (original) => {
  const { loadAddon } = await original<typeof import('../../src/core/load-addon.js')>();
  return {
    loadAddon: () => ({
      ...loadAddon(),
      probeFiltersNow: () => kernel.support,
      probeFilters: async () => kernel.support,
    }),
  };
});

/** The kernel is asked once. */
async function planModule(support: FilterSupport) {
  kernel.support = support;
  vi.resetModules();
  return import('../../src/filter/plan.js');
}

async function fieldsOf(filter: EntryFilter, support: FilterSupport) {
  const { fields } = (await planModule(support)).planFilter('explainFilter', filter);
  return Object.fromEntries(fields.map((one) => [one.field, one])) as Record<string, PlannedField>;
}

const ALL = { tuple: true, status: true, zone: true } as const;
const FILTER = { protocol: 'tcp', assured: true, zone: 3, mark: 1 } as const;

describe('a condition', () => {
  it.each([
    ['zone', 'CTA_ZONE'],
    ['assured', 'CTA_STATUS'],
    ['protocol', 'CTA_FILTER'],
    ['mark', 'CTA_MARK'],
  ])('of %s that the kernel compares', async (name, attribute) => {
    const field = (await fieldsOf(FILTER, ALL))[`filter.${name}`];
    expect(field).toMatchObject({ evaluatedBy: 'kernel' });
    expect(field?.reason).toContain(attribute);
  });

  it.each([
    ['zone', 'zone', 'this kernel ignores CTA_ZONE'],
    ['assured', 'status', 'this kernel ignores CTA_STATUS'],
    ['protocol', 'tuple', 'this kernel ignores CTA_FILTER'],
  ])('of %s that it ignores', async (name, probe, reason) => {
    const field = (await fieldsOf(FILTER, { ...ALL, [probe]: false }))[`filter.${name}`];
    expect(field).toMatchObject({ evaluatedBy: 'package' });
    expect(field?.reason).toContain(reason);
  });

  it('of a zone, of which nothing tells', async () => {
    const field = (await fieldsOf(FILTER, { tuple: true, status: true }))['filter.zone'];
    expect(field).toMatchObject({ evaluatedBy: 'kernel' });
    expect(field?.reason).toContain('no entry of zone 0 tells');
  });

  it('of a zone that it refuses, and of the others, which it compares', async () => {
    const fields = await fieldsOf(FILTER, { ...ALL, zone: 'refused' });
    expect(fields['filter.zone']).toEqual({
      field: 'filter.zone',
      evaluatedBy: 'package',
      reason: 'this kernel refuses CTA_ZONE: it was built without CONFIG_NF_CONNTRACK_ZONES',
    });
    for (const name of ['protocol', 'assured', 'mark']) {
      expect(fields[`filter.${name}`]?.evaluatedBy).toBe('kernel');
    }
  });

  it.each([
    ['assured', 'status', 'CTA_STATUS'],
    ['protocol', 'tuple', 'CTA_FILTER'],
  ])('of %s that it refuses, and of all others of that request', async (name, probe, attribute) => {
    const fields = await fieldsOf(FILTER, { ...ALL, [probe]: 'refused' });
    const own = `filter.${name}`;
    for (const { field, evaluatedBy, reason } of Object.values(fields)) {
      expect(evaluatedBy).toBe('package');
      const of = field === own ? '' : ' in the same request';
      expect(reason).toBe(`this kernel refuses ${attribute}${of}`);
    }
    const { [own]: _, ...without } = { ...FILTER, [name]: undefined } as EntryFilter &
      Record<string, unknown>;
    const others = await fieldsOf(without, { ...ALL, [probe]: 'refused' });
    expect(new Set(Object.values(others).map((one) => one.evaluatedBy))).toEqual(
      new Set(['kernel']),
    );
  });
});

const NOT_IN_KERNEL = 'the kernel has no such filter';
const NETWORK = 'the kernel compares single addresses, not networks';
const IPV6 = 'most kernels compare IPv6 addresses the wrong way round, and no version tells which';
const PORTS = 'the kernel compares single ports, not ranges';
const NO_PROTOCOL = "the kernel compares ports only with protocol: 'tcp' or 'udp'";
const NO_ICMP = "the kernel compares it only with protocol: 'icmp' or 'icmpv6'";
const KEYS = 'the kernel has no filter for the keys of GRE';
const FOUR = 'it may be any of four values, and the kernel cannot combine conditions';
const REPLY = /^before Linux \S+ the kernel compares reply tuples wrongly, and no request reveals/;
const TUPLE = /^CTA_FILTER, since Linux [\d.]+$/;
const STATUS = /^CTA_STATUS, since Linux [\d.]+$/;

/** Conditions, and why each is evaluated where it is: a pattern is the kernel's, a text is not. */
const reasons: [EntryFilter, Record<string, string | RegExp>][] = [
  [{ family: 'ipv4' }, { family: /^nfgen_family$/ }],
  [{ protocol: 'tcp' }, { protocol: TUPLE }],
  [{ protocol: ['udp'] }, { protocol: TUPLE }],
  [{ protocol: ['tcp', 'udp'] }, { protocol: 'the kernel compares one protocol, not a list' }],
  [{ protocol: [] }, { protocol: 'the kernel compares one protocol, not a list' }],
  [{ address: '10.0.0.1' }, { address: FOUR }],
  [{ port: 80 }, { port: FOUR }],
  [{ mark: 1 }, { mark: /^CTA_MARK$/ }],
  [{ zone: 3 }, { zone: /^CTA_ZONE, since Linux [\d.]+$/ }],
  [
    { zone: 0 },
    { zone: 'the kernel does not count an entry with a zone of one direction as zone 0' },
  ],
  [{ status: { all: ['assured'] } }, { status: STATUS }],
  [{ status: {} }, { status: 'it names no flag' }],
  [{ assured: true }, { assured: STATUS }],
  [{ nat: 'source' }, { nat: STATUS }],
  [{ nat: 'none' }, { nat: STATUS }],
  [
    { nat: 'any' },
    { nat: 'either of two status bits matches, and the kernel cannot combine conditions' },
  ],
  [{ state: 'ESTABLISHED' }, { state: NOT_IN_KERNEL }],
  [{ labels: { all: 1n } }, { labels: NOT_IN_KERNEL }],
  [{ helper: 'ftp' }, { helper: NOT_IN_KERNEL }],
  [{ id: 1 }, { id: NOT_IN_KERNEL }],
  [{ timeout: { from: 1 } }, { timeout: NOT_IN_KERNEL }],
  [{ counters: { total: { bytes: { from: 1 } } } }, { counters: NOT_IN_KERNEL }],
  [
    { startedAfter: 1n, startedBefore: 2n },
    {
      startedAfter: NOT_IN_KERNEL,
      startedBefore: NOT_IN_KERNEL,
    },
  ],
  [
    { sctp: { originalTag: 1 }, dccp: { role: 'client' } },
    {
      sctp: NOT_IN_KERNEL,
      dccp: NOT_IN_KERNEL,
    },
  ],
  [{ not: { zone: 1 } }, { not: 'the kernel cannot negate conditions' }],
  [{ original: { source: '10.0.0.1' } }, { 'original.source': TUPLE }],
  [{ original: { source: '10.0.0.0/8' } }, { 'original.source': NETWORK }],
  [{ original: { source: 'fd00::1' } }, { 'original.source': IPV6 }],
  [{ original: { destination: '10.0.0.1' } }, { 'original.destination': TUPLE }],
  [{ original: { destination: '10.0.0.0/8' } }, { 'original.destination': NETWORK }],
  ...(['tcp', 'udp'] as const).map((protocol): (typeof reasons)[number] => [
    { protocol, original: { sourcePort: 1, destinationPort: { from: 1, to: 2 } } },
    { protocol: TUPLE, 'original.sourcePort': TUPLE, 'original.destinationPort': PORTS },
  ]),
  [
    { protocol: 'tcp', original: { sourcePort: { from: 1, to: 2 }, destinationPort: 1 } },
    { protocol: TUPLE, 'original.sourcePort': PORTS, 'original.destinationPort': TUPLE },
  ],
  [{ original: { sourcePort: 1 } }, { 'original.sourcePort': NO_PROTOCOL }],
  [
    { protocol: 'sctp', original: { destinationPort: 1 } },
    { protocol: TUPLE, 'original.destinationPort': NO_PROTOCOL },
  ],
  [
    { original: { sourceKey: 1, destinationKey: 2 } },
    { 'original.sourceKey': KEYS, 'original.destinationKey': KEYS },
  ],
  [
    { original: { icmp: { type: 8, code: 0, id: 1 } } },
    {
      'original.icmp.type': NO_ICMP,
      'original.icmp.code': NO_ICMP,
      'original.icmp.id': NO_ICMP,
    },
  ],
  [
    { family: 'ipv4', protocol: 'icmp', original: { icmp: { type: 8, code: 0, id: 1 } } },
    {
      family: /^nfgen_family$/,
      protocol: TUPLE,
      'original.icmp.type': TUPLE,
      'original.icmp.code': TUPLE,
      'original.icmp.id': TUPLE,
    },
  ],
  [
    { original: { zone: 1 } },
    { 'original.zone': 'the kernel has no filter for the zone of one direction' },
  ],
  [
    {
      reply: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 },
    },
    {
      'reply.source': REPLY,
      'reply.destination': REPLY,
      'reply.sourcePort': REPLY,
      'reply.destinationPort': REPLY,
    },
  ],
];

describe('the reason of', () => {
  it.each(reasons)('%o', async (filter, expected) => {
    const fields = await fieldsOf(filter, ALL);
    expect(Object.keys(fields).sort()).toEqual(
      Object.keys(expected)
        .map((name) => `filter.${name}`)
        .sort(),
    );
    for (const [name, reason] of Object.entries(expected)) {
      const field = fields[`filter.${name}`];
      if (typeof reason === 'string') {
        expect(field).toEqual({ field: `filter.${name}`, evaluatedBy: 'package', reason });
      } else {
        const by = reason === REPLY ? 'package' : 'kernel';
        expect(field?.evaluatedBy).toBe(by);
        expect(field?.reason).toMatch(reason);
      }
    }
  });

  it('several filters: the kernel evaluates a family that all have', async () => {
    const { planFilter, askedFields } = await planModule(ALL);
    const filters = (family: 'ipv4' | 'ipv6'): EntryFilter[] => [
      { family, zone: 1 },
      { family: 'ipv6', assured: true },
    ];
    const byOf = (fields: readonly PlannedField[]) =>
      Object.fromEntries(fields.map((one) => [one.field, one.evaluatedBy]));
    const others = { 'filter[0].zone': 'package', 'filter[1].assured': 'package' };
    const { fields } = planFilter('explainFilter', filters('ipv6'));
    expect(byOf(fields)).toEqual({
      'filter[0].family': 'kernel',
      'filter[1].family': 'kernel',
      ...others,
    });
    expect(fields.map(({ reason }) => reason)).toContain(
      'nfgen_family: all filters have the same family',
    );
    expect(byOf(planFilter('explainFilter', filters('ipv4')).fields)).toEqual({
      'filter[0].family': 'package',
      'filter[1].family': 'package',
      ...others,
    });
    const { compileFilter } = await import('../../src/filter/compile.js');
    expect(byOf(askedFields(compileFilter(filters('ipv6'))))).toEqual(byOf(fields));
  });
});

describe('what is asked, without a look at the kernel', () => {
  it('has the conditions that the kernel can evaluate', async () => {
    const { askedFields } = await planModule({});
    const { compileFilter } = await import('../../src/filter/compile.js');
    const filter = { protocol: 'tcp', assured: true, zone: 3, mark: 1, id: 4 } as const;
    const fields = askedFields(compileFilter(filter));
    expect(Object.fromEntries(fields.map((one) => [one.field, one.evaluatedBy]))).toEqual({
      'filter.protocol': 'kernel',
      'filter.assured': 'kernel',
      'filter.zone': 'kernel',
      'filter.mark': 'kernel',
      'filter.id': 'package',
    });
    expect(askedFields(compileFilter([]))).toEqual([]);
    for (const { reason } of fields) expect(reason).not.toContain('no entry of zone 0');
  });
});

describe('the passes of', () => {
  it.each<[EntryFilter | EntryFilter[], string[][]]>([
    [[], []],
    [{}, [['ipv4', 'ipv6']]],
    [{ zone: 1 }, [['ipv4', 'ipv6']]],
    [{ mark: 1 }, [['ipv4', 'ipv6']]],
    [{ family: 'ipv4' }, [['ipv4']]],
    [{ address: 'fd00::1' }, [['ipv6']]],
    [{ protocol: 'tcp' }, [['ipv4'], ['ipv6']]],
    [{ protocol: 'tcp', family: 'ipv6' }, [['ipv6']]],
    [[{ protocol: 'tcp' }, { zone: 1 }], [['ipv4', 'ipv6']]],
  ])('%j', async (filter, passes) => {
    const { planFilter } = await planModule(ALL);
    expect(planFilter('explainFilter', filter).passes).toEqual(passes);
  });

  it('no filter has no fields', async () => {
    expect((await planModule(ALL)).planFilter('explainFilter', []).fields).toEqual([]);
  });

  it('undefined: it is refused', async () => {
    const { planFilter } = await planModule(ALL);
    expect(() => planFilter('explainFilter', undefined as unknown as EntryFilter)).toThrow(
      /^filter: must be a filter or an array of filters, not undefined$/,
    );
  });
});

describe('the lookup of', () => {
  it.each<[string, EntryFilter | EntryFilter[], boolean]>([
    ['every entry', {}, false],
    ['a family', { family: 'ipv4' }, false],
    ['no entry', [], false],
    ['a condition', { zone: 1 }, true],
  ])('%s', async (_, filter, compares) => {
    const { lookup } = (await planModule(ALL)).planFilter('explainFilter', filter);
    expect(lookup.compared + lookup.looks > 0).toBe(compares);
    if (!compares) expect(lookup).toEqual({ indexed: 0, looks: 0, compared: 0 });
  });
});

describe('what a kernel can', () => {
  const failure = { errno: 1, syscall: 'socket' };

  it('fails with the errno of its probe', async () => {
    const { planFilter, flushHasFamily } = await planModule({ failure });
    expect(() => planFilter('explainFilter', { zone: 1 })).toThrow(/^explainFilter\b.*EPERM/);
    await expect(flushHasFamily('flushEntries', undefined)).rejects.toThrow(
      /^flushEntries\b.*EPERM/,
    );
    // No condition of these needs one.
    expect(planFilter('explainFilter', { id: 1 }).fields).toHaveLength(1);
  });

  it('is asked again until an entry of zone 0 has answered', async () => {
    const { planFilter } = await planModule({ tuple: true, status: true });
    const zone = () => planFilter('explainFilter', { zone: 3 }).fields[0]?.reason;
    expect(zone()).toContain('no entry of zone 0');
    kernel.support = { ...ALL, zone: false };
    expect(zone()).toContain('this kernel ignores CTA_ZONE');
    kernel.support = ALL;
    expect(zone()).toContain('this kernel ignores CTA_ZONE');
  });

  it.each([
    [true, true],
    [false, false],
    ['refused', false],
  ])('a flush of a family, when it compares tuples: %s', async (tuple, expected) => {
    const { flushHasFamily } = await planModule({ ...ALL, tuple } as FilterSupport);
    expect(await flushHasFamily('flushEntries', undefined)).toBe(expected);
  });
});
