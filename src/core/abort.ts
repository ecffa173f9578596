/**
 * Ends followers when an AbortSignal aborts. A signal may outlive its followers and must not
 * keep them alive. It has one listener for all of them, because Node.js warns of a leak at the
 * eleventh.
 */
import { Dependents } from './dependents.js';

interface Abortable {
  abort(reason: unknown): void;
}

interface Following {
  readonly followers: Dependents<Abortable>;
  readonly listener: () => void;
}

const followings = new WeakMap<AbortSignal, Following>();

/** The reason of an aborted signal; signals of other libraries may lack one. */
export function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal);
}

/** Settles as the work does, or with the signal's reason as soon as it aborts. */
export function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it may be anything
      reject(reasonOf(signal));
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end);
    });
  });
}

export function followSignal(signal: AbortSignal, follower: Abortable): void {
  const { followers } = followings.get(signal) ?? listen(signal);
  followers.add(follower);
}

export function unfollowSignal(signal: AbortSignal, follower: Abortable): void {
  const following = followings.get(signal);
  if (following === undefined) return;
  const { followers, listener } = following;
  followers.delete(follower);
  if (followers.held().length > 0) return;
  signal.removeEventListener('abort', listener);
  followings.delete(signal);
}

function listen(signal: AbortSignal): Following {
  const followers = new Dependents<Abortable>();
  const listener = () => {
    for (const follower of followers.held()) follower.abort(reasonOf(signal));
  };
  signal.addEventListener('abort', listener, { once: true });
  const following = { followers, listener };
  followings.set(signal, following);
  return following;
}
