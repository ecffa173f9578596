/**
 * Addresses and networks of filters.
 */
import type { Check } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import type { Family } from '../core/names.js';
import { shown } from '../core/show-value.js';
import { addressHint } from '../record/check-tuple.js';
import {
  addressFamily,
  familyOf,
  formatIPv4,
  formatIPv6,
  mappedIPv4,
  writeAddress,
} from '../record/ip-address.js';

export interface Network {
  readonly address: string;
  readonly family: Family;
  /** How many bits count. */
  readonly prefix: number;
}

/** An address, or a network such as `10.0.0.0/8`; an IPv4-mapped one becomes IPv4. */
export const network: Check<string> = (value, path) => {
  const parts = typeof value === 'string' ? value.split('/') : [];
  const family = addressFamily(parts[0] ?? '');
  if (typeof value !== 'string' || family === undefined || parts.length > 2) {
    const given = `${shown(value)}${addressHint(parts[0])}`;
    throw typeError(path, `must be an IPv4 or IPv6 address or network, not ${given}`);
  }
  const bits = bitsOf(family);
  const [, length] = parts;
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bits)) {
    throw rangeError(path, `the prefix length must be from 0 to ${bits}, not ${shown(length)}`);
  }
  const given = networkOf(value);
  const { address, prefix } = given;
  const masked = maskedAddress(given);
  if (masked !== undefined) {
    const beyond = `${shown(value)} has bits beyond its prefix length`;
    throw typeError(path, `${beyond}; did you mean '${masked}/${prefix}' or '${address}'?`);
  }
  return unmapped(address, prefix) ?? value;
};

/** The IPv4 network that an IPv4-mapped one stands for. */
function unmapped(address: string, prefix: number): string | undefined {
  const mapped = prefix < MAPPED_PREFIX ? undefined : mappedIPv4(address);
  return mapped && `${mapped}/${prefix - MAPPED_PREFIX}`;
}

/** Of `::ffff:0:0`. */
const MAPPED_PREFIX = 96;

/** The network in a text that was checked. */
export function networkOf(text: string): Network {
  const family = familyOf(text);
  const slash = text.indexOf('/');
  if (slash < 0) return { address: text, family, prefix: bitsOf(family) };
  return { address: text.slice(0, slash), family, prefix: Number(text.slice(slash + 1)) };
}

function bitsOf(family: Family): number {
  return family === 'ipv4' ? 32 : 128;
}

/** The address without the bits behind the prefix; `undefined` when there are none. */
function maskedAddress({ address, family, prefix }: Network): string | undefined {
  if (prefix === bitsOf(family)) return undefined;
  ADDRESS.fill(0);
  writeAddress(ADDRESS_VIEW, 0, address);
  let beyond = 0;
  for (let word = prefix >> 5; word < 4; word++) {
    const bits = 0xffffffff >>> Math.max(prefix - 32 * word, 0);
    const value = ADDRESS_VIEW.getUint32(4 * word);
    beyond |= value & bits;
    ADDRESS_VIEW.setUint32(4 * word, value & ~bits);
  }
  if (beyond === 0) return undefined;
  return family === 'ipv4' ? formatIPv4(ADDRESS, 0) : formatIPv6(ADDRESS, 0);
}

const ADDRESS = new Uint32Array(4);
const ADDRESS_VIEW = new DataView(ADDRESS.buffer);
