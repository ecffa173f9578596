import { type Entry, streamEntries } from 'conntrack';

export let last: Entry | undefined;

/** Streams the table entry by entry, the convenient way, reading nothing of it. */
export async function oneByOne(): Promise<number> {
  let entries = 0;
  let visited: Entry | undefined;
  for await (const entry of streamEntries()) {
    visited = entry;
    entries++;
  }
  last = visited;
  return entries;
}
