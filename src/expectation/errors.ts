/**
 * Messages for the kernel's errors about expectations.
 */
import {
  ConntrackError,
  codeOf,
  describing,
  errorOfFailure,
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

const EXPECTATION_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no entry has the master's tuple",
  EOPNOTSUPP: 'the master has no helper, and only helpers expect flows',
  EEXIST: 'an expectation for this tuple exists already',
  EBUSY: 'another expectation clashes with this one',
  EMFILE:
    'the expectations have reached net.netfilter.nf_conntrack_expect_max, or the limit of the ' +
    'policy of the helper',
};
