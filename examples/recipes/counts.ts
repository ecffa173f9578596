/**
 * Counts the entries of the table by protocol and state: one pass, in bounded memory.
 *
 *   node counts.ts
 */
import '../support/end-of-pipe.js';
import { ConntrackError, type Entry, streamEntries } from 'conntrack';

if (process.argv.length > 2) {
  console.error('usage: counts');
  process.exit(2);
}

function protocolOf({ protocol, protocolNumber }: Entry): string {
  return protocol === 'other' ? `${protocolNumber}` : protocol;
}

/** TCP, SCTP and DCCP have a state. Of the others the kernel knows whether an answer came. */
function stateOf(entry: Entry): string {
  const { tcp, sctp, dccp, status } = entry;
  if (status.offload) return 'offloaded';
  return (tcp ?? sctp ?? dccp)?.state ?? (status.seenReply ? 'replied' : 'unreplied');
}

const counts = new Map<string, number>();
let total = 0;
try {
  for await (const batch of streamEntries().batches()) {
    total += batch.length;
    for (const entry of batch) {
      const group = `${protocolOf(entry).padEnd(10)} ${stateOf(entry).padEnd(15)} ${entry.family}`;
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
  }
} catch (error) {
  if (!(error instanceof ConntrackError)) throw error;
  console.error(error.message);
  process.exit(1);
}
for (const [group, count] of [...counts].sort().sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(9)}  ${group}`);
}
console.log(`${String(total).padStart(9)}  in all`);
if (total === 0) console.error('the table is empty: see `npx conntrack doctor`');
