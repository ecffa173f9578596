/**
 * The error class, its codes, and the messages that several nouns share; each noun has its own
 * errors.ts.
 *
 * @module
 */
import { constants } from 'node:os';
import {
  type ConntrackErrorCode,
  type PosixCode,
  setHint,
  withLink,
  withoutLink,
} from './error-page.js';
import { LIMITS } from './limits.js';
import type { NativeFailure } from './native.js';
import { printable, printableLines } from './printable.js';

interface ConntrackErrorParts {
  code: string;
  operation: string;
  errno?: number | undefined;
  syscall?: string | undefined;
  detail?: string | undefined;
  hint?: string | undefined;
  outcome?: 'unknown' | undefined;
  cause?: unknown;
}

/**
 * Every function throws or rejects with this error, except for wrong arguments (`TypeError`,
 * `RangeError`) and aborted signals (the signal's reason).
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
  /**
   * The POSIX name when the system or the kernel answered (`EPERM`, ...), else
   * `ERR_CONNTRACK_*`.
   */
  readonly code: ConntrackErrorCode | PosixCode;
  /** The function that failed, such as `'listEntries'`. */
  readonly operation: string;
  /** The positive error number behind a POSIX `code`. */
  declare readonly errno?: number;
  /** The system call that failed. Absent when the kernel answered the request with an error. */
  declare readonly syscall?: string;
  /** The kernel's own text (netlink extended ack), with control characters escaped. */
  declare readonly detail?: string;
  /**
   * Advice, if there is any, and as the last line a link to the section of the code:
   * `See conntrack/docs/errors.md#eperm`. `message` includes it.
   */
  declare readonly hint: string;
  /**
   * `'unknown'`: the request was sent, and the kernel may have done it, although its answer did
   * not come. Absent: the kernel has answered, or nothing was sent, or it would change nothing.
   */
  declare readonly outcome?: 'unknown';

  /** @internal */
  constructor(problem: string, parts: ConntrackErrorParts) {
    const { code, operation, errno, syscall, hint: advice, outcome, cause } = parts;
    const detail = parts.detail && printable(parts.detail);
    const hint = withLink(code, advice && printableLines(advice));
    const said = detail === undefined ? '' : ` (kernel: ${detail})`;
    super(
      `${operation}: ${printableLines(problem)}${said}\n${hint}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.operation = operation;
    setHint(this, hint);
    // Omits properties without a value.
    Object.assign(
      this,
      Object.fromEntries(
        Object.entries({ errno, syscall, detail, outcome }).filter(
          ([, value]) => value !== undefined,
        ),
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
  'this process lacks CAP_NET_ADMIN in the user namespace that owns this network namespace';

const UNSUPPORTED_HINT =
  'Load it with "modprobe nf_conntrack_netlink", or build the kernel with CONFIG_NF_CT_NETLINK. ' +
  'Sandboxes such as gVisor lack it.';

/**
 * The errors of socket() where the kernel has no NETLINK_NETFILTER, or a sandbox forbids it:
 * EAFNOSUPPORT is that of systemd's RestrictAddressFamilies, EPERM and EACCES those of seccomp and
 * of security modules. The kernel itself asks for no capability there.
 */
const NO_SOCKET = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EPERM', 'EACCES']);

const SANDBOX_HINT =
  'A sandbox forbids them: allow AF_NETLINK in RestrictAddressFamilies of the systemd unit, in the ' +
  'seccomp profile of the container, or in the policy of SELinux or AppArmor.';

/** The hint of an error without its link, for the hint of another. */
export function adviceOf({ hint }: ConntrackError): string | undefined {
  return withoutLink(hint) || undefined;
}

/** Recognizes the error of a process that gets no netlink sockets, whatever its capabilities. */
export function isSocketForbidden(error: unknown): boolean {
  if (!(error instanceof ConntrackError)) return false;
  return error.code === 'ERR_CONNTRACK_UNSUPPORTED' && error.syscall === 'socket';
}

/** The POSIX name of an error number. */
export function codeOf(errno: number): string {
  return POSIX_NAMES.get(errno) ?? `ERRNO_${errno}`;
}

/** Returns a function that creates errors of one failure, with a message of their own. */
export function describing(operation: string, failure: NativeFailure) {
  const { errno, syscall, text } = failure;
  const parts = { code: codeOf(errno), operation, errno, syscall, detail: text };
  return (problem: string, hint?: string): ConntrackError =>
    new ConntrackError(problem, { ...parts, outcome: outcomeOf(failure), hint });
}

/** The hint of a change that failed after others succeeded. */
export function changedBefore(names: readonly string[], hint?: string): string {
  const kept = names.length === 0 ? 'Nothing was changed.' : `Changed before: ${names.join(', ')}.`;
  return hint === undefined ? kept : `${kept} ${hint}`;
}

/** Why there is no answer. */
const UNHEARD: Readonly<Record<string, string>> = {
  ETIMEDOUT: `the kernel did not answer within ${LIMITS.answerMs} ms`,
  ENOBUFS: "the kernel's answer found no room in the receive buffer (net.core.rmem_default)",
};

const UNKNOWN_HINT =
  'The request was sent, and may have been done: look at the table before you repeat it.';

function outcomeOf({ unanswered }: NativeFailure): 'unknown' | undefined {
  return unanswered === true ? 'unknown' : undefined;
}

/** Turns the numbers of the addon into an error. */
export function errorOfFailure(operation: string, failure: NativeFailure): ConntrackError {
  const { errno, syscall, text } = failure;
  const code = codeOf(errno);
  const outcome = outcomeOf(failure);
  const parts = { code, operation, errno, syscall, detail: text, outcome };

  if (syscall !== undefined) {
    // The handle was closed while the kernel was silent.
    if (code === 'ECANCELED') return closedError(operation, 'handle', outcome);
    if (syscall === 'setns') {
      // The handle has closed its network namespace.
      if (code === 'EBADF') return closedError(operation, 'handle');
      if (code === 'EPERM') {
        return new ConntrackError('this process may no longer enter its network namespace', {
          ...parts,
          hint: `${NAMESPACE_HINT} The process had it when it opened the handle.`,
        });
      }
    }
    if (syscall === 'socket' && NO_SOCKET.has(code)) {
      const isKernel = code === 'EPROTONOSUPPORT';
      const problem = isKernel
        ? 'this kernel has no netfilter netlink sockets (NETLINK_NETFILTER)'
        : `this process may not open netlink sockets: socket failed: ${code}`;
      return new ConntrackError(problem, {
        ...parts,
        code: 'ERR_CONNTRACK_UNSUPPORTED',
        hint: isKernel ? UNSUPPORTED_HINT : SANDBOX_HINT,
      });
    }
    if (code === 'EBADMSG') {
      return new ConntrackError("cannot decode the kernel's answer: a length in it is wrong", {
        ...parts,
        hint: 'Please report this, with the output of "uname -a".',
      });
    }
    const unheard = syscall === 'recvmsg' ? UNHEARD[code] : undefined;
    if (unheard !== undefined) {
      return new ConntrackError(unheard, { ...parts, hint: outcome && UNKNOWN_HINT });
    }
    return new ConntrackError(`${syscall} failed: ${code}`, {
      ...parts,
      hint: outcome && UNKNOWN_HINT,
    });
  }

  if (code === 'EPERM') {
    return new ConntrackError(`${ADMIN_NEEDED}; ctnetlink requires it even for reads`, {
      ...parts,
      hint: PERMISSION_HINT,
    });
  }
  return new ConntrackError(`the kernel answered ${code}`, parts);
}

/**
 * The same for a request without arguments: there, EINVAL means that no module serves the
 * subsystem (nfnetlink_rcv_msg).
 */
export function errorOfPlainFailure(operation: string, failure: NativeFailure): ConntrackError {
  if (failure.syscall === undefined && codeOf(failure.errno) === 'EINVAL') {
    return new ConntrackError('this kernel has no ctnetlink (nf_conntrack_netlink)', {
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation,
      errno: failure.errno,
      detail: failure.text,
      hint: UNSUPPORTED_HINT,
    });
  }
  return errorOfFailure(operation, failure);
}

/**
 * The same for a request whose tuple has no ports although most kernels track its protocol with
 * them: those refuse it (nf_ct_port_nlattr_to_tuple).
 */
export function errorOfPortless(operation: string, failure: NativeFailure): ConntrackError {
  if (failure.syscall !== undefined || codeOf(failure.errno) !== 'EINVAL') {
    return errorOfFailure(operation, failure);
  }
  return describing(operation, failure)(
    'this kernel tracks the protocol with ports or keys, and the tuple has none',
    'Name sourcePort and destinationPort; of GRE, sourceKey and destinationKey.',
  );
}

const NAMESPACE_HINT =
  'Grant CAP_SYS_ADMIN in the user namespace that owns it and in that of the caller.';

/** A network namespace that cannot be entered. */
export function netnsError(
  operation: string,
  name: string,
  failure: NativeFailure,
): ConntrackError {
  const path = printable(name);
  const of = describing(operation, failure);
  const code = codeOf(failure.errno);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return of(
        `no network namespace at ${path}`,
        path.startsWith('/proc/')
          ? 'The process has ended, belongs to another pid namespace, or is hidden (hidepid).'
          : 'List the named ones with "ip netns".',
      );
    case 'EINVAL':
      return of(
        `${path} is not a network namespace`,
        'Pass a file that "ip netns add" has created, or /proc/<pid>/ns/net.',
      );
    case 'ENOSYS':
      return of(`cannot open the network namespace at ${path}: /proc is not mounted`);
    case 'EACCES':
    case 'EPERM':
      return of(
        `this process may not enter the network namespace at ${path}`,
        `${NAMESPACE_HINT} CAP_SYS_PTRACE as well if the process belongs to another user.`,
      );
    default:
      return of(`cannot open the network namespace at ${path}: ${failure.syscall} failed: ${code}`);
  }
}

/** Whether the kernel answered ENOENT. */
export function isMissing({ code, syscall }: ConntrackError): boolean {
  return code === 'ENOENT' && syscall === undefined;
}

/** The same for a failure of the addon. */
export function isAbsence({ errno, syscall }: NativeFailure): boolean {
  return errno === constants.errno.ENOENT && syscall === undefined;
}

/** Recognizes the kernel's EPERM. */
export function isRefusal(failure: NativeFailure | undefined): boolean {
  return failure?.errno === constants.errno.EPERM && failure.syscall === undefined;
}

/** The addon's failure when the kernel does not answer. */
const SILENCE = { errno: constants.errno.ETIMEDOUT, syscall: 'recvmsg' } as const;

/** Recognizes that failure, and its error. */
export function isSilence(
  error: { readonly errno?: number; readonly syscall?: string } | undefined,
): boolean {
  return error?.errno === SILENCE.errno && error.syscall === SILENCE.syscall;
}

/** The error of what was not sent, for the kernel has not answered what was sent before. */
export function silenceError(operation: string): ConntrackError {
  return errorOfFailure(operation, SILENCE);
}

export function closedError(operation: string, what: string, outcome?: 'unknown'): ConntrackError {
  return new ConntrackError(`the ${what} is closed`, {
    code: 'ERR_CONNTRACK_CLOSED',
    operation,
    outcome,
    hint: outcome && UNKNOWN_HINT,
  });
}

export function concurrentReadError(operation: string): ConntrackError {
  return new ConntrackError('another next() is pending', {
    code: 'ERR_CONNTRACK_BUSY',
    operation,
    hint: 'Await each next() before you call it again, or read the stream with "for await".',
  });
}

export function secondReaderError(operation: string): ConntrackError {
  return new ConntrackError('the stream already has a reader', {
    code: 'ERR_CONNTRACK_BUSY',
    operation,
    hint: `A stream can be read once. Call ${operation}() again for another stream.`,
  });
}

export function platformError(): ConntrackError {
  return new ConntrackError(
    `connection tracking needs Linux; this platform is ${process.platform}`,
    {
      code: 'ERR_CONNTRACK_UNSUPPORTED',
      operation: 'load',
    },
  );
}

/** An argument of a wrong type; names the field and the expected value. */
export function typeError(field: string, expected: string, cause?: unknown): TypeError {
  const options = cause === undefined ? undefined : { cause };
  return new TypeError(printable(`${field}: ${expected}`), options);
}

/** A number out of range; names the field and the range. */
export function rangeError(field: string, expected: string): RangeError {
  return new RangeError(printable(`${field}: ${expected}`));
}
