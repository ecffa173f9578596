/**
 * Keeps a mirror in a worker thread that answers the lookups of others, and measures how fast: no
 * thread that asks follows events, and the main thread stays idle.
 *
 *   node out/examples/mirror-worker.js [threads] [seconds]
 */
import './support/end-of-pipe.js';
import { once } from 'node:events';
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { type FlowKey, listEntries, mirrorTable } from 'conntrack';
import { MirrorClient } from './support/mirror-client.js';
import { serveLookups } from './support/mirror-server.js';

type Task =
  | { readonly name: 'mirror' }
  | { readonly name: 'ask'; port: MessagePort; keys: readonly FlowKey[]; seconds: number };

/** The result of a thread that asked. */
interface Result {
  readonly lookups: number;
  readonly found: number;
  readonly longestMs: number;
}

const KEYS_IN_MESSAGE = 100;

function start(task: Task): Worker {
  const transferList = task.name === 'ask' ? [task.port] : [];
  return new Worker(new URL(import.meta.url), { workerData: task, transferList });
}

/** The worker: `parentPort` brings a port for each thread that wants to ask. */
async function keepMirror(): Promise<void> {
  const mirror = await mirrorTable();
  parentPort?.on('message', (port: MessagePort) => {
    serveLookups(mirror, port);
  });
  parentPort?.postMessage(mirror.size);
}

/** A port to the mirror, to keep or to hand to another thread. */
function connect(mirror: Worker): MessagePort {
  const { port1, port2 } = new MessageChannel();
  mirror.postMessage(port1, [port1]);
  return port2;
}

/** A thread that asks for some of the keys again and again. */
async function ask({ port, keys, seconds }: Extract<Task, { name: 'ask' }>): Promise<void> {
  const client = new MirrorClient(port);
  const result = { lookups: 0, found: 0, longestMs: 0 };
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    const some = Array.from(
      { length: KEYS_IN_MESSAGE },
      () => keys[Math.floor(Math.random() * keys.length)] as FlowKey,
    );
    const asked = performance.now();
    const hosts = await client.find(some);
    result.longestMs = Math.max(result.longestMs, performance.now() - asked);
    result.lookups += some.length;
    result.found += hosts.filter(Boolean).length;
  }
  client.close();
  parentPort?.postMessage(result satisfies Result);
}

/** The reply tuples of the first flows of the table. */
async function someKeys(): Promise<FlowKey[]> {
  const entries = await listEntries();
  return entries.slice(0, 10_000).map((entry) => {
    const { protocolNumber, zone, reply } = entry.toJSON();
    return { protocol: protocolNumber, zone, ...reply };
  });
}

async function measure(mirror: Worker, threads: number, seconds: number): Promise<void> {
  const [size] = (await once(mirror, 'message')) as [number];
  console.log(`a mirror of ${size} flows in a worker`);
  const keys = await someKeys();
  const results = Array.from({ length: keys.length === 0 ? 0 : threads }, () =>
    once(start({ name: 'ask', port: connect(mirror), keys, seconds }), 'message'),
  );
  for (const [index, [result]] of (await Promise.all(results)).entries()) {
    const { lookups, found, longestMs } = result as Result;
    const perSecond = Math.round(lookups / seconds);
    const wait = `${longestMs.toFixed(1)} ms at most for ${KEYS_IN_MESSAGE}`;
    console.log(
      `thread ${index + 1}: ${perSecond} lookups/s, ${found} of ${lookups} found, ${wait}`,
    );
  }
}

const reasonOf = (error: unknown) => (error as Error).message;

/** Shows the errors of a wrong key and of a worker that has ended. */
async function fail(mirror: Worker): Promise<void> {
  const client = new MirrorClient(connect(mirror));
  const wrong = { protocol: 'tcp', source: 'nowhere', destination: '192.0.2.1' } as const;
  console.log('a wrong key:', await client.find([wrong]).then(String, reasonOf));
  // Frees the mirror, its sockets and its memory, and ends the ports.
  await mirror.terminate();
  console.log('a lookup after terminate():', await client.find([]).then(String, reasonOf));
}

if (isMainThread) {
  const [threads, seconds] = [Number(process.argv[2] ?? 2), Number(process.argv[3] ?? 1)];
  if (!(threads >= 1 && seconds > 0)) {
    console.error('usage: mirror-worker [threads] [seconds]');
    process.exit(2);
  }
  const mirror = start({ name: 'mirror' });
  try {
    await measure(mirror, threads, seconds);
    await fail(mirror);
  } catch (error) {
    console.error(reasonOf(error));
    process.exitCode = 1;
  } finally {
    await mirror.terminate();
  }
} else {
  const task = workerData as Task;
  await (task.name === 'mirror' ? keepMirror() : ask(task));
}
