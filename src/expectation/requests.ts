/**
 * Reading and writing expectations.
 */

import { errorOfFailure, errorOfPlainFailure, errorOfPortless, isAbsence } from '../core/errors.js';
import { uncertainPorts } from '../record/check-tuple.js';
import type { Answer } from '../request/answer.js';
import type { RequestQueue } from '../request/queue.js';
import {
  type CheckedExpectationKey,
  expectationKeyOf,
  expectationSpecOf,
  flushedHelper,
} from './check-expectation.js';
import { errorOfExpectation } from './errors.js';
import type {
  Expectation,
  ExpectationKey,
  ExpectationSpec,
  FlushExpectationOptions,
} from './expectation.js';
import { ExpectationView, expectationsOf } from './view.js';
import { EXPECTATION_BYTES, writeExpectation, writeExpectationKey, writeHelper } from './writer.js';

export async function listExpectations(requests: RequestQueue): Promise<Expectation[]> {
  const operation = 'listExpectations';
  const { slabs, failure } = await requests.ask(operation, 'listExpectations');
  if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
  return expectationsOf(slabs);
}

export async function getExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
): Promise<Expectation | undefined> {
  return find(requests, 'getExpectation', expectationKeyOf(key));
}

export async function createExpectation(
  requests: RequestQueue,
  spec: ExpectationSpec,
): Promise<Expectation> {
  const operation = 'createExpectation';
  const checked = expectationSpecOf(spec);
  const request = requests.begin(operation, 'createExpectation', EXPECTATION_BYTES, failureOf);
  writeExpectation(request, checked);
  const failure = await request.promise;
  if (failure !== undefined) {
    const isPortless = uncertainPorts(checked.tuple, checked.protocol) === 'left out';
    throw errorOfExpectation(operation, failure, isPortless);
  }
  const found = await find(requests, operation, { ...checked, id: undefined });
  if (found === undefined) throw errorOfExpectation(operation);
  return found;
}

export async function deleteExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
): Promise<boolean> {
  const operation = 'deleteExpectation';
  // A delete names one by its tuple and its id.
  const found = await find(requests, operation, expectationKeyOf(key));
  if (found === undefined) return false;
  const request = requests.begin(operation, 'removeExpectation', EXPECTATION_BYTES, failureOf);
  writeExpectationKey(request, { ...expectationKeyOf(found), id: found.id });
  const failure = await request.promise;
  if (failure === undefined) return true;
  if (isAbsence(failure)) return removeByTuple(requests, operation, found);
  throw errorOfFailure(operation, failure);
}

/**
 * Some kernels, such as 5.10.223, compare the id in a delete with a number that they never send
 * (ctnetlink_del_expect), and answer ENOENT. This looks the expectation up again and deletes it by
 * its tuple.
 */
async function removeByTuple(
  requests: RequestQueue,
  operation: string,
  expectation: Expectation,
): Promise<boolean> {
  const key = { ...expectationKeyOf(expectation), id: expectation.id };
  if ((await find(requests, operation, key)) === undefined) return false;
  const request = requests.begin(operation, 'removeExpectation', EXPECTATION_BYTES, failureOf);
  writeExpectationKey(request, { ...key, id: undefined });
  const failure = await request.promise;
  if (failure === undefined) return true;
  if (isAbsence(failure)) return false;
  throw errorOfFailure(operation, failure);
}

export async function flushExpectations(
  requests: RequestQueue,
  options?: FlushExpectationOptions,
): Promise<void> {
  const helper = flushedHelper(options);
  const operation = 'flushExpectations';
  const failure = await (helper === undefined
    ? requests.send(operation, 'flushExpectations', failureOf)
    : flushOf(requests, operation, helper));
  if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
}

function flushOf(requests: RequestQueue, operation: string, helper: string) {
  const request = requests.begin(operation, 'flushExpectationsOf', EXPECTATION_BYTES, failureOf);
  writeHelper(request, helper);
  return request.promise;
}

async function find(
  requests: RequestQueue,
  operation: string,
  key: CheckedExpectationKey,
): Promise<Expectation | undefined> {
  const request = requests.begin(operation, 'getExpectation', EXPECTATION_BYTES, itself);
  writeExpectationKey(request, key);
  const { words, at, failure } = await request.promise;
  if (failure !== undefined) {
    if (isAbsence(failure)) return undefined;
    const isPortless = uncertainPorts(key.tuple, key.protocol) === 'left out';
    throw (isPortless ? errorOfPortless : errorOfFailure)(operation, failure);
  }
  if (words === undefined) return undefined;
  const expectation = new ExpectationView(words, at);
  return key.id === undefined || key.id === expectation.id ? expectation : undefined;
}

const itself = (answer: Answer) => answer;
const failureOf = ({ failure }: Answer) => failure;
