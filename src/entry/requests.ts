/**
 * Creating, changing and deleting single entries. What a request can get wrong is checked
 * before it is sent.
 */

import { boolean, itemsOf, optional, options } from '../core/check.js';
import {
  ConntrackError,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
  isAbsence,
  isMissing,
  isSilence,
  silenceError,
  typeError,
} from '../core/errors.js';
import { DCCP_ROLES, DCCP_STATES } from '../core/names.js';
import { uncertainPorts } from '../record/check-tuple.js';
import { ENTRY, REQUEST, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Answer, Usage } from '../request/answer.js';
import { mapInTurns, pipelined } from '../request/pipelined.js';
import type { RequestQueue } from '../request/queue.js';
import { ALL_LABELS, type CheckedChanges, changesOf } from './check-changes.js';
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
  unchangeableError,
  unlabelledError,
  unreadEntryError,
} from './errors.js';
import type { EntryKey } from './key.js';
import { type NamedKey, namedBy, namedByEntry, namedKey, writeRecord } from './named-key.js';
import type {
  EntryChanges,
  EntrySpec,
  GetOptions,
  ReplySpec,
  RequestResult,
  UpsertResult,
} from './spec.js';
import { mastersFirst } from './spec-order.js';
import { SPEC_BYTES, writeChanges, writeSpec } from './spec-writer.js';

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

function lookUp(
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

export function createEntry(requests: RequestQueue, spec: EntrySpec | ReplySpec): Promise<Entry> {
  return create(requests, 'createEntry', specOf(spec, 'spec'), entryOf);
}

function entryOf({ entry, error }: RequestResult): Entry {
  if (error !== undefined) throw error;
  return entry;
}

/** An entry may end, or begin, between the creation and the look that follows it. */
const UPSERT_TRIES = 3;

export async function upsertEntry(
  requests: RequestQueue,
  given: EntrySpec | ReplySpec,
): Promise<UpsertResult> {
  const operation = 'upsertEntry';
  const spec = specOf(given, 'spec');
  const { protocol, original, zone } = spec;
  const key = namedBy({
    ...{ protocol, original, zone, isOver: false },
    ...{ reply: undefined, id: undefined, startTimeNs: undefined },
  });
  for (let tries = 1; ; tries++) {
    const { entry, error } = await create(requests, operation, spec, (result) => result);
    if (entry !== undefined) return { entry, created: true };
    if (!(error instanceof ConntrackError) || error.code !== 'EEXIST') throw error;
    const current = await lookUp(requests, operation, key);
    if (current === undefined) {
      // Its reply tuple is that of another entry, unless it has ended meanwhile.
      if (tries === UPSERT_TRIES) throw error;
      continue;
    }
    const differing = unchangeable(spec, current);
    if (differing.length > 0) throw unchangeableError(operation, differing);
    try {
      return {
        entry: await change(requests, operation, current, changesOfSpec(spec)),
        created: false,
      };
    } catch (error) {
      const isGone = error instanceof ConntrackError && isMissing(error);
      if (!isGone || tries === UPSERT_TRIES) throw error;
    }
  }
}

/** What an update leaves as it is, and the entry has otherwise. */
function unchangeable(spec: CheckedSpec, current: Entry): string[] {
  const { hasReply, nat, reply, master, dccp } = spec;
  const asked = {
    reply: hasReply && nat === undefined ? reply : undefined,
    nat,
    master: master?.tuple,
    dccp: dccp && { ...dccp, state: DCCP_STATES[dccp.state], role: DCCP_ROLES[dccp.role] },
  };
  const names = Object.keys(asked) as (keyof typeof asked)[];
  return names.filter((name) => !holds(current[name], asked[name]));
}

/** What an update can give it. */
function changesOfSpec(spec: CheckedSpec): CheckedChanges {
  const { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels } = spec;
  const all = labels === undefined ? undefined : { value: labels, mask: ALL_LABELS };
  return { helper, timeout, status, tcp, sctp, mark, sequenceAdjust, synproxy, labels: all };
}

/** In place of a result that is still to come. */
const LATER = {} as RequestResult;

export async function createEntries(
  requests: RequestQueue,
  specs: readonly (EntrySpec | ReplySpec)[],
): Promise<RequestResult[]> {
  const items = itemsOf(specs, 'specs', 'an array of specifications');
  return createAll(requests, 'createEntries', items, (index) => `specs[${index}]`);
}

/** `pathOf`: the name of an item in errors. */
export async function createAll(
  requests: RequestQueue,
  operation: string,
  items: readonly unknown[],
  pathOf: (index: number) => string,
): Promise<RequestResult[]> {
  let isAnswered = false;
  let silence: ConntrackError | undefined;
  const send = async (spec: CheckedSpec): Promise<RequestResult> => {
    try {
      // A kernel that does not answer one answers none: the rest is not sent.
      if (silence !== undefined) throw silence;
      const result = await create(requests, operation, spec, (one) => one);
      isAnswered = true;
      const { error } = result;
      if (error instanceof ConntrackError && isSilence(error)) silence ??= silenceError(operation);
      return result;
    } catch (error) {
      if (!(error instanceof ConntrackError) || !isAnswered) throw error;
      return { error };
    }
  };
  // Those are checked while others are under way, and sent when all others are.
  const related: { readonly index: number; readonly spec: CheckedSpec }[] = [];
  const results = await pipelined(items, async (item, index): Promise<RequestResult> => {
    let spec: CheckedSpec;
    try {
      spec = specOf(item, pathOf(index));
    } catch (error) {
      return { error: error as TypeError | RangeError };
    }
    if (spec.master === undefined) return send(spec);
    related.push({ index, spec });
    return LATER;
  });
  const ordered = mastersFirst(related);
  const others = await pipelined(ordered, ({ spec }) => send(spec));
  for (const [at, { index }] of ordered.entries()) results[index] = others[at] as RequestResult;
  return results;
}

function create<T>(
  requests: RequestQueue,
  operation: string,
  spec: CheckedSpec,
  finish: (result: RequestResult) => T,
): Promise<T> {
  // The rest of it is not kept while the request waits.
  const { labels, helper, master } = spec;
  const hasMaster = master !== undefined;
  const ports = uncertainPorts(spec.original, spec.protocol);
  const request = requests.begin<T>(operation, 'create', SPEC_BYTES, (answer) => {
    const { isDone, words, at, failure } = answer;
    if (words !== undefined) {
      const entry = entryAt(words, at);
      // An update without room for labels is refused; here the kernel leaves them out in
      // silence (ctnetlink_create_conntrack).
      if ((labels ?? 0n) === 0n || entry.labels !== undefined) return finish({ entry });
      return removeUnlabelled(requests, operation, entry).then((error) => finish({ error }));
    }
    if (isDone || failure === undefined) {
      return finish({ error: unreadEntryError(operation, 'created', failure) });
    }
    const asked = { labels, helper, hasMaster, ports };
    return finish({ error: errorOfCreation(operation, failure, asked) });
  });
  writeSpec(request, spec);
  return request.promise;
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
function remove(
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

async function change(
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
  { id, startTimeNs }: Entry,
  changes: CheckedChanges,
): Entry {
  if (words === undefined) {
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
function holds(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) {
    return asked === undefined || (value ?? 0) === asked;
  }
  const has = (value ?? {}) as Record<string, unknown>;
  return Object.entries(asked).every(([name, part]) => holds(has[name], part));
}
