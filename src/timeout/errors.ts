/**
 * Messages for the kernel's errors about timeouts.
 */
import { constants } from 'node:os';
import { ConntrackError, codeOf, describing, errorOfFailure } from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';
import { timeoutProtocolName } from './check-policy.js';

/** What a request was about. */
interface About {
  readonly name?: string | undefined;
  readonly protocol?: number | undefined;
}

export function errorOfTimeouts(
  operation: string,
  failure: NativeFailure,
  { name = '', protocol = 0 }: About = {},
): ConntrackError {
  if (failure.syscall !== undefined) return errorOfFailure(operation, failure);
  const { errno, text: detail } = failure;
  const unsupported = (problem: string, hint: string) =>
    new ConntrackError(problem, {
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation,
      errno,
      detail,
      hint,
    });
  switch (codeOf(errno)) {
    case 'EINVAL':
      // No module serves the subsystem (nfnetlink_rcv_msg): arguments are checked before.
      return unsupported(
        'this kernel has no timeout policies (nfnetlink_cttimeout)',
        'Load them with "modprobe nfnetlink_cttimeout", or build the kernel with ' +
          'CONFIG_NF_CT_NETLINK_TIMEOUT.',
      );
    case 'EOPNOTSUPP':
      return unsupported(
        `this kernel has no timeouts for protocol ${timeoutProtocolName(protocol) ?? protocol}`,
        "Protocols without timeouts of their own have those of 'generic'.",
      );
    case 'EEXIST':
      return describing(operation, failure)(
        `a timeout policy '${name}' exists already`,
        'Change it with updateTimeoutPolicy(), or delete it first.',
      );
    case 'EBUSY':
      return describing(operation, failure)(
        `a rule uses the timeout policy '${name}'`,
        'Delete the rules that attach it first: "iptables-save -t raw" and "ip6tables-save -t raw" ' +
          'list them with "--timeout".',
      );
    default:
      return errorOfFailure(operation, failure);
  }
}

export function missingPolicyError(operation: string, name: string): ConntrackError {
  return new ConntrackError(`no timeout policy '${name}'`, {
    code: 'ENOENT',
    operation,
    errno: constants.errno.ENOENT,
    hint: 'Create it with createTimeoutPolicy().',
  });
}

/** EINVAL to a change that names the family and protocol that the policy has just had. */
export function replacedPolicyError(
  operation: string,
  failure: NativeFailure,
  name: string,
): ConntrackError {
  return describing(operation, failure)(
    `another program has replaced the timeout policy '${name}' by one of another family or protocol`,
    'Look at it with getTimeoutPolicy() before you change it.',
  );
}

/** Of what the kernel has done; `failure` is that of reading it back. */
export function unreadTimeoutsError(
  operation: string,
  done: string,
  failure: NativeFailure,
): ConntrackError {
  return describing(operation, failure)(`${done}, but could not be read: ${codeOf(failure.errno)}`);
}
