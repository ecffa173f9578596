/** What came of a call, in a form that can be compared. */
import { ConntrackError } from 'conntrack';

export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return codeIn(await errorOf(promise));
}

/** The code of an error of the kernel, or the error, if it is another one. */
export function codeIn(error: unknown): unknown {
  return error instanceof ConntrackError ? error.code : error;
}

/** What the promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call succeeded');
}

/** The value of the next(), which must not be the end. */
export async function nextValue<T>(next: Promise<IteratorResult<T, unknown>>): Promise<T> {
  const result = await next;
  if (result.done === true) throw new Error('there is no value: it is the end');
  return result.value;
}
