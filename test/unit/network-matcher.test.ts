import { BlockList } from 'node:net';
import { networkMatcher } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { formatIPv4, formatIPv6 } from '../../src/record/ip-address.js';
import { Random } from '../support/random.js';

describe('networkMatcher()', () => {
  it.each([
    [
      ['10.0.0.0/8'],
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'],
      ['9.255.255.255', '11.0.0.0'],
    ],
    [['10.1.2.3'], ['10.1.2.3', '::FFFF:a01:203'], ['10.1.2.2', '10.1.2.4']],
    [['128.0.0.0/1'], ['128.0.0.0', '255.255.255.255'], ['127.255.255.255', '0.0.0.0']],
    [
      ['0.0.0.0/0'],
      ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'],
      ['::', '::1.2.3.4', 'fd00::1'],
    ],
    [['::/0'], ['::', 'ffff::ffff', '::1.2.3.4'], ['1.2.3.4', '::ffff:1.2.3.4']],
    [['::ffff:10.0.0.0/104'], ['10.9.9.9', '::ffff:10.9.9.9'], ['11.0.0.0', '::a09:909']],
    [['fd00::/8'], ['fd00::', 'fdff:ffff::ffff'], ['fc00::', 'fe00::', '253.0.0.0']],
    [['2001:db8::1'], ['2001:db8::1', '2001:0db8:0:0::1'], ['2001:db8::', '2001:db8::2']],
    [['10.0.0.0/8', '192.168.0.0/16', '192.168.0.0/24', '::1'], ['192.168.9.9', '::1'], ['::2']],
    [[], [], ['10.0.0.1', '::1']],
  ])('%j has %j and not %j', (networks, inside, outside) => {
    const matches = networkMatcher(networks);
    expect(inside.filter((address) => !matches(address))).toEqual([]);
    expect(outside.filter(matches)).toEqual([]);
  });

  it.each(['ipv4', 'ipv6'] as const)('agrees with the BlockList of Node.js on %s', (family) => {
    const random = new Random(1);
    const format = family === 'ipv4' ? formatIPv4 : formatIPv6;
    /** Few different bits: many addresses are within a network. */
    const someAddress = () =>
      format(
        Uint32Array.from({ length: 4 }, () => random.below(2) && 1 << random.below(32)),
        0,
      );
    for (let round = 0; round < 50; round++) {
      const list = new BlockList();
      const networks = Array.from({ length: 1 + random.below(4) }, () => {
        const address = someAddress();
        const prefix = random.below(family === 'ipv4' ? 33 : 129);
        list.addSubnet(address, prefix, family);
        return `${address}/${prefix}`;
      });
      // Bits beyond the prefix are an error, which names the network without them.
      const matches = networkMatcher(networks.map(withoutBitsBeyond));
      for (let index = 0; index < 100; index++) {
        const address = someAddress();
        const expected = list.check(address, family);
        expect(matches(address), `${address} in ${networks.join()}`).toBe(expected);
      }
    }
  });

  it.each([
    [['10.0.0.1/8'], /^networks\[0\]: "10.0.0.1\/8" has bits beyond its prefix length/],
    [['::1', '10.0.0.0/33'], /^networks\[1\]: the prefix length must be from 0 to 32/],
    [['web'], /^networks\[0\]: must be an IPv4 or IPv6 address or network/],
    ['10.0.0.0/8', /^networks: must be an array of addresses and networks/],
  ])('refuses the networks %j', (networks, message) => {
    expect(() => networkMatcher(networks as never)).toThrow(message);
  });

  it.each(['', '10.0.0.0/8', 'fe80::1%eth0', undefined, null, 1])(
    'refuses the address %o',
    (given) => {
      const matches = networkMatcher(['10.0.0.0/8']);
      expect(() => matches(given as never)).toThrow(TypeError);
      expect(() => matches(given as never)).toThrow(
        /^address: must be an IPv4 or IPv6 address, not /,
      );
    },
  );
});

function withoutBitsBeyond(text: string): string {
  try {
    networkMatcher([text]);
    return text;
  } catch (error) {
    const [, masked = ''] = /did you mean '([^']+)'/.exec((error as Error).message) ?? [];
    return masked;
  }
}
