/**
 * The one error class of the package, its codes, and the only place that writes
 * messages.
 *
 * @module
 */
import { constants } from 'node:os';
import type { EntryChanges, EntrySpec } from '../entry/spec.js';
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

const PERMISSION_HINT = [
  'Grant it in one of these ways:',
  '  a binary:        sudo setcap cap_net_admin+ep /path/to/node',
  '  a systemd unit:  AmbientCapabilities=CAP_NET_ADMIN',
  '  a container:     docker run --cap-add NET_ADMIN, or in Kubernetes',
  '                   securityContext: { capabilities: { add: [NET_ADMIN] } }',
].join('\n');

const ADMIN_NEEDED =
  'CAP_NET_ADMIN is needed in the user namespace that owns this network namespace';

const UNSUPPORTED_HINT =
  'Load it with "modprobe nf_conntrack_netlink", or build the kernel with CONFIG_NF_CT_NETLINK. ' +
  'Sandboxes such as gVisor do not have it.';

/** What the kernel says where there is no NETLINK_NETFILTER. */
const NO_SOCKET = new Set(['EPROTONOSUPPORT', 'EAFNOSUPPORT']);

/** Turns the numbers of the addon into an error. */
export function errorOfFailure(operation: string, failure: NativeFailure): ConntrackError {
  const { errno, syscall, text } = failure;
  const code = POSIX_NAMES.get(errno) ?? `ERRNO_${errno}`;
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
  if (failure.syscall === undefined && POSIX_NAMES.get(failure.errno) === 'EINVAL') {
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

/** Subscribing takes system calls alone, and the kernel refuses it there (nfnetlink_bind). */
export function errorOfWatchFailure(
  operation: string,
  failure: NativeFailure,
  allNamespaces: boolean,
): ConntrackError {
  const { errno, syscall } = failure;
  if (POSIX_NAMES.get(errno) !== 'EPERM') return errorOfFailure(operation, failure);
  const broadcast = allNamespaces ? ', and CAP_NET_BROADCAST for allNamespaces' : '';
  return new ConntrackError(`${ADMIN_NEEDED}${broadcast}`, {
    code: 'EPERM',
    operation,
    errno,
    syscall,
    hint: PERMISSION_HINT,
  });
}

/** What the kernel answers when it does not create an entry. */
export function errorOfCreation(
  operation: string,
  failure: NativeFailure,
  { helper, labels, master }: EntrySpec,
): ConntrackError {
  const { errno, syscall, text } = failure;
  const code = POSIX_NAMES.get(errno);
  const refused = (problem: string, hint?: string) =>
    new ConntrackError(problem, { code: code as string, operation, errno, detail: text, hint });
  if (syscall !== undefined) return errorOfFailure(operation, failure);
  switch (code) {
    case 'EEXIST':
      return refused(
        'an entry has this tuple already, in one direction or the other',
        'Change that one with updateEntry(), or delete it first.',
      );
    case 'ENOENT':
      if (master !== undefined)
        return refused("no entry has the master's tuple as its original one");
      break;
    case 'ENOSPC':
      if (labels !== undefined) return unlabelledError(operation, text);
      break;
    case 'EOPNOTSUPP':
      if (helper !== undefined) {
        return refused(
          `the kernel has no helper '${helper}' for this protocol and family`,
          `Load it, such as with "modprobe nf_conntrack_${helper}".`,
        );
      }
      break;
    case 'ENOMEM':
      return refused(
        'the table is full, or the kernel has no memory',
        'Compare countEntries() with net.netfilter.nf_conntrack_max, and raise that.',
      );
  }
  return errorOfFailure(operation, failure);
}

/** An entry cannot have its labels, and was not created. */
export function unlabelledError(operation: string, detail?: string): ConntrackError {
  return new ConntrackError(NO_LABELS, {
    code: 'ENOSPC',
    operation,
    errno: constants.errno.ENOSPC,
    detail,
    hint: LABELS_HINT,
  });
}

const NO_LABELS =
  'no rule of this network namespace uses labels, so that entries have no room for any';
const LABELS_HINT =
  'A rule that sets one makes room in entries that begin from then on: "ct label set" in nft, ' +
  'or "-m connlabel --set" in iptables.';

/**
 * What the kernel answers when it does not change an entry. It applies changes in the
 * order of `named` (ctnetlink_change_conntrack) and keeps those before the one that
 * fails.
 */
export function errorOfUpdate(
  operation: string,
  failure: NativeFailure,
  named: readonly (keyof EntryChanges)[],
): ConntrackError {
  const { errno, syscall, text } = failure;
  const code = POSIX_NAMES.get(errno);
  const refused = (name: keyof EntryChanges, problem: string, hint?: string) => {
    const applied = named.slice(0, named.indexOf(name));
    const kept =
      applied.length === 0 ? 'Nothing was changed.' : `Changed was ${applied.join(', ')}.`;
    const all = hint === undefined ? kept : `${kept} ${hint}`;
    return new ConntrackError(problem, {
      code: code as string,
      operation,
      errno,
      detail: text,
      hint: all,
    });
  };
  if (syscall !== undefined) return errorOfFailure(operation, failure);
  switch (code) {
    case 'EOPNOTSUPP':
      if (named.includes('helper')) {
        return refused(
          'helper',
          'the kernel has no such helper, or the entry began without one and has no room for it',
        );
      }
      break;
    case 'EBUSY':
      if (named.includes('helper')) {
        return refused('helper', 'the kernel gives an entry that exists no other helper');
      }
      if (named.includes('status')) {
        return refused(
          'status',
          'the status has changed meanwhile: the kernel lets no bit be cleared',
        );
      }
      break;
    case 'EPERM':
      if (named.includes('timeout')) {
        return refused(
          'timeout',
          `the timeout of the entry is fixed (IPS_FIXED_TIMEOUT), or ${ADMIN_NEEDED}`,
        );
      }
      break;
    case 'EINVAL':
    case 'ERANGE': {
      const state = named.find((name) => name === 'tcp' || name === 'sctp');
      if (state !== undefined)
        return refused(state, `the kernel does not know this state of ${state}`);
      break;
    }
    case 'ENOSPC':
      if (named.includes('labels')) return refused('labels', NO_LABELS, LABELS_HINT);
      break;
  }
  return errorOfFailure(operation, failure);
}

/** A pass over the table ended early. */
export function errorOfPass(
  operation: string,
  failure: NativeFailure,
  { matched, changed, vanished }: { matched: number; changed: number; vanished: number },
): ConntrackError {
  if (matched === 0) return errorOfPlainFailure(operation, failure);
  const { message, code, errno, syscall, detail } = errorOfFailure(operation, failure);
  const problem = message.slice(operation.length + 2).split('\n', 1)[0] ?? code;
  return new ConntrackError(problem, {
    code,
    operation,
    errno,
    syscall,
    hint: `It ended after ${matched} matches, of which ${changed} were done and ${vanished} gone.${
      code === 'ENOSPC' ? ` ${NO_LABELS}. ${LABELS_HINT}` : ''
    }`,
    detail,
  });
}

/** What the kernel answers when it does not create an expectation; `undefined`: it is gone. */
export function errorOfExpectation(
  operation: string,
  failure: NativeFailure | undefined,
): ConntrackError {
  if (failure === undefined) {
    return new ConntrackError('the expectation was created, and was gone before it could be read', {
      code: 'ENOENT',
      operation,
    });
  }
  const { errno, syscall, text } = failure;
  const code = POSIX_NAMES.get(errno);
  const problem = syscall === undefined ? EXPECTATION_PROBLEMS[code ?? ''] : undefined;
  if (code === undefined || problem === undefined) return errorOfFailure(operation, failure);
  return new ConntrackError(problem, { code, operation, errno, detail: text });
}

const EXPECTATION_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no entry has the master's tuple",
  EOPNOTSUPP: 'the master has no helper, without which it can expect nothing',
  EEXIST: 'there is such an expectation already',
  EBUSY: 'there is an expectation that this one would clash with',
  EMFILE: 'there are as many expectations as net.netfilter.nf_conntrack_expect_max allows',
};

/** A network namespace that cannot be entered. */
export function netnsError(
  operation: string,
  path: string,
  { errno, syscall }: NativeFailure,
): ConntrackError {
  const code = POSIX_NAMES.get(errno) ?? `ERRNO_${errno}`;
  const of = (problem: string, hint?: string) =>
    new ConntrackError(problem, { code, operation, errno, syscall, hint });
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
      return of(`the network namespace at ${path} could not be opened: ${syscall} gave ${code}`);
  }
}

/** The files of connection tracking in /proc are not there. */
export function untrackedError(
  operation: string,
  failure: NativeFailure | undefined,
): ConntrackError {
  if (failure !== undefined && POSIX_NAMES.get(failure.errno) !== 'ENOENT') {
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
  const code = POSIX_NAMES.get(errno) ?? `ERRNO_${errno}`;
  const { sysctl, isGlobal, isTimeout, text, written } = setting;
  const kept = written.length === 0 ? 'Nothing was changed.' : `Changed was ${written.join(', ')}.`;
  const of = (problem: string, hint = '', own: string = code) =>
    new ConntrackError(problem, {
      code: own,
      operation: 'writeSettings',
      errno,
      syscall,
      hint: hint === '' ? kept : `${kept} ${hint}`,
    });
  switch (code) {
    case 'ENOENT':
      return of(`this kernel has no ${sysctl}`, '', 'ERR_CONNTRACK_UNSUPPORTED');
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

/** Whether the kernel says that there is no such thing. */
export function isMissing({ code, syscall }: ConntrackError): boolean {
  return code === 'ENOENT' && syscall === undefined;
}

export function missingEntryError(operation: string): ConntrackError {
  return new ConntrackError('there is no such entry', {
    code: 'ENOENT',
    operation,
    errno: constants.errno.ENOENT,
  });
}

export function fixedTimeoutError(operation: string): ConntrackError {
  return new ConntrackError('the timeout of the entry is fixed (IPS_FIXED_TIMEOUT)', {
    code: 'EPERM',
    operation,
    errno: constants.errno.EPERM,
    hint: 'Nothing was changed. Delete the entry, or change the others without the timeout.',
  });
}

export function ignoredChangeError(
  operation: string,
  name: 'sequenceAdjust' | 'synproxy',
): ConntrackError {
  return new ConntrackError(`the kernel has ignored ${name}: the entry has no room for it`, {
    code: 'EOPNOTSUPP',
    operation,
    hint: 'What else was named was changed.',
  });
}

export function replacedEntryError(operation: string): ConntrackError {
  return new ConntrackError(
    'the entry ended before it could be changed; a newer one on its tuple was changed instead',
    { code: 'ENOENT', operation, errno: constants.errno.ENOENT },
  );
}

/** It was done, and then the entry could not be read. */
export function unreadEntryError(
  operation: string,
  what: 'created' | 'changed',
  failure: NativeFailure | undefined,
): ConntrackError {
  const cause = failure && errorOfFailure(operation, failure);
  return new ConntrackError(`the entry was ${what}, and was gone before it could be read`, {
    code: cause?.code ?? 'ENOENT',
    operation,
    errno: failure?.errno,
    syscall: failure?.syscall,
    cause,
  });
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

export function layoutError(path: string, differences: readonly string[]): ConntrackError {
  return new ConntrackError(
    `the native addon at ${path} belongs to another version of this package: ` +
      `it differs in ${differences.join(', ')}`,
    {
      code: 'ERR_CONNTRACK_LAYOUT',
      operation: 'load',
      hint: 'Build it again with "npm explore conntrack -- npm run build:gyp".',
    },
  );
}

/** A wrong argument: names the field and what it should be. */
export function typeError(field: string, expected: string): TypeError {
  return new TypeError(`${field}: ${expected}`);
}

/** A number outside of its range: names the field and the range. */
export function rangeError(field: string, expected: string): RangeError {
  return new RangeError(`${field}: ${expected}`);
}
