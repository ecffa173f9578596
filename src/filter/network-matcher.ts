/**
 * Addresses compared with networks, outside of filters.
 *
 * @module
 */
import { arrayOf } from '../core/check.js';
import { typeError } from '../core/errors.js';
import { shown } from '../core/show-value.js';
import { addressHint } from '../record/check-tuple.js';
import { addressFamily, writeAddress } from '../record/ip-address.js';
import { network, networkOf } from './network.js';

const networksOf = arrayOf(network, 'an array of addresses and networks');

/**
 * Returns a function that returns whether an address is in one of the networks. A network is an
 * address, or a prefix such as `'10.0.0.0/8'` or `'fd00::/8'`. An IPv4-mapped IPv6 address, such as
 * `'::ffff:10.0.0.5'` of a dual-stack socket, counts as its IPv4 address.
 *
 * To read or watch the flows of a network, use a {@link EntryFilter | filter} instead: other flows
 * then cost less. The time of a call depends on the number of different prefix lengths, not on that
 * of networks.
 *
 * @throws TypeError or RangeError for a wrong network, naming its place; the returned function throws
 * a TypeError for what is no address.
 *
 * @example
 * ```ts
 * import { listEntries, networkMatcher } from 'conntrack';
 *
 * const isOurs = networkMatcher(['10.0.0.0/8', '192.168.0.0/16', 'fd00::/8']);
 * for (const { original } of await listEntries()) {
 *   if (isOurs(original.source) && !isOurs(original.destination)) console.log(original.source);
 * }
 * ```
 */
export function networkMatcher(networks: readonly string[]): (address: string) => boolean {
  const ipv4 = new Map<number, Set<number>>();
  const ipv6 = new Map<bigint, Set<bigint>>();
  for (const text of networksOf(networks, 'networks')) {
    const { address, family, prefix } = networkOf(text);
    if (family === 'ipv4') addTo(ipv4, prefix === 0 ? 0 : -1 << (32 - prefix), ipv4In(address));
    else addTo(ipv6, ALL_IPV6 ^ (ALL_IPV6 >> BigInt(prefix)), ipv6In(address));
  }
  return (address) => {
    const family = typeof address === 'string' ? addressFamily(address) : undefined;
    if (family === undefined) {
      const given = `${shown(address)}${addressHint(address)}`;
      throw typeError('address', `must be an IPv4 or IPv6 address, not ${given}`);
    }
    if (family === 'ipv4') return isInIPv4(ipv4, ipv4In(address));
    const words = ipv6In(address);
    if (words >> 32n === MAPPED) return isInIPv4(ipv4, VIEW.getInt32(12));
    return isInIPv6(ipv6, words);
  };
}

const ALL_IPV6 = (1n << 128n) - 1n;
/** Of `::ffff:0:0/96`, the IPv4-mapped addresses. */
const MAPPED = 0xffffn;

function addTo<T>(networks: Map<T, Set<T>>, mask: T, address: T): void {
  const addresses = networks.get(mask);
  if (addresses === undefined) networks.set(mask, new Set([address]));
  else addresses.add(address);
}

function isInIPv4(networks: ReadonlyMap<number, ReadonlySet<number>>, address: number): boolean {
  for (const [mask, addresses] of networks) if (addresses.has(address & mask)) return true;
  return false;
}

function isInIPv6(networks: ReadonlyMap<bigint, ReadonlySet<bigint>>, address: bigint): boolean {
  for (const [mask, addresses] of networks) if (addresses.has(address & mask)) return true;
  return false;
}

const VIEW = new DataView(new ArrayBuffer(16));

function ipv4In(address: string): number {
  writeAddress(VIEW, 0, address);
  return VIEW.getInt32(0);
}

function ipv6In(address: string): bigint {
  writeAddress(VIEW, 0, address);
  return (VIEW.getBigUint64(0) << 64n) | VIEW.getBigUint64(8);
}
