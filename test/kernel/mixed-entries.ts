/**
 * Specifications of a table of everything: each is another flow, and number `n` is always the same.
 */
import { type EntrySpec, SCTP_STATES, SETTABLE_STATUS, TCP_STATES, type Tuple } from 'conntrack';
import { hasFeature } from '../support/kernel-features.js';

/** What a kind makes an entry of. */
interface Place {
  /** How many of its kind and family came before. */
  readonly round: number;
  readonly isIpv6: boolean;
  readonly hosts: { readonly source: string; readonly destination: string };
  readonly ports: Tuple;
  /** Where NAT leads. */
  readonly other: string;
  /** The flow of a kind that stands before it, in this round. */
  readonly of: (kind: Kind) => EntrySpec;
}

type Kind = (place: Place) => Omit<EntrySpec, 'timeout'>;

const cycle = <T>(values: readonly T[], round: number) => values[round % values.length] as T;

const tcp: Kind = ({ round, ports }) => ({
  protocol: 'tcp',
  original: ports,
  status: SETTABLE_STATUS.filter((_, bit) => (round >> bit) & 1),
  tcp: {
    state: cycle(TCP_STATES, round),
    original: { windowScale: round % 15, flags: 3 + (round % 2) * 8, flagsMask: 0xff },
    reply: { windowScale: (round + 7) % 15, flags: round % 4, flagsMask: 0xff },
  },
});

/** A helper's flow, in zones of its own. */
const ftp: Kind = ({ round, ports }) => ({
  ...{ protocol: 'tcp', original: ports, helper: 'ftp', tcp: { state: 'ESTABLISHED' } },
  zone: round % 3 === 0 ? 0 : round % 65_536,
});

const expectedBy =
  (kind: Kind): Kind =>
  ({ ports, of }) => {
    const { protocol, original, zone } = of(kind);
    const protocolNumber = protocol === 'tcp' ? 6 : 17;
    return {
      ...{ protocol: 'udp', original: ports, zone },
      master: { ...original, protocol: protocol as 'tcp', protocolNumber },
    };
  };

const expected = expectedBy(ftp);

const udp: Kind = ({ ports }) => ({ protocol: 'udp', original: ports });

const icmpOf = ({ round, isIpv6, hosts }: Place): Omit<EntrySpec, 'timeout'> => {
  const type = isIpv6 ? 128 : cycle([8, 13, 15, 17], round);
  return {
    protocol: isIpv6 ? 'icmpv6' : 'icmp',
    original: { ...hosts, icmp: { type, code: 0, id: round % 65_536 } },
  };
};

/** NAT that has changed the id of a ping. */
const pingOfNat: Kind = ({ isIpv6, hosts, other: address, round }) => {
  const [request, answer] = isIpv6 ? [128, 129] : [8, 0];
  const icmp = { type: answer, code: 0, id: (round + 1) % 65_536 };
  return {
    protocol: isIpv6 ? 'icmpv6' : 'icmp',
    original: { ...hosts, icmp: { type: request, code: 0, id: round % 65_536 } },
    reply: { source: hosts.destination, destination: address, icmp },
    nat: { source: { address } },
  };
};

/** The kernel takes these; it has given up HEARTBEAT_ACKED. */
const SCTP_STATES_TAKEN = SCTP_STATES.filter((state) => state !== 'HEARTBEAT_ACKED');

/** In the order in which they are created: masters before what they expect. */
const KINDS: readonly Kind[] = [
  tcp,
  ftp,
  expected,
  expectedBy(expected),
  udp,
  (place) => ({ ...udp(place), status: ['seenReply', 'assured'], mark: place.round * 77_777 }),
  (place) => ({ ...udp(place), labels: (1n << BigInt(place.round % 128)) | (1n << 127n) }),
  (place) => ({ ...udp(place), helper: 'tftp' }),
  (place) => ({ ...udp(place), zone: 1 + (place.round % 65_535) }),
  ({ round, ports }) => ({ protocol: 'udp', original: { ...ports, zone: 1 + (round % 65_535) } }),
  ({ round, ports: { source, destination, sourcePort, destinationPort }, ports }) => ({
    ...{ protocol: 'udp', original: ports },
    reply: {
      ...{ source: destination, destination: source, zone: 1 + (round % 65_535) },
      ...{ sourcePort: destinationPort, destinationPort: sourcePort },
    },
  }),
  (place) => ({ ...udp(place), nat: { source: { address: place.other } } }),
  (place) => ({ ...tcp(place), nat: { source: { address: place.other, port: 1024 } } }),
  (place) => ({ ...tcp(place), nat: { destination: { address: place.other, port: 8080 } } }),
  (place) => ({
    ...udp(place),
    // To another port of the same address.
    nat: { destination: { address: place.ports.destination, port: 99 } },
  }),
  (place) => ({
    ...tcp(place),
    nat: { source: { address: place.other, port: 7 }, destination: { address: place.other } },
  }),
  (place) => ({
    ...tcp(place),
    sequenceAdjust: {
      original: { correctionPosition: place.round, offsetBefore: -3, offsetAfter: 5 },
      reply: { correctionPosition: 7, offsetBefore: 0, offsetAfter: -place.round },
    },
  }),
  (place) => ({
    ...tcp(place),
    synproxy: { initialSequence: place.round, initialTimestamp: 9, timestampOffset: 10 },
  }),
  ({ round, ports }) => ({
    ...{ protocol: 'sctp', original: ports },
    sctp: {
      state: cycle(SCTP_STATES_TAKEN, round),
      originalTag: 0x01020304 + round,
      replyTag: 0xfffffff0 - round,
    },
  }),
  ({ round, hosts }) => ({
    protocol: 'gre',
    original: { ...hosts, sourceKey: round % 65_536, destinationKey: 7 },
  }),
  icmpOf,
  pingOfNat,
  (place) => ({ ...icmpOf(place), nat: { source: { address: place.other } } }),
  ({ round, hosts }) => ({ protocol: cycle([50, 51, 4, 253], round), original: hosts }),
  ...(hasFeature('udplitePorts')
    ? [({ ports }: Place) => ({ protocol: 'udplite' as const, original: ports })]
    : []),
  ...(hasFeature('dccp')
    ? [
        ({ ports }: Place) => ({
          ...{ protocol: 'dccp' as const, original: ports },
          dccp: { state: 'OPEN' as const, role: 'server' as const, handshakeSequence: 77n },
        }),
      ]
    : []),
];

/** The specification number `n`. */
export function mixedSpec(n: number): EntrySpec {
  const kind = (n >> 1) % KINDS.length;
  const isIpv6 = n % 2 === 1;
  const round = Math.floor(n / (2 * KINDS.length));
  const low = n & 0xffff;
  const high = n >> 16;
  const hosts = isIpv6
    ? { source: `fd00::${high.toString(16)}:${low.toString(16)}`, destination: '2001:db8::1' }
    : { source: `10.${high}.${low >> 8}.${low & 0xff}`, destination: '198.51.100.1' };
  const place: Place = {
    ...{ round, isIpv6, hosts },
    ports: { ...hosts, sourcePort: 1024 + (n % 60_000), destinationPort: 80 },
    // One for each flow: no two take the same tuple.
    other: isIpv6
      ? `fd01::${high.toString(16)}:${low.toString(16)}`
      : `11.${high}.${low >> 8}.${low & 0xff}`,
    of: (other) => mixedSpec(n + 2 * (KINDS.indexOf(other) - kind)),
  };
  return { timeout: 50_000 + (n % 10_000), ...(KINDS[kind] as Kind)(place) };
}

/** The first `count` of them. */
export const mixedSpecs = (count: number) => Array.from({ length: count }, (_, n) => mixedSpec(n));
