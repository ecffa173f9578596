/**
 * Reading and writing expectations.
 */

import { setImmediate } from 'node:timers/promises';
import {
  type ConntrackError,
  errorOfFailure,
  errorOfPlainFailure,
  errorOfPortless,
  isAbsence,
  typeError,
} from '../core/errors.js';
import { uncertainPorts } from '../record/check-tuple.js';
import type { Answer } from '../request/answer.js';
import type { RequestQueue } from '../request/queue.js';
import {
  type CheckedExpectationKey,
  expectationChangesOf,
  expectationKeyOf,
  expectationSpecOf,
  flushedHelper,
} from './check-expectation.js';
import {
  errorOfDeletes,
  errorOfExpectation,
  errorOfOtherZones,
  errorOfUpdate,
  unreadExpectationError,
} from './errors.js';
import type {
  DeleteExpectationsResult,
  Expectation,
  ExpectationChanges,
  ExpectationKey,
  ExpectationSpec,
  FlushExpectationOptions,
} from './expectation.js';
import type { ExpectationFilter } from './filter.js';
import { type ExpectationMatcher, expectationMatcher } from './match.js';
import { ExpectationView, expectationsOf } from './view.js';
import {
  EXPECTATION_BYTES,
  writeExpectation,
  writeExpectationKey,
  writeExpectationUpdate,
  writeHelper,
} from './writer.js';

type Filters = ExpectationFilter | readonly ExpectationFilter[];

export async function listExpectations(
  requests: RequestQueue,
  filter?: Filters,
): Promise<Expectation[]> {
  return matching(requests, 'listExpectations', expectationMatcher(filter));
}

export async function countExpectations(requests: RequestQueue, filter?: Filters): Promise<number> {
  return (await matching(requests, 'countExpectations', expectationMatcher(filter))).length;
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
  return readBack(requests, operation, 'created', { ...checked, id: undefined });
}

export async function updateExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
  changes: ExpectationChanges,
): Promise<Expectation> {
  const operation = 'updateExpectation';
  const checked = expectationKeyOf(key);
  const { timeout } = expectationChangesOf(changes);
  // The kernel would change what expects this tuple under its mask.
  const found = await find(requests, operation, checked);
  if (found === undefined) throw errorOfUpdate(operation, 'unknown');
  const spec = { ...expectationSpecOf(found), zone: checked.zone };
  const request = requests.begin(operation, 'updateExpectation', EXPECTATION_BYTES, failureOf);
  writeExpectationUpdate(request, spec, timeout);
  const failure = await request.promise;
  if (failure !== undefined) throw errorOfUpdate(operation, failure);
  return readBack(requests, operation, 'changed', { ...checked, id: found.id });
}

export async function deleteExpectation(
  requests: RequestQueue,
  key: ExpectationKey,
): Promise<boolean> {
  const operation = 'deleteExpectation';
  // A delete names one by its tuple and its id.
  const checked = expectationKeyOf(key);
  const found = await find(requests, operation, checked);
  return found !== undefined && remove(requests, operation, { ...checked, id: found.id });
}

export async function deleteExpectations(
  requests: RequestQueue,
  filter: Filters,
): Promise<DeleteExpectationsResult> {
  const operation = 'deleteExpectations';
  const matcher = expectationMatcher(filter);
  if (matcher.takesWholeFamily) throw typeError('filter', DELETES_ALL);
  const keys = (await matching(requests, operation, matcher)).map(expectationKeyOf);
  const deletes = keys.map(async (key) => remove(requests, operation, key));
  const results = await Promise.allSettled(deletes);
  const failed = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as ConntrackError] : [],
  );
  const [first] = failed;
  if (first !== undefined) {
    throw errorOfDeletes(operation, first, {
      matched: keys.length,
      deleted: results.filter((result) => result.status === 'fulfilled' && result.value).length,
      unknown: failed.filter(({ outcome }) => outcome === 'unknown').length,
    });
  }
  const missed = keys.filter(
    (_, index) => !(results[index] as PromiseFulfilledResult<boolean>).value,
  );
  if (missed.length > 0) await refuseOtherZones(requests, operation, missed);
  return {
    matched: keys.length,
    deleted: keys.length - missed.length,
    vanished: missed.length,
  };
}

const DELETES_ALL =
  'matches a whole address family; to delete all expectations, call flushExpectations()';

/** The kernel does not find those of other zones than 0 by their tuple, and sends no zone. */
async function refuseOtherZones(
  requests: RequestQueue,
  operation: string,
  missed: readonly CheckedExpectationKey[],
): Promise<void> {
  const ids = new Set(missed.map(({ id }) => id));
  const left = await matching(requests, operation, { matches: ({ id }) => ids.has(id) });
  if (left.length > 0) throw errorOfOtherZones(operation, left.length);
}

/** Expectations that match, without keeping the event loop from its other work. */
async function matching(
  requests: RequestQueue,
  operation: string,
  { matches }: Pick<ExpectationMatcher, 'matches'>,
): Promise<Expectation[]> {
  const { slabs, failure } = await requests.ask(operation, 'listExpectations');
  if (failure !== undefined) throw errorOfPlainFailure(operation, failure);
  const matched: Expectation[] = [];
  let began = performance.now();
  for (const expectation of expectationsOf(slabs)) {
    if (matches(expectation)) matched.push(expectation);
    if (performance.now() - began < LONGEST_TURN) continue;
    await setImmediate();
    began = performance.now();
  }
  return matched;
}

/** Milliseconds. */
const LONGEST_TURN = 5;

/** Deletes by tuple and id; `false` when there is none. */
async function remove(
  requests: RequestQueue,
  operation: string,
  key: CheckedExpectationKey,
): Promise<boolean> {
  const request = requests.begin(operation, 'removeExpectation', EXPECTATION_BYTES, failureOf);
  writeExpectationKey(request, key);
  const failure = await request.promise;
  if (failure === undefined) return true;
  if (isAbsence(failure)) return removeByTuple(requests, operation, key);
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
  key: CheckedExpectationKey,
): Promise<boolean> {
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

/** Reads the expectation that the kernel has just created or changed. */
async function readBack(
  requests: RequestQueue,
  operation: string,
  what: 'created' | 'changed',
  key: CheckedExpectationKey,
): Promise<Expectation> {
  let found: Expectation | undefined;
  try {
    found = await find(requests, operation, key);
  } catch (error) {
    throw unreadExpectationError(operation, what, error as ConntrackError);
  }
  if (found === undefined) throw unreadExpectationError(operation, what, undefined);
  return found;
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
