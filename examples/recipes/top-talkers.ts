/**
 * Shows the sources with the most bytes per second, until Ctrl-C.
 *
 *   node top-talkers.ts [how many] [seconds between two readings]
 */
import '../support/end-of-pipe.js';
import { setInterval } from 'node:timers/promises';
import { ConntrackError, type Entry, entryKey, mirrorTable, type TableMirror } from 'conntrack';

const shown = Number(process.argv[2] ?? 10);
const milliseconds = 1000 * Number(process.argv[3] ?? 2);

if (!(shown >= 1 && milliseconds >= 1)) {
  console.error('usage: top-talkers [how many] [seconds between two readings]');
  process.exit(2);
}

const bytesOf = ({ counters }: Entry) => counters && counters.original.bytes + counters.reply.bytes;

/** Bytes since the reading before, and flows. */
interface Talker {
  bytes: number;
  flows: number;
}

interface Reading {
  /** Of each flow. */
  readonly bytes: Map<string, number>;
  /** By source. */
  readonly talkers: Map<string, Talker>;
  notCounted: number;
}

function read(mirror: TableMirror, before: ReadonlyMap<string, number>): Reading {
  const reading: Reading = { bytes: new Map(), talkers: new Map(), notCounted: 0 };
  for (const flow of mirror) {
    const key = entryKey(flow);
    const counted = bytesOf(flow);
    // A flow that began after the refresh has no counters yet.
    if (counted === undefined && before.has(key)) reading.notCounted++;
    const now = counted ?? 0;
    const then = before.get(key) ?? 0;
    const talker = reading.talkers.get(flow.original.source) ?? { bytes: 0, flows: 0 };
    // A newer flow on the same tuple begins at 0, and so does one whose counters somebody has zeroed.
    talker.bytes += now < then ? now : now - then;
    talker.flows++;
    reading.talkers.set(flow.original.source, talker);
    reading.bytes.set(key, now);
  }
  return reading;
}

const stop = new AbortController();
process.once('SIGINT', () => {
  stop.abort();
});

try {
  await using mirror = await mirrorTable({ signal: stop.signal });
  let before = read(mirror, new Map()).bytes;
  let time = performance.now();
  for await (const _ of setInterval(milliseconds, undefined, { signal: stop.signal })) {
    // Entries outlive their last packet by seconds or minutes: hardly a byte is missed.
    await mirror.refresh();
    const seconds = (performance.now() - time) / 1000;
    time = performance.now();
    const { bytes, talkers, notCounted } = read(mirror, before);
    before = bytes;
    const sorted = [...talkers].sort(([, a], [, b]) => b.bytes - a.bytes);
    console.log(`${'SOURCE'.padEnd(39)} ${'BYTES/S'.padStart(15)} ${'FLOWS'.padStart(8)}`);
    for (const [source, talker] of sorted.slice(0, shown)) {
      const rate = String(Math.round(talker.bytes / seconds));
      console.log(`${source.padEnd(39)} ${rate.padStart(15)} ${String(talker.flows).padStart(8)}`);
    }
    if (notCounted > 0) {
      console.log(`${notCounted} flows began while net.netfilter.nf_conntrack_acct was 0`);
    }
  }
} catch (error) {
  if (!stop.signal.aborted) {
    if (!(error instanceof ConntrackError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
