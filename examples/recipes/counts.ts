/**
 * Counts the entries of the table by protocol and state: one pass, in bounded memory.
 *
 *   node counts.ts
 */
import '../support/end-of-pipe.js';
import { type Entry, streamEntries } from 'conntrack';

function protocolOf({ protocol, protocolNumber }: Entry): string {
  return protocol === 'other' ? `${protocolNumber}` : protocol;
}

/** Protocols without a state have seen an answer, or wait for one. */
function stateOf(entry: Entry): string {
  const { tcp, sctp, dccp, status } = entry;
  if (status.offload) return 'offloaded';
  return (tcp ?? sctp ?? dccp)?.state ?? (status.seenReply ? 'replied' : 'unreplied');
}

const counts = new Map<string, number>();
let total = 0;
for await (const batch of streamEntries().batches()) {
  total += batch.length;
  for (const entry of batch) {
    const group = `${protocolOf(entry).padEnd(10)} ${stateOf(entry).padEnd(15)} ${entry.family}`;
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
}
for (const [group, count] of [...counts].sort().sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(9)}  ${group}`);
}
console.log(`${String(total).padStart(9)}  entries`);
