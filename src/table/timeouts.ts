/**
 * Timeout policies, and the default timeouts of the protocols.
 *
 * @module
 */

import { atMost, within } from '../request/context.js';
import type {
  DefaultTimeouts,
  TimeoutPolicy,
  TimeoutPolicySpec,
  TimeoutProtocol,
  Timeouts,
} from '../timeout/policy.js';
import * as requests from '../timeout/requests.js';

/**
 * Returns the timeout policies of the network namespace, of both families (`nfct list timeout`).
 * The kernel lists neither the `ct timeout` objects of nftables, nor policies of other namespaces.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EPERM`; `ERR_CONNTRACK_UNSUPPORTED` where the kernel has no module
 * `nfnetlink_cttimeout` (`IPCTNL_MSG_TIMEOUT_GET`).
 *
 * @example
 * ```ts
 * import { listTimeoutPolicies } from 'conntrack';
 *
 * for (const { name, family, protocol, timeouts } of await listTimeoutPolicies())
 *   console.log(name, family, protocol, timeouts);
 * ```
 */
export async function listTimeoutPolicies(this: unknown): Promise<TimeoutPolicy[]> {
  atMost(0, arguments);
  return within(this, 'listTimeoutPolicies', async (context) =>
    requests.listTimeoutPolicies(context.requests),
  );
}

/**
 * Returns the timeout policy with a name, or `undefined`. Privileges and errors as for
 * {@link listTimeoutPolicies}.
 *
 * @throws TypeError for a wrong name.
 *
 * @example
 * ```ts
 * import { getTimeoutPolicy } from 'conntrack';
 *
 * console.log((await getTimeoutPolicy('web'))?.timeouts.established);
 * ```
 */
export async function getTimeoutPolicy(
  this: unknown,
  name: string,
): Promise<TimeoutPolicy | undefined> {
  atMost(1, arguments);
  return within(this, 'getTimeoutPolicy', async (context) =>
    requests.getTimeoutPolicy(context.requests, name),
  );
}

/**
 * Creates a timeout policy and returns it as the kernel stores it. It applies to no flow until a rule
 * attaches it. States that `timeouts` does not name get the defaults that the protocol has at this
 * moment (`IPCTNL_MSG_TIMEOUT_NEW`). The policy ends with the network namespace.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EEXIST` when a policy has the name; `ERR_CONNTRACK_UNSUPPORTED`
 * where the kernel has no timeouts for the protocol, or no module `nfnetlink_cttimeout`; `EPERM`.
 * @throws TypeError or RangeError for a wrong specification, naming the field.
 *
 * @example
 * ```ts
 * import { createTimeoutPolicy } from 'conntrack';
 *
 * await createTimeoutPolicy({
 *   name: 'web',
 *   family: 'ipv4',
 *   protocol: 'tcp',
 *   timeouts: { established: 3600, timeWait: 10 },
 * });
 * ```
 */
export async function createTimeoutPolicy(
  this: unknown,
  spec: TimeoutPolicySpec,
): Promise<TimeoutPolicy> {
  atMost(1, arguments);
  return within(this, 'createTimeoutPolicy', async (context) =>
    requests.createTimeoutPolicy(context.requests, spec),
  );
}

/**
 * Changes timeouts of a policy, in seconds, and returns it as the kernel stores it. States that are
 * not named keep theirs. Flows that have the policy get a new timeout with their next packet.
 *
 * The kernel (6.18) replaces all timeouts of a policy at once, so this reads it first and sends all:
 * a change that another program makes in between is lost, and a policy that it deletes in between is
 * created again.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `ENOENT` when no policy has the name; `EINVAL` when another program
 * has replaced it by one of another protocol or family; else as for {@link listTimeoutPolicies}.
 * @throws TypeError or RangeError for a wrong name, state or number of seconds, naming the field, and
 * for a state that the policy's protocol does not have.
 *
 * @example
 * ```ts
 * import { updateTimeoutPolicy } from 'conntrack';
 *
 * await updateTimeoutPolicy('web', { established: 7200 });
 * ```
 */
export async function updateTimeoutPolicy(
  this: unknown,
  name: string,
  timeouts: Timeouts,
): Promise<TimeoutPolicy> {
  atMost(2, arguments);
  return within(this, 'updateTimeoutPolicy', async (context) =>
    requests.updateTimeoutPolicy(context.requests, name, timeouts),
  );
}

/**
 * Deletes the timeout policy with a name; returns `false` if none has it. Flows that had it keep
 * the seconds that are left, and get the defaults of the protocol with their next packet. There is
 * no way to delete several at once.
 *
 * Delete the rules that use it first. The kernel 6.18 refuses otherwise; 7.2 deletes it, and the
 * rule goes on to attach it to new flows.
 *
 * Privileges: CAP_NET_ADMIN.
 *
 * @throws {@link ConntrackError} `EBUSY` while a rule uses it (6.18); else as for
 * {@link listTimeoutPolicies}.
 * @throws TypeError for a wrong name.
 *
 * @example
 * ```ts
 * import { deleteTimeoutPolicy } from 'conntrack';
 *
 * await deleteTimeoutPolicy('web');
 * ```
 */
export async function deleteTimeoutPolicy(this: unknown, name: string): Promise<boolean> {
  atMost(1, arguments);
  return within(this, 'deleteTimeoutPolicy', async (context) =>
    requests.deleteTimeoutPolicy(context.requests, name),
  );
}

/**
 * Returns the timeouts that flows of a protocol have without a policy, in seconds
 * (`IPCTNL_MSG_TIMEOUT_DEFAULT_GET`). They are the settings `net.netfilter.nf_conntrack_*_timeout*`
 * of the network namespace, for both families. `synSent2` of TCP is no setting.
 *
 * Privileges: CAP_NET_ADMIN. {@link readSettings} needs none.
 *
 * @throws {@link ConntrackError} `ERR_CONNTRACK_UNSUPPORTED` where the kernel has no timeouts for the
 * protocol, or no module `nfnetlink_cttimeout`; `EPERM`.
 * @throws TypeError or RangeError for a wrong protocol.
 *
 * @example
 * ```ts
 * import { readDefaultTimeouts } from 'conntrack';
 *
 * const { timeouts } = await readDefaultTimeouts('udp');
 * console.log(timeouts.unreplied, timeouts.replied);
 * ```
 */
export async function readDefaultTimeouts(
  this: unknown,
  protocol: TimeoutProtocol | number,
): Promise<DefaultTimeouts> {
  atMost(1, arguments);
  return within(this, 'readDefaultTimeouts', async (context) =>
    requests.readDefaultTimeouts(context.requests, protocol),
  );
}

/**
 * Writes timeouts that flows of a protocol have without a policy, in seconds, and returns all of
 * them, read back (`IPCTNL_MSG_TIMEOUT_DEFAULT_SET`). States that are not named keep theirs. The
 * settings change with them: see {@link readDefaultTimeouts}. It works where /proc/sys is read-only.
 *
 * Privileges: CAP_NET_ADMIN. Errors as for {@link readDefaultTimeouts}.
 *
 * @throws TypeError or RangeError for a wrong protocol, state or number of seconds, naming the field.
 *
 * @example
 * ```ts
 * import { writeDefaultTimeouts } from 'conntrack';
 *
 * await writeDefaultTimeouts('tcp', { established: 86_400 });
 * ```
 */
export async function writeDefaultTimeouts(
  this: unknown,
  protocol: TimeoutProtocol | number,
  timeouts: Timeouts,
): Promise<DefaultTimeouts> {
  atMost(2, arguments);
  return within(this, 'writeDefaultTimeouts', async (context) =>
    requests.writeDefaultTimeouts(context.requests, protocol, timeouts),
  );
}
