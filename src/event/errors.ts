/**
 * Messages for failed subscriptions.
 */
import {
  ADMIN_NEEDED,
  type ConntrackError,
  codeOf,
  describing,
  errorOfFailure,
  PERMISSION_HINT,
} from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

/** Subscribing takes system calls alone, and the kernel refuses it there (nfnetlink_bind). */
export function errorOfWatchFailure(
  operation: string,
  failure: NativeFailure,
  allNamespaces: boolean,
): ConntrackError {
  const isOfSocket = failure.syscall === 'socket';
  if (isOfSocket || codeOf(failure.errno) !== 'EPERM') return errorOfFailure(operation, failure);
  const broadcast = allNamespaces ? ', or CAP_NET_BROADCAST, which allNamespaces requires' : '';
  return describing(operation, failure)(`${ADMIN_NEEDED}${broadcast}`, PERMISSION_HINT);
}
