/** Filters of expectations: what they refuse, and what they match, by a plain reference. */
import { BlockList, isIPv4 } from 'node:net';
import type {
  Expectation,
  ExpectationConditions,
  ExpectationFilter,
  ExpectationSpec,
  ExpectationTupleFilter,
  MasterTuple,
  PortFilter,
  RangeFilter,
  Tuple,
} from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import { expectationMatcher } from '../../src/expectation/match.js';
import { expectationsOf } from '../../src/expectation/view.js';
import { Random } from '../support/random.js';
import { expectationSlab } from './records.js';

const matches = (filter: unknown, one: Expectation) =>
  expectationMatcher(filter as ExpectationFilter).matches(one);

function expectationOf(spec: ExpectationSpec): Expectation {
  const [one] = expectationsOf([expectationSlab(spec)]);
  if (one === undefined) throw new Error('no expectation');
  return one;
}

const tuple = { source: '10.0.0.1', destination: '10.0.1.2', sourcePort: 0, destinationPort: 5000 };
const master = { source: '10.0.0.1', destination: '10.9.0.2', sourcePort: 7, destinationPort: 21 };
const ftp = expectationOf({
  protocol: 'tcp',
  tuple,
  master,
  mask: { sourcePort: 0 },
  timeout: 300,
  helper: 'ftp',
  flags: ['permanent'],
  class: 0,
});
const tunnel = expectationOf({
  protocol: 'gre',
  tuple: { source: 'fd00::1', destination: 'fd00:0:8000::2', sourceKey: 5, destinationKey: 6 },
  master: {
    ...master,
    source: 'fd00::1',
    destination: 'fd00::2',
    protocol: 'tcp',
    protocolNumber: 6,
  },
});

describe('a filter of expectations', () => {
  test.each<[string, ExpectationFilter | readonly ExpectationFilter[], boolean, boolean]>([
    ['nothing', {}, true, true],
    ['no filter of several', [], false, false],
    ['one of several', [{ helper: 'sip' }, { family: 'ipv6' }], false, true],
    ['a family', { family: 'ipv4' }, true, false],
    ['all addresses of a family', { address: '::/0' }, false, true],
    ['a protocol', { protocol: 'tcp' }, true, false],
    ['protocols', { protocol: ['udp', 47] }, false, true],
    ['no protocol', { protocol: [] }, false, false],
    ['a network of the tuple', { tuple: { destination: '10.0.1.0/24' } }, true, false],
    ['its neighbour', { tuple: { destination: '10.0.0.0/24' } }, false, false],
    ['a network of IPv6', { tuple: { source: 'fd00::/127' } }, false, true],
    ['a large one', { tuple: { destination: 'fc00::/7' } }, false, true],
    ['a large one beside it', { tuple: { destination: 'fe00::/7' } }, false, false],
    ['a port of the tuple', { tuple: { destinationPort: { from: 4999, to: 5000 } } }, true, false],
    ['a port beyond', { tuple: { destinationPort: { from: 5001, to: 65535 } } }, false, false],
    ['a key', { tuple: { sourceKey: 5, destinationKey: { from: 6, to: 9 } } }, false, true],
    ['the mask', { mask: { sourcePort: 0 } }, true, false],
    ['the whole mask', { mask: { source: '255.255.255.255', sourcePort: 65535 } }, false, false],
    ['the master', { master: { protocol: 'tcp', destinationPort: 21 } }, true, true],
    ['the master of a host', { master: { destination: '10.9.0.2' } }, true, false],
    ['an address of the tuple', { address: '10.0.1.2' }, true, false],
    ['an address of the master', { address: '10.9.0.0/16' }, true, false],
    ['an address of the mask', { address: '255.255.255.255' }, false, false],
    ['a port of the master', { port: 7 }, true, true],
    ['the port 0', { port: 0 }, true, false],
    ['a timeout', { timeout: { from: 300, to: 300 } }, true, false],
    ['a longer one', { timeout: { from: 301 } }, false, false],
    ['any timeout', { timeout: {} }, true, true],
    ['flags', { flags: { all: ['permanent'], none: ['inactive', 'userspace'] } }, true, false],
    ['flags that are clear', { flags: { none: ['permanent'] } }, false, true],
    ['a class', { class: 0 }, true, false],
    ['a helper', { helper: 'ftp' }, true, false],
    ['the beginning of one', { helper: 'ft' }, false, false],
    ['a function', { function: 'nat-follow-master' }, false, false],
    ['the id', { id: 0 }, true, true],
    ['another id', { id: 1 }, false, false],
    ['a negation', { not: { helper: 'ftp' } }, false, true],
    ['two negations', { not: [{ helper: 'ftp' }, { port: 21 }] }, false, false],
    ['a negation of a family', { not: { address: '0.0.0.0/0' } }, false, true],
    ['an empty negation', { not: {} }, false, false],
    ['no negation', { not: [] }, true, true],
  ])('matches %s', (_, filter, first, second) => {
    expect([matches(filter, ftp), matches(filter, tunnel)]).toEqual([first, second]);
  });

  test.each<[string, unknown]>([
    ['filter: must be a plain object or an array of them, not 5', 5],
    ['filter: must be a plain object or an array of them, not null', null],
    ['filter: must be a plain object or an array of them', 'ftp'],
    ['filter: must be a plain object or an array of them, not an expectation; getExp', ftp],
    [
      'filter: must be a plain object or an array of them, not an expectation; getExp',
      ftp.toJSON(),
    ],
    [
      'filter.not: must be a plain object or an array of them, not an expectation; getExp',
      { not: ftp },
    ],
    ['filter.protocolNumber: unknown', { protocolNumber: 6 }],
    ['filter[1]: must be a plain object or an array of them, not undefined', [{}, undefined]],
    ['filter[1].helper: ', [{}, { helper: '' }]],
    ['filter.zone: unknown field', { zone: 0 }],
    ['filter.protocl: ', { protocl: 'tcp' }],
    ['filter.tuple.icmp: ', { tuple: { icmp: {} } }],
    ['filter.tuple: must have ports or keys', { tuple: { sourcePort: 1, destinationKey: 2 } }],
    ['filter.tuple.source: ', { tuple: { source: '10.0.0.1/8' } }],
    ['filter.address: must have', { family: 'ipv6', address: '1.1.1.1' }],
    ...['tuple', 'mask', 'master'].flatMap((part) =>
      ['source', 'destination'].map((end): [string, unknown] => [
        `filter.${part}.${end}: must have the address family of address, ipv6`,
        { address: '::', [part]: { [end]: '1.1.1.1' } },
      ]),
    ),
    ['filter.tuple.protocol: unknown', { tuple: { protocol: 6 } }],
    ['filter.port: ', { port: { from: 2, to: 1 } }],
    ['filter.flags.all[0]: ', { flags: { all: ['eternal'] } }],
    ['filter.timeout: from', { timeout: { from: 2, to: 1 } }],
    ['filter.function: ', { function: 'x'.repeat(32) }],
    ['filter.not.not: ', { not: { not: {} } }],
    ['filter.not[1].class: ', { not: [{}, { class: -1 }] }],
  ])('names what is wrong: %s', (message, filter) => {
    expect(() => expectationMatcher(filter as ExpectationFilter)).toThrow(message);
  });

  it('of more than 20,000 is refused, those of not included', () => {
    const many = Array.from({ length: 10_001 }, () => ({ not: { id: 1 } }));
    expect(() => expectationMatcher(many)).toThrow(/^filter: must have at most 20000 filters/);
  });

  test.each<[string, ExpectationFilter | readonly ExpectationFilter[], boolean]>([
    ['nothing', {}, true],
    ['a family', { family: 'ipv4' }, true],
    ['all addresses', { address: '0.0.0.0/0', master: { source: '0.0.0.0/0' } }, true],
    ['any timeout', { timeout: {}, flags: { all: [] }, not: [] }, true],
    ['one of several', [{ id: 1 }, {}], true],
    ['none of several', [], false],
    ['a negation', { not: { id: 1 } }, false],
    ['a port', { port: 5 }, false],
    ['any port', { port: { from: 0, to: 65535 } }, false],
  ])('takes a whole family: %s', (_, filter, expected) => {
    expect(expectationMatcher(filter).takesWholeFamily).toBe(expected);
  });

  it('matches as the reference does', () => {
    const random = new Random(17);
    const all = Array.from({ length: 60 }, () => randomExpectation(random));
    let matched = 0;
    for (let round = 0; round < 800; round++) {
      const filters = Array.from({ length: 1 + random.below(2) }, () => randomFilter(random, all));
      const { matches } = expectationMatcher(filters);
      for (const one of all) {
        const expected = filters.some((filter) => reference(filter, one));
        if (matches(one) !== expected) {
          expect({ filters, one, matches: !expected }).toEqual({ filters, one, matches: expected });
        }
        if (expected) matched++;
      }
    }
    // Filters that match nothing, or all, would show nothing.
    expect(matched / (800 * all.length)).toBeGreaterThan(0.1);
    expect(matched / (800 * all.length)).toBeLessThan(0.8);
  });
});

function randomExpectation(random: Random): Expectation {
  const isIPv4 = random.below(2) === 0;
  const address = () =>
    isIPv4
      ? `10.0.${random.below(3)}.${random.below(3)}`
      : `fd00::${random.below(3)}:${random.below(3)}`;
  const protocol = random.of(['tcp', 'udp', 'gre'] as const);
  const ports = () => ({ sourcePort: random.below(3), destinationPort: random.below(3) });
  const keys = { sourceKey: random.below(3), destinationKey: random.below(3) };
  const isGre = protocol === 'gre';
  const maybe = (part: Partial<ExpectationSpec>) => (random.below(2) === 0 ? part : {});
  const spec = {
    protocol,
    tuple: { source: address(), destination: address(), ...(isGre ? keys : ports()) },
    master: {
      source: address(),
      destination: address(),
      ...ports(),
      protocol: random.of(['tcp', 'udp'] as const),
    } as MasterTuple,
    ...maybe(isGre ? {} : { mask: { sourcePort: 0 } }),
    ...maybe({ timeout: 1 + random.below(3) }),
    ...maybe({
      flags: random.of([['permanent'], ['inactive'], ['permanent', 'userspace']] as const),
    }),
    ...maybe({ class: random.below(2) }),
    ...maybe({ helper: random.of(['ftp', 'sip']) }),
    ...maybe({ function: 'nat-follow-master' }),
  };
  return expectationOf(spec);
}

function randomFilter(random: Random, all: readonly Expectation[]): ExpectationFilter {
  const filter = randomConditions(random, all);
  if (random.below(3) > 0) return filter;
  const not = Array.from({ length: random.below(3) }, () => randomConditions(random, all));
  return { ...filter, not: not.length === 1 ? (not[0] ?? []) : not };
}

function randomConditions(random: Random, all: readonly Expectation[]): ExpectationConditions {
  const { family } = random.of(all);
  const same = all.filter((one) => one.family === family);
  const fields = Array.from({ length: 1 + random.below(2) }, () => {
    const one = random.of(same);
    const near = (address: string) =>
      random.of([
        address,
        family === 'ipv4' ? '10.0.1.0/24' : 'fd00::1:0/112',
        family === 'ipv4' ? '10.0.0.0/23' : '::/0',
        family === 'ipv4' ? '0.0.0.0/0' : 'fc00::/7',
      ]);
    const port = random.of<PortFilter>([random.below(3), { from: 0, to: 1 }, { from: 1, to: 9 }]);
    const side = random.of(['tuple', 'master', 'mask'] as const);
    return random.of<ExpectationConditions>([
      { family },
      { protocol: random.of([one.protocolNumber, ['udp', 'gre'], []]) },
      { [side]: { source: near(one[side].source) } },
      { [side]: { destination: near(one[side].destination) } },
      { [side]: { sourcePort: port } },
      { [side]: { destinationKey: port } },
      { master: { protocol: random.of(['tcp', ['udp', 1]] as const) } },
      { address: near(one.tuple.source) },
      { port },
      { timeout: random.of<RangeFilter>([{ from: 2 }, { to: 1 }, {}, { from: 1, to: 2 }]) },
      { flags: random.of([{ all: ['permanent'] }, { none: ['permanent', 'inactive'] }] as const) },
      { class: random.below(2) },
      { helper: random.of(['ftp', 'sip']) },
      { function: 'nat-follow-master' },
    ]);
  });
  return Object.assign({}, ...fields) as ExpectationConditions;
}

/** What a filter means, said in the plainest way. */
function reference(filter: ExpectationFilter, one: Expectation): boolean {
  const { tuple, mask, master, flags } = one;
  const ends = [tuple, master].flatMap(({ source, destination }) => [source, destination]);
  const ports = [tuple, master].flatMap((part) => [part.sourcePort, part.destinationPort]);
  const checks: Record<keyof ExpectationFilter, () => boolean> = {
    family: () => one.family === filter.family,
    protocol: () => isProtocol(filter.protocol, one),
    tuple: () => isTuple(filter.tuple ?? {}, tuple),
    mask: () => isTuple(filter.mask ?? {}, mask),
    master: () =>
      (filter.master?.protocol === undefined || isProtocol(filter.master.protocol, master)) &&
      isTuple(filter.master ?? {}, master),
    address: () => ends.some((address) => isIn(filter.address ?? '', address)),
    port: () => ports.some((port) => isPort(filter.port ?? 0, port)),
    id: () => one.id === filter.id,
    timeout: () => {
      const { from, to } = filter.timeout ?? {};
      if (from === undefined && to === undefined) return true;
      if (one.timeout === undefined) return false;
      return one.timeout >= (from ?? 0) && one.timeout <= (to ?? Number.POSITIVE_INFINITY);
    },
    flags: () =>
      (filter.flags?.all ?? []).every((flag) => flags[flag]) &&
      !(filter.flags?.none ?? []).some((flag) => flags[flag]),
    class: () => one.class === filter.class,
    helper: () => one.helper === filter.helper,
    function: () => one.function === filter.function,
    not: () => ![filter.not ?? []].flat().some((negation) => reference(negation, one)),
  };
  return (Object.keys(checks) as (keyof ExpectationFilter)[]).every(
    (field) => filter[field] === undefined || checks[field](),
  );
}

function isProtocol(
  wanted: ExpectationConditions['protocol'],
  one: Pick<MasterTuple, 'protocol' | 'protocolNumber'>,
): boolean {
  return [wanted ?? []]
    .flat()
    .some((protocol) => protocol === one.protocol || protocol === one.protocolNumber);
}

function isTuple(filter: ExpectationTupleFilter, tuple: Tuple): boolean {
  const { source, destination } = filter;
  return (
    (source === undefined || isIn(source, tuple.source)) &&
    (destination === undefined || isIn(destination, tuple.destination)) &&
    (['sourcePort', 'destinationPort', 'sourceKey', 'destinationKey'] as const).every(
      (name) => filter[name] === undefined || isPort(filter[name], tuple[name]),
    )
  );
}

function isIn(range: string, address: string): boolean {
  const [network = '', length] = range.split('/');
  if (isIPv4(network) !== isIPv4(address)) return false;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(length ?? (family === 'ipv4' ? 32 : 128)), family);
  return list.check(address, family);
}

function isPort(filter: PortFilter, port: number | undefined): boolean {
  const { from, to } = typeof filter === 'number' ? { from: filter, to: filter } : filter;
  return port !== undefined && port >= from && port <= to;
}
