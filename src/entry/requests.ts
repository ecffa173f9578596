/**
 * Finding, changing and deleting single entries. What a request can get wrong is checked
 * before it is sent.
 */

import { boolean, itemsOf, optional, options } from '../core/check.js';
import {
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
  isAbsence,
  isMissing,
  typeError,
} from '../core/errors.js';
import { ENTRY, REQUEST, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Answer, Usage } from '../request/answer.js';
import { mapInTurns, pipelined } from '../request/pipelined.js';
import type { RequestQueue } from '../request/queue.js';
import { type CheckedChanges, changesOf } from './check-changes.js';
import { entryAt } from './entries.js';
import type { Entry } from './entry.js';
import {
  errorOfUpdate,
  fixedTimeoutError,
  ignoredChangeError,
  missingEntryError,
  replacedEntryError,
  unreadEntryError,
} from './errors.js';
import type { EntryKey } from './key.js';
import { type NamedKey, namedByEntry, namedKey, writeRecord } from './named-key.js';
import type { EntryChanges, GetOptions } from './spec.js';
import { SPEC_BYTES, writeChanges } from './spec-writer.js';

export async function getEntries(
  requests: RequestQueue,
  keys: readonly EntryKey[],
): Promise<(Entry | undefined)[]> {
  const items = itemsOf(keys, 'keys', 'an array of keys');
  const wanted = await mapInTurns(items, (item, index) =>
    namedKey(item as EntryKey, `keys[${index}]`),
  );
  return pipelined(wanted, (one) => lookUp(requests, 'getEntries', one));
}

const getOptions = options<GetOptions>({ zeroCounters: optional(boolean) });

export function getEntry(
  requests: RequestQueue,
  key: EntryKey,
  given?: GetOptions,
): Promise<Entry | undefined> {
  const operation = 'getEntry';
  const wanted = namedKey(key);
  const { zeroCounters = false } = given === undefined ? {} : getOptions(given);
  const found = lookUp(requests, operation, wanted);
  if (!zeroCounters) return found;
  // The kernel zeroes whatever has the tuple, also as its reply, and compares no id: so it is asked
  // by the tuple of the entry that was found to be the right one.
  return found.then(
    (entry) => entry && lookUp(requests, operation, namedByEntry(entry), 'getAndZero'),
  );
}

export function lookUp(
  requests: RequestQueue,
  operation: string,
  key: NamedKey | undefined,
  kind: 'get' | 'getAndZero' = 'get',
): Promise<Entry | undefined> {
  if (key === undefined) return Promise.resolve(undefined);
  const { write, id, startTimeNs, lacksPorts } = key;
  const request = requests.begin(operation, kind, ENTRY.size, ({ words, at, failure }) => {
    if (failure !== undefined) {
      if (isAbsence(failure)) return undefined;
      throw (lacksPorts ? errorOfPortless : errorOfFailure)(operation, failure);
    }
    if (words === undefined) return undefined;
    const entry = entryAt(words, at);
    // The kernel ignores CTA_ID in a GET.
    if (id !== undefined && entry.id !== id) return undefined;
    // An entry keeps its start time, or its lack of one, for life.
    if (startTimeNs !== undefined && entry.startTimeNs !== startTimeNs) return undefined;
    return entry;
  });
  write(request);
  return request.promise;
}

export function countEntries(requests: RequestQueue): Promise<number> {
  const operation = 'countEntries';
  return requests.send(operation, 'usage', ({ usage, failure }) => {
    if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
    return (usage as Usage).entries;
  });
}

/** Whether there was one to delete. */
export function remove(
  requests: RequestQueue,
  operation: string,
  { write, lacksPorts }: NamedKey,
): Promise<boolean> {
  const request = requests.begin(operation, 'remove', ENTRY.size, ({ failure }) => {
    if (failure === undefined) return true;
    if (isAbsence(failure)) return false;
    throw (lacksPorts ? errorOfPortless : errorOfFailure)(operation, failure);
  });
  write(request);
  return request.promise;
}

export async function updateEntry(
  requests: RequestQueue,
  key: EntryKey,
  entryChanges: EntryChanges,
): Promise<Entry> {
  const operation = 'updateEntry';
  const wanted = namedKey(key);
  const changes = changesOf(entryChanges);
  const current = await lookUp(requests, operation, wanted);
  if (current === undefined) throw missingEntryError(operation);
  return change(requests, operation, current, changes);
}

export async function change(
  requests: RequestQueue,
  operation: string,
  current: Entry,
  changes: CheckedChanges,
): Promise<Entry> {
  const { protocol, status } = current;
  for (const name of ['tcp', 'sctp'] as const) {
    // The kernel ignores the change and reports success.
    if (changes[name] !== undefined && protocol !== name) {
      throw typeError(`changes.${name}`, `the entry's protocol is ${protocol}`);
    }
  }
  if (changes.timeout !== undefined && status.fixedTimeout) throw fixedTimeoutError(operation);

  const request = requests.begin(operation, 'update', SPEC_BYTES + ENTRY.size, (answer) =>
    updatedEntry(operation, answer, current, changes),
  );
  writeChanges(request, changes);
  const behind = SLAB.firstEntry + SPEC_BYTES;
  request.view.setUint32(request.at + REQUEST.entry, behind, LITTLE_ENDIAN);
  writeRecord(request, current, behind);
  return request.promise;
}

function updatedEntry(
  operation: string,
  { isDone, words, at, failure }: Answer,
  current: Entry,
  changes: CheckedChanges,
): Entry {
  const { id, startTimeNs } = current;
  if (words === undefined) {
    // It has ended, as was asked for.
    if (isDone && changes.timeout === 0 && failure && isAbsence(failure)) return current;
    if (isDone || failure === undefined) throw unreadEntryError(operation, 'changed', failure);
    const error = errorOfUpdate(operation, failure, changes);
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

export function deleteEntry(requests: RequestQueue, key: EntryKey): Promise<boolean> {
  const operation = 'deleteEntry';
  const wanted = namedKey(key);
  if (wanted === undefined) return Promise.resolve(false);
  if (wanted.isComplete) return remove(requests, operation, wanted);
  // A delete has no start time to compare. What takes the tuple and the id between the get and
  // the delete is deleted.
  return lookUp(requests, operation, wanted).then(
    (current) => current !== undefined && remove(requests, operation, namedByEntry(current)),
  );
}

/** Compares what the kernel holds with what was asked for. Linux 5.10 leaves out zeros. */
export function holds(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) {
    return asked === undefined || (value ?? 0) === asked;
  }
  const has = (value ?? {}) as Record<string, unknown>;
  return Object.entries(asked).every(([name, part]) => holds(has[name], part));
}
