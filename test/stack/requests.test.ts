import * as conntrack from 'conntrack';
import { Conntrack, type EntryFilter, type EntryKey, listEntries, streamEntries } from 'conntrack';
import { assert, describe, expect, test } from 'vitest';
import {
  attribute,
  CTNETLINK,
  doneMessage,
  entryMessage,
  errorMessage,
  FAMILY,
  messageBytes,
  NLM_F,
  nfgenmsg,
  statsMessage,
  type TupleDescription,
  tuple,
  u16,
} from '../support/message-builder.js';
import { countEntries, deleteEntry, getEntry } from '../support/own-socket.js';
import {
  accept,
  answer,
  failNext,
  type KernelSocket,
  waitingSockets,
} from '../support/scripted-kernel.js';
import { tcpKey, tcpTuple } from './flows.js';
import { codeOf } from './outcome.js';

function request(
  type: number,
  flags: number,
  family: number,
  attributes: readonly Buffer[] = [],
  sequence = 1,
): string {
  const payload = Buffer.concat([nfgenmsg(family), ...attributes]);
  const message = { type, flags: flags | NLM_F.request, payload };
  return messageBytes(message, { sequence, portId: 0 }).toString('hex');
}

/** What a call sends when it is the only one on its socket. */
async function requestOf(
  call: () => Promise<unknown>,
  ...answer: Parameters<typeof messageBytes>[0][]
) {
  const result = call();
  const socket = await accept();
  const sent = await socket.request();
  await socket.send(...answer);
  await result;
  await socket.closed();
  return sent.toString('hex');
}

describe('a dump', () => {
  const dumpOf = (call: () => Promise<unknown>) => requestOf(call, doneMessage());

  test.each<[string, EntryFilter | EntryFilter[] | undefined, number]>([
    ['both families without a filter', undefined, FAMILY.unspecified],
    ['both families for an empty filter', {}, FAMILY.unspecified],
    ['IPv4', { family: 'ipv4' }, FAMILY.ipv4],
    ['IPv6', { family: 'ipv6' }, FAMILY.ipv6],
    ['IPv4 named twice', [{ family: 'ipv4' }, { family: 'ipv4' }], FAMILY.ipv4],
    ['both families, each named', [{ family: 'ipv4' }, { family: 'ipv6' }], FAMILY.unspecified],
  ])('asks for %s', async (_, filter, family) => {
    const expected = request(CTNETLINK.get, NLM_F.dump, family);
    expect(await dumpOf(() => listEntries(filter))).toBe(expected);
  });

  test('asks for counters to be zeroed when told to', async () => {
    const expected = request(CTNETLINK.getCtrZero, NLM_F.dump, FAMILY.ipv6);
    const call = () => listEntries({ family: 'ipv6' }, { zeroCounters: true });
    expect(await dumpOf(call)).toBe(expected);
  });

  test.each([
    ['0.0.0.0/0', FAMILY.ipv4],
    ['::/0', FAMILY.ipv6],
  ])('zeroes the counters of one family for the network %s', async (address, family) => {
    const expected = request(CTNETLINK.getCtrZero, NLM_F.dump, family);
    const call = () => listEntries({ address }, { zeroCounters: true });
    expect(await dumpOf(call)).toBe(expected);
  });

  test('is the same for a stream', async () => {
    const expected = request(CTNETLINK.getCtrZero, NLM_F.dump, FAMILY.ipv4);
    const stream = streamEntries({ family: 'ipv4' }, { zeroCounters: true });
    expect(await dumpOf(() => stream[Symbol.asyncIterator]().next())).toBe(expected);
  });

  test('is not sent when nothing can match', async () => {
    expect(await listEntries([])).toEqual([]);
    expect(waitingSockets()).toBe(0);
  });

  test('is not sent before the first read', async () => {
    await streamEntries().close();
    expect(waitingSockets()).toBe(0);
  });
});

describe('getEntry asks for', () => {
  const v6 = { source: 'fd00::1', destination: '2001:db8::2' };
  const v4 = { source: '10.0.0.1', destination: '10.0.0.2' };
  const { original } = tcpKey;
  const icmp = { type: 8, code: 0, id: 4711 };
  const icmpv6 = { type: 128, code: 0, id: 65535 };

  const ORIGINAL = 1;
  const REPLY = 2;
  const cases: [
    what: string,
    key: EntryKey,
    direction: number,
    description: TupleDescription,
    more?: Buffer[],
  ][] = [
    ['an original tuple', tcpKey, ORIGINAL, tcpTuple],
    ['a reply tuple', { protocol: 'tcp', reply: original }, REPLY, tcpTuple],
    ['a zone', { ...tcpKey, zone: 7 }, ORIGINAL, tcpTuple, [attribute(18, u16(7))]],
    ['no zone when it is 0', { ...tcpKey, zone: 0 }, ORIGINAL, tcpTuple],
    [
      'a zone of one direction',
      { protocol: 'tcp', original: { ...original, zone: 9 } },
      ORIGINAL,
      { ...tcpTuple, zone: 9 },
    ],
    ['no id, which a GET ignores', { ...tcpKey, id: 77 }, ORIGINAL, tcpTuple],
    [
      'an IPv6 tuple',
      { protocol: 'udp', original: { ...v6, sourcePort: 1, destinationPort: 65535 } },
      ORIGINAL,
      { ...v6, protocol: 17, ports: [1, 65535] },
    ],
    [
      'ICMP',
      { protocol: 'icmp', original: { ...v4, icmp } },
      ORIGINAL,
      { ...v4, protocol: 1, icmp },
    ],
    [
      'ICMPv6',
      { protocol: 'icmpv6', original: { ...v6, icmp: icmpv6 } },
      ORIGINAL,
      { ...v6, protocol: 58, icmp: icmpv6 },
    ],
    [
      'GRE',
      { protocol: 'gre', reply: { ...v4, sourceKey: 0, destinationKey: 0xabcd } },
      REPLY,
      { ...v4, protocol: 47, ports: [0, 0xabcd] },
    ],
    ['a protocol by its number', { protocol: 50, original: v4 }, ORIGINAL, { ...v4, protocol: 50 }],
    [
      'a protocol without a word',
      { protocol: 'other', protocolNumber: 51, original: v4 },
      ORIGINAL,
      { ...v4, protocol: 51 },
    ],
  ];

  test.each(cases)('%s', async (_, key, direction, description, more = []) => {
    const family = description.source.includes(':') ? FAMILY.ipv6 : FAMILY.ipv4;
    const attributes = [tuple(direction, description), ...more];
    const expected = request(CTNETLINK.get, 0, family, attributes);
    expect(await requestOf(() => getEntry(key), errorMessage(2))).toBe(expected);
  });

  // An entry's record is its key; its JSON is checked and encoded.
  test.each(cases.filter(([, , direction]) => direction === ORIGINAL))(
    'an entry asks for the same as its JSON: %s',
    async (_, { zone = 0 }, __, description) => {
      const listing = listEntries();
      await answer([entryMessage({ id: 7, original: description, zone, mark: 3 }), doneMessage()]);
      const [entry] = await listing;
      assert(entry);
      for (const ask of [getEntry, deleteEntry]) {
        const sent = await requestOf(() => ask(entry), errorMessage(2));
        expect(await requestOf(() => ask(entry.toJSON()), errorMessage(2))).toBe(sent);
      }
    },
  );

  test('an entry that was listed', async () => {
    const listing = listEntries();
    const socket = await accept();
    await socket.request();
    await socket.send(entryMessage({ original: tcpTuple, zone: 7, mark: 3 }), doneMessage());
    const [entry] = await listing;
    assert(entry);
    const attributes = [tuple(ORIGINAL, tcpTuple), attribute(18, u16(7))];
    const expected = request(CTNETLINK.get, 0, FAMILY.ipv4, attributes);
    expect(await requestOf(() => getEntry(entry), errorMessage(2))).toBe(expected);
  });
});

test('countEntries asks for the statistics of the table', async () => {
  const expected = request(CTNETLINK.getStats, 0, FAMILY.unspecified);
  expect(await requestOf(countEntries, statsMessage(3))).toBe(expected);
});

describe('a handle', () => {
  const count = (sequence: number) =>
    request(CTNETLINK.getStats, 0, FAMILY.unspecified, [], sequence);

  test('opens a socket with its first request, and sends all through it', async () => {
    const conntrack = await Conntrack.open();
    expect(waitingSockets()).toBe(0);
    const first = conntrack.countEntries();
    const socket = await accept();
    expect((await socket.request()).toString('hex')).toBe(count(1));
    // These wait while the first one is under way, and go together.
    const others = [conntrack.countEntries(), conntrack.countEntries()];
    await socket.send(statsMessage(1));
    expect((await socket.request()).toString('hex')).toBe(count(2) + count(3));
    await socket.send({ ...statsMessage(3), sequence: 3 }, { ...statsMessage(2), sequence: 2 });
    expect(await Promise.all([first, ...others])).toEqual([1, 2, 3]);
    expect(waitingSockets()).toBe(0);
    await conntrack.close();
    await socket.closed();
  });

  test('is closed when those who waited for an answer know that none comes', async () => {
    const conntrack = await Conntrack.open();
    const events: unknown[] = [];
    const counting = codeOf(conntrack.countEntries()).then((code) => events.push(code));
    const socket = await accept();
    await socket.request();
    await conntrack.close();
    events.push('closed');
    await counting;
    expect(events).toEqual(['ERR_CONNTRACK_CLOSED', 'closed']);
    await socket.closed();
  });
});

describe('functions without a handle', () => {
  const counted = async (socket: KernelSocket, counting: Promise<number>, sequence: number) => {
    expect(await socket.request()).toHaveLength(20);
    await socket.send({ ...statsMessage(sequence), sequence });
    expect(await counting).toBe(sequence);
  };

  test('share a socket for as long as it is right', async () => {
    const first = conntrack.countEntries();
    const socket = await accept();
    await counted(socket, first, 1);
    for (const sequence of [2, 3]) await counted(socket, conntrack.countEntries(), sequence);
    const [both, other] = [conntrack.countEntries(), conntrack.countEntries()];
    expect(await socket.request()).toHaveLength(40);
    await socket.send({ ...statsMessage(5), sequence: 5 }, { ...statsMessage(4), sequence: 4 });
    expect(await Promise.all([both, other])).toEqual([4, 5]);
    expect(waitingSockets()).toBe(0);
    // The kernel asks who opened a socket: what it refuses one, it may grant another.
    const refused = codeOf(conntrack.countEntries());
    await socket.request();
    await socket.send(errorMessage(1));
    expect(await refused).toBe('EPERM');
    const next = conntrack.countEntries();
    const another = await accept();
    await counted(another, next, 1);
    await socket.closed();

    // Nobody knows in which namespace the thread is.
    failNext('readlinkat', 'ENOENT');
    const unsure = conntrack.countEntries();
    const third = await accept();
    await counted(third, unsure, 1);
    await another.closed();

    // One that is left is closed when its answers have come.
    const waiting = conntrack.countEntries();
    await third.request();
    failNext('readlinkat', 'ENOENT');
    const later = conntrack.countEntries();
    const fourth = await accept();
    await counted(fourth, later, 1);
    await third.send({ ...statsMessage(7), sequence: 2 });
    expect(await waiting).toBe(7);
    await third.closed();

    // A socket that is refused is the last that this test leaves to the thread.
    const last = codeOf(conntrack.countEntries());
    await fourth.request();
    await fourth.send(errorMessage(1));
    expect(await last).toBe('EPERM');
  });
});
