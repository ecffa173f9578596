/**
 * A worker that uses everything until it is terminated.
 */
import { parentPort } from 'node:worker_threads';
import {
  countEntries,
  deleteEntries,
  listEntries,
  mirrorTable,
  readPressure,
  streamEntries,
  watchEvents,
} from 'conntrack';

async function forever(act: () => Promise<unknown>): Promise<never> {
  for (;;) await act();
}

async function follow(): Promise<void> {
  for await (const _ of watchEvents({ receiveBufferBytes: 65_536 }).batches());
}

parentPort?.postMessage('begun');
await Promise.all([
  follow(),
  forever(async () => {
    await using mirror = await mirrorTable({ indexes: ['address'] });
    await mirror.caughtUp();
  }),
  forever(() => listEntries()),
  forever(countEntries),
  forever(readPressure),
  forever(() => deleteEntries({ protocol: 'tcp' }, { dryRun: true })),
  forever(async () => {
    for await (const _ of streamEntries().batches()) break;
  }),
]);
