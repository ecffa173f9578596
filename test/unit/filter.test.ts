import { Conntrack, type EntryFilter, listEntries, streamEntries } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { familyNumber } from '../../src/filter.js';

const AF_INET = 2;
const AF_INET6 = 10;
const BOTH = 0;

describe('familyNumber', () => {
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
  ])('%j is %j', (filter, expected) => {
    expect(familyNumber(filter)).toBe(expected);
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
    expect(() => familyNumber(filter as EntryFilter)).toThrow(TypeError);
    expect(() => familyNumber(filter as EntryFilter)).toThrow(message);
  });

  it('is refused before anything is opened: a stream throws at once, a list rejects', async () => {
    const filter = { famly: 'ipv4' } as EntryFilter;
    expect(() => streamEntries(filter)).toThrow(/^filter\.famly: /);
    await expect(listEntries(filter)).rejects.toThrow(/^filter\.famly: /);
    await using conntrack = await Conntrack.open();
    expect(() => conntrack.streamEntries(filter)).toThrow(/^filter\.famly: /);
    await expect(conntrack.listEntries(filter)).rejects.toThrow(/^filter\.famly: /);
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
