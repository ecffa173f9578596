import { type Entry, streamEntries } from 'conntrack';

export let last: Entry | undefined;

/** Streams the table by batches and visits each entry, reading nothing of it. */
export async function streamVisit(): Promise<number> {
  let entries = 0;
  let visited: Entry | undefined;
  for await (const batch of streamEntries().batches()) {
    for (const entry of batch) {
      visited = entry;
      entries++;
    }
  }
  last = visited;
  return entries;
}
