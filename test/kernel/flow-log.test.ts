/** A flow log beside the kernel: its sums are what was sent, whatever happens to the flows. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Conntrack, countEntries, flushEntries, listEntries, updateEntries } from 'conntrack';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type FlowLogOptions,
  type FlowPart,
  type FlowRecord,
  type FlowRecorder,
  recordFlows,
} from '../../src/flow-log/flow-log.js';
import { run, setting, trackLoopback } from '../support/namespace.js';
import { OtherNetwork } from '../support/other-network.js';
import { describeInNamespace } from '../support/requirements.js';
import { createMany } from './populate.js';

const SINK = 7;
const HEADERS = 28; // IPv4 and UDP
const LIMIT = 30_000;

interface Sums {
  packets: number;
  bytes: number;
}

const isPart = (record: FlowRecord): record is FlowPart => record.type === 'flow';

/** The sums of all parts, and of the last record of each flow. */
function sumsOf(parts: readonly FlowPart[]): { parts: Sums; totals: Sums } {
  const sums = { parts: { packets: 0, bytes: 0 }, totals: { packets: 0, bytes: 0 } };
  const add = (to: Sums, { packets, bytes }: Sums = { packets: 0, bytes: 0 }) => {
    to.packets += packets;
    to.bytes += bytes;
  };
  const last = new Map<string, FlowPart>();
  for (const part of parts) {
    add(sums.parts, part.traffic?.original);
    last.set(part.flow, part);
  }
  for (const { total } of last.values()) add(sums.totals, total?.original);
  return sums;
}

class Log {
  readonly recorder: FlowRecorder;
  readonly records: FlowRecord[] = [];
  private readonly read: Promise<void>;

  constructor(options: FlowLogOptions = {}, pause: () => Promise<unknown> = async () => undefined) {
    this.recorder = recordFlows(options);
    this.read = this.take(pause);
    onTestFinished(() => this.recorder.close());
  }

  get parts(): FlowPart[] {
    return this.records.filter(isPart);
  }

  get ends(): FlowPart[] {
    return this.parts.filter(({ outcome }) => outcome !== 'open');
  }

  get lost(): number {
    return this.records.reduce((sum, one) => sum + (one.type === 'lost' ? one.count : 0), 0);
  }

  /** Resolves when so many flows have ended; lost ones count. */
  async ended(count: number): Promise<void> {
    await expect.poll(() => this.ends.length + this.lost, { timeout: LIMIT }).toBe(count);
  }

  async close(): Promise<void> {
    await this.recorder.close();
    await this.read;
  }

  private async take(pause: () => Promise<unknown>): Promise<void> {
    for await (const batch of this.recorder.batches()) {
      this.records.push(...batch);
      await pause();
    }
  }
}

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('a flow log', () => {
  let sink: Socket;

  beforeAll(async () => {
    run('ip', 'link', 'set', 'lo', 'up');
    trackLoopback();
    sink = createSocket('udp4').bind(SINK, '127.0.0.1');
    await once(sink, 'listening');
  });

  beforeEach(async () => {
    setting('acct', 1);
    setting('timestamp', 1);
    setting('events', 1);
    await flushEntries();
  });

  /** So many flows, of one to five packets each. */
  class Senders {
    readonly sent: Sums = { packets: 0, bytes: 0 };
    private readonly sockets: Socket[] = [];

    async open(count: number): Promise<this> {
      for (let index = 0; index < count; index++) {
        const socket = createSocket('udp4').bind(0, '127.0.0.1');
        await once(socket, 'listening');
        this.sockets.push(socket);
      }
      onTestFinished(() => {
        for (const socket of this.sockets) socket.close();
      });
      return this;
    }

    async send(): Promise<void> {
      for (const [index, socket] of this.sockets.entries()) {
        const packets = 1 + (index % 5);
        const size = 1 + (index % 900);
        for (let packet = 0; packet < packets; packet++) {
          await new Promise<void>((resolve, reject) => {
            socket.send(Buffer.alloc(size), SINK, '127.0.0.1', (error) => {
              if (error === null) resolve();
              else reject(error);
            });
          });
        }
        this.sent.packets += packets;
        this.sent.bytes += packets * (size + HEADERS);
      }
    }
  }

  test('of flows that end: what was sent', async () => {
    const log = new Log();
    const senders = await new Senders().open(300);
    await senders.send();
    await updateEntries({ port: SINK }, { timeout: 1 });
    // A reading ends flows whose time is over.
    await expect.poll(() => listEntries(), { timeout: LIMIT }).toEqual([]);
    await log.ended(300);
    expect(sumsOf(log.parts)).toEqual({ parts: senders.sent, totals: senders.sent });
    expect(log.parts.every(({ outcome }) => outcome === 'expired')).toBe(true);
    for (const { start, end, durationMs, from, to, estimated, part } of log.parts) {
      expect({ from, to, estimated, part }).toEqual({
        from: start,
        to: end,
        estimated: false,
        part: 1,
      });
      expect(durationMs).toBe(Number(end) - Number(start));
    }
  });

  test('with an interval, while packets come and flows end: the same', async () => {
    const senders = await new Senders().open(200);
    await senders.send();
    const log = new Log({ interval: '1s' });
    await expect.poll(() => log.parts.length, { timeout: LIMIT }).toBe(200);
    for (let round = 0; round < 3; round++) await senders.send();
    await expect.poll(() => sumsOf(log.parts).parts, { timeout: LIMIT }).toEqual(senders.sent);
    await senders.send();
    // The socket of a handle stays, so that its owner is found.
    await using conntrack = await Conntrack.open();
    const deleted = (await listEntries()).map((entry) => conntrack.deleteEntry(entry));
    expect(await Promise.all(deleted)).toEqual(Array(200).fill(true));
    await log.ended(200);
    expect(sumsOf(log.parts)).toEqual({ parts: senders.sent, totals: senders.sent });
    expect(log.ends.every(({ deletedBy }) => deletedBy?.pid === process.pid)).toBe(true);
    const keys = log.parts.map(({ flow, part }) => `${flow}/${part}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('beside a program that sets counters to 0', async () => {
    const senders = await new Senders().open(50);
    const log = new Log({ interval: '1s' });
    for (let round = 0; round < 2; round++) await senders.send();
    await expect.poll(() => sumsOf(log.parts).parts, { timeout: LIMIT }).toEqual(senders.sent);
    run('conntrack', '-L', '-z');
    await senders.send();
    await flushEntries();
    await log.ended(50);
    // The program took nothing that the log had not read before.
    expect(sumsOf(log.parts)).toEqual({ parts: senders.sent, totals: senders.sent });
    expect(log.ends.every(({ estimated }) => !estimated)).toBe(false);
  });

  describe.each(['1s', undefined] as const)('interval %s', (interval) => {
    const COUNT = 20_000;

    test('with a tiny buffer: what is lost is counted, what is open is found gone', async () => {
      createMany(0, 1000);
      const log = new Log({ interval, receiveBufferBytes: 4096, queueBytes: 65_536 });
      await expect.poll(() => log.recorder.openFlows, { timeout: LIMIT }).toBe(1000);
      createMany(1000, COUNT);
      run('conntrack', '-F');
      const accounted = () => {
        const { received, lostInKernel } = log.recorder.counters;
        return received + lostInKernel;
      };
      await expect.poll(accounted, { timeout: LIMIT }).toBe(1000 + COUNT);
      await expect.poll(() => log.recorder.openFlows, { timeout: LIMIT }).toBe(0);
      const told = () => log.ends.filter(({ outcome }) => outcome === 'deleted').length;
      await expect.poll(() => told() + log.lost, { timeout: LIMIT }).toBe(1000 + COUNT);
      expect(log.lost).toBeGreaterThan(0);
      const gone = log.ends.filter(({ outcome }) => outcome === 'unobserved');
      expect(gone.every(({ estimated, doubts }) => estimated && doubts?.includes('lost'))).toBe(
        true,
      );
      // A flow ends once.
      expect(new Set(log.ends.map(({ flow }) => flow)).size).toBe(log.ends.length);
    });

    test('with a tiny buffer, reliable: every end comes', async () => {
      // The kernel tries some of them again ten times a second.
      const log = new Log({ interval, receiveBufferBytes: 4096, reliable: true });
      createMany(0, 1000);
      run('conntrack', '-F');
      await log.ended(1000);
      expect(log.lost).toBe(0);
      expect(new Set(log.ends.map(({ flow }) => flow)).size).toBe(1000);
      expect(await countEntries()).toBe(0);
    });
  });

  test('of flows that send no events: a reading finds their ends', async () => {
    setting('events', 0);
    const senders = await new Senders().open(20);
    await senders.send();
    setting('events', 1);
    const log = new Log({ interval: '1s' });
    await expect.poll(() => log.parts.length, { timeout: LIMIT }).toBe(20);
    await flushEntries();
    await log.ended(20);
    expect(
      log.ends.every(
        ({ outcome, doubts }) => outcome === 'unobserved' && doubts?.includes('no-event'),
      ),
    ).toBe(true);
    expect(sumsOf(log.parts)).toEqual({ parts: senders.sent, totals: senders.sent });
  });

  test('reports what the table does not count', async () => {
    setting('acct', 0);
    setting('timestamp', 0);
    const log = new Log();
    const senders = await new Senders().open(1);
    await senders.send();
    await expect.poll(() => countEntries()).toBe(1);
    await flushEntries();
    await log.ended(1);
    expect(log.records.map((one) => (one.type === 'notice' ? one.code : one.type))).toEqual([
      'accounting-off',
      'timestamps-off',
      'flow',
    ]);
    expect(log.parts[0]).toMatchObject({ doubts: ['no-counters', 'no-times'], estimated: false });
    expect(log.parts[0]).not.toHaveProperty('total');
  });

  test('of another network namespace', async () => {
    await using other = await OtherNetwork.create();
    const conntrack = await Conntrack.open({ netns: { pid: other.pid } });
    await conntrack.writeSettings({ events: 'on' });
    const log = new Log({ conntrack });
    const original = {
      source: '10.0.0.1',
      destination: '10.0.0.2',
      sourcePort: 5,
      destinationPort: 6,
    };
    await conntrack.createEntry({ protocol: 'udp', original, timeout: 60 });
    await conntrack.deleteEntry({ protocol: 'udp', original });
    await log.ended(1);
    expect(log.parts[0]).toMatchObject({ original, outcome: 'deleted' });
    await conntrack.close();
    await log.close();
  });
});
