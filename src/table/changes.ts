/**
 * Creating, changing and deleting entries.
 *
 * @module
 */

import * as creation from '../entry/create.js';
import type { Entry } from '../entry/entry.js';
import { flush } from '../entry/flush.js';
import type { EntryKey } from '../entry/key.js';
import { deletingPass, runPass, updatingPass } from '../entry/pass.js';
import * as requests from '../entry/requests.js';
import type {
  DeleteOptions,
  DeleteResult,
  EntryChanges,
  EntrySpec,
  FlushOptions,
  ReplySpec,
  RequestResult,
  UpdateOptions,
  UpdateResult,
  UpsertResult,
} from '../entry/spec.js';
import { upsertEntry as upsert } from '../entry/upsert.js';
import type { EntryFilter } from '../filter/filter.js';
import { atMost, within, withRequests } from '../request/context.js';

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
  return withRequests(this, 'updateEntry', [2, arguments], (queue) =>
    requests.updateEntry(queue, key, changes),
  );
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
): Promise<DeleteResult> {
  atMost(2, arguments);
  return within(this, 'deleteEntries', async (context) => {
    const pass = deletingPass(filter, options, context.netns);
    const { matched, changed, vanished } = await runPass(context, pass);
    return { matched, deleted: changed, vanished };
  });
}

/**
 * Empties the table, or deletes all entries of one address family. An established connection
 * continues if its next packet may begin a new entry, but loses its NAT.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for anything but `{ family: 'ipv4' }`, `{ family: 'ipv6' }`, `{}` or
 * nothing.
 *
 * @example
 * ```ts
 * import { flushEntries } from 'conntrack';
 *
 * await flushEntries({ family: 'ipv6' });
 * ```
 */
export async function flushEntries(this: unknown, options?: FlushOptions): Promise<void> {
  atMost(1, arguments);
  return within(this, 'flushEntries', async (context) => flush(context, options));
}
