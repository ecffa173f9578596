/**
 * Reading the table.
 *
 * @module
 */
import { atMost, contextOf, within } from '../core/context.js';
import { errorOfPlainFailure } from '../core/errors.js';
import type { Entry } from '../entry/entry.js';
import type { EntryKey } from '../entry/key.js';
import { listAll, openReader } from '../entry/read.js';
import { findEntry } from '../entry/requests.js';
import { EntryStream, type ReadOptions } from '../entry/stream.js';
import type { EntryFilter, FilterPlan } from '../filter/filter.js';
import { planFilter } from '../filter/plan.js';

/**
 * Lists the whole table, IPv4 and IPv6 together.
 *
 * The array keeps some 240 bytes an entry. For tables of millions, or where
 * entries are looked at once, use {@link streamEntries}.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @param filter which entries; all when absent
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN,
 * `ERR_CONNTRACK_UNSUPPORTED` where the kernel has no ctnetlink.
 * @throws TypeError for a wrong filter, naming the field.
 *
 * @example
 * ```ts
 * import { listEntries } from 'conntrack';
 *
 * for (const entry of await listEntries({ family: 'ipv6' })) console.log(String(entry));
 * ```
 */
export async function listEntries(
  this: unknown,
  filter?: EntryFilter | readonly EntryFilter[],
  options?: ReadOptions,
): Promise<Entry[]> {
  atMost(2, arguments);
  return within(this, 'listEntries', async (context) =>
    listAll(openReader(context, 'listEntries', filter, options)),
  );
}

/**
 * Reads the table as a stream: bounded memory at any table size. See
 * {@link EntryStream}. Privileges and errors as for {@link listEntries}; what the
 * kernel refuses shows at the first read.
 *
 * @example
 * ```ts
 * import { streamEntries } from 'conntrack';
 *
 * for await (const entry of streamEntries()) {
 *   if (entry.original.destinationPort === 443) console.log(entry.original.source);
 * }
 * ```
 */
export function streamEntries(
  this: unknown,
  filter?: EntryFilter | readonly EntryFilter[],
  options?: ReadOptions,
): EntryStream {
  atMost(2, arguments);
  const context = contextOf(this, 'streamEntries');
  return new EntryStream('streamEntries', openReader(context, 'streamEntries', filter, options));
}

/**
 * Looks up one entry by its tuple in one direction. `undefined` when there is
 * none. A key with an `id`, as every entry has one, means that flow and no newer
 * one on the same tuple.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`; the kernel's own code when it refuses the
 * key, such as `EINVAL` for an ICMP type that it does not track.
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { getEntry } from 'conntrack';
 *
 * const entry = await getEntry({
 *   protocol: 'tcp',
 *   original: {
 *     source: '10.0.0.1',
 *     destination: '10.0.0.2',
 *     sourcePort: 40000,
 *     destinationPort: 443,
 *   },
 * });
 * console.log(entry?.status.assured);
 * ```
 */
export async function getEntry(this: unknown, key: EntryKey): Promise<Entry | undefined> {
  atMost(1, arguments);
  return within(this, 'getEntry', async ({ requests }) => {
    return (await findEntry(requests, 'getEntry', key))?.entry;
  });
}

/**
 * The number of entries in the network namespace, from the kernel's own counter
 * (`IPCTNL_MSG_CT_GET_STATS`): dying entries count as well, so that it can be
 * more than a list shows.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { countEntries } from 'conntrack';
 *
 * console.log(await countEntries());
 * ```
 */
export async function countEntries(this: unknown): Promise<number> {
  atMost(0, arguments);
  return within(this, 'countEntries', async ({ requests }) => {
    const { entries, failure } = await requests.run('countEntries', 'usage');
    if (failure !== undefined) throw errorOfPlainFailure('countEntries', failure);
    return entries;
  });
}

/**
 * Says which conditions of a filter the running kernel evaluates when the table is
 * read, which this package does, and why. What the kernel evaluates saves the time of
 * sending the other entries; the result is the same.
 *
 * It asks the kernel what it can by two or three requests that change nothing, once.
 *
 * Privileges: CAP_NET_ADMIN, unless there is nothing to ask the kernel for.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError or RangeError for a wrong filter, naming the field.
 *
 * @example
 * ```ts
 * import { explainFilter } from 'conntrack';
 *
 * const plan = explainFilter({ protocol: 'tcp', original: { source: 'fd00::1' } });
 * for (const { field, evaluatedBy, reason } of plan.fields) console.log(field, evaluatedBy, reason);
 * ```
 */
export function explainFilter(
  this: unknown,
  filter: EntryFilter | readonly EntryFilter[],
): FilterPlan {
  atMost(1, arguments);
  const { netns } = contextOf(this, 'explainFilter');
  return planFilter('explainFilter', filter, netns);
}
