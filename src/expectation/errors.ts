/**
 * Messages for the kernel's errors about expectations.
 */
import {
  adviceOf,
  ConntrackError,
  codeOf,
  describing,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
} from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

/** The error of a failed creation. */
export function errorOfExpectation(
  operation: string,
  failure: NativeFailure,
  isPortless: boolean,
): ConntrackError {
  const problem =
    failure.syscall === undefined ? EXPECTATION_PROBLEMS[codeOf(failure.errno)] : undefined;
  if (problem !== undefined) return describing(operation, failure)(problem);
  return (isPortless ? errorOfPortless : errorOfFailure)(operation, failure);
}

/** Of what the kernel has done; `cause`: why it was not read back, if it has not ended since. */
export function unreadExpectationError(
  operation: string,
  what: 'created' | 'changed',
  cause: ConntrackError | undefined,
): ConntrackError {
  if (cause === undefined) {
    const message = `the expectation was ${what}, but ended before it could be read`;
    return new ConntrackError(message, { code: 'ENOENT', operation });
  }
  const { code, errno, syscall } = cause;
  const problem = `the expectation was ${what}, but could not be read: ${code}`;
  return new ConntrackError(problem, { code, operation, errno, syscall, cause });
}

/** `unknown`: no expectation has the key. */
export function errorOfUpdate(
  operation: string,
  failure: NativeFailure | 'unknown',
): ConntrackError {
  if (failure === 'unknown') {
    return new ConntrackError('no expectation has this key', { code: 'ENOENT', operation });
  }
  const problem =
    failure.syscall === undefined ? UPDATE_PROBLEMS[codeOf(failure.errno)] : undefined;
  if (problem !== undefined) return describing(operation, failure)(problem);
  return errorOfPlainFailure(operation, failure);
}

const UPDATE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'the expectation has ended',
  ETIME: 'the timeout of the expectation is over, and the kernel is about to delete it',
};

/** Some of many deletes have failed; `error` is that of the first. */
export function errorOfDeletes(
  operation: string,
  error: ConntrackError,
  { matched, deleted, unknown }: { matched: number; deleted: number; unknown: number },
): ConntrackError {
  const { code, errno, syscall, detail } = error;
  const [first = code] = error.message.slice(operation.length + 2).split('\n', 1);
  // The new message has the kernel's text as well.
  const problem = detail === undefined ? first : first.replace(` (kernel: ${detail})`, '');
  const counts = `Before the failure: ${matched} matched, ${deleted} deleted.`;
  return new ConntrackError(problem, {
    ...{ code, operation, errno, syscall, detail },
    outcome: unknown > 0 ? 'unknown' : undefined,
    hint: [counts, adviceOf(error)].filter(Boolean).join(' '),
  });
}

/** The kernel has the expectations, and does not find them. */
export function errorOfOtherZones(operation: string, count: number): ConntrackError {
  return new ConntrackError(
    `${count} of the expectations are in other zones, which the kernel does not send`,
    {
      code: 'EOPNOTSUPP',
      operation,
      hint: 'delete them with deleteExpectation({ ...expectation.toJSON(), zone }), or all of a helper with flushExpectations({ helper })',
    },
  );
}

const EXPECTATION_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no entry has the master's tuple",
  EOPNOTSUPP: 'the master has no helper, and only helpers expect flows',
  EEXIST: 'an expectation for this tuple exists already',
  EBUSY: 'another expectation clashes with this one',
  EMFILE:
    'the expectations have reached net.netfilter.nf_conntrack_expect_max, or the limit of the ' +
    'policy of the helper',
};
