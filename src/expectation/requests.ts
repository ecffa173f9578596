/**
 * Reading and writing expectations.
 */

import { errorOfFailure, errorOfPlainFailure, isMissing } from '../core/errors.js';
import type { RequestQueue } from '../core/request-queue.js';
import {
  type CheckedExpectationKey,
  expectationKeyOf,
  expectationSpecOf,
} from './check-expectation.js';
import { errorOfExpectation } from './errors.js';
import type { Expectation, ExpectationKey, ExpectationSpec } from './expectation.js';
import { expectationsOf } from './view.js';
import { expectationKeySlab, expectationSpecSlab, isOfTuple } from './writer.js';

export async function listExpectations(requests: RequestQueue): Promise<Expectation[]> {
  const operation = 'listExpectations';
  const { slabs, failure } = await requests.run(operation, 'listExpectations');
  if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
  return expectationsOf(slabs);
}

export async function getExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
): Promise<Expectation | undefined> {
  return (await find(requests, 'getExpectation', expectationKeyOf(key)))?.expectation;
}

export async function createExpectation(
  requests: RequestQueue,
  spec: ExpectationSpec,
): Promise<Expectation> {
  const operation = 'createExpectation';
  const checked = expectationSpecOf(spec);
  const slab = expectationSpecSlab(checked);
  const { failure } = await requests.run(operation, 'createExpectation', slab);
  if (failure !== undefined) throw errorOfExpectation(operation, failure);
  const found = await find(requests, operation, { ...checked, id: undefined });
  if (found === undefined) throw errorOfExpectation(operation, undefined);
  return found.expectation;
}

export async function deleteExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
): Promise<boolean> {
  const operation = 'deleteExpectation';
  // A delete names one by its tuple and its id.
  const found = await find(requests, operation, expectationKeyOf(key));
  if (found === undefined) return false;
  const { failure } = await requests.run(operation, 'removeExpectation', found.slab);
  if (failure === undefined) return true;
  const error = errorOfFailure(operation, failure);
  if (isMissing(error)) return false;
  throw error;
}

export async function flushExpectations(requests: RequestQueue): Promise<void> {
  const operation = 'flushExpectations';
  const { failure } = await requests.run(operation, 'flushExpectations');
  if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
}

async function find(requests: RequestQueue, operation: string, key: CheckedExpectationKey) {
  const request = expectationKeySlab(key);
  const { slabs, failure } = await requests.run(operation, 'getExpectation', request);
  if (failure !== undefined) {
    const error = errorOfFailure(operation, failure);
    if (isMissing(error)) return undefined;
    throw error;
  }
  const [slab] = slabs;
  const [expectation] = expectationsOf(slabs);
  if (slab === undefined || expectation === undefined || !isOfTuple(request, slab))
    return undefined;
  return key.id === undefined || key.id === expectation.id ? { expectation, slab } : undefined;
}
