/** A flow log in files beside the kernel: killed, restarted and without room, its sums are exact. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countEntries, deleteEntries, type EntryEvent, flushEntries, watchEvents } from 'conntrack';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { readFlowFiles } from '../../src/flow-log/files/files.js';
import type { FlowPart, FlowRecord } from '../../src/flow-log/flow-log.js';
import { run, setting, trackLoopback } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';

const dist = (path: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../dist/${path}`, import.meta.url)));

/** Records flows in files until SIGTERM, with the interval of one second, and tries again without room. */
const AGENT = `
  import { recordFlows, writeFlows } from ${dist('flow-log/flow-log.js')};
  import { openFlowFiles } from ${dist('flow-log/files/files.js')};
  const [directory] = process.argv.slice(1);
  const files = await openFlowFiles({ directory, fileBytes: 16384 });
  const recorder = recordFlows({ interval: '1s', resume: files });
  process.once('SIGTERM', () => recorder.finish());
  const retry = (error) => { console.log(error.code); return 100; };
  const written = await writeFlows(recorder, files, { retry });
  await files.close();
  console.log('written', written);
`;

const SINK = 9;
const LIMIT = 30_000;

class Agent {
  readonly process: ChildProcess;
  output = '';

  constructor(directory: string) {
    const args = ['--input-type=module', '-e', AGENT, directory];
    this.process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process.stdout?.on('data', (piece: Buffer) => {
      this.output += piece.toString();
    });
    onTestFinished(() => {
      this.process.kill('SIGKILL');
    });
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.process.kill(signal);
    await once(this.process, 'close');
  }
}

const recordsIn = async (directory: string) => {
  const records: FlowRecord[] = [];
  for await (const record of readFlowFiles(directory)) records.push(record);
  return records;
};
const partsIn = async (directory: string) =>
  (await recordsIn(directory)).filter((record): record is FlowPart => record.type === 'flow');

describeInNamespace(
  'conntrack',
  'nft',
  'ip',
)('a flow log in files', () => {
  let sink: Socket;
  let directory: string;
  const senders: Socket[] = [];

  beforeAll(async () => {
    run('ip', 'link', 'set', 'lo', 'up');
    trackLoopback();
    for (const name of ['acct', 'timestamp', 'events']) setting(name, 1);
    sink = createSocket('udp4').bind(SINK, '127.0.0.1');
    await once(sink, 'listening');
    for (let index = 0; index < 40; index++) {
      const sender = createSocket('udp4').bind(0, '127.0.0.1');
      await once(sender, 'listening');
      senders.push(sender);
    }
  });

  afterAll(() => {
    for (const socket of [sink, ...senders]) socket.close();
  });

  beforeEach(async () => {
    await flushEntries();
    directory = mkdtempSync(join(tmpdir(), 'conntrack-flow-files-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
  });

  const send = async (some: readonly Socket[], packets: number) => {
    for (const sender of some) {
      for (let packet = 0; packet < packets; packet++) {
        await new Promise((resolve) => {
          sender.send(Buffer.alloc(100), SINK, '127.0.0.1', resolve);
        });
      }
    }
  };
  const endOf = (some: readonly Socket[]) =>
    deleteEntries(some.map((one) => ({ protocol: 'udp', port: one.address().port })));
  const countOf = async (outcome: string) =>
    (await partsIn(directory)).filter((part) => part.outcome === outcome).length;

  /** What the kernel says of each flow that ends, whoever records it. */
  const listen = () => {
    const ends: EntryEvent[] = [];
    const events = watchEvents({ events: ['destroy'] });
    const done = (async () => {
      for await (const event of events) if (event.type === 'destroy') ends.push(event);
    })();
    onTestFinished(async () => {
      await events.close();
      await done;
    });
    return ends;
  };

  test('kill -9 and a restart: the sums are those of the kernel, but of what ended meanwhile', async () => {
    const ends = listen();
    let agent = new Agent(directory);
    await send(senders, 3);
    await expect.poll(() => countOf('open'), { timeout: LIMIT }).toBeGreaterThanOrEqual(40);
    await endOf(senders.slice(0, 10));
    await expect.poll(() => countOf('deleted'), { timeout: LIMIT }).toBe(10);

    await agent.end('SIGKILL');
    await send(senders.slice(10), 2);
    // These end while nothing records; twenty go on.
    await endOf(senders.slice(10, 20));
    await send(senders.slice(0, 5), 1);
    await endOf(senders.slice(0, 5));

    agent = new Agent(directory);
    await expect.poll(() => countOf('unobserved'), { timeout: LIMIT }).toBe(10);
    await send(senders.slice(20), 4);
    await endOf(senders.slice(20));
    await expect.poll(() => countOf('deleted'), { timeout: LIMIT }).toBe(30);
    await agent.end('SIGTERM');
    expect(agent.output).toMatch(/^written \d+\n$/);

    expect(await countEntries()).toBe(0);
    await expect.poll(() => ends.length, { timeout: LIMIT }).toBe(45);
    const records = await recordsIn(directory);
    const [gap, ...others] = records.filter((record) => record.type === 'gap');
    expect(others).toEqual([]);
    const sums = new Map<string, { bytes: number; parts: FlowPart[] }>();
    const names = new Set<string>();
    for (const record of records) {
      if (record.type !== 'flow') continue;
      names.add(`${record.flow} ${record.part}`);
      const key = `${record.original.sourcePort} ${record.start?.getTime()}`;
      const sum = sums.get(key) ?? { bytes: 0, parts: [] };
      sum.bytes += record.traffic?.original.bytes ?? 0;
      sum.parts.push(record);
      sums.set(key, sum);
    }
    expect(names.size).toBe(records.filter((record) => record.type === 'flow').length);
    let missing = 0;
    for (const { entry } of ends) {
      const key = `${entry.original.sourcePort} ${entry.startTime?.getTime()}`;
      const sum = sums.get(key);
      const bytes = entry.counters?.original.bytes ?? 0;
      const isObserved = sum?.parts.at(-1)?.outcome === 'deleted';
      if (isObserved) {
        expect(sum).toMatchObject({ bytes, parts: sum.parts.map(({ flow }) => ({ flow })) });
        expect(new Set(sum.parts.map(({ flow }) => flow)).size).toBe(1);
        continue;
      }
      missing++;
      const stop = entry.stopTime as Date;
      expect(gap?.type === 'gap' && gap.from <= stop && stop <= gap.to).toBe(true);
      expect(sum?.bytes ?? 0).toBeLessThanOrEqual(bytes);
      expect(sum?.parts.at(-1)?.doubts ?? ['not-recorded']).toEqual(['not-recorded']);
    }
    expect(missing).toBe(15);
    expect(records.at(-1)).toMatchObject({ type: 'notice', code: 'finished' });
  });

  test('no room: what could not be written is written later, each record once', async () => {
    mkdirSync(directory, { recursive: true });
    run('mount', '-t', 'tmpfs', '-o', 'size=128k', 'none', directory);
    onTestFinished(() => {
      run('umount', directory);
    });
    const ends = listen();
    const filler = join(directory, 'filler');
    run('sh', '-c', `head -c 100000 /dev/zero > ${filler}`);
    const agent = new Agent(directory);
    await send(senders.slice(0, 1), 1);
    await expect.poll(() => countOf('open'), { timeout: LIMIT }).toBe(1);
    for (let round = 0; round < 3; round++) {
      await send(senders, 1);
      await endOf(senders);
    }
    await expect.poll(() => agent.output, { timeout: LIMIT }).toContain('ENOSPC');
    rmSync(filler);
    await expect.poll(() => countOf('deleted'), { timeout: LIMIT }).toBe(120);
    await agent.end('SIGTERM');
    expect(ends.length).toBe(120);
    const parts = await partsIn(directory);
    expect(new Set(parts.map(({ flow, part }) => `${flow} ${part}`)).size).toBe(parts.length);
    const sum = (all: readonly (number | undefined)[]) =>
      all.reduce<number>((a, b = 0) => a + b, 0);
    expect(sum(parts.map(({ traffic }) => traffic?.original.bytes))).toBe(
      sum(ends.map(({ entry }) => entry.counters?.original.bytes)),
    );
  });
});
