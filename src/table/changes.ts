/**
 * Creating, changing and deleting entries.
 *
 * @module
 */
import { atMost, within } from '../core/context.js';
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
  RequestResult,
  UpdateOptions,
  UpdateResult,
} from '../entry/spec.js';
import type { EntryFilter } from '../filter/filter.js';

/**
 * Creates an entry, and gives it as the kernel then has it. What is not said is the
 * kernel's choice; `reply` is the inverse of `original`. The entry lasts `timeout`
 * seconds unless packets come.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EEXIST` when an entry has one of its tuples,
 * `ENOSPC` for labels where no rule uses any, `EOPNOTSUPP` for a helper that the
 * kernel has not, `ENOENT` when there is no entry with the tuple of `master`, `ENOMEM`
 * when the table is full, `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field; then
 * nothing was sent.
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
export async function createEntry(this: unknown, spec: EntrySpec): Promise<Entry> {
  atMost(1, arguments);
  return within(this, 'createEntry', async (context) =>
    requests.createEntry(context.requests, spec),
  );
}

/**
 * Creates many entries, 64 in one go to the kernel. Each has its own result, in the
 * order given; one that fails stops no other. Privileges and errors as for
 * {@link createEntry}.
 *
 * @throws TypeError or RangeError for a wrong specification, naming it; then nothing
 * was sent.
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
export async function createEntries(
  this: unknown,
  specs: readonly EntrySpec[],
): Promise<RequestResult[]> {
  atMost(1, arguments);
  return within(this, 'createEntries', async (context) =>
    requests.createEntries(context.requests, specs),
  );
}

/**
 * Changes one entry, and gives it as the kernel then has it. Only what is named
 * changes. The kernel applies changes one after the other and keeps the first ones
 * when a later one fails; the error then says which.
 *
 * The kernel finds the entry to change by its tuple alone. A newer flow that took
 * the tuple in the moment after it was looked up is told by an error, but has been
 * changed.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when there is no such entry, `ENOSPC` for
 * labels where no rule uses any, `EOPNOTSUPP` for a helper where none can be set,
 * `EPERM` for the timeout of an entry whose timeout is fixed.
 * @throws TypeError or RangeError for a wrong key or change, naming the field; then
 * nothing was sent.
 *
 * @example
 * ```ts
 * import { listEntries, updateEntry } from 'conntrack';
 *
 * for (const entry of await listEntries({ port: 53 }))
 *   await updateEntry(entry, { mark: { value: 0x10, mask: 0xf0 } });
 * ```
 */
export async function updateEntry(
  this: unknown,
  key: EntryKey,
  changes: EntryChanges,
): Promise<Entry> {
  atMost(2, arguments);
  return within(this, 'updateEntry', async (context) =>
    requests.updateEntry(context.requests, key, changes),
  );
}

/**
 * Changes all entries that match, in one pass over the table. The first refusal of the
 * kernel, but for entries that are gone, ends it. Privileges and errors as for
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
 * Deletes one entry; `false` when it is gone already. An `Entry`, or another key with
 * an `id`, is that flow and no newer one on the same tuple.
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
export async function deleteEntry(this: unknown, key: EntryKey): Promise<boolean> {
  atMost(1, arguments);
  return within(this, 'deleteEntry', async (context) =>
    requests.deleteEntry(context.requests, key),
  );
}

/**
 * Deletes all entries that match, in one pass over the table, in bounded memory at any
 * table size. Each is deleted by tuple and id: a newer flow on the same tuple survives.
 * An array of filters is still one pass.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for a wrong filter, and for one that matches all of a family:
 * emptying the table has a function of its own, {@link flushEntries}.
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
 * Empties the table, or deletes all entries of one address family. Established
 * connections go on if packets of them may begin new entries; NAT of them is lost.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError for anything but `{ family: 'ipv4' }`, `{ family: 'ipv6' }`, `{}`
 * or nothing.
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
