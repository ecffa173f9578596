/**
 * What failures to read or write the settings mean.
 */
import { ConntrackError, changedBefore, codeOf, errorOfFailure } from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

/** The files of connection tracking in /proc are not there. */
export function untrackedError(
  operation: string,
  failure: NativeFailure | undefined,
): ConntrackError {
  if (failure !== undefined && codeOf(failure.errno) !== 'ENOENT') {
    return errorOfFailure(operation, failure);
  }
  return new ConntrackError('/proc/sys/net/netfilter has no settings of connection tracking', {
    code: 'ERR_CONNTRACK_UNSUPPORTED',
    operation,
    errno: failure?.errno,
    syscall: failure?.syscall,
    hint: 'Load it with "modprobe nf_conntrack". A sandbox may hide /proc/sys.',
  });
}

/** A setting that could not be changed. `written`: those that were, before it. */
export function settingError(
  failure: NativeFailure,
  setting: {
    readonly sysctl: string;
    readonly isGlobal: boolean;
    readonly isTimeout: boolean;
    readonly text: string;
    readonly written: readonly string[];
  },
): ConntrackError {
  const { errno, syscall } = failure;
  const code = codeOf(errno);
  const { sysctl, isGlobal, isTimeout, text, written } = setting;
  const of = (problem: string, hint?: string, own: string = code) =>
    new ConntrackError(problem, {
      code: own,
      operation: 'writeSettings',
      errno,
      syscall,
      hint: changedBefore(written, hint),
    });
  switch (code) {
    case 'ENOENT':
      return of(`this kernel has no ${sysctl}`, undefined, 'ERR_CONNTRACK_UNSUPPORTED');
    case 'EACCES':
    case 'EPERM':
      return isGlobal
        ? of(
            `${sysctl} is read-only here`,
            'It is one for all network namespaces, and only root in the initial one may change it.',
          )
        : of(
            `${sysctl} may not be changed`,
            'Only root may, or in a network namespace of its own the root of its user namespace.',
          );
    case 'EROFS':
      return of(
        `${sysctl} may not be changed: /proc/sys is mounted read-only`,
        'Containers have it so. Change it from the host, such as with a handle on the netns of ' +
          'the container, or start it with "docker run --sysctl".',
      );
    case 'EINVAL':
      return of(
        `the kernel does not take ${text} for ${sysctl}`,
        isTimeout
          ? 'Timeouts end at 2^31 - 1 ticks: 8,589,934 seconds at 250 ticks a second.'
          : undefined,
      );
    default:
      return errorOfFailure('writeSettings', failure);
  }
}
