/**
 * One socket for requests. Those that wait together are sent together, in the order of the calls,
 * while the answers to earlier ones are awaited. The socket opens with the first one.
 */
import {
  closedError,
  codeOf,
  errorOfFailure,
  isRefusal,
  isSilence,
  silenceError,
} from '../core/errors.js';
import { loadAddon } from '../core/load-addon.js';
import type { NativeRequestSocket, NetNamespaceArgument, Outcome } from '../core/native.js';
import { requestTracer } from '../core/trace.js';
import type { Answer, Answers, Usage } from './answer.js';
import { RequestBatch, type RequestName, type Sent } from './batch.js';
import type { Place } from './place.js';

/** What is answered by many messages, and so is sent alone: see {@link NativeRequestSocket}. */
type QueryName = Exclude<keyof NativeRequestSocket, 'failure' | 'isOfThread' | 'send' | 'close'>;
type QueryOutcome<Name extends QueryName> = Awaited<ReturnType<NativeRequestSocket[Name]>>;

/** A request that is being written. */
export interface Request extends Place {
  readonly answer: Promise<Answer>;
}

/** What goes out as one job. */
interface Work {
  send(socket: NativeRequestSocket): Promise<Sent>;
  /** Rejects its callers: it was not sent. */
  refuse(errorOf: (operation: string) => unknown): void;
}

export class RequestQueue {
  private readonly netns: NetNamespaceArgument;
  private socket: NativeRequestSocket | undefined;
  private waiting: Work[] = [];
  private isAwake = false;
  private isRefused = false;
  private isRetired = false;
  private closing: Promise<void> | undefined;

  constructor(netns: NetNamespaceArgument) {
    this.netns = netns;
  }

  /**
   * A request with so many bytes of records, which the caller writes at once. It throws when
   * there is no addon or no socket.
   */
  begin(operation: string, name: RequestName, bytes: number): Request {
    const { promise: answer, resolve, reject } = promised<Answer>();
    const take = (answers: Answers, index: number) => {
      resolve(answers.of(index));
    };
    const place = this.batchFor(operation, bytes).add(bytes, {
      operation,
      name,
      take,
      refuse: reject,
    });
    return { view: place.view, words: place.words, at: place.at, answer };
  }

  /** A request without records. */
  send(operation: string, name: RequestName): Promise<Answer> {
    return this.begin(operation, name, 0).answer;
  }

  async usage(operation: string): Promise<Usage> {
    const { promise, resolve, reject } = promised<Usage>();
    const take = (answers: Answers, index: number) => {
      resolve(answers.usageOf(index));
    };
    this.batchFor(operation, 0).add(0, { operation, name: 'usage', take, refuse: reject });
    return promise;
  }

  async ask<Name extends QueryName>(operation: string, name: Name): Promise<QueryOutcome<Name>> {
    this.open(operation);
    const { promise, resolve, reject } = promised<QueryOutcome<Name>>();
    this.waiting.push({
      send: async (socket) => {
        const began = performance.now();
        const outcome = (await socket[name]()) as QueryOutcome<Name>;
        trace(operation, name, began, outcome);
        const settle = () => {
          resolve(outcome);
        };
        const { failure } = outcome;
        return { failure, refused: isRefusal(failure), settle };
      },
      refuse: (errorOf) => {
        reject(errorOf(operation));
      },
    });
    this.wake();
    return promise;
  }

  /**
   * Whether it sends what the calling thread may send now: to its network namespace, and with its
   * privileges, which the kernel asks of whoever opened a socket, too (netlink_net_capable).
   */
  isOfThread(): boolean {
    return !this.isRefused && (this.socket === undefined || this.socket.isOfThread());
  }

  /** Closes the socket once all that waits has its answer. */
  retire(): void {
    this.isRetired = true;
    if (!this.isAwake) void this.close();
  }

  /** Sends nothing more, ends what is under way, and closes the socket. */
  close(): Promise<void> {
    this.refuseAll((operation) => closedError(operation, 'handle'));
    this.closing ??= this.socket?.close() ?? Promise.resolve();
    return this.closing;
  }

  private batchFor(operation: string, bytes: number): RequestBatch {
    this.open(operation);
    const last = this.waiting.at(-1);
    if (last instanceof RequestBatch && last.fits(bytes)) return last;
    const batch = new RequestBatch();
    this.waiting.push(batch);
    this.wake();
    return batch;
  }

  /** All that is called before the event loop goes on waits together. */
  private wake(): void {
    if (this.isAwake) return;
    this.isAwake = true;
    process.nextTick(() => void this.work());
  }

  private async work(): Promise<void> {
    for (let sent = this.sendNext(); sent !== undefined; ) {
      const { failure, refused, settle } = await sent;
      // What has waited for a kernel that does not answer would wait as long once more.
      if (isSilence(failure)) this.refuseAll(silenceError);
      // The kernel works on, while JavaScript takes the answers.
      sent = this.sendNext();
      this.isRefused ||= refused;
      settle();
    }
    this.isAwake = false;
    if (this.isRetired) void this.close();
  }

  private sendNext(): Promise<Sent> | undefined {
    const next = this.waiting.shift();
    return next?.send(this.socket as NativeRequestSocket).catch((error: unknown) => {
      const settle = () => {
        next.refuse(() => error);
      };
      return { refused: false, settle };
    });
  }

  private refuseAll(errorOf: (operation: string) => unknown): void {
    const refused = this.waiting;
    this.waiting = [];
    for (const work of refused) work.refuse(errorOf);
  }

  private open(operation: string): void {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
    if (this.socket !== undefined) return;
    const { RequestSocket } = loadAddon();
    const socket = new RequestSocket({ netns: this.netns });
    if (socket.failure !== undefined) throw errorOfFailure(operation, socket.failure);
    this.socket = socket;
  }
}

interface Promised<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** `Promise.withResolvers()`, which Node.js 20 lacks. */
function promised<T>(): Promised<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  return { promise, resolve, reject };
}

function trace(operation: string, request: string, began: number, { failure }: Outcome): void {
  if (!requestTracer.isRead) return;
  const milliseconds = performance.now() - began;
  const code = failure && { code: codeOf(failure.errno) };
  requestTracer.write({ operation, request, milliseconds, ...code });
}
