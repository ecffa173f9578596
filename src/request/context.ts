/**
 * What the functions of the package work on: a network namespace, a socket for requests
 * that opens when the first one is sent, and whatever ends with them.
 *
 * A handle has a context for as long as it is open. A function of the module has one of its
 * own for the call, in the namespace of the calling thread.
 */
import { setImmediate } from 'node:timers/promises';
import { Dependents } from '../core/dependents.js';
import { closedError, typeError } from '../core/errors.js';
import type { NativeNetNamespace, NetNamespaceArgument } from '../core/native.js';
import { RequestQueue } from './queue.js';
import { queueOfThread } from './thread-queue.js';

/** What a context ends when it closes. */
export interface Dependent {
  /** Resolves when it has let go of what it holds. */
  close(): Promise<void> | void;
}

export class Context {
  /** `undefined`: that of the calling thread. */
  readonly netns: NetNamespaceArgument;
  private readonly isOfCall: boolean;
  private own: RequestQueue | undefined;
  /** Streams: their readers hold them, and may drop them. */
  private readonly streams = new Dependents<Dependent>();
  private readonly running = new Set<Dependent>();
  private closing: Promise<void> | undefined;

  /** `isOfCall`: it ends with the call that it was made for, instead of with a handle. */
  constructor(netns?: NativeNetNamespace, isOfCall = false) {
    this.netns = netns;
    this.isOfCall = isOfCall;
  }

  /** Those of a handle, or of the calling thread. */
  get requests(): RequestQueue {
    this.own ??= this.isOfCall ? queueOfThread() : new RequestQueue(this.netns);
    return this.own;
  }

  /** The stream ends with the context, unless nobody holds it any more. */
  follow<T extends Dependent>(stream: T): T {
    this.streams.add(stream);
    if (this.closing !== undefined) void stream.close();
    return stream;
  }

  unfollow(stream: Dependent): void {
    this.streams.delete(stream);
  }

  /** The work ends with the context. */
  async during<T>(work: Dependent, run: () => Promise<T>): Promise<T> {
    this.running.add(work);
    try {
      // A call that looked at something first goes on behind the end of its handle.
      if (this.closing !== undefined) await work.close();
      return await run();
    } finally {
      this.running.delete(work);
    }
  }

  refuseIfClosed(operation: string): void {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
  }

  close(): Promise<void> {
    this.closing ??= this.release();
    return this.closing;
  }

  /**
   * Closes the context of a call; that of a handle stays. The caller does not wait for it: where
   * something is still under way, the call was aborted.
   */
  endCall(): void {
    if (this.isOfCall) void this.close();
  }

  private async release(): Promise<void> {
    this.netns?.close();
    const dependents = [...this.streams.held(), ...this.running];
    // Closed also where no request has come: one that comes behind the end opens no socket.
    const requests = this.isOfCall ? undefined : this.requests;
    await Promise.all([...dependents.map((one) => one.close()), requests?.close()]);
    // Whoever waited for an answer has it before the handle is closed.
    if (!this.isOfCall) await setImmediate();
  }
}

/**
 * The context of a call: that of the handle whose method it is, or one of its own.
 *
 * `self` is the function's `this`: anything but a context, such as the namespace object of
 * `import * as conntrack`, is no handle.
 */
export function contextOf(self: unknown, operation: string): Context {
  if (!(self instanceof Context)) return new Context(undefined, true);
  self.refuseIfClosed(operation);
  return self;
}

/** The requests of a call. */
function requestsOf(self: unknown, operation: string): RequestQueue {
  if (!(self instanceof Context)) return queueOfThread();
  self.refuseIfClosed(operation);
  return self.requests;
}

/**
 * Works with the requests of a call of a function that has so many parameters. What is thrown
 * rejects. Thousands of calls may wait at a time: nothing here waits with them.
 */
export function withRequests<T>(
  self: unknown,
  operation: string,
  [parameters, given]: readonly [number, IArguments],
  work: (requests: RequestQueue) => Promise<T>,
): Promise<T> {
  try {
    atMost(parameters, given);
    return work(requestsOf(self, operation));
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it was thrown
    return Promise.reject(error);
  }
}

/** Works in the context of a call, and closes it if it is the call's own. */
export async function within<T>(
  self: unknown,
  operation: string,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const context = contextOf(self, operation);
  try {
    return await work(context);
  } finally {
    context.endCall();
  }
}

/**
 * Refuses an object behind the last parameter: it would be options, and be ignored. Numbers and
 * arrays, which `keys.map(getEntry)` passes, are let through.
 */
export function atMost(parameters: number, given: IArguments): void {
  for (let index = parameters; index < given.length; index++) {
    const extra: unknown = given[index];
    if (typeof extra === 'object' && extra !== null && !Array.isArray(extra)) {
      throw typeError(`arguments[${index}]`, 'the function takes no options');
    }
  }
}
