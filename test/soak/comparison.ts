/**
 * A mirror beside a fresh dump.
 */
import { type Entry, type EntryFilter, listEntries, type TableMirror } from 'conntrack';
import { eventually } from './eventually.js';

/** What a dump and events agree upon: a flow that events told of has no counters and no `use`. */
function known({ zone, original, reply, id, mark, status, labels, tcp }: Entry): string {
  return JSON.stringify([
    ...[zone, original, reply, id, mark ?? 0],
    ...[status.bits, String(labels ?? 0n), tcp?.state],
  ]);
}

function linesOf(entries: Iterable<Entry>): string[] {
  return Array.from(entries, known).sort();
}

/** What keeps the mirror from being equal to a fresh dump of a table that nobody changes. */
export async function differenceOf(
  mirror: TableMirror,
  filter?: EntryFilter,
  patience?: number,
  list: (filter?: EntryFilter) => Promise<Entry[]> = listEntries,
): Promise<string | undefined> {
  // A dump ends flows whose time is over: their events are still on their way.
  return eventually(async () => {
    const dumped = linesOf(await list(filter));
    await mirror.caughtUp();
    const mirrored = linesOf(mirror);
    if (mirror.size !== mirrored.length) return `size ${mirror.size}, ${mirrored.length} entries`;
    const at = mirrored.findIndex((line, index) => line !== dumped[index]);
    if (at < 0 && mirrored.length === dumped.length) return undefined;
    return `${mirrored.length} in the mirror, ${dumped.length} in a dump: ${mirrored[at]} ${dumped[at]}`;
  }, patience);
}
