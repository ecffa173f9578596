import { SocketAddress } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  addressFamily,
  formatIPv4,
  formatIPv6,
  mappedIPv4,
  sameAddress,
  writeAddress,
} from '../../src/record/ip-address.js';
import { Random } from '../support/random.js';

const FORMATS = { ipv4: formatIPv4, ipv6: formatIPv6 };

/** Formats the bytes at a word that is not the first, between bytes that are not part of it. */
function format(family: 'ipv4' | 'ipv6', bytes: readonly number[]): string {
  const word = [0xee, 0xee, 0xee, 0xee];
  const around = new Uint8Array([...word, ...bytes, ...word]);
  return FORMATS[family](new Uint32Array(around.buffer), 1);
}

function bytesOf(text: string): number[] {
  const bytes = new Uint8Array(18).fill(0xee);
  writeAddress(new DataView(bytes.buffer), 1, text);
  const length = addressFamily(text) === 'ipv4' ? 4 : 16;
  expect(bytes[0], 'the byte before').toBe(0xee);
  expect(bytes[length + 1], 'the byte behind').toBe(0xee);
  return [...bytes.subarray(1, length + 1)];
}

/** Node.js prints addresses through inet_ntop; its reader takes what nobody abbreviated. */
function reference(family: 'ipv4' | 'ipv6', bytes: readonly number[]): string {
  const words = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  const address = family === 'ipv4' ? bytes.join('.') : words.join(':');
  return new SocketAddress({ address, family }).address;
}

/** Every way in which eight words can be zero, one or more: all runs, of every length and place. */
function zeroPatterns(fill: (word: number) => number): number[][] {
  return Array.from({ length: 256 }, (_, pattern) =>
    Array.from({ length: 8 }, (_word, word) => ((pattern >> word) & 1 ? fill(word) : 0)).flatMap(
      (word) => [word >>> 8, word & 255],
    ),
  );
}

describe('mappedIPv4', () => {
  it.each([
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:10.1.2.3', '10.1.2.3'],
    ['::ffff:a01:203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['0000:0000:0000:0000:0000:ffff:0a01:0203', '10.1.2.3'],
    ['0::ffff:0:0', '0.0.0.0'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
  ])('of %s is %s', (text, ipv4) => {
    expect(mappedIPv4(text)).toBe(ipv4);
  });

  it.each([
    ...['::', '::1', '::10.1.2.3', '::fffe:10.1.2.3', '::ffff', '::ffff:0:0:1', '1::ffff:10.1.2.3'],
    ...['::ffff:1:10.1.2.3', 'fe80::1', '10.1.2.3', '', '::ffff:10.1.2', '::ffff:10.1.2.3%eth0'],
    ...['::ffff:0:ffff:10.1.2.3'],
  ])('there is none of %j', (text) => {
    expect(mappedIPv4(text)).toBeUndefined();
  });
});

describe('sameAddress', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['fd00::1', 'FD00:0:0::1', true],
    ['fd00::1', 'fd00::2', false],
    ['::1.2.3.4', '::102:304', true],
    // Of the same first bytes.
    ['1.2.3.4', '102:304::', false],
  ])('of %s and %s is %s', (one, other, same) => {
    expect(sameAddress(one, other)).toBe(same);
    expect(sameAddress(other, one)).toBe(same);
  });
});

describe('formatIPv6', () => {
  it.each([
    // RFC 5952: leading zeros, lower case, the longest run, the first of equals, no single zero.
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:FFFF', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:1:2:3:4:5:6:7', '0:1:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['0:0:1:2:3:4:5:6', '::1:2:3:4:5:6'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    // Embedded IPv4, as inet_ntop has it.
    ['0:0:0:0:0:ffff:c000:201', '::ffff:192.0.2.1'],
    ['0:0:0:0:0:ffff:0:0', '::ffff:0.0.0.0'],
    ['0:0:0:0:0:0:c000:201', '::192.0.2.1'],
    ['0:0:0:0:0:0:1:0', '::0.1.0.0'],
    ['0:0:0:0:0:0:0:ffff', '::ffff'],
    ['0:0:0:0:0:fffe:c000:201', '::fffe:c000:201'],
    ['0:0:0:0:ffff:0:c000:201', '::ffff:0:c000:201'],
    ['64:ff9b:0:0:0:0:c000:201', '64:ff9b::c000:201'],
  ])('prints %s as %s', (text, expected) => {
    expect(format('ipv6', bytesOf(text))).toBe(expected);
  });

  it('agrees with inet_ntop on every pattern of zero words', () => {
    const addresses = [
      ...zeroPatterns((word) => word + 1),
      ...zeroPatterns(() => 0xffff),
      ...zeroPatterns((word) => 0x0100 << (word % 8)),
    ];
    for (const bytes of addresses) {
      expect(format('ipv6', bytes)).toBe(reference('ipv6', bytes));
    }
  });
});

describe('random addresses', () => {
  // More than the cache of texts has slots, each twice: from its slot, and after
  // another address took that.
  const random = new Random(20260101);
  const addresses = Array.from({ length: 20_000 }, (_, index) => {
    const family = index % 2 === 0 ? ('ipv4' as const) : ('ipv6' as const);
    const zeros = random.below(100);
    const bytes = Array.from({ length: family === 'ipv4' ? 4 : 16 }, () =>
      random.below(100) < zeros ? 0 : random.below(256),
    );
    return { family, bytes };
  });

  it('print as inet_ntop prints them, whatever was printed before', () => {
    for (const { family, bytes } of [...addresses, ...addresses]) {
      const expected = reference(family, bytes);
      expect(format(family, bytes)).toBe(expected);
      expect(format(family, bytes)).toBe(expected);
    }
  });

  it('are the same bytes after printing and reading', () => {
    for (const { family, bytes } of addresses) {
      const text = format(family, bytes);
      expect(addressFamily(text)).toBe(family);
      expect(bytesOf(text)).toEqual(bytes);
    }
  });

  it('are read in every spelling', () => {
    for (const { family, bytes } of addresses.filter(({ family }) => family === 'ipv6')) {
      const hex = Buffer.from(bytes).toString('hex').toUpperCase();
      const full = hex.match(/.{4}/g)?.join(':') ?? '';
      const dotted = `${full.slice(0, 30)}${bytes.slice(12).join('.')}`;
      expect(addressFamily(dotted)).toBe(family);
      expect(bytesOf(full)).toEqual(bytes);
      expect(bytesOf(dotted)).toEqual(bytes);
    }
  });
});

describe('formatIPv4', () => {
  it.each(['0.0.0.0', '0.0.0.1', '1.0.0.0', '127.0.0.1', '192.0.2.1', '255.255.255.255'])(
    'prints %s',
    (text) => {
      expect(format('ipv4', bytesOf(text))).toBe(text);
    },
  );
});

describe('writeAddress', () => {
  it.each([
    ['::', Array<number>(16).fill(0)],
    ['::1', [...Array<number>(15).fill(0), 1]],
    ['1::', [0, 1, ...Array<number>(14).fill(0)]],
    ['1::2', [0, 1, ...Array<number>(12).fill(0), 0, 2]],
    ['1:2:3:4:5:6:7::', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0]],
    ['::2:3:4:5:6:7:8', [0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ['::ffff:192.0.2.1', [...Array<number>(10).fill(0), 255, 255, 192, 0, 2, 1]],
    ['1::192.0.2.1', [0, 1, ...Array<number>(10).fill(0), 192, 0, 2, 1]],
    ['1:2:3:4:5:6:192.0.2.1', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 192, 0, 2, 1]],
  ])('reads %s', (text, bytes) => {
    expect(bytesOf(text)).toEqual(bytes);
  });

  it('overwrites what was there', () => {
    const bytes = new Uint8Array(16).fill(0xff);
    writeAddress(new DataView(bytes.buffer), 0, '::');
    expect([...bytes]).toEqual(Array<number>(16).fill(0));
  });
});

describe('addressFamily', () => {
  it.each([
    '',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1/24',
    '1:2:3',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':::',
    'g::',
    '12345::',
    '[::1]',
    'fe80::1%eth0',
    '::1/128',
    '::ffff:1.2.3',
    'localhost',
  ])('refuses %j', (text) => {
    expect(addressFamily(text)).toBeUndefined();
  });
});
