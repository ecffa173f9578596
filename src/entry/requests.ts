/**
 * Creating, changing and deleting single entries. What a request can get wrong is checked
 * before it is sent.
 */

import { itemsOf } from '../core/check.js';
import { ConntrackError, errorOfFailure, isMissing, typeError } from '../core/errors.js';
import { LIMITS } from '../core/limits.js';
import type { WriteResult } from '../core/native.js';
import type { RequestQueue } from '../core/request-queue.js';
import { changesOf, namedChanges } from './check-changes.js';
import { keyOf } from './check-key.js';
import { type CheckedSpec, specOf } from './check-spec.js';
import { entriesOf } from './entries.js';
import type { Entry } from './entry.js';
import {
  errorOfCreation,
  errorOfUpdate,
  fixedTimeoutError,
  ignoredChangeError,
  leftUnlabelledError,
  missingEntryError,
  replacedEntryError,
  unlabelledError,
  unreadEntryError,
} from './errors.js';
import type { EntryKey } from './key.js';
import { hasTupleOf, keySlab } from './key-writer.js';
import type { EntryChanges, EntrySpec, RequestResult } from './spec.js';
import { mastersFirst } from './spec-order.js';
import { changesSlab, specSlab } from './spec-writer.js';
import { EntryView } from './view.js';

const AT_ONCE = LIMITS.specsInRequest;

/** An entry, and the slab that it is alone in. */
interface Found {
  readonly entry: Entry;
  readonly slab: ArrayBuffer;
}

/** The key of a request. */
interface Named {
  /** Has the key as its first entry. */
  readonly slab: ArrayBuffer;
  readonly id: number | undefined;
  readonly startTimeNs: bigint | undefined;
  /** A delete can name all that the key has: the original tuple, the id, and no start time. */
  readonly isComplete: boolean;
}

/**
 * `undefined`: the key is of an entry that has ended, such as that of a DESTROY event. What has
 * its tuple and its id now is a newer one.
 */
function named(key: EntryKey): Named | undefined {
  const slab = EntryView.keySlabOf(key);
  if (slab !== undefined) {
    const { id, startTimeNs, status } = key as Entry;
    if (status.dying) return undefined;
    return { slab, id, startTimeNs, isComplete: startTimeNs === undefined };
  }
  const checked = keyOf(key);
  const { original, id, startTimeNs, isOver } = checked;
  if (isOver) return undefined;
  const isComplete = original !== undefined && id !== undefined && startTimeNs === undefined;
  return { slab: keySlab(checked), id, startTimeNs, isComplete };
}

export async function findEntry(
  requests: RequestQueue,
  operation: string,
  key: EntryKey,
): Promise<Found | undefined> {
  const wanted = named(key);
  return wanted && lookUp(requests, operation, wanted);
}

async function lookUp(
  requests: RequestQueue,
  operation: string,
  { slab: request, id, startTimeNs }: Named,
): Promise<Found | undefined> {
  const { slab, failure } = await requests.run(operation, 'get', request);
  if (failure !== undefined) {
    const error = errorOfFailure(operation, failure);
    if (isMissing(error)) return undefined;
    throw error;
  }
  // The kernel looks in both directions: asked for an original tuple it also
  // gives the entry that has it as reply (nf_conntrack_find_get). And it
  // ignores CTA_ID in a GET.
  if (slab === undefined || !hasTupleOf(request, slab)) return undefined;
  const entry = onlyEntry(slab);
  if (id !== undefined && entry.id !== id) return undefined;
  // An entry keeps its start time, or its lack of one, for life.
  if (startTimeNs !== undefined && entry.startTimeNs !== startTimeNs) return undefined;
  return { entry, slab };
}

export async function createEntry(requests: RequestQueue, spec: EntrySpec): Promise<Entry> {
  const checked = specOf(spec, 'spec');
  const slab = specSlab([checked]);
  const { results } = await requests.run('createEntry', 'create', slab, 1);
  const { entry, error } = await resultOf(requests, 'createEntry', checked, results[0]);
  if (error !== undefined) throw error;
  return entry;
}

export async function createEntries(
  requests: RequestQueue,
  specs: readonly EntrySpec[],
): Promise<RequestResult[]> {
  const operation = 'createEntries';
  const items = itemsOf(specs, 'specs', 'an array of specifications');
  const results = new Array<RequestResult>(items.length);
  const checked: { readonly index: number; readonly spec: CheckedSpec }[] = [];
  // All are checked before the first one is sent.
  for (const [index, item] of items.entries()) {
    try {
      checked.push({ index, spec: specOf(item, `specs[${index}]`) });
    } catch (error) {
      results[index] = { error: error as TypeError | RangeError };
    }
  }
  const ordered = mastersFirst(checked);
  let sent = 0;
  try {
    while (sent < ordered.length) {
      const part = ordered.slice(sent, sent + AT_ONCE);
      const slab = specSlab(part.map(({ spec }) => spec));
      const { results: answers, failure } = await requests.run(
        operation,
        'create',
        slab,
        part.length,
      );
      for (const [at, { index, spec }] of part.entries()) {
        results[index] = await resultOf(requests, operation, spec, answers[at]);
        sent++;
      }
      // A socket that failed answers nothing any more. The rest was not sent.
      if (failure !== undefined) {
        throw errorOfFailure(operation, { ...failure, unanswered: false });
      }
    }
  } catch (error) {
    // Items that were sent keep their result; the others report the error, such as a closed handle.
    if (!(error instanceof ConntrackError) || sent === 0) throw error;
    for (const { index } of ordered.slice(sent)) results[index] = { error };
  }
  return results;
}

async function resultOf(
  requests: RequestQueue,
  operation: string,
  spec: CheckedSpec,
  { slab, failure, written }: WriteResult = {},
): Promise<RequestResult> {
  if (slab !== undefined) {
    const entry = onlyEntry(slab);
    // An update without room for labels is refused; here the kernel leaves them out in
    // silence (ctnetlink_create_conntrack).
    if ((spec.labels ?? 0n) === 0n || entry.labels !== undefined) return { entry };
    return { error: await removeUnlabelled(requests, operation, slab) };
  }
  if (written || failure === undefined) {
    return { error: unreadEntryError(operation, 'created', failure) };
  }
  return { error: errorOfCreation(operation, failure, spec) };
}

/** Whatever becomes of it is the result of one item. */
async function removeUnlabelled(
  requests: RequestQueue,
  operation: string,
  slab: ArrayBuffer,
): Promise<ConntrackError> {
  try {
    const { failure } = await requests.run(operation, 'remove', slab);
    const error = failure && errorOfFailure(operation, failure);
    return error === undefined || isMissing(error)
      ? unlabelledError(operation)
      : leftUnlabelledError(operation, error);
  } catch (error) {
    return leftUnlabelledError(operation, error);
  }
}

export async function updateEntry(
  requests: RequestQueue,
  key: EntryKey,
  entryChanges: EntryChanges,
): Promise<Entry> {
  const operation = 'updateEntry';
  const wanted = named(key);
  const changes = changesOf(entryChanges);
  const slab = changesSlab(changes);
  const current = wanted && (await lookUp(requests, operation, wanted));
  if (current === undefined) throw missingEntryError(operation);
  const { protocol, status, id, startTimeNs } = current.entry;
  for (const name of ['tcp', 'sctp'] as const) {
    // The kernel ignores the change and reports success.
    if (changes[name] !== undefined && protocol !== name) {
      throw typeError(`changes.${name}`, `the entry's protocol is ${protocol}`);
    }
  }
  if (changes.timeout !== undefined && status.fixedTimeout) throw fixedTimeoutError(operation);

  const { results } = await requests.run(operation, 'update', current.slab, slab);
  const [result = {}] = results;
  if (result.slab === undefined) {
    const { failure, written } = result;
    if (written || failure === undefined) throw unreadEntryError(operation, 'changed', failure);
    const error = errorOfUpdate(operation, failure, namedChanges(changes));
    throw isMissing(error) ? missingEntryError(operation) : error;
  }
  const entry = onlyEntry(result.slab);
  // The kernel compares neither in an update (ctnetlink_new_conntrack).
  const isSame = entry.id === id && entry.startTimeNs === startTimeNs;
  if (!isSame) throw replacedEntryError(operation);
  for (const name of ['sequenceAdjust', 'synproxy'] as const) {
    // In an entry without room the kernel ignores the change and reports success.
    if (!holds(entry[name], changes[name])) throw ignoredChangeError(operation, name);
  }
  return entry;
}

export async function deleteEntry(requests: RequestQueue, key: EntryKey): Promise<boolean> {
  const operation = 'deleteEntry';
  const wanted = named(key);
  if (wanted === undefined) return false;
  // A delete has no start time to compare. What takes the tuple and the id between the get and
  // the delete is deleted.
  const slab = wanted.isComplete ? wanted.slab : (await lookUp(requests, operation, wanted))?.slab;
  if (slab === undefined) return false;
  const { failure } = await requests.run(operation, 'remove', slab);
  if (failure === undefined) return true;
  const error = errorOfFailure(operation, failure);
  if (isMissing(error)) return false;
  throw error;
}

/** Whether a value has all that was asked for. */
function holds(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) return asked === undefined || value === asked;
  const has = (value ?? {}) as Record<string, unknown>;
  return Object.entries(asked).every(([name, part]) => holds(has[name], part));
}

function onlyEntry(slab: ArrayBuffer): Entry {
  const [entry] = entriesOf([slab]);
  if (entry === undefined) throw new TypeError('a slab without an entry');
  return entry;
}
