import { type Entry, listEntries } from 'conntrack';

export let table: Entry[];

/** Lists the table and keeps every entry. */
export async function list(): Promise<number> {
  table = await listEntries();
  return table.length;
}
