/** Keys, specifications and changes of expectations: what they refuse, and what they mean. */
import type { ExpectationSpec, FlushExpectationOptions } from 'conntrack';
import { describe, expect, it, test } from 'vitest';
import {
  expectationChangesOf,
  expectationKeyOf,
  expectationSpecOf,
  flushedHelper,
} from '../../src/expectation/check-expectation.js';
import { expectationsOf } from '../../src/expectation/view.js';
import { expectationSlab } from './records.js';

const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
const tuple = { ...ends, sourcePort: 0, destinationPort: 50000 };
const master = { ...ends, sourcePort: 40000, destinationPort: 21 };
const keys = { ...ends, sourceKey: 1, destinationKey: 2 };
const ofTcp = { ...master, protocol: 'tcp', protocolNumber: 6 } as const;
const key = { protocol: 'tcp', tuple } as const;
const spec: ExpectationSpec = { ...key, master };
const ping = { ...ends, icmp: { type: 8, code: 0, id: 7 } };
const [expectation] = expectationsOf([expectationSlab({ ...spec, flags: ['inactive'] })]);

describe('a specification', () => {
  const nat = { direction: 'reply', address: '192.0.2.9' };

  test.each<[string, unknown]>([
    ['spec: must be an expectation, or { protocol, tuple, master }', undefined],
    ['spec: ', []],
    ['spec.protocol: ', { ...spec, protocol: undefined }],
    ['spec.protocolNumber: ', { ...spec, protocol: 'other' }],
    ['spec.tuple: ', { ...spec, tuple: undefined }],
    ['spec.tuple.destination: must have', { ...spec, tuple: { ...tuple, destination: 'fd00::1' } }],
    ['spec.tuple.icmp: cannot be expected', { protocol: 'icmp', tuple: ping, master: ping }],
    ['spec.master: ', { ...spec, master: undefined }],
    ['spec.master.sourcePort: ', { ...spec, master: ends }],
    ['spec.mask: ', { ...spec, mask: 5 }],
    ['spec.mask.sourcePort: ', { ...spec, mask: { sourcePort: 65536 } }],
    [
      'spec.mask.sourcePort: protocol 47 has none',
      { protocol: 'gre', tuple: keys, master: ofTcp, mask: { sourcePort: 0 } },
    ],
    ['spec.mask.source: ', { ...spec, mask: { source: '/8' } }],
    [
      'spec.mask.source: must have the address family of tuple',
      { ...spec, mask: { source: '::' } },
    ],
    ['spec.mask.sourceMask: unknown', { ...spec, mask: { sourceMask: 0 } }],
    ['spec.flags[0]: ', { ...spec, flags: ['eternal'] }],
    ['spec.flags: must be an array of words, or', { ...spec, flags: 5 }],
    ['spec.flags.permanent: ', { ...spec, flags: { permanent: 1 } }],
    ['spec.flags.eternal: unknown', { ...spec, flags: { eternal: true } }],
    ['spec.timeout: ', { ...spec, timeout: -1 }],
    ['spec.class: ', { ...spec, class: 2 ** 32 }],
    ['spec.helper: ', { ...spec, helper: 'sixteen-letters-' }],
    ['spec.helper: ', { ...spec, helper: '' }],
    ['spec.function: ', { ...spec, function: 'x'.repeat(32) }],
    ['spec.function: ', { ...spec, function: '' }],
    ['spec.nat.direction: ', { ...spec, nat: { address: '1.1.1.1' } }],
    ['spec.nat.address: ', { ...spec, nat: { direction: 'reply', address: '' } }],
    ['spec.nat.port: ', { ...spec, nat: { ...nat, port: 65536 } }],
    [
      'spec.nat.port: protocol 7 has none',
      { protocol: 7, tuple: ends, master: ofTcp, nat: { ...nat, port: 5 } },
    ],
    ['spec.zone: ', { ...spec, zone: -1 }],
    ['spec.timout: unknown', { ...spec, timout: 5 }],
  ])('names what is wrong: %s', (message, wrong) => {
    expect(() => expectationSpecOf(wrong)).toThrow(message);
  });

  test.each<[string, unknown, object]>([
    ['a helper of 15 letters', { ...spec, helper: 'fifteen-letters' }, {}],
    ['a function of 31 letters', { ...spec, function: 'x'.repeat(31) }, {}],
    ['the largest class', { ...spec, class: 2 ** 32 - 1 }, { class: 2 ** 32 - 1 }],
    ['NAT with a port', { ...spec, nat: { ...nat, port: 5 } }, { nat: { port: 5 } }],
    [
      'NAT of GRE, whose port is a key',
      { protocol: 'gre', tuple: keys, master: ofTcp, nat: { ...nat, port: 5 } },
      { nat: { port: 5 } },
    ],
    ['NAT without a port', { protocol: 7, tuple: ends, master: ofTcp, nat }, { nat }],
    ['a mask of the source', { ...spec, mask: { source: '255.0.0.0' } }, {}],
    ['a whole tuple as a mask', { ...spec, mask: { ...master, protocol: 'tcp' } }, {}],
  ])('takes %s', (_, given, wanted) => {
    expect(expectationSpecOf(given)).toMatchObject(wanted);
  });

  test.each<[string, ExpectationSpec['flags'], number | undefined]>([
    ['words', ['permanent', 'userspace'], 0b101],
    ['a word twice', ['inactive', 'inactive'], 0b010],
    ['none', [], 0],
    [
      'those of an expectation, whose bits say the same',
      { permanent: true, inactive: false, userspace: true, bits: 0x85 },
      0b101,
    ],
    ['those of a view', expectation?.flags, 0b010],
    ['nothing', undefined, undefined],
  ])('has flags of %s', (_, flags, bits) => {
    expect(expectationSpecOf({ ...spec, flags }).flags).toBe(bits);
  });

  it('may be an expectation, or its JSON, of which it keeps what a creation takes', () => {
    const wanted = { protocol: 6, tuple, mask: { source: '255.255.255.255', sourcePort: 65535 } };
    for (const one of [expectation, expectation?.toJSON()]) {
      const checked = expectationSpecOf(one);
      expect(checked).toMatchObject({ ...wanted, flags: 0b010, master: { tuple: master } });
      expect(checked).not.toHaveProperty('id');
    }
  });
});

describe('a key', () => {
  test.each<[string, unknown]>([
    ['key: must be an expectation, or { protocol, tuple }', undefined],
    ['key: ', null],
    ['key.protocol: ', {}],
    ['key.protocol: ', { id: 5 }],
    ['key.tuple: ', { protocol: 'tcp' }],
    ['key.tuple.source: ', { protocol: 'tcp', tuple: {} }],
    ['key.tuple.sourcePort: ', { protocol: 'tcp', tuple: ends }],
    ['key.zone: ', { ...key, zone: 65536 }],
    ['key.id: ', { ...key, id: -1 }],
    ['key.ids: unknown', { ...key, ids: 5 }],
  ])('names what is wrong: %s', (message, wrong) => {
    expect(() => expectationKeyOf(wrong)).toThrow(message);
  });

  it('may be an expectation, or its JSON', () => {
    for (const one of [expectation, expectation?.toJSON()]) {
      expect(expectationKeyOf(one)).toMatchObject({ protocol: 6, tuple, zone: 0, id: 0 });
    }
    expect(expectationKeyOf(key)).toMatchObject({ zone: undefined, id: undefined });
  });
});

describe('changes', () => {
  test.each([
    [0, 1],
    [1, 1],
    [60, 60],
    [2_147_483, 2_147_483],
  ])('have a timeout: %i counts as %i', (timeout, seconds) => {
    expect(expectationChangesOf({ timeout })).toEqual({ timeout: seconds });
  });

  test.each<[string, unknown]>([
    ['changes: must be { timeout }', undefined],
    ['changes.timeout: ', {}],
    ['changes.timeout: ', { timeout: 2_147_484 }],
    ['changes.timeout: ', { timeout: -1 }],
    ['changes.flags: unknown', { timeout: 5, flags: [] }],
  ])('name what is wrong: %s', (message, wrong) => {
    expect(() => expectationChangesOf(wrong)).toThrow(message);
  });
});

describe('a flush', () => {
  it('is of all, or of the helper that is named', () => {
    expect(flushedHelper()).toBeUndefined();
    expect(flushedHelper({})).toBeUndefined();
    expect(flushedHelper({ helper: 'fifteen-letters' })).toBe('fifteen-letters');
  });

  test.each<[string, unknown]>([
    ['options: ', null],
    ['options.helper: ', { helper: '' }],
    ['options.helper: ', { helper: undefined }],
    ['options.helper: ', { helper: 'sixteen-letters-' }],
    ['options.helper: ', { helper: 'ftp\0' }],
    ['options.helpr: unknown', { helpr: 'ftp' }],
  ])('of a helper that is misspelled is not of all: %s', (message, wrong) => {
    expect(() => flushedHelper(wrong as FlushExpectationOptions)).toThrow(message);
  });
});
