/**
 * Emptying the table, or deleting all of one family.
 */
import { objectOf } from '../core/check.js';
import type { Context } from '../core/context.js';
import { errorOfPlainFailure, typeError } from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NetNamespaceArgument } from '../core/native.js';
import { FAMILY_NUMBERS } from '../record/layout.js';
import { flushingPass, runPass } from './pass.js';
import type { FlushOptions } from './spec.js';

export async function flush(context: Context, options?: FlushOptions): Promise<void> {
  const family = flushedFamily(options);
  if (family !== undefined && !(await flushHasFamily(context.netns))) {
    await runPass(context, flushingPass(family, context.netns));
    return;
  }
  const number = family === undefined ? 0 : FAMILY_NUMBERS[family];
  const { failure } = await context.requests.run('flushEntries', (socket) => socket.flush(number));
  if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
}

/**
 * Before Linux 5.2 the kernel ignores the family of a flush. Nothing tells that without
 * doing it; but one that compares tuples is newer, of 5.8 at least.
 */
async function flushHasFamily(netns: NetNamespaceArgument): Promise<boolean> {
  const { tuple, failure } = await loadAddon().probeFilters(netns);
  if (failure !== undefined) throw errorOfPlainFailure('flushEntries', failure);
  return tuple === true;
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
