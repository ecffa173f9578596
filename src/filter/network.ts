/**
 * Addresses and networks of filters.
 */
import { isIP } from 'node:net';
import type { Check } from '../core/check.js';
import { rangeError, typeError } from '../core/errors.js';
import type { Family } from '../core/names.js';
import { shown } from '../core/show-value.js';
import { addressHint } from '../record/check-tuple.js';
import {
  addressFamily,
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
  const { address, prefix } = networkOf(value);
  const masked = maskedAddress(address, prefix);
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
  const [address = '', length] = text.split('/');
  const family: Family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  return { address, family, prefix: length === undefined ? bitsOf(family) : Number(length) };
}

function bitsOf(family: Family): number {
  return family === 'ipv4' ? 32 : 128;
}

/** The address without the bits behind the prefix; `undefined` when there are none. */
function maskedAddress(address: string, prefix: number): string | undefined {
  const words = new Uint32Array(4);
  writeAddress(new DataView(words.buffer), 0, address);
  const bytes = new Uint8Array(words.buffer);
  let isMasked = false;
  for (const [index, byte] of bytes.entries()) {
    const kept = Math.min(Math.max(prefix - 8 * index, 0), 8);
    bytes[index] = byte & ~(0xff >> kept);
    isMasked ||= bytes[index] !== byte;
  }
  if (!isMasked) return undefined;
  return isIP(address) === 4 ? formatIPv4(words, 0) : formatIPv6(words, 0);
}
