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

/** That of timers of Node.js: 24.8 days. */
const MOST_MILLISECONDS = 2 ** 31 - 1;

const isPeriod = milliseconds >= 1 && milliseconds <= MOST_MILLISECONDS;
if (!(Number.isSafeInteger(shown) && shown >= 1 && isPeriod && process.argv.length <= 4)) {
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

const HEAD = `${'SOURCE'.padEnd(39)} ${'BYTES/S'.padStart(15)} ${'FLOWS'.padStart(8)}`;

function print(talkers: ReadonlyMap<string, Talker>, seconds: number): void {
  const sorted = [...talkers].sort(([, a], [, b]) => b.bytes - a.bytes);
  console.log(HEAD);
  for (const [source, { bytes, flows }] of sorted.slice(0, shown)) {
    const rate = String(Math.round(bytes / seconds));
    console.log(`${source.padEnd(39)} ${rate.padStart(15)} ${String(flows).padStart(8)}`);
  }
  if (sorted.length === 0) console.log('(no flows: see `npx conntrack doctor`)');
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stop.abort();
  });
}

const ADVICE = 'Set net.netfilter.nf_conntrack_acct to 1, for flows that begin afterwards.';

let total = 0;
const began = performance.now();
try {
  // The signal closes it.
  const mirror = await mirrorTable({ signal: stop.signal });
  console.log(`watching flows: ${mirror.size} so far`);
  let before = read(mirror, new Map()).bytes;
  let time = performance.now();
  let wasEmpty = false;
  let mostNotCounted = 0;
  for await (const _ of setInterval(milliseconds, undefined, { signal: stop.signal })) {
    // Entries outlive their last packet by seconds or minutes: hardly a byte is missed.
    await mirror.refresh();
    const seconds = (performance.now() - time) / 1000;
    time = performance.now();
    const { bytes, talkers, notCounted } = read(mirror, before);
    before = bytes;
    for (const talker of talkers.values()) total += talker.bytes;
    const isEmpty = talkers.size === 0;
    if (!isEmpty || !wasEmpty) print(talkers, seconds);
    wasEmpty = isEmpty;
    if (notCounted > mostNotCounted) {
      console.log(`flows without counters: ${notCounted}. ${ADVICE}`);
    }
    mostNotCounted = notCounted === 0 ? 0 : Math.max(mostNotCounted, notCounted);
  }
} catch (error) {
  if (!stop.signal.aborted) {
    if (!(error instanceof ConntrackError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
console.log(`counted: ${total} bytes in ${Math.round((performance.now() - began) / 1000)} s`);
