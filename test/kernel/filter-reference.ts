/**
 * What a filter means, said in the plainest way, and random ones to compare with.
 */
import { BlockList, isIPv4 } from 'node:net';
import {
  type CounterFilter,
  type DirectionCounters,
  type Entry,
  type EntryConditions,
  type EntryFilter,
  OTHER_PROTOCOL_NUMBERS,
  type PortFilter,
  type RangeFilter,
  type StatusFlag,
  type Tuple,
  type TupleFilter,
} from 'conntrack';
import type { Random } from '../support/random.js';

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
    protocol: () =>
      [filter.protocol ?? []].flat().some((one) => {
        const others: Readonly<Record<string, number>> = OTHER_PROTOCOL_NUMBERS;
        return [entry.protocol, entry.protocolNumber].includes(others[one] ?? (one as 'tcp'));
      }),
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
    id: () => entry.id === filter.id,
    timeout: () => isWithin(filter.timeout, entry.timeout),
    counters: () => matchesCounters(filter.counters ?? {}, entry.counters),
    startedAfter: () =>
      entry.startTimeNs !== undefined && entry.startTimeNs >= nanoseconds(filter.startedAfter),
    startedBefore: () =>
      entry.startTimeNs !== undefined && entry.startTimeNs < nanoseconds(filter.startedBefore),
    sctp: () =>
      [
        filter.sctp?.originalTag ?? entry.sctp?.originalTag,
        filter.sctp?.replyTag ?? entry.sctp?.replyTag,
      ].join() === [entry.sctp?.originalTag, entry.sctp?.replyTag].join(),
    dccp: () => entry.dccp?.role === (filter.dccp?.role ?? entry.dccp?.role),
    not: () => !matchesAny([filter.not ?? []].flat(), entry),
  };
  return (Object.keys(checks) as (keyof EntryFilter)[]).every(
    (field) => filter[field] === undefined || checks[field](),
  );
}

const nanoseconds = (time: Date | bigint | undefined) =>
  typeof time === 'bigint' ? time : BigInt(time?.getTime() ?? 0) * 1_000_000n;

function isWithin(range: RangeFilter<number | bigint> = {}, value: number | bigint | undefined) {
  if (range.from === undefined && range.to === undefined) return true;
  if (value === undefined) return false;
  return (range.from ?? 0) <= value && value <= (range.to ?? 2n ** 64n);
}

function matchesCounters(
  { original, reply, total }: NonNullable<EntryFilter['counters']>,
  counters: Entry['counters'],
): boolean {
  const isIn = (filter: CounterFilter = {}, ...both: DirectionCounters[]) => {
    const sum = (count: 'packetsBig' | 'bytesBig') =>
      counters && both.reduce((all, one) => all + one[count], 0n);
    return isWithin(filter.packets, sum('packetsBig')) && isWithin(filter.bytes, sum('bytesBig'));
  };
  const both = counters ? [counters.original, counters.reply] : [];
  return (
    isIn(original, ...both.slice(0, 1)) && isIn(reply, ...both.slice(1)) && isIn(total, ...both)
  );
}

function matchesTuple(filter: TupleFilter, tuple: Tuple): boolean {
  const { source, destination, sourcePort, destinationPort, icmp, zone } = filter;
  const { sourceKey, destinationKey } = filter;
  return (
    (sourceKey === undefined || isPort(sourceKey, tuple.sourceKey)) &&
    (destinationKey === undefined || isPort(destinationKey, tuple.destinationKey)) &&
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

/**
 * A filter of one to three fields, with values that entries of the table have, or nearly. A
 * `lasting` one has none that change when an entry is deleted and created again.
 */
export function randomFilter(
  random: Random,
  table: readonly Entry[],
  lasting = false,
): EntryFilter {
  const filter = randomConditions(random, table, lasting);
  if (random.below(4) > 0) return filter;
  const not = Array.from({ length: 1 + random.below(3) }, () =>
    randomConditions(random, table, lasting),
  );
  const [only] = not;
  return { ...(random.below(4) > 0 && filter), not: not.length === 1 ? (only ?? []) : not };
}

function randomConditions(
  random: Random,
  table: readonly Entry[],
  lasting: boolean,
): EntryConditions {
  // Of one family: addresses of two are refused.
  const { family } = random.of(table);
  const sameFamily = table.filter((entry) => entry.family === family);
  const fields = Array.from({ length: 1 + random.below(3) }, () => {
    const entry = random.of(sameFamily);
    return random.of([
      ...fieldsOf(random, entry),
      ...(lasting ? [] : passingFieldsOf(random, entry)),
    ]);
  });
  return Object.assign({}, ...fields) as EntryConditions;
}

/** Those of one life. */
function passingFieldsOf(random: Random, entry: Entry): EntryConditions[] {
  const { id, counters, startTimeNs = 0n } = entry;
  const direction = random.of(['original', 'reply', 'total'] as const);
  const bytes = counters?.original.bytes ?? 0;
  return [
    { id },
    { startedAfter: random.of([startTimeNs, new Date(Number(startTimeNs / 1_000_000n))]) },
    { startedBefore: startTimeNs },
    {
      counters: {
        [direction]: random.of([
          { bytes: { from: bytes } },
          { bytes: { to: BigInt(bytes) } },
          { packets: { from: 1, to: 3 } },
          { packets: { from: 0 }, bytes: { from: 1 } },
          {},
        ]),
      },
    },
  ];
}

function fieldsOf(random: Random, entry: Entry): EntryConditions[] {
  const { original, reply } = entry;
  const tuple = random.of([original, reply]);
  const direction = random.of(['original', 'reply'] as const);
  const flags: StatusFlag[] = ['seenReply', 'assured', 'sourceNat', 'destinationNat', 'confirmed'];
  const port = tuple.sourcePort ?? 443;
  const mask = random.of([0xf, 0xff, 0xffffffff]);
  const state = (entry.tcp ?? entry.sctp ?? entry.dccp)?.state;
  return [
    { family: entry.family },
    { protocol: random.of([['esp', 'tcp'], ['gre', entry.protocolNumber], [], ['vrrp']]) },
    { timeout: random.of([{ from: 5000 }, { to: 5000 }, { from: 1, to: 2 ** 32 - 1 }, {}]) },
    { sctp: random.of([{ originalTag: 1 }, { originalTag: 2, replyTag: 2 }, { replyTag: 2 }, {}]) },
    { dccp: random.of([{ role: 'client' }, {}] as const) },
    { [direction]: random.of([{ sourceKey: 1 }, { destinationKey: { from: 2, to: 5 } }]) },
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
    {
      state: random.of(['ESTABLISHED', 'SYN_SENT', ['CLOSE', state ?? 'NONE']]),
    } as EntryConditions,
  ];
}

function network(random: Random, address: string): string {
  return isIPv4(address)
    ? random.of([`${address}/32`, '10.0.0.0/8', '10.0.1.0/24', '192.0.2.128/25', '0.0.0.0/0'])
    : random.of([`${address}/128`, 'fd00::/8', 'fd00:1::/32', '2001:db8::/33', '::/0']);
}
