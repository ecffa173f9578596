import { type Entry, streamEntries, type Tuple } from 'conntrack';

/**
 * What is read ends here, so that no optimizer can leave the reading out. Written once:
 * a number that grows here would be made anew, on the heap, with each step.
 */
export let used: number;

/** Streams the table by batches and reads both tuples, the state and the counters. */
export async function streamRead(): Promise<number> {
  let entries = 0;
  let sum = 0;
  for await (const batch of streamEntries().batches()) {
    for (const entry of batch) sum += use(entry);
    entries += batch.length;
  }
  used = sum;
  return entries;
}

function use(entry: Entry): number {
  const state = entry.tcp?.state.length ?? 0;
  return useTuple(entry.original) + useTuple(entry.reply) + state + useCounters(entry);
}

function useTuple(tuple: Tuple): number {
  // A character of each address, because V8 finishes a joined string only for
  // those who look into it.
  const addresses = tuple.source.charCodeAt(0) + tuple.destination.charCodeAt(0);
  return addresses + (tuple.sourcePort ?? 0) + (tuple.destinationPort ?? 0);
}

function useCounters({ counters }: Entry): number {
  if (counters === undefined) return 0;
  const { original, reply } = counters;
  return original.packets + original.bytes + reply.packets + reply.bytes;
}
