// Reads from a kernel that takes the request and says nothing, and then goes the
// way that its argument names.
import { createRequire } from 'node:module';
import { streamEntries } from '../../dist/index.js';

const { script } = createRequire(import.meta.url)(process.env.CONNTRACK_ADDON);

const controller = new AbortController();
const stream = streamEntries({}, { signal: controller.signal });
const batches = stream.batches();
const reading = batches.next();
const peer = new script.Peer();
if (!peer.receive(10_000)?.length) throw new Error('no request came');

const ways = {
  exit: () => process.exit(7),
  close: () => Promise.all([stream.close(), reading.catch(() => undefined)]),
  abort: () => {
    controller.abort();
    return reading.catch(() => undefined);
  },
  leave: () => batches.return(),
  throw: () => {
    throw new Error('uncaught');
  },
};
await ways[process.argv[2]]();
