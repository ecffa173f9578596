/**
 * A process that reads each new entry as it comes: `watch.js [milliseconds [maxDelay]]`
 * blocks its main thread for so many milliseconds in the middle. Says "ready" when it listens, and what
 * it saw when its stdin ends.
 */
import { type ConntrackEvent, watchEvents } from 'conntrack';

const BLOCK_AFTER = 50_000;

const milliseconds = Number(process.argv[2] ?? 0);
let toBlock = milliseconds > 0;
let events = 0;
let told = 0;
/** Sums what the trial reads, so that no optimizer can leave the reading out. */
export let used = 0;

const stream = watchEvents({ events: ['new'], maxDelay: Number(process.argv[3] ?? 0) });
process.stdin.once('end', () => void stream.close());
process.stdin.resume();
console.log('ready');
for await (const batch of stream.batches()) {
  for (const event of batch) look(event);
  if (toBlock && events > BLOCK_AFTER) {
    toBlock = false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }
}
console.log(JSON.stringify({ events, told }));

function look(event: ConntrackEvent): void {
  if (event.type === 'lost') told += event.count;
  if (!('entry' in event)) return;
  events++;
  const { original, reply } = event.entry;
  used += original.source.charCodeAt(0) + original.destination.charCodeAt(0);
  used += (original.sourcePort ?? 0) + (reply.sourcePort ?? 0);
}
