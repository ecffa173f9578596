import { type Entry, streamEntries, type Tuple } from 'conntrack';

/** Streams the table by batches and reads both tuples, the state and the counters. */
export async function streamRead(): Promise<number> {
  let entries = 0;
  for await (const batch of streamEntries().batches()) {
    for (const entry of batch) use(entry);
    entries += batch.length;
  }
  return entries;
}

/** What is read ends here, so that no optimizer can leave the reading out. */
export let used = 0;

function use(entry: Entry): void {
  useTuple(entry.original);
  useTuple(entry.reply);
  used += entry.tcp?.state.length ?? 0;
  const { counters } = entry;
  if (counters === undefined) return;
  const { original, reply } = counters;
  used += original.packets + original.bytes + reply.packets + reply.bytes;
}

function useTuple(tuple: Tuple): void {
  // A character of each address, because V8 finishes a joined string only for
  // those who look into it.
  used += tuple.source.charCodeAt(0) + tuple.destination.charCodeAt(0);
  used += (tuple.sourcePort ?? 0) + (tuple.destinationPort ?? 0);
}
