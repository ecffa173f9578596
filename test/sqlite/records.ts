/**
 * Records of flows: simple ones, and any.
 */
import fc from 'fast-check';
import { TCP_STATES } from '../../src/core/names.js';
import type {
  FlowNotice,
  FlowPart,
  FlowRecord,
  FlowTraffic,
  GapRecord,
  LossRecord,
} from '../../src/flow-log/flow-log.js';

export const T0 = Date.UTC(2026, 0, 1);

/** A part of a flow that ended at `T0`. */
export function part(fields: Partial<FlowPart> = {}): FlowPart {
  const { source, destination } = { source: '10.0.0.1', destination: '10.0.0.2' };
  return {
    type: 'flow',
    flow: 'run-1',
    part: 1,
    outcome: 'expired',
    family: 'ipv4',
    protocol: 'tcp',
    protocolNumber: 6,
    zone: 0,
    id: 7,
    original: { source, destination, sourcePort: 5000, destinationPort: 443 },
    reply: { source: destination, destination: source, sourcePort: 443, destinationPort: 5000 },
    replied: true,
    to: new Date(T0),
    traffic: traffic(1, 2, 3, 4),
    total: traffic(1, 2, 3, 4),
    estimated: false,
    ...fields,
  };
}

/** So many parts, of as many flows, a millisecond apart. */
export function parts(count: number, first = 0, fields: Partial<FlowPart> = {}): FlowPart[] {
  return Array.from({ length: count }, (_, index) =>
    part({ flow: `run-${first + index}`, to: new Date(T0 + first + index), ...fields }),
  );
}

export function traffic(packets: number, bytes: number, back: number, bytesBack: number) {
  return {
    original: { packets, bytes },
    reply: { packets: back, bytes: bytesBack },
  } satisfies FlowTraffic;
}

/** Nothing is absent by chance where a test names it. */
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const count = fc.oneof(
  fc.nat(100),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
const uint16 = fc.nat(0xffff);
const uint32 = fc.nat(0xffffffff);
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const date = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true });
const address = fc.oneof(fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2'), fc.ipV4());
const counts = fc.record({ packets: count, bytes: count });
const amount = optional(fc.record({ original: counts, reply: counts }));
const tuple = fc.record({
  source: address,
  destination: address,
  sourcePort: optional(uint16),
  destinationPort: optional(uint16),
  icmp: optional(fc.record({ type: fc.nat(255), code: fc.nat(255), id: uint16 })),
  sourceKey: optional(uint16),
  destinationKey: optional(uint16),
  zone: optional(uint16),
});
const endpoint = optional(fc.record({ address, port: optional(uint16) }));

export const anyPart: fc.Arbitrary<FlowPart> = fc.record({
  type: fc.constant('flow' as const),
  flow: fc.constantFrom('run-1', 'run-2', 'run-3', 'other-1', '\u{1f980}'),
  part: fc.integer({ min: 1, max: 4 }),
  outcome: fc.constantFrom('open', 'expired', 'deleted', 'unobserved'),
  deletedBy: optional(fc.record({ portId: uint32, pid: optional(uint32), name: optional(text) })),
  family: fc.constantFrom('ipv4', 'ipv6'),
  protocol: fc.constantFrom('tcp', 'udp', 'icmp', 'gre', 'other'),
  protocolNumber: fc.nat(255),
  zone: uint16,
  id: uint32,
  original: tuple,
  reply: tuple,
  nat: optional(fc.record({ source: endpoint, destination: endpoint })),
  mark: optional(uint32),
  labels: optional(fc.bigInt(0n, 2n ** 128n - 1n).map(String)),
  helper: optional(text),
  state: optional(fc.constantFrom(...TCP_STATES)),
  replied: fc.boolean(),
  start: optional(date),
  end: optional(date),
  durationMs: optional(count),
  from: optional(date),
  to: date,
  traffic: amount,
  total: amount,
  counters: amount,
  estimated: fc.boolean(),
  doubts: optional(fc.uniqueArray(fc.constantFrom('lost', 'zeroed', 'no-times'))),
});

const anyLoss: fc.Arbitrary<LossRecord> = fc.record({
  type: fc.constant('lost' as const),
  cause: fc.constantFrom('kernel', 'queue'),
  count: fc.nat(100),
  at: date,
});
const anyGap: fc.Arbitrary<GapRecord> = fc.record({
  type: fc.constant('gap' as const),
  from: date,
  to: date,
});
const anyNotice: fc.Arbitrary<FlowNotice> = fc.record({
  type: fc.constant('notice' as const),
  code: fc.constantFrom('accounting-off', 'reliability-ended'),
  message: text.filter((one) => !one.includes('\0')),
  setting: optional(fc.constant('net.netfilter.nf_conntrack_acct')),
  suggested: optional(fc.nat(1)),
  at: date,
});

export const anyRecord: fc.Arbitrary<FlowRecord> = fc.oneof(
  { arbitrary: anyPart, weight: 5 },
  anyLoss,
  anyGap,
  anyNotice,
);
