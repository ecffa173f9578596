/**
 * `npm run bench`: how fast the table is read, events are taken, and entries deleted, beside the
 * limits that the kernel sets and beside other programs. docs/performance.md
 */
import { fileURLToPath } from 'node:url';
import type { DeleteOptions } from './deletes.js';
import { benchEvents } from './events.js';
import type { MirrorBenchOptions } from './mirror.js';
import { runInNamespace } from './namespace.js';
import { parseOptions } from './options.js';
import type { ReadingOptions } from './reading.js';
import type { RequestOptions } from './requests.js';
import { raiseTableLimit } from './table-limit.js';
import type { TopBenchOptions } from './top.js';

const parsed = parseOptions(process.argv.slice(2));
const { entries, bursts, eventsJson, deletesJson, requestsJson, mirrorJson, ...rest } = parsed;
const { seconds, only, topJson, ...options } = rest;
const runs = (part: typeof only) => only === undefined || only === part;
const sizes = [
  ...(runs('reading') ? entries : []),
  ...(runs('events') ? bursts : []),
  // Some more than the table, for the flows of many addresses.
  ...(runs('deletes') ? entries.map((size) => size + 10_000) : []),
  ...(runs('mirror') ? entries.map(withBurst) : []),
  ...(runs('top') ? entries.map(withSpare) : []),
];
const limit = raiseTableLimit(Math.max(...sizes));
if (runs('reading')) process.exitCode = await benchReading();
if (runs('events') && process.exitCode !== 1) {
  const { rounds, markdown } = options;
  const possible = bursts.filter((size) => size <= limit);
  benchEvents({ bursts: possible, rounds, json: eventsJson, markdown });
}
if (runs('deletes') && process.exitCode !== 1) process.exitCode = await benchDeletes();
if (runs('requests') && process.exitCode !== 1) process.exitCode = await benchRequests();
if (runs('mirror') && process.exitCode !== 1) process.exitCode = await benchMirror();
if (runs('top') && process.exitCode !== 1) process.exitCode = await benchTop();

/** The table of a mirror, and the burst that it follows. */
function withBurst(size: number): number {
  return size + burstOf(size);
}

function burstOf(size: number): number {
  return Math.min(size, 1_000_000);
}

async function benchMirror(): Promise<number> {
  const size = entries.filter((each) => withBurst(each) <= limit).at(-1) ?? 100_000;
  const { rounds, markdown } = options;
  const mirror: MirrorBenchOptions = {
    entries: size,
    burst: burstOf(size),
    rounds,
    json: mirrorJson,
    markdown,
  };
  const script = fileURLToPath(new URL('mirror.js', import.meta.url));
  return runInNamespace(script, JSON.stringify(mirror));
}

/** The table of top, and the entries that come and go beside it: see churn.c. */
function withSpare(size: number): number {
  return size + 60_000 + spareOf(size);
}

function spareOf(size: number): number {
  return Math.min(size, 100_000);
}

async function benchTop(): Promise<number> {
  const size = entries.filter((each) => withSpare(each) <= limit).at(-1) ?? 100_000;
  const top: TopBenchOptions = {
    entries: size,
    spare: spareOf(size),
    rate: 100_000,
    presses: 20 * options.rounds,
    json: topJson,
    markdown: options.markdown,
  };
  const script = fileURLToPath(new URL('top.js', import.meta.url));
  return runInNamespace(script, JSON.stringify(top));
}

async function benchRequests(): Promise<number> {
  const { rounds, markdown } = options;
  const requests: RequestOptions = {
    rounds,
    markdown,
    json: requestsJson,
    // One round is no measurement: it shows that everything runs.
    rates: rounds === 1 ? [1000] : [100, 1000, 10_000],
    seconds,
  };
  const script = fileURLToPath(new URL('requests.js', import.meta.url));
  return runInNamespace(script, JSON.stringify(requests));
}

async function benchDeletes(): Promise<number> {
  const possible = entries.filter((size) => size + 10_000 <= limit);
  const deletes: DeleteOptions = {
    entries: possible.at(-1) ?? 100_000,
    rounds: options.rounds,
    json: deletesJson,
    markdown: options.markdown,
  };
  const script = fileURLToPath(new URL('deletes.js', import.meta.url));
  return runInNamespace(script, JSON.stringify(deletes));
}

async function benchReading(): Promise<number> {
  const reading: ReadingOptions = {
    ...options,
    entries: entries.filter((size) => size <= limit),
    tooLarge: entries.filter((size) => size > limit),
  };
  if (reading.entries.length === 0) {
    throw new Error(
      `net.netfilter.nf_conntrack_max is ${limit}, and only root in the initial network ` +
        'namespace can raise it',
    );
  }
  return runInNamespace(
    fileURLToPath(new URL('reading.js', import.meta.url)),
    JSON.stringify(reading),
  );
}
