/**
 * The fixed layout of entry records, as in native/wire/entry_record.h and slab.h.
 * The same numbers come from the addon when it loads and must be equal: see
 * `checkLayout`. Constants here, not the addon's object, because reading a field
 * of an entry is the hottest path of this package.
 */
export const SLAB = { size: 65536, count: 0, readTime: 8, firstEntry: 16 } as const;

export const ENTRY = {
  size: 192,
  present: 0,
  status: 4,
  id: 8,
  mark: 12,
  timeout: 16,
  use: 20,
  zone: 24,
  state: 26,
  extension: 28,
  unknownAttributes: 30,
  original: 32,
  reply: 80,
  originalPackets: 128,
  originalBytes: 136,
  replyPackets: 144,
  replyBytes: 152,
  startTime: 160,
  stopTime: 168,
  tcpOriginalWindowScale: 176,
  tcpReplyWindowScale: 177,
  tcpOriginalFlags: 178,
  tcpReplyFlags: 180,
  sctpOriginalTag: 176,
  sctpReplyTag: 180,
  dccpHandshakeSequence: 176,
  dccpRole: 184,
} as const;

export const EXTENSION = {
  size: 112,
  master: 0,
  originalSequenceAdjust: 48,
  replySequenceAdjust: 60,
  synproxy: 72,
  helperLength: 84,
  securityContextLength: 86,
  eventTime: 88,
  labels: 96,
} as const;

/** native/wire/expectation_record.h */
export const EXPECTATION = {
  size: 176,
  present: 0,
  timeout: 4,
  id: 8,
  flags: 12,
  class: 16,
  natDirection: 20,
  zone: 24,
  extension: 28,
  unknownAttributes: 30,
  tuple: 32,
  mask: 80,
  master: 128,
} as const;

/** Bits of `EXPECTATION.present`: which values the kernel sent. */
export const EXPECTATION_PRESENT = {
  timeout: 1 << 0,
  id: 1 << 1,
  flags: 1 << 2,
  class: 1 << 3,
  zone: 1 << 4,
  tuple: 1 << 5,
  mask: 1 << 6,
  master: 1 << 7,
  nat: 1 << 8,
  helper: 1 << 9,
  function: 1 << 10,
} as const;

export const EXPECTATION_EXTENSION = {
  size: 56,
  nat: 0,
  helperLength: 48,
  functionLength: 50,
} as const;

/** native/wire/event_record.h */
export const EVENT = {
  size: 216,
  kind: 0,
  originPortId: 4,
  netns: 8,
  maximum: 12,
  count: 16,
  record: 24,
} as const;

/** Values of `EVENT.kind`. */
export const EVENT_KINDS = {
  new: 1,
  update: 2,
  destroy: 3,
  expectationNew: 4,
  expectationDestroy: 5,
  lostInKernel: 6,
  lostInQueue: 7,
  reliabilityEnded: 8,
} as const;

/** Multicast groups of ctnetlink. */
export const EVENT_GROUPS = {
  new: 1,
  update: 2,
  destroy: 3,
  expectationNew: 4,
  expectationDestroy: 6,
} as const;

/** native/wire/filter_record.h */
export const ADDRESS_RANGE = { size: 20, address: 0, family: 16, prefix: 17 } as const;

export const TUPLE_FILTER = {
  size: 56,
  source: 0,
  destination: 20,
  sourcePortFrom: 40,
  destinationPortFrom: 44,
  icmpId: 48,
  icmpType: 50,
  icmpCode: 51,
  zone: 52,
  present: 54,
} as const;

/** Bits of `TUPLE_FILTER.present`. */
export const TUPLE_FILTER_PRESENT = {
  source: 1 << 0,
  destination: 1 << 1,
  sourcePort: 1 << 2,
  destinationPort: 1 << 3,
  icmpId: 1 << 4,
  icmpType: 1 << 5,
  icmpCode: 1 << 6,
  zone: 1 << 7,
} as const;

export const FILTER = {
  size: 240,
  present: 0,
  mark: 4,
  markMask: 8,
  statusAll: 12,
  statusNone: 16,
  statusAny: 20,
  tcpStates: 24,
  sctpStates: 28,
  dccpStates: 32,
  zone: 36,
  family: 38,
  protocol: 39,
  portFrom: 40,
  address: 44,
  original: 64,
  reply: 120,
  labelsAll: 176,
  labelsNone: 192,
  helperLength: 208,
  helper: 209,
} as const;

/** Bits of `FILTER.present`. */
export const FILTER_PRESENT = {
  family: 1 << 0,
  protocol: 1 << 1,
  address: 1 << 2,
  port: 1 << 3,
  mark: 1 << 4,
  zone: 1 << 5,
  state: 1 << 6,
  labels: 1 << 7,
  helper: 1 << 8,
} as const;

/** What askedFields() answers: native/wire/encode.h */
export const ASKED_FIELDS = {
  source: 1 << 0,
  destination: 1 << 1,
  protocol: 1 << 3,
  sourcePort: 1 << 4,
  destinationPort: 1 << 5,
  icmpType: (1 << 6) | (1 << 9),
  icmpCode: (1 << 7) | (1 << 10),
  icmpId: (1 << 8) | (1 << 11),
  mark: 1 << 16,
  status: 1 << 17,
  zone: 1 << 18,
} as const;

/** native/wire/spec_record.h */
export const SPEC = {
  size: 240,
  entry: 0,
  markMask: 192,
  present: 196,
  sourcePort: 198,
  destinationPort: 200,
  sourceAddress: 208,
  destinationAddress: 224,
} as const;

/** Bits of `SPEC.present`. */
export const SPEC_PRESENT = {
  sourceNat: 1 << 0,
  sourcePort: 1 << 1,
  destinationNat: 1 << 2,
  destinationPort: 1 << 3,
} as const;

export const TUPLE = {
  size: 48,
  source: 0,
  destination: 16,
  sourcePort: 32,
  destinationPort: 34,
  icmpId: 36,
  icmpType: 38,
  icmpCode: 39,
  zone: 40,
  protocol: 42,
  family: 43,
  present: 44,
} as const;

/** Bits of `ENTRY.present`: which values the kernel sent. */
export const ENTRY_PRESENT = {
  status: 1 << 0,
  id: 1 << 1,
  mark: 1 << 2,
  timeout: 1 << 3,
  use: 1 << 4,
  zone: 1 << 5,
  tcpState: 1 << 6,
  tcpOriginalWindowScale: 1 << 7,
  tcpReplyWindowScale: 1 << 8,
  tcpOriginalFlags: 1 << 9,
  tcpReplyFlags: 1 << 10,
  sctpState: 1 << 11,
  sctpOriginalTag: 1 << 12,
  sctpReplyTag: 1 << 13,
  dccpState: 1 << 14,
  dccpRole: 1 << 15,
  dccpHandshakeSequence: 1 << 16,
  originalCounters: 1 << 17,
  replyCounters: 1 << 18,
  startTime: 1 << 19,
  stopTime: 1 << 20,
  eventTime: 1 << 21,
  labels: 1 << 22,
  helper: 1 << 23,
  securityContext: 1 << 24,
  master: 1 << 25,
  originalSequenceAdjust: 1 << 26,
  replySequenceAdjust: 1 << 27,
  synproxy: 1 << 28,
  original: 1 << 29,
  reply: 1 << 30,
  synproxyNotZero: 2 ** 31,
} as const;

/** Bits of `TUPLE.present`. */
export const TUPLE_PRESENT = {
  sourcePort: 1 << 0,
  destinationPort: 1 << 1,
  icmpId: 1 << 2,
  icmpType: 1 << 3,
  icmpCode: 1 << 4,
  zone: 1 << 5,
  sourceKey: 1 << 6,
  destinationKey: 1 << 7,
} as const;

/** AF_INET and AF_INET6. */
export const FAMILY_NUMBERS = { ipv4: 2, ipv6: 10 } as const;

/** Records are in host byte order. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export interface Layout {
  readonly slab: Readonly<Record<string, number>>;
  readonly entry: Readonly<Record<string, number>>;
  readonly extension: Readonly<Record<string, number>>;
  readonly tuple: Readonly<Record<string, number>>;
  readonly addressRange: Readonly<Record<string, number>>;
  readonly tupleFilter: Readonly<Record<string, number>>;
  readonly tupleFilterPresent: Readonly<Record<string, number>>;
  readonly filter: Readonly<Record<string, number>>;
  readonly filterPresent: Readonly<Record<string, number>>;
  readonly expectation: Readonly<Record<string, number>>;
  readonly expectationPresent: Readonly<Record<string, number>>;
  readonly expectationExtension: Readonly<Record<string, number>>;
  readonly event: Readonly<Record<string, number>>;
  readonly eventKinds: Readonly<Record<string, number>>;
  readonly eventGroups: Readonly<Record<string, number>>;
  readonly entryPresent: Readonly<Record<string, number>>;
  readonly tuplePresent: Readonly<Record<string, number>>;
  readonly askedFields: Readonly<Record<string, number>>;
  readonly spec: Readonly<Record<string, number>>;
  readonly specPresent: Readonly<Record<string, number>>;
}

const LAYOUT: Layout = {
  slab: SLAB,
  entry: ENTRY,
  extension: EXTENSION,
  tuple: TUPLE,
  addressRange: ADDRESS_RANGE,
  tupleFilter: TUPLE_FILTER,
  tupleFilterPresent: TUPLE_FILTER_PRESENT,
  filter: FILTER,
  filterPresent: FILTER_PRESENT,
  expectation: EXPECTATION,
  expectationPresent: EXPECTATION_PRESENT,
  expectationExtension: EXPECTATION_EXTENSION,
  event: EVENT,
  eventKinds: EVENT_KINDS,
  eventGroups: EVENT_GROUPS,
  entryPresent: ENTRY_PRESENT,
  tuplePresent: TUPLE_PRESENT,
  askedFields: ASKED_FIELDS,
  spec: SPEC,
  specPresent: SPEC_PRESENT,
};

/** The names of the numbers in which the addon's layout differs from this one. */
export function layoutDifferences(addon: Partial<Layout> = {}): string[] {
  const parts = Object.keys(LAYOUT) as (keyof Layout)[];
  return parts.flatMap((part) => {
    const theirs = addon[part] ?? {};
    const names = new Set([...Object.keys(LAYOUT[part]), ...Object.keys(theirs)]);
    return [...names]
      .filter((name) => LAYOUT[part][name] !== theirs[name])
      .map((name) => `${part}.${name}`);
  });
}
