// Has something under way with a kernel that takes the requests and says nothing, and then goes
// the way that its arguments name. Prints how long that took, or the time when it began.
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Conntrack } from '../../dist/index.js';

const require = createRequire(import.meta.url);
const handle = await Conntrack.open();
const controller = new AbortController();
const { signal } = controller;
const key = {
  protocol: 'tcp',
  original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1, destinationPort: 2 },
};
const stream = handle.streamEntries({}, { signal });
const batches = stream.batches();

const pending = {
  stream: () => [batches.next()],
  list: () => [handle.listEntries({}, { signal })],
  pass: () => [handle.deleteEntries({ mark: 1 }, { signal })],
  'more lists than the pool has threads': () =>
    Array.from({ length: 12 }, () => handle.listEntries({}, { signal })),
  request: () => [handle.getEntry(key)],
  'requests that wait for one another': () =>
    Array.from({ length: 12 }, () => handle.createEntry({ ...key, timeout: 60 })),
};

const ways = {
  exit: () => process.exit(7),
  close: (work) => Promise.allSettled([handle.close(), ...work]),
  abort: (work) => {
    controller.abort();
    return Promise.allSettled(work);
  },
  leave: () => batches.return(),
  throw: () => {
    throw new Error('uncaught');
  },
};

/** Begins the work; the kernel has its first request when this resolves. */
async function begin(what) {
  const { script } = require(process.env.CONNTRACK_ADDON);
  const work = pending[what]();
  for (const one of work) one.catch(() => undefined);
  await turn(); // receive() blocks
  const peer = new script.Peer();
  if (!peer.receive(10_000)?.length) throw new Error('no request came');
  return work;
}

if (!isMainThread) {
  await begin(workerData);
  parentPort.postMessage('begun');
  parentPort.on('message', () => undefined);
} else {
  const [, , what, way] = process.argv;
  if (way === 'terminate') {
    const worker = new Worker(new URL(import.meta.url), { workerData: what });
    await once(worker, 'message');
    const began = Date.now();
    await worker.terminate();
    console.log(Date.now() - began);
  } else {
    const work = await begin(what);
    console.log(Date.now());
    await ways[way](work);
  }
}
