/**
 * Expectations: the flows that helpers wait for.
 *
 * @module
 */

import type {
  Expectation,
  ExpectationKey,
  ExpectationSpec,
  FlushExpectationOptions,
} from '../expectation/expectation.js';
import * as requests from '../expectation/requests.js';
import { atMost, within } from '../request/context.js';

/**
 * Returns the flows that helpers expect, IPv4 and IPv6 together.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`, `ERR_CONNTRACK_UNSUPPORTED`.
 *
 * @example
 * ```ts
 * import { listExpectations } from 'conntrack';
 *
 * for (const expectation of await listExpectations()) console.log(String(expectation));
 * ```
 */
export async function listExpectations(this: unknown): Promise<Expectation[]> {
  atMost(0, arguments);
  return within(this, 'listExpectations', async (context) =>
    requests.listExpectations(context.requests),
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
