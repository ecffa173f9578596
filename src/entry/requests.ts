/**
 * Creating, changing and deleting single entries. What a request can get wrong is checked
 * before it is sent.
 */

import { itemsOf } from '../core/check.js';
import {
  ConntrackError,
  errorOfFailure,
  isAbsence,
  isMissing,
  isSilence,
  silenceError,
  typeError,
} from '../core/errors.js';
import { ENTRY, REQUEST, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import { mapInTurns, pipelined } from '../request/pipelined.js';
import type { RequestQueue } from '../request/queue.js';
import { changesOf, namedChanges } from './check-changes.js';
import { type CheckedSpec, specOf } from './check-spec.js';
import { entryAt } from './entries.js';
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
import { type NamedKey, namedByEntry, namedKey, writeRecord } from './named-key.js';
import type { EntryChanges, EntrySpec, RequestResult } from './spec.js';
import { mastersFirst } from './spec-order.js';
import { SPEC_BYTES, writeChanges, writeSpec } from './spec-writer.js';

export async function getEntry(requests: RequestQueue, key: EntryKey): Promise<Entry | undefined> {
  const wanted = namedKey(key);
  return wanted && lookUp(requests, 'getEntry', wanted);
}

export async function getEntries(
  requests: RequestQueue,
  keys: readonly EntryKey[],
): Promise<(Entry | undefined)[]> {
  const items = itemsOf(keys, 'keys', 'an array of keys');
  const wanted = await mapInTurns(items, (item, index) =>
    namedKey(item as EntryKey, `keys[${index}]`),
  );
  const entries = new Array<Entry | undefined>(items.length);
  await pipelined(wanted, async (one, index) => {
    entries[index] = one && (await lookUp(requests, 'getEntries', one));
  });
  return entries;
}

async function lookUp(
  requests: RequestQueue,
  operation: string,
  { write, id, startTimeNs }: NamedKey,
): Promise<Entry | undefined> {
  const request = requests.begin(operation, 'get', ENTRY.size);
  write(request);
  const { words, at, failure } = await request.answer;
  if (failure !== undefined) {
    if (isAbsence(failure)) return undefined;
    throw errorOfFailure(operation, failure);
  }
  if (words === undefined) return undefined;
  const entry = entryAt(words, at);
  // The kernel ignores CTA_ID in a GET.
  if (id !== undefined && entry.id !== id) return undefined;
  // An entry keeps its start time, or its lack of one, for life.
  if (startTimeNs !== undefined && entry.startTimeNs !== startTimeNs) return undefined;
  return entry;
}

export async function createEntry(requests: RequestQueue, spec: EntrySpec): Promise<Entry> {
  const { entry, error } = await create(requests, 'createEntry', specOf(spec, 'spec'));
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
  await mapInTurns(items, (item, index) => {
    try {
      checked.push({ index, spec: specOf(item, `specs[${index}]`) });
    } catch (error) {
      results[index] = { error: error as TypeError | RangeError };
    }
  });
  let ended: ConntrackError | undefined;
  await pipelined(mastersFirst(checked), async ({ index, spec }, position) => {
    try {
      if (ended !== undefined) throw ended;
      results[index] = await create(requests, operation, spec);
    } catch (error) {
      // Nothing was sent, of this one or any.
      if (!(error instanceof ConntrackError) || position === 0) throw error;
      results[index] = { error };
    }
    // A kernel that does not answer one answers none: the rest is not sent.
    const { error } = results[index];
    if (error instanceof ConntrackError && isSilence(error)) ended ??= silenceError(operation);
  });
  return results;
}

async function create(
  requests: RequestQueue,
  operation: string,
  spec: CheckedSpec,
): Promise<RequestResult> {
  const request = requests.begin(operation, 'create', SPEC_BYTES);
  writeSpec(request, spec);
  const { isDone, words, at, failure } = await request.answer;
  if (words !== undefined) {
    const entry = entryAt(words, at);
    // An update without room for labels is refused; here the kernel leaves them out in
    // silence (ctnetlink_create_conntrack).
    if ((spec.labels ?? 0n) === 0n || entry.labels !== undefined) return { entry };
    return { error: await removeUnlabelled(requests, operation, entry) };
  }
  if (isDone || failure === undefined) {
    return { error: unreadEntryError(operation, 'created', failure) };
  }
  return { error: errorOfCreation(operation, failure, spec) };
}

/** Whatever becomes of it is the result of one item. */
async function removeUnlabelled(
  requests: RequestQueue,
  operation: string,
  entry: Entry,
): Promise<ConntrackError> {
  try {
    await remove(requests, operation, namedByEntry(entry));
    return unlabelledError(operation);
  } catch (error) {
    return leftUnlabelledError(operation, error);
  }
}

/** Whether there was one to delete. */
async function remove(
  requests: RequestQueue,
  operation: string,
  { write }: NamedKey,
): Promise<boolean> {
  const request = requests.begin(operation, 'remove', ENTRY.size);
  write(request);
  const { failure } = await request.answer;
  if (failure === undefined) return true;
  if (isAbsence(failure)) return false;
  throw errorOfFailure(operation, failure);
}

export async function updateEntry(
  requests: RequestQueue,
  key: EntryKey,
  entryChanges: EntryChanges,
): Promise<Entry> {
  const operation = 'updateEntry';
  const wanted = namedKey(key);
  const changes = changesOf(entryChanges);
  const current = wanted && (await lookUp(requests, operation, wanted));
  if (current === undefined) throw missingEntryError(operation);
  const { protocol, status, id, startTimeNs } = current;
  for (const name of ['tcp', 'sctp'] as const) {
    // The kernel ignores the change and reports success.
    if (changes[name] !== undefined && protocol !== name) {
      throw typeError(`changes.${name}`, `the entry's protocol is ${protocol}`);
    }
  }
  if (changes.timeout !== undefined && status.fixedTimeout) throw fixedTimeoutError(operation);

  const request = requests.begin(operation, 'update', SPEC_BYTES + ENTRY.size);
  writeChanges(request, changes);
  const behind = SLAB.firstEntry + SPEC_BYTES;
  request.view.setUint32(request.at + REQUEST.entry, behind, LITTLE_ENDIAN);
  writeRecord(request, current, behind);
  const { isDone, words, at, failure } = await request.answer;
  if (words === undefined) {
    if (isDone || failure === undefined) throw unreadEntryError(operation, 'changed', failure);
    const error = errorOfUpdate(operation, failure, namedChanges(changes));
    throw isMissing(error) ? missingEntryError(operation) : error;
  }
  const entry = entryAt(words, at);
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
  const wanted = namedKey(key);
  if (wanted === undefined) return false;
  if (wanted.isComplete) return remove(requests, operation, wanted);
  // A delete has no start time to compare. What takes the tuple and the id between the get and
  // the delete is deleted.
  const current = await lookUp(requests, operation, wanted);
  return current !== undefined && remove(requests, operation, namedByEntry(current));
}

/** Whether a value has all that was asked for. */
function holds(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) return asked === undefined || value === asked;
  const has = (value ?? {}) as Record<string, unknown>;
  return Object.entries(asked).every(([name, part]) => holds(has[name], part));
}
