/**
 * Messages for the kernel's errors about expectations.
 */
import {
  ConntrackError,
  codeOf,
  describing,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
} from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

/** The error of a failed creation; `failure` is `undefined` when the new expectation has ended. */
export function errorOfExpectation(
  operation: string,
  failure?: NativeFailure,
  isPortless = false,
): ConntrackError {
  if (failure === undefined) {
    return new ConntrackError('the expectation was created, but ended before it could be read', {
      code: 'ENOENT',
      operation,
    });
  }
  const problem =
    failure.syscall === undefined ? EXPECTATION_PROBLEMS[codeOf(failure.errno)] : undefined;
  if (problem !== undefined) return describing(operation, failure)(problem);
  return (isPortless ? errorOfPortless : errorOfFailure)(operation, failure);
}

/** `unknown`: no expectation has the key; `ended`: the changed one has ended since. */
export function errorOfUpdate(
  operation: string,
  failure: NativeFailure | 'unknown' | 'ended',
): ConntrackError {
  if (failure === 'unknown') {
    return new ConntrackError('no expectation has this key', { code: 'ENOENT', operation });
  }
  if (failure === 'ended') {
    const message = 'the expectation was changed, but ended before it could be read';
    return new ConntrackError(message, { code: 'ENOENT', operation });
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
