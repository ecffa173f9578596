/**
 * What the kernel's refusals of expectations mean.
 */
import { ConntrackError, codeOf, describing, errorOfFailure } from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';

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
  const problem =
    failure.syscall === undefined ? EXPECTATION_PROBLEMS[codeOf(failure.errno)] : undefined;
  return problem === undefined
    ? errorOfFailure(operation, failure)
    : describing(operation, failure)(problem);
}

const EXPECTATION_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no entry has the master's tuple",
  EOPNOTSUPP: 'the master has no helper, without which it can expect nothing',
  EEXIST: 'there is such an expectation already',
  EBUSY: 'there is an expectation that this one would clash with',
  EMFILE: 'there are as many expectations as net.netfilter.nf_conntrack_expect_max allows',
};
