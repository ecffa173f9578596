/**
 * What a filter means, said in the plainest way, and random ones to compare with.
 */
import { BlockList, isIPv4 } from 'node:net';
import type { Entry, EntryFilter, PortFilter, StatusFlag, Tuple, TupleFilter } from 'conntrack';

type One = EntryFilter;

export function matchesAny(filters: readonly One[], entry: Entry): boolean {
  return filters.some((filter) => matches(filter, entry));
}

function matches(filter: One, entry: Entry): boolean {
  const { original, reply, status } = entry;
  const addresses = [original, reply].flatMap(({ source, destination }) => [source, destination]);
  const ports = [original, reply].flatMap((tuple) => [tuple.sourcePort, tuple.destinationPort]);
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  const labels = entry.labels ?? 0n;
  const nat = { source: status.sourceNat, destination: status.destinationNat };
  const checks: Record<keyof EntryFilter, () => boolean> = {
    family: () => entry.family === filter.family,
    protocol: () => [entry.protocol, entry.protocolNumber].includes(filter.protocol ?? 'other'),
    original: () => matchesTuple(filter.original ?? {}, original),
    reply: () => matchesTuple(filter.reply ?? {}, reply),
    address: () => addresses.some((address) => isIn(filter.address, address)),
    port: () => ports.some((port) => isPort(filter.port, port)),
    mark: () => {
      const { value, mask } =
        typeof filter.mark === 'object' ? filter.mark : { value: filter.mark, mask: 0xffffffff };
      return ((entry.mark ?? 0) & mask) >>> 0 === value;
    },
    zone: () => entry.zone === filter.zone,
    status: () =>
      (filter.status?.all ?? []).every((flag) => status[flag]) &&
      !(filter.status?.none ?? []).some((flag) => status[flag]),
    assured: () => entry.assured === filter.assured,
    state: () => ([filter.state].flat() as unknown[]).includes(state),
    labels: () =>
      (labels & (filter.labels?.all ?? 0n)) === (filter.labels?.all ?? 0n) &&
      (labels & (filter.labels?.none ?? 0n)) === 0n,
    helper: () => entry.helper === filter.helper,
    nat: () =>
      ({ ...nat, any: nat.source || nat.destination, none: !nat.source && !nat.destination })[
        filter.nat ?? 'any'
      ],
  };
  return (Object.keys(checks) as (keyof EntryFilter)[]).every(
    (field) => filter[field] === undefined || checks[field](),
  );
}

function matchesTuple(filter: TupleFilter, tuple: Tuple): boolean {
  const { source, destination, sourcePort, destinationPort, icmp, zone } = filter;
  return (
    (source === undefined || isIn(source, tuple.source)) &&
    (destination === undefined || isIn(destination, tuple.destination)) &&
    (sourcePort === undefined || isPort(sourcePort, tuple.sourcePort)) &&
    (destinationPort === undefined || isPort(destinationPort, tuple.destinationPort)) &&
    (icmp?.type === undefined || icmp.type === tuple.icmp?.type) &&
    (icmp?.code === undefined || icmp.code === tuple.icmp?.code) &&
    (icmp?.id === undefined || icmp.id === tuple.icmp?.id) &&
    (zone === undefined || zone === tuple.zone)
  );
}

function isIn(range: string | undefined, address: string): boolean {
  const [network = '', length] = (range ?? '').split('/');
  const family = isIPv4(network) ? 'ipv4' : 'ipv6';
  if (family !== (isIPv4(address) ? 'ipv4' : 'ipv6')) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(length ?? (family === 'ipv4' ? 32 : 128)), family);
  return list.check(address, family);
}

function isPort(filter: PortFilter | undefined, port: number | undefined): boolean {
  if (port === undefined || filter === undefined) return false;
  return typeof filter === 'number' ? port === filter : filter.from <= port && port <= filter.to;
}

/** mulberry32: the same numbers for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** A filter of one to three fields, with values that entries of the table have, or nearly. */
export function randomFilter(random: Random, table: readonly Entry[]): EntryFilter {
  // Of one family: addresses of two are refused.
  const { family } = random.of(table);
  const sameFamily = table.filter((entry) => entry.family === family);
  const fields = Array.from({ length: 1 + random.below(3) }, () =>
    random.of(fieldsOf(random, random.of(sameFamily))),
  );
  return Object.assign({}, ...fields) as EntryFilter;
}

function fieldsOf(random: Random, entry: Entry): EntryFilter[] {
  const { original, reply } = entry;
  const tuple = random.of([original, reply]);
  const direction = random.of(['original', 'reply'] as const);
  const flags: StatusFlag[] = ['seenReply', 'assured', 'sourceNat', 'destinationNat', 'confirmed'];
  const port = tuple.sourcePort ?? 443;
  const mask = random.of([0xf, 0xff, 0xffffffff]);
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  return [
    { family: entry.family },
    { protocol: entry.protocol === 'other' ? entry.protocolNumber : entry.protocol },
    { address: random.of([tuple.source, network(random, tuple.source)]) },
    { port: random.of([port, { from: port - 1, to: port + 200 }]) },
    { [direction]: { source: network(random, tuple.source) } },
    { [direction]: { destination: tuple.destination, zone: tuple.zone } },
    { [direction]: { sourcePort: tuple.sourcePort, destinationPort: tuple.destinationPort } },
    { [direction]: { icmp: random.of([{ type: 8 }, { type: 128, code: 0 }, { id: 7 }]) } },
    { mark: random.of([entry.mark ?? 0, { value: ((entry.mark ?? 0) & mask) >>> 0, mask }]) },
    { zone: entry.zone },
    { status: { [random.of(['all', 'none'])]: [random.of(flags)] } },
    { assured: random.below(2) === 0 },
    { nat: random.of(['source', 'destination', 'any', 'none'] as const) },
    { labels: { [random.of(['all', 'none'])]: 1n << BigInt(random.below(4)) } },
    { helper: random.of(['ftp', 'sip']) },
    { state: random.of(['ESTABLISHED', 'SYN_SENT', ['CLOSE', state ?? 'NONE']]) } as EntryFilter,
  ];
}

function network(random: Random, address: string): string {
  return isIPv4(address)
    ? random.of([`${address}/32`, '10.0.0.0/8', '10.0.1.0/24', '192.0.2.128/25', '0.0.0.0/0'])
    : random.of([`${address}/128`, 'fd00::/8', 'fd00:1::/32', '2001:db8::/33', '::/0']);
}
