import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { entryWith, TCP_TUPLES } from './records.js';

const entry = entryWith({
  ...TCP_TUPLES,
  status: 0x1e,
  id: 7,
  mark: 0,
  timeout: 431999,
  use: 1,
  tcpState: 3,
  tcpOriginalWindowScale: 7,
  tcpReplyFlags: [0x23, 0],
  originalCounters: [10n, 1000n],
  replyCounters: [2n ** 60n, 5n],
  startTime: 1_700_000_000_123_456_789n,
  labels: 5n,
});

it('an entry prints what it has, in one glance', () => {
  expect(inspect(entry)).toMatchInlineSnapshot(`
    "Entry {
      family: 'ipv4',
      protocol: 'tcp',
      protocolNumber: 6,
      original: {
        source: '10.0.0.1',
        destination: '10.0.0.2',
        sourcePort: 40000,
        destinationPort: 443
      },
      reply: {
        source: '10.0.0.2',
        destination: '10.0.0.1',
        sourcePort: 443,
        destinationPort: 40000
      },
      id: 7,
      zone: 0,
      status: 0x1e <seenReply assured confirmed sourceNat>,
      assured: true,
      timeout: 431999,
      mark: 0,
      use: 1,
      tcp: {
        state: 'ESTABLISHED',
        original: { windowScale: 7 },
        reply: { flags: 35, flagsMask: 0 }
      },
      counters: {
        original: { packets: 10, bytes: 1000 },
        reply: { packetsBig: 1152921504606846976n, bytesBig: 5n }
      },
      startTime: '2023-11-14T22:13:20.123Z',
      startTimeNs: 1700000000123456789n,
      labels: 5n,
      nat: { source: { address: '10.0.0.1', port: 40000 } },
      unknownAttributes: 0
    }"
  `);
});

it('parts of an entry print the same way', () => {
  expect(inspect(entry.original)).toMatchInlineSnapshot(`
    "{
      source: '10.0.0.1',
      destination: '10.0.0.2',
      sourcePort: 40000,
      destinationPort: 443
    }"
  `);
  expect(inspect(entry.status)).toMatchInlineSnapshot(
    `"0x1e <seenReply assured confirmed sourceNat>"`,
  );
  expect(inspect(entry.counters)).toMatchInlineSnapshot(`
    "{
      original: { packets: 10, bytes: 1000 },
      reply: { packetsBig: 1152921504606846976n, bytesBig: 5n }
    }"
  `);
  expect(inspect(entry.tcp)).toMatchInlineSnapshot(`
    "{
      state: 'ESTABLISHED',
      original: { windowScale: 7 },
      reply: { flags: 35, flagsMask: 0 }
    }"
  `);
});

it.each([-1, 0, 1, 2, null])('an entry shows nothing of its slab at depth %j', (depth) => {
  expect(inspect({ a: { entry } }, { depth, showHidden: true })).not.toMatch(
    /DataView|ArrayBuffer/,
  );
});

it('colours are those that were asked for', () => {
  expect(inspect(entry, { colors: true })).toContain('\u001b[33m431999\u001b[39m');
  expect(inspect(entry, { colors: false })).not.toContain('\u001b');
});

it('a status without bits prints as such', () => {
  expect(inspect(entryWith({ ...TCP_TUPLES, status: 0 }).status)).toBe('0x0 <>');
});
