/**
 * The life of an entry, from packets: when the kernel puts it into the table, when it is ASSURED, how
 * its timeout changes, and what its counters count. docs/kernel-side.md says it in words.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import {
  countEntries,
  deleteEntry,
  type Entry,
  flushEntries,
  listEntries,
  watchEvents,
} from 'conntrack';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { nft, run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { openSctp, ping, sendPacket } from '../support/traffic.js';

const CLIENT = '127.0.0.2';
const SERVER = '127.0.0.3';
/** Rules drop what comes for these, so that nobody answers but the test. */
const SILENT = { client: 4000, server: 4001 };
const GRE = 47;
const UNASSIGNED = 253;

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** One segment of TCP between the silent ports. */
function sendTcp(from: 'client' | 'server', flags: number, sequence = 0, acknowledged = 0): void {
  const [source, destination] = from === 'client' ? [CLIENT, SERVER] : [SERVER, CLIENT];
  const segment = Buffer.alloc(20);
  segment.writeUInt16BE(SILENT[from], 0);
  segment.writeUInt16BE(SILENT[from === 'client' ? 'server' : 'client'], 2);
  segment.writeUInt32BE(sequence, 4);
  segment.writeUInt32BE(acknowledged, 8);
  segment.writeUInt8(5 << 4, 12);
  segment.writeUInt8(flags, 13);
  segment.writeUInt16BE(65_535, 14);
  sendPacket(6, source, destination, segment);
}

async function onlyEntry(): Promise<Entry> {
  const entries = await listEntries();
  expect(entries).toHaveLength(1);
  return entries[0] as Entry;
}

async function stateNow(): Promise<object> {
  const { tcp, status, assured, timeout } = await onlyEntry();
  return { state: tcp?.state, seenReply: status.seenReply, assured, timeout };
}

/** Not more than this, and not much less. */
const about = (seconds: number): number =>
  expect.toSatisfy((left: number) => left <= seconds && left > seconds - 5) as number;

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('the life of an entry', () => {
  let client: Socket;
  let server: Socket;

  beforeAll(async () => {
    client = createSocket('udp4');
    server = createSocket('udp4');
    client.bind(0, CLIENT);
    server.bind(0, SERVER);
    await Promise.all([once(client, 'listening'), once(server, 'listening')]);
  });

  afterAll(() => {
    client.close();
    server.close();
  });

  beforeEach(async () => {
    await flushEntries();
    nft(`flush ruleset
      table inet silent {
        chain input { type filter hook input priority 0;
          tcp dport { ${SILENT.client}, ${SILENT.server} } drop
          ip protocol { ${GRE}, ${UNASSIGNED} } drop
        }
      }`);
    trackLoopback();
    setting('acct', 0);
    setting('tcp_loose', 1);
    setting('udp_timeout', 30);
  });

  /** One datagram, taken by the other side. */
  async function send(from: Socket, to: Socket): Promise<void> {
    const { address, port } = to.address();
    from.send('x', port, address);
    await once(to, 'message');
  }

  test('a packet that a rule drops on its way leaves no entry, and no event', async () => {
    const { port } = server.address();
    nft(`table inet filter {
      chain output { type filter hook output priority 10; udp dport ${port} drop; }
    }`);
    const events = watchEvents({ events: ['new', 'destroy'] });
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      client.send('x', port, SERVER, resolve);
    });
    expect(error?.code).toBe('EPERM');
    expect(await countEntries()).toBe(0);

    nft('delete table inet filter');
    await send(client, server);
    for await (const event of events) {
      expect(event).toMatchObject({ type: 'new', entry: { original: { destinationPort: port } } });
      break;
    }
    expect(events.counters.received).toBe(1);
    expect(await countEntries()).toBe(1);
  });

  test('TCP is ASSURED with the third packet of its handshake', async () => {
    sendTcp('client', SYN, 1000);
    expect(await stateNow()).toEqual({
      state: 'SYN_SENT',
      seenReply: false,
      assured: false,
      timeout: about(120),
    });
    sendTcp('server', SYN | ACK, 5000, 1001);
    expect(await stateNow()).toEqual({
      state: 'SYN_RECV',
      seenReply: true,
      assured: false,
      timeout: about(60),
    });
    sendTcp('client', ACK, 1001, 5001);
    expect(await stateNow()).toEqual({
      state: 'ESTABLISHED',
      seenReply: true,
      assured: true,
      timeout: about(432_000),
    });
  });

  test('TCP stays ASSURED while it closes, with shorter timeouts', async () => {
    sendTcp('client', SYN, 1000);
    sendTcp('server', SYN | ACK, 5000, 1001);
    sendTcp('client', ACK, 1001, 5001);
    const steps = [
      ['client', FIN | ACK, 1001, 5001, 'FIN_WAIT', 120],
      ['server', ACK, 5001, 1002, 'CLOSE_WAIT', 60],
      ['server', FIN | ACK, 5001, 1002, 'LAST_ACK', 30],
      ['client', ACK, 1002, 5002, 'TIME_WAIT', 120],
    ] as const;
    for (const [from, flags, sequence, acknowledged, state, timeout] of steps) {
      sendTcp(from, flags, sequence, acknowledged);
      expect(await stateNow()).toMatchObject({ state, assured: true, timeout: about(timeout) });
    }
  });

  test('a connection that is refused is never ASSURED, and its entry goes with the RST', async () => {
    sendTcp('client', SYN, 1000);
    sendTcp('server', RST | ACK, 0, 1001);
    expect(await countEntries()).toBe(0);
  });

  test('TCP that began before it was tracked is ASSURED with the packet after its first answer', async () => {
    sendTcp('client', ACK, 1000, 5000);
    expect(await stateNow()).toEqual({
      state: 'ESTABLISHED',
      seenReply: false,
      assured: false,
      timeout: about(300),
    });
    sendTcp('server', ACK, 5000, 1000);
    expect(await stateNow()).toMatchObject({
      seenReply: true,
      assured: false,
      timeout: about(300),
    });
    sendTcp('client', ACK, 1000, 5000);
    expect(await stateNow()).toEqual({
      state: 'ESTABLISHED',
      seenReply: true,
      assured: true,
      timeout: about(432_000),
    });

    await flushEntries();
    setting('tcp_loose', 0);
    sendTcp('client', ACK, 1000, 5000);
    expect(await countEntries()).toBe(0);
  });

  test('UDP is ASSURED, and has the longer timeout, once it has lasted two seconds', async () => {
    await using events = watchEvents({ events: ['new', 'update', 'destroy'] });
    const began = performance.now();
    await send(client, server);
    await send(server, client);
    await send(client, server);
    await send(server, client);
    const early = await onlyEntry();
    expect(early).toMatchObject({
      assured: false,
      status: { seenReply: true },
      timeout: about(30),
    });

    const late = await vi.waitFor(async () => {
      await send(client, server);
      const entry = await onlyEntry();
      expect(entry).toMatchObject({ assured: true, timeout: about(120) });
      return entry;
    }, 10_000);
    expect(performance.now() - began).toBeGreaterThan(1_990);

    await deleteEntry(late);
    const seen: string[] = [];
    for await (const event of events) {
      if (!('entry' in event)) continue;
      const { seenReply, assured } = event.entry.status;
      seen.push([event.type, seenReply && 'seenReply', assured && 'assured'].join(' '));
      if (event.type === 'destroy') break;
    }
    expect(seen).toEqual([
      'new false false',
      'update seenReply false',
      'update seenReply assured',
      'destroy seenReply assured',
    ]);
  });

  test('SCTP is ASSURED when established, GRE with the packet after the first answer', async () => {
    openSctp({ address: CLIENT, port: 3868 }, { address: SERVER, port: 3869 });
    expect(await onlyEntry()).toMatchObject({ sctp: { state: 'ESTABLISHED' }, assured: true });

    await flushEntries();
    const gre = Buffer.from([0, 0, 8, 0]);
    sendPacket(GRE, CLIENT, SERVER, gre);
    sendPacket(GRE, SERVER, CLIENT, gre);
    expect(await onlyEntry()).toMatchObject({ status: { seenReply: true }, assured: false });
    sendPacket(GRE, CLIENT, SERVER, gre);
    expect(await onlyEntry()).toMatchObject({ assured: true, timeout: about(180) });
  });

  test('ICMP and protocols that the kernel has no module for are never ASSURED', async () => {
    for (let count = 0; count < 3; count++) {
      ping(CLIENT, SERVER, 77);
      sendPacket(UNASSIGNED, CLIENT, SERVER, Buffer.from('x'));
      sendPacket(UNASSIGNED, SERVER, CLIENT, Buffer.from('x'));
    }
    const entries = await vi.waitFor(async () => {
      const all = await listEntries();
      expect(all.map(({ status }) => status.seenReply)).toEqual([true, true]);
      return all;
    });
    expect(entries.map(({ assured }) => assured)).toEqual([false, false]);
    const timeouts = Object.fromEntries(entries.map((one) => [one.protocol, one.timeout]));
    expect(timeouts).toEqual({ icmp: about(30), other: about(600) });
  });

  test('a changed timeout reaches an entry with its next packet', async () => {
    await send(client, server);
    setting('udp_timeout', 300);
    expect((await onlyEntry()).timeout).toBeLessThanOrEqual(30);
    await send(client, server);
    expect((await onlyEntry()).timeout).toBeGreaterThan(290);
  });

  test('a packet of the kernel may be many of the wire', async () => {
    setting('acct', 1);
    run('ip', 'link', 'set', 'lo', 'mtu', '1500');
    const sent = 1_000_000;
    const listening = createServer((socket) => socket.resume());
    listening.listen(0, SERVER);
    await once(listening, 'listening');
    const { port } = listening.address() as { port: number };
    const socket = connect(port, SERVER);
    socket.resume().end(Buffer.alloc(sent));
    await once(socket, 'close');
    listening.close();
    const { counters } = await onlyEntry();
    const { packets = 0, bytes = 0 } = counters?.original ?? {};
    expect(bytes).toBeGreaterThan(sent);
    expect(bytes / packets).toBeGreaterThan(3_000);
    // One header for each of them: 52 bytes in 1500 would be more.
    expect(bytes).toBeLessThan(1.03 * sent);
    run('ip', 'link', 'set', 'lo', 'mtu', '65536');
  });
});
