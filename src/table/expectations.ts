/**
 * Expectations: the flows that helpers wait for.
 *
 * @module
 */

import type {
  DeleteExpectationsResult,
  Expectation,
  ExpectationChanges,
  ExpectationKey,
  ExpectationSpec,
  FlushExpectationOptions,
} from '../expectation/expectation.js';
import type { ExpectationFilter } from '../expectation/filter.js';
import * as requests from '../expectation/requests.js';
import { atMost, within } from '../request/context.js';

/**
 * Returns the flows that helpers expect, IPv4 and IPv6 together, or those that match a filter. The
 * kernel (6.18) sends all of them, at most `net.netfilter.nf_conntrack_expect_max`; this package
 * compares.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 * @throws TypeError or RangeError for a wrong filter, naming the field; nothing was sent.
 *
 * @example
 * ```ts
 * import { listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations({ helper: 'ftp', not: { port: 21 } }))
 *   console.log(String(expectation));
 * ```
 */
export async function listExpectations(
  this: unknown,
  filter?: ExpectationFilter | readonly ExpectationFilter[],
): Promise<Expectation[]> {
  atMost(1, arguments);
  return within(this, 'listExpectations', async (context) =>
    requests.listExpectations(context.requests, filter),
  );
}

/**
 * Returns how many flows helpers expect, or how many of them match a filter. The kernel (6.18)
 * counts no expectations of a namespace, so this reads all of them. Privileges and errors as for
 * {@link listExpectations}.
 *
 * @example
 * ```ts
 * import { countExpectations } from 'conntrack';
 *
 * console.log(await countExpectations(), await countExpectations({ helper: 'sip' }));
 * ```
 */
export async function countExpectations(
  this: unknown,
  filter?: ExpectationFilter | readonly ExpectationFilter[],
): Promise<number> {
  atMost(1, arguments);
  return within(this, 'countExpectations', async (context) =>
    requests.countExpectations(context.requests, filter),
  );
}

/**
 * Returns the expectation with a tuple, or `undefined`. Privileges and errors as for
 * {@link listExpectations}.
 *
 * @throws TypeError or RangeError for a wrong key, naming the field.
 *
 * @example
 * ```ts
 * import { getExpectation } from 'conntrack';
 *
 * const tuple = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 0, destinationPort: 40021 };
 * console.log((await getExpectation({ protocol: 'tcp', tuple }))?.master);
 * ```
 */
export async function getExpectation(
  this: unknown,
  key: ExpectationKey,
): Promise<Expectation | undefined> {
  atMost(1, arguments);
  return within(this, 'getExpectation', async (context) =>
    requests.getExpectation(context.requests, key),
  );
}

/**
 * Creates an expectation and returns it as the kernel stores it. The master must be an entry
 * with a helper: the kernel (6.18) uses that helper and its policy.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when no entry has the master's tuple, `EOPNOTSUPP`
 * when the master has no helper, `EEXIST` or `EBUSY` when another expectation clashes, `EMFILE`
 * when a limit is reached, `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field.
 *
 * @example
 * ```ts
 * import { createExpectation, listEntries } from 'conntrack';
 *
 * const [control] = await listEntries({ helper: 'ftp' });
 * if (control) {
 *   const { source, destination } = control.original;
 *   await createExpectation({
 *     protocol: 'tcp',
 *     tuple: { source, destination, sourcePort: 0, destinationPort: 40021 },
 *     mask: { sourcePort: 0 },
 *     master: control.original,
 *   });
 * }
 * ```
 */
export async function createExpectation(
  this: unknown,
  spec: ExpectationSpec,
): Promise<Expectation> {
  atMost(1, arguments);
  return within(this, 'createExpectation', async (context) =>
    requests.createExpectation(context.requests, spec),
  );
}

/**
 * Changes the timeout of an expectation and returns it as the kernel stores it. The kernel (6.18)
 * changes nothing else: to change more, delete the expectation and create another.
 *
 * The key is looked up first, with its id. The kernel finds the expectation by its tuple only: if a
 * newer one takes the tuple between lookup and update, the update changes that one.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when no expectation has the key, `ETIME` when its timeout
 * is over and the kernel is about to delete it, `EPERM`.
 * @throws TypeError or RangeError for a wrong key or change, naming the field.
 *
 * @example
 * ```ts
 * import { listExpectations, updateExpectation } from 'conntrack';
 *
 * for (const expectation of await listExpectations({ helper: 'sip', timeout: { to: 60 } }))
 *   await updateExpectation(expectation, { timeout: 600 });
 * ```
 */
export async function updateExpectation(
  this: unknown,
  key: ExpectationKey,
  changes: ExpectationChanges,
): Promise<Expectation> {
  atMost(2, arguments);
  return within(this, 'updateExpectation', async (context) =>
    requests.updateExpectation(context.requests, key, changes),
  );
}

/**
 * Deletes one expectation; returns `false` if it has ended already. The id is compared, which a
 * newer one on the same tuple may have, too. Privileges and errors as for {@link getExpectation}.
 *
 * @example
 * ```ts
 * import { deleteExpectation, listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations())
 *   if (expectation.helper === 'ftp') await deleteExpectation(expectation);
 * ```
 */
export async function deleteExpectation(this: unknown, key: ExpectationKey): Promise<boolean> {
  atMost(1, arguments);
  return within(this, 'deleteExpectation', async (context) =>
    requests.deleteExpectation(context.requests, key),
  );
}

/**
 * Deletes the expectations that match: reads them all, and deletes each by its tuple and its id, as
 * {@link deleteExpectation} does. One that comes meanwhile stays.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`; `EOPNOTSUPP` when some that
 * match are in other zones than 0, where the kernel (6.18) sends no zone and finds none without it;
 * the others are deleted then.
 * @throws TypeError for a wrong filter, and for one that matches a whole address family: only
 * {@link flushExpectations} deletes all.
 *
 * @example
 * ```ts
 * import { deleteExpectations } from 'conntrack';
 *
 * const { deleted } = await deleteExpectations([{ address: '10.0.0.5' }, { helper: 'tftp' }]);
 * console.log(deleted);
 * ```
 */
export async function deleteExpectations(
  this: unknown,
  filter: ExpectationFilter | readonly ExpectationFilter[],
): Promise<DeleteExpectationsResult> {
  atMost(1, arguments);
  return within(this, 'deleteExpectations', async (context) =>
    requests.deleteExpectations(context.requests, filter),
  );
}

/**
 * Deletes all expectations, of both families, or those of one helper
 * (`CTA_EXPECT_HELP_NAME`). Privileges and errors as for {@link listExpectations}.
 *
 * @throws TypeError for anything but `{ helper: 'ftp' }` (1 to 15 bytes), `{}` or nothing.
 *
 * @example
 * ```ts
 * import { flushExpectations } from 'conntrack';
 *
 * await flushExpectations({ helper: 'ftp' });
 * ```
 */
export async function flushExpectations(
  this: unknown,
  options?: FlushExpectationOptions,
): Promise<void> {
  atMost(1, arguments);
  return within(this, 'flushExpectations', async (context) =>
    requests.flushExpectations(context.requests, options),
  );
}
