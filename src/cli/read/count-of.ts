import type { EntryFilter } from '../../index.js';
import type { Api } from '../command.js';

/** How many entries there are, also where the API refuses to delete by the filter. */
export async function countOf(
  api: Pick<Api, 'streamEntries'>,
  filter: EntryFilter,
): Promise<number> {
  let count = 0;
  for await (const batch of api.streamEntries(filter).batches()) count += batch.length;
  return count;
}
