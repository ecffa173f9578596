/**
 * Reading the table.
 *
 * @module
 */

import type { Entry } from '../entry/entry.js';
import type { EntryKey } from '../entry/key.js';
import { listAll, openReader } from '../entry/read.js';
import * as requests from '../entry/requests.js';
import type { GetOptions } from '../entry/spec.js';
import { EntryStream, type ReadOptions } from '../entry/stream.js';
import type { EntryFilter, FilterPlan } from '../filter/filter.js';
import { planFilter } from '../filter/plan.js';
import { atMost, contextOf, within, withRequests } from '../request/context.js';

/**
 * Returns the entries that match, IPv4 and IPv6 together.
 *
 * The array keeps some 240 bytes per entry. Use {@link streamEntries} for millions of entries,
 * or to look at each entry once.
 *
 * Privileges: CAP_NET_ADMIN in the user namespace that owns the network namespace.
 *
 * @param filter the entries to return; all by default
 * @throws {@link ConntrackError} `EPERM` without CAP_NET_ADMIN, `ERR_CONNTRACK_UNSUPPORTED`
 * where the kernel has no ctnetlink.
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
 * Streams the entries that match, in bounded memory at any table size. See {@link EntryStream}.
 * Privileges and errors as for {@link listEntries}; an error of the kernel rejects the first
 * read.
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
 * Returns the entry with a tuple in one direction, or `undefined`. Of a key, `id` and
 * `startTimeNs` are compared, too. An id alone may be that of a newer flow on the same tuple: see
 * {@link deleteEntry}.
 *
 * With `zeroCounters` the kernel sets its counters to zero in the step that reads them
 * (`IPCTNL_MSG_CT_GET_CTRZERO`), after a request that has found the entry. It compares no id: a
 * newer flow that takes the tuple between the two requests is zeroed, and not returned.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`; `EINVAL` or another code of the kernel when it
 * refuses the key, such as an ICMP type that it does not track.
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
export function getEntry(
  this: unknown,
  key: EntryKey,
  options?: GetOptions,
): Promise<Entry | undefined> {
  return withRequests(this, 'getEntry', [2, arguments], (queue) =>
    requests.getEntry(queue, key, options),
  );
}

/**
 * Returns the entries of many keys, or `undefined` for those that there are not, in the order of
 * the keys. Many requests go out in one system call. Keys, privileges and errors as for
 * {@link getEntry}; the first error rejects the call.
 *
 * @throws TypeError or RangeError for a wrong key, naming it (`keys[2].original`); nothing was
 * sent.
 *
 * @example
 * ```ts
 * import { getEntries } from 'conntrack';
 *
 * // As servers see connections that they have accepted: the reply tuple begins with their address.
 * const sockets = [
 *   { source: '192.0.2.1', destination: '198.51.100.7', sourcePort: 443, destinationPort: 50000 },
 *   { source: '192.0.2.1', destination: '198.51.100.8', sourcePort: 443, destinationPort: 50001 },
 * ];
 * const entries = await getEntries(sockets.map((reply) => ({ protocol: 'tcp', reply })));
 * for (const entry of entries) console.log(entry?.original.source);
 * ```
 */
export function getEntries(
  this: unknown,
  keys: readonly EntryKey[],
): Promise<(Entry | undefined)[]> {
  return withRequests(this, 'getEntries', [1, arguments], (queue) =>
    requests.getEntries(queue, keys),
  );
}

/**
 * Returns the number of entries in the network namespace, from the kernel's counter
 * (`IPCTNL_MSG_CT_GET_STATS`). It includes dying entries, so it can exceed the length of a
 * list.
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
export function countEntries(this: unknown): Promise<number> {
  return withRequests(this, 'countEntries', [0, arguments], requests.countEntries);
}

/**
 * Returns for each condition of a filter whether the running kernel or this package evaluates
 * it when the table is read, and why. The kernel's part saves time; the matching entries are
 * the same.
 *
 * The first call probes the kernel with two or three requests that change nothing.
 *
 * Privileges: CAP_NET_ADMIN, unless the kernel could evaluate no condition.
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
