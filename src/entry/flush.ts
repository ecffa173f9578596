/**
 * Emptying the table, or deleting all of one family.
 */
import type { Context } from '../core/context.js';
import { errorOfPlainFailure } from '../core/errors.js';
import { flushHasFamily } from '../filter/plan.js';
import { FAMILY_NUMBERS } from '../record/layout.js';
import { flushOptionsOf } from './options.js';
import { flushingPass, runPass } from './pass.js';
import type { FlushOptions } from './spec.js';

export async function flush(context: Context, options?: FlushOptions): Promise<void> {
  const { family } = flushOptionsOf(options);
  if (family !== undefined && !(await flushHasFamily('flushEntries', context.netns))) {
    await runPass(context, flushingPass(family, context.netns));
    return;
  }
  const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
  const { failure } = await context.requests.run('flushEntries', 'flush', number);
  if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
}
