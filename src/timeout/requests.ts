/**
 * Reading and writing timeout policies and default timeouts.
 */
import { constants } from 'node:os';
import { isAbsence } from '../core/errors.js';
import type { NativeFailure } from '../core/native.js';
import { FAMILY_NUMBERS } from '../record/layout.js';
import type { Answer } from '../request/answer.js';
import type { RequestQueue } from '../request/queue.js';
import type { RequestName } from '../request/request.js';
import {
  type CheckedPolicy,
  policyNameOf,
  policySpecOf,
  secondsOf,
  timeoutChangesOf,
  timeoutProtocolOf,
} from './check-policy.js';
import {
  errorOfTimeouts,
  missingPolicyError,
  replacedPolicyError,
  unreadTimeoutsError,
} from './errors.js';
import type {
  DefaultTimeouts,
  TimeoutPolicy,
  TimeoutPolicySpec,
  TimeoutProtocol,
  Timeouts,
} from './policy.js';
import {
  defaultsAt,
  numbersAt,
  policiesOf,
  policyAt,
  TIMEOUTS_BYTES,
  writeTimeouts,
} from './record.js';

/** Makes something of the record at a place of an answer. */
type Read<T> = (words: Uint32Array, at: number) => T;

export async function listTimeoutPolicies(requests: RequestQueue): Promise<TimeoutPolicy[]> {
  const operation = 'listTimeoutPolicies';
  const { slabs, failure } = await requests.ask(operation, 'listTimeoutPolicies');
  if (failure !== undefined) throw errorOfTimeouts(operation, failure);
  return policiesOf(slabs);
}

export async function getTimeoutPolicy(
  requests: RequestQueue,
  name: string,
): Promise<TimeoutPolicy | undefined> {
  return find(requests, 'getTimeoutPolicy', policyNameOf(name), policyAt);
}

export async function createTimeoutPolicy(
  requests: RequestQueue,
  spec: TimeoutPolicySpec,
): Promise<TimeoutPolicy> {
  const operation = 'createTimeoutPolicy';
  const policy = policySpecOf(spec);
  return write(requests, operation, 'createTimeouts', policy, {
    read: policyAt,
    done: 'the timeout policy was created',
    errorOf: (failure) => errorOfTimeouts(operation, failure, policy),
  });
}

export async function updateTimeoutPolicy(
  requests: RequestQueue,
  name: string,
  timeouts: Timeouts,
): Promise<TimeoutPolicy> {
  const operation = 'updateTimeoutPolicy';
  const wanted = policyNameOf(name);
  const changes = timeoutChangesOf(timeouts);
  const current = await find(requests, operation, wanted, numbersAt);
  if (current === undefined) throw missingPolicyError(operation, wanted);
  // The kernel (6.18) sets what a change does not name to the defaults.
  const changed = secondsOf(current.protocol, changes, 'timeouts');
  const policy = { ...current, name: wanted, seconds: new Map([...current.seconds, ...changed]) };
  return write(requests, operation, 'replaceTimeouts', policy, {
    read: policyAt,
    done: 'the timeout policy was changed',
    errorOf: (failure) => errorOfChange(operation, failure, wanted),
  });
}

function errorOfChange(operation: string, failure: NativeFailure, name: string): Error {
  if (isAbsence(failure)) return missingPolicyError(operation, name);
  const isMismatch = failure.syscall === undefined && failure.errno === constants.errno.EINVAL;
  return isMismatch
    ? replacedPolicyError(operation, failure, name)
    : errorOfTimeouts(operation, failure);
}

export async function deleteTimeoutPolicy(requests: RequestQueue, name: string): Promise<boolean> {
  const operation = 'deleteTimeoutPolicy';
  const wanted = policyNameOf(name);
  const failureOf = ({ failure }: Answer) => failure;
  const request = requests.begin(operation, 'removeTimeouts', TIMEOUTS_BYTES, failureOf);
  writeTimeouts(request, { name: wanted });
  const failure = await request.promise;
  if (failure === undefined) return true;
  if (isAbsence(failure)) return false;
  throw errorOfTimeouts(operation, failure, { name: wanted });
}

export async function readDefaultTimeouts(
  requests: RequestQueue,
  protocol: TimeoutProtocol | number,
): Promise<DefaultTimeouts> {
  const operation = 'readDefaultTimeouts';
  const number = timeoutProtocolOf(protocol);
  const request = requests.begin(operation, 'getDefaultTimeouts', TIMEOUTS_BYTES, itself);
  writeTimeouts(request, ofBothFamilies(number));
  const { words, at, failure } = await request.promise;
  if (words !== undefined) return defaultsAt(words, at);
  throw errorOfTimeouts(operation, failure as NativeFailure, { protocol: number });
}

export async function writeDefaultTimeouts(
  requests: RequestQueue,
  protocol: TimeoutProtocol | number,
  timeouts: Timeouts,
): Promise<DefaultTimeouts> {
  const operation = 'writeDefaultTimeouts';
  const number = timeoutProtocolOf(protocol);
  const seconds = secondsOf(number, timeoutChangesOf(timeouts), 'timeouts');
  const values = { ...ofBothFamilies(number), seconds };
  return write(requests, operation, 'setDefaultTimeouts', values, {
    read: defaultsAt,
    done: 'the timeouts were written',
    errorOf: (failure) => errorOfTimeouts(operation, failure, { protocol: number }),
  });
}

/** The kernel demands a family, and has the same defaults for both. */
const ofBothFamilies = (protocol: number) => ({ family: FAMILY_NUMBERS.ipv4, protocol });

async function find<T>(
  requests: RequestQueue,
  operation: string,
  name: string,
  read: Read<T>,
): Promise<T | undefined> {
  const request = requests.begin(operation, 'getTimeouts', TIMEOUTS_BYTES, itself);
  writeTimeouts(request, { name });
  const { words, at, failure } = await request.promise;
  if (words !== undefined) return read(words, at);
  if (isAbsence(failure as NativeFailure)) return undefined;
  throw errorOfTimeouts(operation, failure as NativeFailure);
}

/** Sends a write, and resolves with what the kernel has then. */
async function write<T>(
  requests: RequestQueue,
  operation: string,
  request: RequestName,
  values: Partial<CheckedPolicy>,
  then: { read: Read<T>; done: string; errorOf: (failure: NativeFailure) => Error },
): Promise<T> {
  const begun = requests.begin(operation, request, TIMEOUTS_BYTES, itself);
  writeTimeouts(begun, values);
  const { isDone, words, at, failure } = await begun.promise;
  if (words !== undefined) return then.read(words, at);
  if (isDone) throw unreadTimeoutsError(operation, then.done, failure as NativeFailure);
  throw then.errorOf(failure as NativeFailure);
}

const itself = (answer: Answer) => answer;
