/**
 * Creating, changing and deleting entries.
 *
 * @module
 */

import * as creation from '../entry/create.js';
import { DeleteStream } from '../entry/delete-stream.js';
import { deleteMatching } from '../entry/deletes.js';
import type { Entry } from '../entry/entry.js';
import { flush } from '../entry/flush.js';
import type { EntryKey } from '../entry/key.js';
import { runPass, streamedPass, updatingPass } from '../entry/pass.js';
import * as requests from '../entry/requests.js';
import type {
  DeletedEntries,
  DeleteOptions,
  DeleteResult,
  EntryChanges,
  EntrySpec,
  FlushOptions,
  ReplySpec,
  RequestResult,
  StreamDeletesOptions,
  UpdateOptions,
  UpdateResult,
  UpsertResult,
} from '../entry/spec.js';
import { updateEntry as update } from '../entry/update.js';
import { upsertEntry as upsert } from '../entry/upsert.js';
import type { EntryFilter } from '../filter/filter.js';
import { atMost, contextOf, within, withRequests } from '../request/context.js';

/**
 * Creates an entry and returns it as the kernel stores it. The kernel chooses the fields that
 * `spec` omits; `reply` defaults to the inverse of `original`, and the other way round. The entry expires after
 * `timeout` seconds without a packet. Every entry and its `toJSON()` are a `spec`.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EEXIST` when an entry has one of the tuples, `ENOSPC` for
 * labels if no rule uses labels, `EOPNOTSUPP` when the kernel lacks the helper, `ENOENT` when
 * no entry has the tuple of `master`, `ENOMEM` when the table is full, `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field; nothing was
 * sent.
 *
 * @example
 * ```ts
 * import { createEntry } from 'conntrack';
 *
 * const entry = await createEntry({
 *   protocol: 'udp',
 *   original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 5000, destinationPort: 53 },
 *   timeout: 60,
 *   mark: 7,
 * });
 * console.log(String(entry));
 * ```
 */
export function createEntry(this: unknown, spec: EntrySpec | ReplySpec): Promise<Entry> {
  return withRequests(this, 'createEntry', [1, arguments], (queue) =>
    creation.createEntry(queue, spec),
  );
}

/**
 * Creates an entry, or changes the one that has its original tuple: its timeout, mark, status,
 * labels, helper and the state of its protocol, as {@link updateEntry} does. Fields that `spec`
 * omits keep their value.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} as {@link createEntry} and {@link updateEntry}. `EEXIST` when the
 * entry that is there differs in what the kernel does not change (`reply`, `nat`, `master`, which
 * `spec` names), or when another entry has the reply tuple; then nothing was changed.
 * @throws TypeError or RangeError for a wrong specification, naming the field; nothing was sent.
 *
 * @example
 * ```ts
 * import { upsertEntry } from 'conntrack';
 *
 * const { entry, created } = await upsertEntry({
 *   protocol: 'udp',
 *   original: { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 5000, destinationPort: 53 },
 *   timeout: 60,
 * });
 * console.log(created ? 'new' : 'changed', String(entry));
 * ```
 */
export function upsertEntry(this: unknown, spec: EntrySpec | ReplySpec): Promise<UpsertResult> {
  return withRequests(this, 'upsertEntry', [1, arguments], (queue) => upsert(queue, spec));
}

/**
 * Creates entries, 64 per system call, and returns a result for each, in the order of `specs`.
 * A failure does not stop the rest: the result of a wrong specification, which is not sent, has
 * the TypeError or RangeError. Items with a `master` are sent last. Privileges and errors as for
 * {@link createEntry}.
 *
 * @throws {@link ConntrackError} when nothing was sent, such as for `ERR_CONNTRACK_CLOSED`.
 * @throws TypeError when `specs` is not an array; nothing was sent.
 *
 * @example
 * ```ts
 * import { createEntries, listEntries } from 'conntrack';
 *
 * const saved = await listEntries({ mark: 7 });
 * // later, perhaps on another machine:
 * for (const { error } of await createEntries(saved)) if (error) console.warn(error.message);
 * ```
 */
export function createEntries(
  this: unknown,
  specs: readonly (EntrySpec | ReplySpec)[],
): Promise<RequestResult[]> {
  return withRequests(this, 'createEntries', [1, arguments], (queue) =>
    creation.createEntries(queue, specs),
  );
}

/**
 * Changes the named fields of one entry and returns it as the kernel stores it. The kernel
 * applies the changes one by one and keeps the earlier ones when a later one fails; the error
 * names those.
 *
 * The key means what it means to {@link deleteEntry}, and is looked up first. The kernel finds the
 * entry by its tuple only: if a newer flow takes the tuple between lookup and update, the update
 * changes that flow. The call rejects with `ENOENT` when its id or start time differ.
 *
 * With `timeout: 0` the kernel ends the entry, and the result is the entry as it was before.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when no entry matches the key, `ENOSPC` for labels if
 * no rule uses labels, `EOPNOTSUPP` for a helper that the entry cannot take, `EPERM` for a
 * fixed timeout.
 * @throws TypeError or RangeError for a wrong key or change, naming the field; then nothing was
 * changed.
 *
 * @example
 * ```ts
 * import { listEntries, updateEntry } from 'conntrack';
 *
 * for (const entry of await listEntries({ port: 53 }))
 *   await updateEntry(entry, { mark: { value: 0x10, mask: 0xf0 } });
 * ```
 */
export function updateEntry(this: unknown, key: EntryKey, changes: EntryChanges): Promise<Entry> {
  return withRequests(this, 'updateEntry', [2, arguments], (queue) => update(queue, key, changes));
}

/**
 * Changes the entries that match, in one pass over the table. The pass skips entries that have
 * ended, and stops when the kernel refuses a change. Privileges and errors as for
 * {@link updateEntry}.
 *
 * @throws TypeError for a filter that matches everything.
 *
 * @example
 * ```ts
 * import { updateEntries } from 'conntrack';
 *
 * const { updated } = await updateEntries({ address: '10.0.0.0/8' }, { timeout: 30 });
 * console.log(updated);
 * ```
 */
export async function updateEntries(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
  changes: EntryChanges,
  options?: UpdateOptions,
): Promise<UpdateResult> {
  atMost(3, arguments);
  return within(this, 'updateEntries', async (context) => {
    const pass = updatingPass(filter, changes, options, context.netns);
    const { matched, changed, vanished } = await runPass(context, pass);
    return { matched, updated: changed, vanished };
  });
}

/**
 * Deletes one entry; returns `false` if it has ended already.
 *
 * A key with an `id`, which every `Entry` has, matches no entry with another id. The kernel (6.18)
 * often gives the id of an entry that has ended to a newer one on the same tuple. A key with a
 * `startTimeNs`, which entries have where `net.netfilter.nf_conntrack_timestamp` is 1, matches no
 * entry that began at another time: one more request asks for it before the delete. What takes
 * tuple and id between the two requests is deleted. The entry of a DESTROY event has ended, so
 * the call returns `false` and sends nothing.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`.
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { deleteEntry, listEntries } from 'conntrack';
 *
 * const [first] = await listEntries({ protocol: 'udp' });
 * if (first) console.log(await deleteEntry(first));
 * ```
 */
export function deleteEntry(this: unknown, key: EntryKey): Promise<boolean> {
  return withRequests(this, 'deleteEntry', [1, arguments], (queue) =>
    requests.deleteEntry(queue, key),
  );
}

/**
 * Deletes the entries that match and returns them, with the counters that they ended with where the
 * kernel sends those: see {@link DeletedEntries}. It works as without `entries`, and takes memory for
 * what it returns; when it fails, the error has the counts alone. {@link streamDeletes} needs no memory,
 * and reports what was deleted before a failure.
 *
 * The counters of an entry are final if the entry has events (`net.netfilter.nf_conntrack_events` 1 when
 * it began, or 2, the default, with a listener then): the kernel (6.18) sends its DESTROY event to
 * this socket, too (`NLM_F_ECHO`).
 *
 * @example
 * ```ts
 * import { deleteEntries } from 'conntrack';
 *
 * const { entries } = await deleteEntries({ address: '10.0.0.5' }, { entries: true });
 * for (const { original, counters, final } of entries)
 *   console.log(original.destination, counters?.reply.bytes, final ? 'in all' : 'at least');
 * ```
 */
export async function deleteEntries(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
  options: DeleteOptions & { readonly entries: true },
): Promise<DeletedEntries>;

/**
 * Deletes the entries that match, in one pass for any number of filters, in bounded memory at
 * any table size. The delete names the tuple and the id. A newer flow that takes both between the
 * reading of the entry and its delete is deleted.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for a wrong filter, and for one that matches a whole address family: only
 * {@link flushEntries} empties the table.
 *
 * @example
 * ```ts
 * import { deleteEntries } from 'conntrack';
 *
 * const gone = await deleteEntries([{ address: '10.0.0.5' }, { address: 'fd00::5' }]);
 * console.log(gone.deleted, 'of', gone.matched);
 * ```
 */
export async function deleteEntries(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
  options?: DeleteOptions,
): Promise<DeleteResult>;

export async function deleteEntries(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
  options?: DeleteOptions,
): Promise<DeleteResult> {
  atMost(2, arguments);
  return within(this, 'deleteEntries', async (context) => deleteMatching(context, filter, options));
}

/**
 * Deletes the entries that match, and streams what it has deleted, in bounded memory at any table
 * size: see {@link DeleteStream}. The reads of the stream delete. Each entry is as
 * {@link deleteEntries} returns it with `entries`: `final` where its counters are those that it ended
 * with. Privileges and errors as for that; an error of the kernel rejects a read.
 *
 * @example
 * ```ts
 * import { streamDeletes } from 'conntrack';
 *
 * const stream = streamDeletes({ protocol: 'udp', port: 53 });
 * for await (const entry of stream) console.log(JSON.stringify(entry));
 * console.log(stream.counters.deleted, 'of', stream.counters.matched);
 * ```
 */
export function streamDeletes(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
  options?: StreamDeletesOptions,
): DeleteStream {
  atMost(2, arguments);
  const context = contextOf(this, 'streamDeletes');
  const pass = streamedPass(filter, options, context.netns);
  return new DeleteStream('streamDeletes', context.follow(pass));
}

/**
 * Deletes all entries, or those of one address family, and returns them as {@link deleteEntries} does.
 * It deletes one by one, because the kernel does not report what a flush removes. An entry that begins
 * during the call may stay, as in a flush.
 *
 * @example
 * ```ts
 * import { flushEntries } from 'conntrack';
 *
 * const { entries } = await flushEntries({ entries: true });
 * for (const entry of entries) console.log(String(entry));
 * ```
 */
export async function flushEntries(
  this: unknown,
  options: FlushOptions & { readonly entries: true },
): Promise<DeletedEntries>;

/**
 * Empties the table, or deletes all entries of one address family. An established connection
 * continues if its next packet may begin a new entry, but loses its NAT.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for a family that is neither `'ipv4'` nor `'ipv6'`, also if it is `undefined`.
 *
 * @example
 * ```ts
 * import { flushEntries } from 'conntrack';
 *
 * await flushEntries({ family: 'ipv6' });
 * ```
 */
export async function flushEntries(this: unknown, options?: FlushOptions): Promise<void>;

export async function flushEntries(this: unknown, options?: FlushOptions): Promise<unknown> {
  atMost(1, arguments);
  return within(this, 'flushEntries', async (context) => flush(context, options));
}
