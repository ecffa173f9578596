/**
 * Changing single entries. What a request can get wrong is checked before it is sent.
 */
import { isAbsence, isMissing, typeError } from '../core/errors.js';
import { ENTRY, REQUEST, SLAB } from '../record/layout.js';
import { LITTLE_ENDIAN } from '../record/words.js';
import type { Answer } from '../request/answer.js';
import type { RequestQueue } from '../request/queue.js';
import type { Waiter } from '../request/request.js';
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
import { type NamedKey, namedKey, type Wanted, writeRecord } from './named-key.js';
import { foundEntry } from './requests.js';
import type { EntryChanges } from './spec.js';
import { SPEC_BYTES, writeChanges } from './spec-writer.js';

export function updateEntry(
  requests: RequestQueue,
  key: EntryKey,
  entryChanges: EntryChanges,
): Promise<Entry> {
  const operation = 'updateEntry';
  const named = namedKey(key);
  const changes = changesOf(entryChanges);
  if (named === undefined) throw missingEntryError(operation);
  return new Promise((resolve, reject) => {
    new Update(requests, operation, changes, { resolve, reject }).lookUp(named);
  });
}

/** Changes an entry that was looked up. */
export function change(
  requests: RequestQueue,
  operation: string,
  current: Entry,
  changes: CheckedChanges,
): Promise<Entry> {
  return new Promise((resolve, reject) => {
    new Update(requests, operation, changes, { resolve, reject }).change(current);
  });
}

interface Caller {
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

/** Mostly two requests, one after the other, for which the caller has one promise. */
class Update implements Waiter {
  private readonly requests: RequestQueue;
  private readonly operation: string;
  private readonly changes: CheckedChanges;
  private readonly caller: Caller;
  private wanted: Wanted | undefined;
  /** `undefined`: it is being looked up. */
  private current: Entry | undefined;

  constructor(requests: RequestQueue, operation: string, changes: CheckedChanges, caller: Caller) {
    this.requests = requests;
    this.operation = operation;
    this.changes = changes;
    this.caller = caller;
  }

  lookUp({ write, wanted }: NamedKey): void {
    this.wanted = wanted;
    write(this.requests.post(this.operation, 'get', ENTRY.size, this, 0));
  }

  change(current: Entry): void {
    const { requests, operation, changes } = this;
    const { protocol, status } = current;
    for (const name of ['tcp', 'sctp'] as const) {
      // The kernel ignores the change and reports success.
      if (changes[name] !== undefined && protocol !== name) {
        throw typeError(`changes.${name}`, `the entry's protocol is ${protocol}`);
      }
    }
    if (changes.timeout !== undefined && status.fixedTimeout) throw fixedTimeoutError(operation);

    this.current = current;
    const request = requests.post(operation, 'update', SPEC_BYTES + ENTRY.size, this, 0);
    writeChanges(request, changes);
    const behind = SLAB.firstEntry + SPEC_BYTES;
    request.view.setUint32(request.at + REQUEST.entry, behind, LITTLE_ENDIAN);
    writeRecord(request, current, behind);
  }

  settle(answer: Answer): void {
    const { operation, changes, caller, wanted, current } = this;
    try {
      if (current !== undefined) {
        caller.resolve(updatedEntry(operation, answer, current, changes));
      } else {
        const found = foundEntry(operation, answer, wanted as Wanted);
        if (found === undefined) throw missingEntryError(operation);
        this.change(found);
      }
    } catch (error) {
      caller.reject(error);
    }
  }

  refuse(error: unknown): void {
    this.caller.reject(error);
  }
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

/** Compares what the kernel holds with what was asked for. Linux 5.10 leaves out zeros. */
export function holds(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null) {
    return asked === undefined || (value ?? 0) === asked;
  }
  const has = (value ?? {}) as Record<string, unknown>;
  return Object.entries(asked).every(([name, part]) => holds(has[name], part));
}
