/**
 * Emptying the table, or deleting all of one family.
 */
import { objectOf } from '../core/check.js';
import type { Context } from '../core/context.js';
import { errorOfPlainFailure, typeError } from '../core/errors.js';
import { flushHasFamily } from '../filter/plan.js';
import { FAMILY_NUMBERS } from '../record/layout.js';
import { flushingPass, runPass } from './pass.js';
import type { FlushOptions } from './spec.js';

export async function flush(context: Context, options?: FlushOptions): Promise<void> {
  const family = flushedFamily(options);
  if (family !== undefined && !(await flushHasFamily('flushEntries', context.netns))) {
    await runPass(context, flushingPass(family, context.netns));
    return;
  }
  const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
  const { failure } = await context.requests.run('flushEntries', (socket) => socket.flush(number));
  if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
}

/** A family that is misspelled, or undefined by accident, must not mean both. */
function flushedFamily(options: FlushOptions = {}): FlushOptions['family'] {
  const given = objectOf(options, 'options', ['family']);
  const prototype: unknown = Object.getPrototypeOf(given);
  if (prototype !== Object.prototype && prototype !== null) {
    throw typeError('options', 'must be a plain object');
  }
  if (!('family' in given)) return undefined;
  const { family } = given;
  if (family !== 'ipv4' && family !== 'ipv6') {
    throw typeError('options.family', "must be 'ipv4' or 'ipv6'; leave it out to empty both");
  }
  return family;
}
