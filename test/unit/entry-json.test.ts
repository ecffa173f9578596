import { type Entry, type EntryJson, STATUS_FLAGS } from 'conntrack';
import { describe, expect, it } from 'vitest';
import { type EntryValues, entryWith, TCP_TUPLES } from './records.js';

const HUGE = 2n ** 64n - 1n;
const FLOW = { ...TCP_TUPLES, status: 0x10e, id: 0xffffffff } as const satisfies EntryValues;

const tcp = entryWith({
  ...FLOW,
  status: 0x3e,
  mark: 0xffffffff,
  timeout: 8589934,
  use: 2,
  zone: 65535,
  tcpState: 3,
  tcpOriginalWindowScale: 7,
  tcpOriginalFlags: [0x23, 0],
  originalCounters: [3n, HUGE],
  replyCounters: [HUGE, 4n],
  startTime: 1_700_000_000_123_456_789n,
  stopTime: 1_700_000_001_000_000_001n,
  labels: (1n << 127n) | 1n,
  helper: 'ftp',
  securityContext: 'u:r:t:s0',
  master: { source: 'fd00::1', destination: 'fd00::2', protocol: 6, sourcePort: 5, zone: 0 },
  originalSequenceAdjust: [1, 2, 0xffffffff],
  synproxyNotZero: [1, 2, 0xffffffff],
  unknownAttributes: 3,
});

const dccp = entryWith({
  ...FLOW,
  original: { ...FLOW.original, protocol: 33 },
  dccpState: 4,
  dccpRole: 0,
  dccpHandshakeSequence: 2n ** 48n - 1n,
});

const icmpv6 = entryWith({
  original: {
    source: 'fe80::1',
    destination: 'ff02::1',
    protocol: 58,
    icmpId: 65535,
    icmpType: 128,
    icmpCode: 0,
  },
  reply: { source: 'ff02::1', destination: 'fe80::1', protocol: 58 },
  status: 0,
  id: 0,
});

const gre = entryWith({
  ...FLOW,
  original: { ...FLOW.original, protocol: 47 },
});

const entries: [string, Entry][] = [
  ['tcp, with all', tcp],
  ['dccp', dccp],
  ['icmpv6', icmpv6],
  ['gre', gre],
];

/** Every value of an entry, taken from the fields themselves, as text that keeps its type. */
function values(entry: Entry) {
  const { original, reply } = entry.counters ?? {};
  const direction = (counters: typeof original) =>
    counters && { packets: counters.packetsBig, bytes: counters.bytesBig };
  return {
    counters: entry.counters && { original: direction(original), reply: direction(reply) },
    startTimeNs: entry.startTimeNs,
    stopTimeNs: entry.stopTimeNs,
    startTime: entry.startTime,
    stopTime: entry.stopTime,
    labels: entry.labels,
    handshakeSequence: entry.dccp?.handshakeSequence,
  };
}

/** The same from JSON. */
function valuesOfJson(json: EntryJson): ReturnType<typeof values> {
  const big = (text: string | undefined) => (text === undefined ? undefined : BigInt(text));
  const date = (text: string | undefined) => (text === undefined ? undefined : new Date(text));
  const direction = (counters: NonNullable<EntryJson['counters']>['original']) => ({
    packets: BigInt(counters.packetsBig ?? counters.packets),
    bytes: BigInt(counters.bytesBig ?? counters.bytes),
  });
  return {
    counters: json.counters && {
      original: direction(json.counters.original),
      reply: direction(json.counters.reply),
    },
    startTimeNs: big(json.startTimeNs),
    stopTimeNs: big(json.stopTimeNs),
    startTime: date(json.startTime),
    stopTime: date(json.stopTime),
    labels: big(json.labels),
    handshakeSequence: big(json.dccp?.handshakeSequence),
  };
}

describe.each(entries)('JSON of %s', (_name, entry) => {
  const json = JSON.parse(JSON.stringify(entry)) as EntryJson;

  it('is what toJSON gives', () => {
    expect(json).toEqual(entry.toJSON());
  });

  it('loses nothing of what JSON has no type for', () => {
    expect(valuesOfJson(json)).toEqual(values(entry));
  });

  it('has every other field as it is', () => {
    const { family, protocol, protocolNumber, id, zone, assured, timeout, mark, use } = entry;
    expect(json).toMatchObject({ family, protocol, protocolNumber, id, zone, assured });
    expect([json.timeout, json.mark, json.use]).toEqual([timeout, mark, use]);
    expect([json.helper, json.securityContext]).toEqual([entry.helper, entry.securityContext]);
    expect(json.unknownAttributes).toBe(entry.unknownAttributes);
    for (const direction of ['original', 'reply', 'master'] as const) {
      for (const field of [
        'source',
        'destination',
        'sourcePort',
        'destinationPort',
        'icmp',
        'sourceKey',
        'destinationKey',
        'zone',
      ] as const) {
        expect(json[direction]?.[field], `${direction}.${field}`).toEqual(
          entry[direction]?.[field],
        );
      }
    }
    expect(Object.keys(json.status)).toEqual(['bits', ...STATUS_FLAGS]);
    for (const flag of [...STATUS_FLAGS, 'bits'] as const) {
      expect(json.status[flag], flag).toBe(entry.status[flag]);
    }
    for (const field of ['nat', 'sequenceAdjust', 'synproxy', 'sctp'] as const) {
      expect(json[field], field).toEqual(entry[field]);
    }
    const { state, original, reply } = entry.tcp ?? {};
    expect(json.tcp).toEqual(entry.tcp && { state, original, reply });
    expect(json.dccp?.state).toBe(entry.dccp?.state);
    expect(json.dccp?.role).toBe(entry.dccp?.role);
  });

  it('can be cloned, and holds nothing of the slab', () => {
    expect(structuredClone(entry.toJSON())).toEqual(json);
    const plain = (value: unknown): boolean =>
      typeof value !== 'object' ||
      (value !== null &&
        Object.getPrototypeOf(value) === Object.prototype &&
        Object.values(value).every(plain));
    expect(plain(entry.toJSON())).toBe(true);
  });

  it('names no field that is not there', () => {
    const absent = (value: unknown): string[] =>
      Object.entries(value as object).flatMap(([name, field]) =>
        field === undefined ? [name] : typeof field === 'object' ? absent(field) : [],
      );
    expect(absent(entry.toJSON())).toEqual([]);
  });
});

it('the exact strings join where a number is not exact, and only there', () => {
  expect(tcp.toJSON().counters).toStrictEqual({
    original: { packets: 3, bytes: 2 ** 64, bytesBig: '18446744073709551615' },
    reply: { packets: 2 ** 64, packetsBig: '18446744073709551615', bytes: 4 },
  });
});

it('parts of an entry have JSON of their own', () => {
  const parts = (entry: Entry) => ({
    original: entry.original,
    status: entry.status,
    counters: entry.counters,
    tcp: entry.tcp,
    master: entry.master,
  });
  const { original, status, counters, tcp: info, master } = tcp.toJSON();
  expect(JSON.parse(JSON.stringify(parts(tcp)))).toEqual({
    original,
    status,
    counters,
    tcp: info,
    master,
  });
});
