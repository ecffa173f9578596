/**
 * Finding and deleting single entries. What a request can get wrong is checked before it is sent.
 */

import { boolean, itemsOf, optional, options } from '../core/check.js';
import { errorOfFailure, errorOfPlainFailure, errorOfPortless, isAbsence } from '../core/errors.js';
import { ENTRY } from '../record/layout.js';
import type { Answer, Usage } from '../request/answer.js';
import { mapInTurns, pipelined } from '../request/pipelined.js';
import type { RequestQueue } from '../request/queue.js';
import { entryAt } from './entries.js';
import type { Entry } from './entry.js';
import type { EntryKey } from './key.js';
import { type NamedKey, namedByEntry, namedKey, type Wanted } from './named-key.js';
import type { GetOptions } from './spec.js';

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
  const { write, wanted } = key;
  const request = requests.begin(operation, kind, ENTRY.size, (answer) =>
    foundEntry(operation, answer, wanted),
  );
  write(request);
  return request.promise;
}

/** The entry of an answer, if it is the one that was wanted. */
export function foundEntry(
  operation: string,
  { words, at, failure }: Answer,
  { id, startTimeNs, lacksPorts }: Wanted,
): Entry | undefined {
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
  { write, wanted: { lacksPorts } }: NamedKey,
): Promise<boolean> {
  const request = requests.begin(operation, 'remove', ENTRY.size, ({ failure }) => {
    if (failure === undefined) return true;
    if (isAbsence(failure)) return false;
    throw (lacksPorts ? errorOfPortless : errorOfFailure)(operation, failure);
  });
  write(request);
  return request.promise;
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
