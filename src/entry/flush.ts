/**
 * Emptying the table, or deleting all of one family.
 */

import { errorOfPlainFailure } from '../core/errors.js';
import { flushHasFamily } from '../filter/plan.js';
import { FAMILY_NUMBERS, REQUEST } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Context } from '../request/context.js';
import { resultOfDeletes } from './deletes.js';
import { flushOptionsOf } from './options.js';
import { flushingPass, runPass } from './pass.js';
import type { DeletedEntries, FlushOptions } from './spec.js';

/** Returns what was deleted, if that is asked for. */
export async function flush(
  context: Context,
  options?: FlushOptions,
): Promise<DeletedEntries | undefined> {
  const { family, entries = false } = flushOptionsOf(options);
  // The kernel does not tell what a flush has removed.
  if (entries) {
    return resultOfDeletes(await runPass(context, flushingPass(family, true, context.netns)));
  }
  if (family !== undefined && !(await flushHasFamily('flushEntries', context.netns))) {
    await runPass(context, flushingPass(family, false, context.netns));
    return undefined;
  }
  const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
  const request = context.requests.begin('flushEntries', 'flush', 0, (answer) => answer.failure);
  request.view.setUint16(request.at + REQUEST.family, number, LITTLE_ENDIAN);
  const failure = await request.promise;
  if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
  return undefined;
}
