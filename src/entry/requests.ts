/**
 * Creating, changing and deleting single entries. What a request can get wrong is checked
 * before it is sent.
 */

import { setImmediate } from 'node:timers/promises';
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
  missingEntryError,
  replacedEntryError,
  unlabelledError,
  unreadEntryError,
} from './errors.js';
import type { EntryKey } from './key.js';
import { hasTupleOf, keySlab } from './key-writer.js';
import type { EntryChanges, EntrySpec, RequestResult } from './spec.js';
import { changesSlab, specSlab } from './spec-writer.js';
import { EntryView } from './view.js';

/** Checking them takes some milliseconds. */
const SPECS_A_TURN = 1024;

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
  /** The key has the original tuple and the id, which a delete needs. */
  readonly isComplete: boolean;
}

function named(key: EntryKey): Named {
  const ofRecord = EntryView.keySlabOf(key);
  if (ofRecord !== undefined) return { slab: ofRecord, id: key.id, isComplete: true };
  const checked = keyOf(key);
  const { original, id } = checked;
  return { slab: keySlab(checked), id, isComplete: original !== undefined && id !== undefined };
}

export async function findEntry(
  requests: RequestQueue,
  operation: string,
  key: EntryKey,
): Promise<Found | undefined> {
  return lookUp(requests, operation, named(key));
}

async function lookUp(
  requests: RequestQueue,
  operation: string,
  { slab: request, id }: Named,
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
  return id === undefined || entry.id === id ? { entry, slab } : undefined;
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
  // All are checked before the first one is sent, and the event loop turns meanwhile.
  const checked: CheckedSpec[] = [];
  for (const [index, spec] of itemsOf(specs, 'specs', 'an array of specifications').entries()) {
    if (index > 0 && index % SPECS_A_TURN === 0) await setImmediate();
    checked.push(specOf(spec, `specs[${index}]`));
  }
  const all: RequestResult[] = [];
  try {
    for (let start = 0; start < checked.length; start += AT_ONCE) {
      const part = checked.slice(start, start + AT_ONCE);
      const slab = specSlab(part);
      const { results, failure } = await requests.run(operation, 'create', slab, part.length);
      for (const [index, spec] of part.entries()) {
        all.push(await resultOf(requests, operation, spec, results[index]));
      }
      // A socket that failed answers nothing any more.
      if (failure !== undefined) throw errorOfFailure(operation, failure);
    }
  } catch (error) {
    // Items that were sent keep their result; the others report the error, such as a closed handle.
    if (!(error instanceof ConntrackError) || all.length === 0) throw error;
    while (all.length < checked.length) all.push({ error });
  }
  return all;
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
    await requests.run(operation, 'remove', slab);
    return { error: unlabelledError(operation) };
  }
  if (written || failure === undefined) {
    return { error: unreadEntryError(operation, 'created', failure) };
  }
  return { error: errorOfCreation(operation, failure, spec) };
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
  const current = await lookUp(requests, operation, wanted);
  if (current === undefined) throw missingEntryError(operation);
  const { protocol, status, id } = current.entry;
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
  // An update has no id to compare (ctnetlink_new_conntrack).
  if (entry.id !== id) throw replacedEntryError(operation);
  for (const name of ['sequenceAdjust', 'synproxy'] as const) {
    // In an entry without room the kernel ignores the change and reports success.
    if (!holds(entry[name], changes[name])) throw ignoredChangeError(operation, name);
  }
  return entry;
}

export async function deleteEntry(requests: RequestQueue, key: EntryKey): Promise<boolean> {
  const operation = 'deleteEntry';
  const wanted = named(key);
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
