/**
 * What a pass that deletes returns.
 */
import type { EntryFilter } from '../filter/filter.js';
import type { Context } from '../request/context.js';
import { entriesInTurns } from './entries.js';
import { deletingPass, type PassCounts, type PassResult, runPass } from './pass.js';
import type { DeleteCounts, DeletedEntries, DeleteOptions, DeleteResult } from './spec.js';

export async function deleteMatching(
  context: Context,
  filter: EntryFilter | readonly EntryFilter[],
  options: DeleteOptions | undefined,
): Promise<DeleteResult> {
  const { pass, reports } = deletingPass(filter, options, context.netns);
  const result = await runPass(context, pass);
  return reports ? resultOfDeletes(result) : countsOfDeletes(result);
}

export function countsOfDeletes({ matched, changed, vanished }: PassCounts): DeleteCounts {
  return { matched, deleted: changed, vanished };
}

export async function resultOfDeletes(result: PassResult): Promise<DeletedEntries> {
  return { ...countsOfDeletes(result), entries: await entriesInTurns(result.slabs) };
}
