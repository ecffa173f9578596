/**
 * The one error class of the package, its codes, and the messages that every noun needs;
 * those of one noun stand in its own errors.ts.
 *
 * @module
 */
import { constants } from 'node:os';
import type { NativeFailure } from './native.js';

/** Codes for what the package itself refuses; everything else is a POSIX name. */
export type ConntrackErrorCode =
  | 'ERR_CONNTRACK_CLOSED'
  | 'ERR_CONNTRACK_BUSY'
  | 'ERR_CONNTRACK_UNSUPPORTED'
  | 'ERR_CONNTRACK_ADDON'
  | 'ERR_CONNTRACK_LAYOUT';

interface ConntrackErrorParts {
  code: string;
  operation: string;
  errno?: number | undefined;
  syscall?: string | undefined;
  detail?: string | undefined;
  hint?: string | undefined;
  cause?: unknown;
}

/**
 * What every function of the package throws or rejects with, save for wrong
 * arguments (`TypeError`, `RangeError`) and for an aborted signal, whose own
 * reason it is.
 *
 * `code` is stable across minor versions; the message is not.
 *
 * @example
 * ```ts
 * import { ConntrackError, listEntries } from 'conntrack';
 *
 * try {
 *   console.log((await listEntries()).length);
 * } catch (error) {
 *   if (error instanceof ConntrackError && error.code === 'EPERM') console.error(error.hint);
 *   else throw error;
 * }
 * ```
 */
export class ConntrackError extends Error {
  override readonly name = 'ConntrackError';
  /** The POSIX name when the system or the kernel answered (`EPERM`, ...), else `ERR_CONNTRACK_*`. */
  readonly code: string;
  /** The function that failed, such as `'listEntries'`. */
  readonly operation: string;
  /** The positive error number behind a POSIX `code`. */
  declare readonly errno?: number;
  /** The system call that failed. Absent when the kernel answered the request with an error. */
  declare readonly syscall?: string;
  /** The kernel's own words (netlink extended ack). */
  declare readonly detail?: string;
  /** What to do about it. */
  declare readonly hint?: string;

  /** @internal */
  constructor(problem: string, parts: ConntrackErrorParts) {
    const { code, operation, errno, syscall, detail, hint, cause } = parts;
    const said = detail === undefined ? '' : ` (kernel: ${detail})`;
    super(
      `${operation}: ${problem}${said}${hint === undefined ? '' : `\n${hint}`}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.operation = operation;
    // A property that has nothing to say is not there.
    Object.assign(
      this,
      Object.fromEntries(
        Object.entries({ errno, syscall, detail, hint }).filter(([, value]) => value !== undefined),
      ),
    );
  }
}

const POSIX_NAMES = new Map<number, string>(
  Object.entries(constants.errno)
    // Aliases on Linux of EOPNOTSUPP and EAGAIN, which are the names that the kernel uses.
    .filter(([name]) => name !== 'ENOTSUP' && name !== 'EWOULDBLOCK')
    .map(([name, number]) => [number, name]),
);

export const PERMISSION_HINT = [
  'Grant it in one of these ways:',
  '  a binary:        sudo setcap cap_net_admin+ep /path/to/node',
  '  a systemd unit:  AmbientCapabilities=CAP_NET_ADMIN',
  '  a container:     docker run --cap-add NET_ADMIN, or in Kubernetes',
  '                   securityContext: { capabilities: { add: [NET_ADMIN] } }',
].join('\n');

export const ADMIN_NEEDED =
  'CAP_NET_ADMIN is needed in the user namespace that owns this network namespace';

const UNSUPPORTED_HINT =
  'Load it with "modprobe nf_conntrack_netlink", or build the kernel with CONFIG_NF_CT_NETLINK. ' +
  'Sandboxes such as gVisor do not have it.';

/** What the kernel says where there is no NETLINK_NETFILTER. */
const NO_SOCKET = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT']);

/** The POSIX name of an error number. */
export function codeOf(errno: number): string {
  return POSIX_NAMES.get(errno) ?? `ERRNO_${errno}`;
}

/** Makes errors of one failure that say more than its code does. */
export function describing(operation: string, failure: NativeFailure) {
  const { errno, syscall, text } = failure;
  const code = codeOf(errno);
  return (problem: string, hint?: string): ConntrackError =>
    new ConntrackError(problem, { code, operation, errno, syscall, detail: text, hint });
}

/** The hint of a change that failed after others were done. */
export function changedBefore(names: readonly string[], hint?: string): string {
  const kept = names.length === 0 ? 'Nothing was changed.' : `Changed before: ${names.join(', ')}.`;
  return hint === undefined ? kept : `${kept} ${hint}`;
}

/** Turns the numbers of the addon into an error. */
export function errorOfFailure(operation: string, failure: NativeFailure): ConntrackError {
  const { errno, syscall, text } = failure;
  const code = codeOf(errno);
  const parts = { code, operation, errno, syscall, detail: text };

  if (syscall !== undefined) {
    // The handle let go of its network namespace.
    if (syscall === 'setns' && code === 'EBADF') return closedError(operation, 'handle');
    if (NO_SOCKET.has(code)) {
      return new ConntrackError('this kernel has no netfilter netlink sockets', {
        ...parts,
        code: 'ERR_CONNTRACK_UNSUPPORTED',
        hint: UNSUPPORTED_HINT,
      });
    }
    if (code === 'EBADMSG') {
      return new ConntrackError(
        'the answer of the kernel could not be decoded: a length in it is wrong',
        { ...parts, hint: 'Please report this with the output of "uname -a".' },
      );
    }
    return new ConntrackError(`${syscall} failed: ${code}`, parts);
  }

  if (code === 'EPERM') {
    return new ConntrackError(`${ADMIN_NEEDED}; ctnetlink asks for it even to read`, {
      ...parts,
      hint: PERMISSION_HINT,
    });
  }
  return new ConntrackError(`the kernel answered ${code}`, parts);
}

/**
 * The same for a request that has nothing in it that could be wrong: EINVAL is
 * then what nfnetlink says when nobody serves the subsystem (nfnetlink_rcv_msg).
 */
export function errorOfPlainFailure(operation: string, failure: NativeFailure): ConntrackError {
  if (failure.syscall === undefined && codeOf(failure.errno) === 'EINVAL') {
    return new ConntrackError('this kernel has no ctnetlink', {
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation,
      errno: failure.errno,
      detail: failure.text,
      hint: UNSUPPORTED_HINT,
    });
  }
  return errorOfFailure(operation, failure);
}

/** A network namespace that cannot be entered. */
export function netnsError(
  operation: string,
  path: string,
  failure: NativeFailure,
): ConntrackError {
  const of = describing(operation, failure);
  const code = codeOf(failure.errno);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return of(
        `there is no network namespace at ${path}`,
        path.startsWith('/proc/')
          ? 'The process has ended, or is one of another process id namespace.'
          : 'List those that have a name with "ip netns".',
      );
    case 'EINVAL':
      return of(
        `${path} is not a network namespace`,
        'It should be a file as "ip netns add" makes it, or /proc/<pid>/ns/net.',
      );
    case 'EACCES':
    case 'EPERM':
      return of(
        `the network namespace at ${path} may not be entered`,
        'CAP_SYS_ADMIN is needed in the user namespace that owns it, and in our own; for the ' +
          'namespace of a process of another user CAP_SYS_PTRACE, too.',
      );
    default:
      return of(
        `the network namespace at ${path} could not be opened: ${failure.syscall} gave ${code}`,
      );
  }
}

/** Whether the kernel says that there is no such thing. */
export function isMissing({ code, syscall }: ConntrackError): boolean {
  return code === 'ENOENT' && syscall === undefined;
}

export function closedError(operation: string, what: string): ConntrackError {
  return new ConntrackError(`the ${what} is closed`, { code: 'ERR_CONNTRACK_CLOSED', operation });
}

export function concurrentReadError(operation: string): ConntrackError {
  return new ConntrackError('a next() is pending already', {
    code: 'ERR_CONNTRACK_BUSY',
    operation,
    hint: 'Await each next() before the next one, or read the stream with "for await".',
  });
}

export function secondReaderError(operation: string): ConntrackError {
  return new ConntrackError('the stream is being read already', {
    code: 'ERR_CONNTRACK_BUSY',
    operation,
    hint: `A stream is read once. Call ${operation}() again for another one.`,
  });
}

export function platformError(): ConntrackError {
  return new ConntrackError(`connection tracking is Linux only; this is ${process.platform}`, {
    code: 'ERR_CONNTRACK_UNSUPPORTED',
    operation: 'load',
  });
}

export interface LoadAttempt {
  path: string;
  error: unknown;
}

export function addonError(attempts: readonly LoadAttempt[]): ConntrackError {
  const tried = attempts.map(({ path, error }) => {
    const reason = error instanceof Error ? error.message : String(error);
    return `  ${path}\n    ${reason.split('\n', 1)[0] ?? ''}`;
  });
  return new ConntrackError(`the native addon could not be loaded. Tried:\n${tried.join('\n')}`, {
    code: 'ERR_CONNTRACK_ADDON',
    operation: 'load',
    hint: 'Build it with "npm explore conntrack -- npm run build:gyp" (needs a C++17 compiler).',
    cause: attempts.at(-1)?.error,
  });
}

/** `found`: the hash of the addon's record layout; `expected`: that of this package. */
export function layoutError(
  path: string,
  found: string | undefined,
  expected: string,
): ConntrackError {
  return new ConntrackError(
    `the native addon at ${path} belongs to another version of this package: ` +
      `the hash of its record layout is ${String(found)}, that of the package is ${expected}`,
    {
      code: 'ERR_CONNTRACK_LAYOUT',
      operation: 'load',
      hint: 'Build it again with "npm explore conntrack -- npm run build:gyp".',
    },
  );
}

/** A wrong argument: names the field and what it should be. */
export function typeError(field: string, expected: string, cause?: unknown): TypeError {
  const options = cause === undefined ? undefined : { cause };
  return new TypeError(`${field}: ${expected}`, options);
}

/** A number outside of its range: names the field and the range. */
export function rangeError(field: string, expected: string): RangeError {
  return new RangeError(`${field}: ${expected}`);
}
