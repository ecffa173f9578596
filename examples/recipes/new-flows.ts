/**
 * Writes the flows of a network that begin within some seconds into a file, a line of JSON each.
 *
 *   node new-flows.ts <address or network> [seconds] [file]
 */
import '../support/end-of-pipe.js';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { watchEvents } from 'conntrack';

const [network, seconds = '60', file = 'new-flows.jsonl'] = process.argv.slice(2);
if (network === undefined) {
  console.error('usage: new-flows <address or network> [seconds] [file]');
  process.exit(2);
}

const signal = AbortSignal.timeout(1000 * Number(seconds));
const stream = watchEvents({ events: ['new'], filter: { address: network }, signal });
let flows = 0;

/** The lines of each batch of events, until the time is over. */
async function* lines(): AsyncGenerator<string> {
  try {
    for await (const events of stream.batches()) {
      const entries = events.flatMap((event) => (event.type === 'new' ? [event.entry] : []));
      flows += entries.length;
      yield entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    }
  } catch (error) {
    // An aborted signal ends the loop with its reason.
    if (error !== signal.reason) throw error;
  }
}

// While the disk is slow the loop waits, and events gather in the queue of the stream (64 MiB).
await pipeline(lines, createWriteStream(file));
const { lostInKernel, lostInQueue } = stream.counters;
console.log(`${flows} flows began, and ${lostInKernel + lostInQueue} events were lost`);
