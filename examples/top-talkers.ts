/**
 * Shows the sources with the most bytes per second, until Ctrl-C.
 *
 *   node out/examples/top-talkers.js [how many] [seconds between two readings]
 */
import './support/end-of-pipe.js';
import { setInterval } from 'node:timers/promises';
import { ConntrackError, type Entry, mirrorTable, type TableMirror } from 'conntrack';

const shown = Number(process.argv[2] ?? 10);
const milliseconds = 1000 * Number(process.argv[3] ?? 2);

if (!(shown >= 1 && milliseconds >= 1)) {
  console.error('usage: top-talkers [how many] [seconds between two readings]');
  process.exit(2);
}

const bytesOf = ({ counters }: Entry) => counters && counters.original.bytes + counters.reply.bytes;

const nameOf = ({ protocolNumber, zone, original }: Entry) =>
  [protocolNumber, zone, original.source, original.sourcePort]
    .concat(original.destination, original.destinationPort, original.icmp?.id)
    .join(' ');

/** Bytes of each flow, as of the last reading. */
function bytesByFlow(mirror: TableMirror): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const flow of mirror) bytes.set(nameOf(flow), bytesOf(flow) ?? 0);
  return bytes;
}

/** Bytes since `before`, and flows. */
interface Talker {
  bytes: number;
  flows: number;
}

function talkersIn(mirror: TableMirror, before: ReadonlyMap<string, number>): Map<string, Talker> {
  const talkers = new Map<string, Talker>();
  for (const flow of mirror) {
    const now = bytesOf(flow) ?? 0;
    const then = before.get(nameOf(flow)) ?? 0;
    const talker = talkers.get(flow.original.source) ?? { bytes: 0, flows: 0 };
    // A newer flow on the same tuple begins at 0.
    talker.bytes += now < then ? now : now - then;
    talker.flows++;
    talkers.set(flow.original.source, talker);
  }
  return talkers;
}

const stop = new AbortController();
process.once('SIGINT', () => {
  stop.abort();
});

try {
  await using mirror = await mirrorTable({ signal: stop.signal });
  let before = bytesByFlow(mirror);
  let time = performance.now();
  for await (const _ of setInterval(milliseconds, undefined, { signal: stop.signal })) {
    // Entries outlive their last packet by seconds or minutes: hardly a byte is missed.
    await mirror.refresh();
    const seconds = (performance.now() - time) / 1000;
    time = performance.now();
    const talkers = [...talkersIn(mirror, before)].sort(([, a], [, b]) => b.bytes - a.bytes);
    before = bytesByFlow(mirror);
    console.log(`${'SOURCE'.padEnd(39)} ${'BYTES/S'.padStart(15)} ${'FLOWS'.padStart(8)}`);
    for (const [source, { bytes, flows }] of talkers.slice(0, shown)) {
      const rate = String(Math.round(bytes / seconds));
      console.log(`${source.padEnd(39)} ${rate.padStart(15)} ${String(flows).padStart(8)}`);
    }
    const notCounted = [...mirror].filter((flow) => bytesOf(flow) === undefined).length;
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
