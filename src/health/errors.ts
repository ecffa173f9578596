/**
 * Messages for settings that could not be read or written.
 */
import { adviceOf, ConntrackError, changedBefore, codeOf, errorOfFailure } from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

/** The error when /proc has no files of connection tracking. */
export function untrackedError(
  operation: string,
  failure: NativeFailure | undefined,
): ConntrackError {
  if (failure !== undefined && codeOf(failure.errno) !== 'ENOENT') {
    return errorOfFailure(operation, failure);
  }
  return new ConntrackError('/proc/sys/net/netfilter has no nf_conntrack settings', {
    code: 'ERR_CONNTRACK_UNSUPPORTED',
    operation,
    errno: failure?.errno,
    syscall: failure?.syscall,
    hint: 'Load connection tracking with "modprobe nf_conntrack". A sandbox may hide /proc/sys.',
  });
}

/** The error of settings that were written, and not read back. */
export function unreadSettingsError(error: unknown, written: readonly string[]): unknown {
  if (!(error instanceof ConntrackError) || written.length === 0) return error;
  const { code, operation, errno, syscall } = error;
  const problem = `the settings were written, but could not be read: ${syscall} failed: ${code}`;
  const hint = changedBefore(written);
  return new ConntrackError(problem, { code, operation, errno, syscall, hint, cause: error });
}

/** The error of a setting that could not be written. `written`: the settings written before it. */
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
      return of(
        `${sysctl} is not there`,
        'This kernel may not have it, or a sandbox may hide /proc/sys.',
        'ERR_CONNTRACK_UNSUPPORTED',
      );
    case 'EACCES':
    case 'EPERM':
      return isGlobal
        ? of(
            `${sysctl} is read-only here`,
            'It applies to all network namespaces: change it as root in the initial one.',
          )
        : of(
            `this process may not change ${sysctl}`,
            'Run as root of the user namespace that owns the network namespace.',
          );
    case 'EROFS':
      return of(
        `cannot change ${sysctl}: /proc/sys is mounted read-only`,
        'In a container, change it from the host through Conntrack.open({ netns }), or start the ' +
          'container with "docker run --sysctl".',
      );
    case 'EINVAL':
      return of(
        `the kernel refuses ${text} for ${sysctl}`,
        isTimeout
          ? 'A timeout is at most 2^31 - 1 ticks: 8,589,934 seconds at 250 ticks per second.'
          : undefined,
      );
    default: {
      const error = errorOfFailure('writeSettings', failure);
      if (written.length === 0) return error;
      return of(`cannot change ${sysctl}: ${syscall} failed: ${code}`, adviceOf(error), error.code);
    }
  }
}
