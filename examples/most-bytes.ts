/**
 * Lists the sources whose flows have the most bytes so far: one pass over a table of any size, in
 * bounded memory.
 *
 *   node out/examples/most-bytes.js [how many]
 */
import './support/end-of-pipe.js';
import { ConntrackError, streamEntries } from 'conntrack';

const shown = Number(process.argv[2] ?? 10);
const kept = 100 * shown;

const bytesBySource = new Map<string, number>();
let total = 0;
let tooLow = 0;
let notCounted = 0;

/**
 * Keeps the largest `kept` of twice as many sources and subtracts the next largest sum from
 * each (Misra and Gries, for weighted items). The subtractions make a sum too low by at most
 * total / kept.
 */
function forgetTheSmall(): void {
  const sums = [...bytesBySource.values()].sort((a, b) => b - a);
  const taken = sums[kept] ?? 0;
  tooLow += taken;
  for (const [source, bytes] of bytesBySource) {
    if (bytes > taken) bytesBySource.set(source, bytes - taken);
    else bytesBySource.delete(source);
  }
}

try {
  for await (const batch of streamEntries().batches()) {
    for (const { original, counters } of batch) {
      if (counters === undefined) {
        notCounted++;
        continue;
      }
      const bytes = counters.original.bytes + counters.reply.bytes;
      total += bytes;
      bytesBySource.set(original.source, (bytesBySource.get(original.source) ?? 0) + bytes);
      if (bytesBySource.size === 2 * kept) forgetTheSmall();
    }
  }
  const top = [...bytesBySource].sort(([, a], [, b]) => b - a).slice(0, shown);
  for (const [source, bytes] of top) {
    const share = total === 0 ? 0 : (100 * bytes) / total;
    console.log(
      `${source.padEnd(39)} ${String(bytes).padStart(15)} ${share.toFixed(1).padStart(5)} %`,
    );
  }
  if (tooLow > 0) console.log(`each is too low by at most ${tooLow} bytes`);
  if (notCounted > 0) {
    console.log(`${notCounted} flows began while net.netfilter.nf_conntrack_acct was 0`);
  }
} catch (error) {
  if (!(error instanceof ConntrackError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
