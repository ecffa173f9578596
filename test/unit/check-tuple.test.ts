/** Addresses and protocols in arguments, and what an error says about what was meant. */
import { describe, expect, test } from 'vitest';
import { address, flowTupleOf, masterOf, protocol, tupleOf } from '../../src/record/check-tuple.js';

describe('an address', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['fd00::1', 'fd00::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ])('%s is %s', (given, text) => {
    expect(address(given, 'key.source')).toBe(text);
  });

  const scope = '; leave out the scope, which the kernel does not track';
  const network = '; one address is needed, and only filters take networks';
  const port = (text: string) => `; did you mean '${text}'? A port has a field of its own`;

  test.each<[unknown, string]>([
    ['fe80::1%eth0', scope],
    ['fe80::1%', scope],
    ['10.0.0.0/8', network],
    ['fd00::/64', network],
    ['10.0.0.1:53', port('10.0.0.1')],
    ['[fd00::1]', port('fd00::1')],
    ['[FD00::1]:5353', port('FD00::1')],
    ['10.0.0.1:53x', ''],
    ['at 10.0.0.1:53', ''],
    ['10.0.0.1:x', ''],
    ['[fd00::1]:x', ''],
    ['10.0.0.256:53', ''],
    ['host%eth0', ''],
    ['', ''],
    [['10.0.0.1'], ''],
    [['10.0.0.1:53'], ''],
    [167_772_161, ''],
    [null, ''],
  ])('%o is refused with the hint "%s"', (given, hint) => {
    let message = '';
    try {
      address(given, 'key.source');
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      ({ message } = error as Error);
    }
    expect(message).toMatch(/^key\.source: must be an IPv4 or IPv6 address, not /);
    if (hint === '') expect(message).not.toMatch(/; (leave|one|did)/);
    else expect(message.endsWith(hint)).toBe(true);
  });
});

describe('a protocol', () => {
  test.each<[unknown, number]>([
    ['tcp', 6],
    ['esp', 50],
    [99, 99],
  ])('%o is %i', (given, number) => {
    expect(protocol(given, 'key.protocol')).toBe(number);
  });

  test.each<[unknown, string]>([
    ['6', 'must be an integer'],
    ['17', 'must be an integer'],
    ['6x', 'an IP protocol number will do as well'],
    ['x6', 'an IP protocol number will do as well'],
    [['6'], 'an IP protocol number will do as well'],
    [256, '255'],
  ])('%o is refused', (given, hint) => {
    expect(() => protocol(given, 'key.protocol')).toThrow(hint);
  });
});

test('the tuple of a flow has its protocol, by a word or as other', () => {
  const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
  const { tuple, protocol: number } = flowTupleOf({ ...ends, protocol: 'esp' }, 'flow');
  expect([tuple, number]).toMatchObject([ends, 50]);
  const other = { ...ends, protocol: 'other', protocolNumber: 99 };
  expect(flowTupleOf(other, 'flow').protocol).toBe(99);
  expect(() => flowTupleOf(5, 'flow')).toThrow('a tuple with protocol, source and destination');
  expect(() => flowTupleOf({ ...other, ports: 5 }, 'flow')).toThrow('flow.ports: unknown field');
});

describe('a tuple', () => {
  const ends = { source: '10.0.0.1', destination: '10.0.0.2' };
  const ports = { ...ends, sourcePort: 1, destinationPort: 2 };

  test.each<[object, number]>([
    [ports, 6],
    [{ ...ports, protocol: 'udp' }, 17],
    [{ ...ends, protocol: 'esp' }, 50],
    [{ ...ends, protocol: 'other', protocolNumber: 99 }, 99],
  ])('of a master has its own protocol, or that of the flow: %o', (given, number) => {
    expect(masterOf(given, 'spec.master', 6).protocol).toBe(number);
  });

  test('of a flow may repeat its protocol, and have no other', () => {
    expect(tupleOf({ ...ports, protocol: 'tcp' }, 'spec.original', 6)).toMatchObject(ports);
    expect(() => tupleOf({ ...ports, protocol: 'udp' }, 'spec.original', 6)).toThrow(
      'spec.original.protocol: must be 6 here, not 17',
    );
  });

  test('has no field of Object.prototype', () => {
    Object.defineProperty(Object.prototype, 'zone', { value: 5, configurable: true });
    try {
      expect(tupleOf(ports, 'key.original', 6)).toEqual(ports);
    } finally {
      delete (Object.prototype as { zone?: unknown }).zone;
    }
  });
});
