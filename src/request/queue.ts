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
import { LIMITS } from '../core/limits.js';
import { loadAddon } from '../core/load-addon.js';
import type { NativeRequestSocket, NetNamespaceArgument, Outcome } from '../core/native.js';
import { requestTracer } from '../core/trace.js';
import { RequestBatch, type Sent } from './batch.js';
import {
  PostedRequest,
  PromisedRequest,
  type RequestName,
  type Take,
  type Waiter,
} from './request.js';

/** What is answered by many messages, and so is sent alone: see {@link NativeRequestSocket}. */
type QueryName = Exclude<keyof NativeRequestSocket, 'failure' | 'isOfThread' | 'send' | 'close'>;
type QueryOutcome<Name extends QueryName> = Awaited<ReturnType<NativeRequestSocket[Name]>>;

/** What goes out as one job. */
interface Work {
  send(socket: NativeRequestSocket): Promise<Sent>;
  /** Rejects its callers: it was not sent. */
  refuse(errorOf: (operation: string) => Error): void;
}

export class RequestQueue {
  private readonly netns: NetNamespaceArgument;
  private readonly followsThread: boolean;
  private socket: NativeRequestSocket | undefined;
  private waiting: Work[] = [];
  /** In the order in which they are answered. None rejects. */
  private readonly underWay: Promise<Sent>[] = [];
  /** Something waits, or is under way. */
  private isAwake = false;
  private isWorking = false;
  private isRefused = false;
  private isRetired = false;
  private closing: Promise<void> | undefined;

  /** `followsThread`: isOfThread() will be asked. */
  constructor(netns: NetNamespaceArgument, followsThread = false) {
    this.netns = netns;
    this.followsThread = followsThread;
  }

  /**
   * A request with so many bytes of records, which the caller writes at once; `take` makes of the
   * answer what its promise resolves with. Throws when there is no addon or no socket.
   */
  begin<T>(operation: string, name: RequestName, bytes: number, take: Take<T>): PromisedRequest<T> {
    const batch = this.batchFor(operation, bytes);
    return batch.add(new PromisedRequest(batch.reserve(name, bytes), operation, name, take));
  }

  /** The same for one of many that `waiter` waits for. */
  post(
    operation: string,
    name: RequestName,
    bytes: number,
    waiter: Waiter,
    index: number,
  ): PostedRequest {
    const batch = this.batchFor(operation, bytes);
    const place = batch.reserve(name, bytes);
    return batch.add(new PostedRequest(place, operation, name, waiter, index));
  }

  /** A request without records. */
  send<T>(operation: string, name: RequestName, take: Take<T>): Promise<T> {
    return this.begin(operation, name, 0, take).promise;
  }

  ask<Name extends QueryName>(operation: string, name: Name): Promise<QueryOutcome<Name>> {
    this.open(operation);
    return new Promise<QueryOutcome<Name>>((resolve, reject) => {
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
    });
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
    for (const work of this.takeWaiting()) {
      work.refuse((operation) => closedError(operation, 'handle'));
    }
    this.closing ??= this.socket?.close() ?? Promise.resolve();
    return this.closing;
  }

  private batchFor(operation: string, bytes: number): RequestBatch {
    this.open(operation);
    let isFull = false;
    const last = this.waiting.at(-1);
    if (last instanceof RequestBatch) {
      if (last.fits(bytes)) return last;
      isFull = true;
    }
    const batch = new RequestBatch();
    this.waiting.push(batch);
    // What is full waits for nothing.
    if (isFull) this.start();
    this.wake();
    return batch;
  }

  /** All that is called before the event loop goes on waits together. */
  private wake(): void {
    if (this.isAwake) return;
    this.isAwake = true;
    process.nextTick(() => {
      this.start();
    });
  }

  private start(): void {
    this.sendWaiting();
    if (this.isWorking) return;
    this.isWorking = true;
    void this.work();
  }

  private async work(): Promise<void> {
    for (let sent = this.underWay[0]; sent !== undefined; sent = this.underWay[0]) {
      const { failure, refused, settle } = await sent;
      void this.underWay.shift();
      // What has waited for a kernel that does not answer would wait as long once more.
      const unheard = isSilence(failure) ? this.takeWaiting() : [];
      // The kernel works on, while JavaScript takes the answers.
      this.sendWaiting();
      this.isRefused ||= refused;
      settle();
      // Behind what was sent before: some of it was done.
      for (const work of unheard) work.refuse(silenceError);
      // What a caller has asked for at once.
      this.sendWaiting();
    }
    this.isAwake = this.isWorking = false;
    if (this.isRetired) void this.close();
  }

  /** Behind what is under way, all but the last: that waits for what is called meanwhile. */
  private sendWaiting(): void {
    const { underWay, waiting } = this;
    const { requestJobsUnderWay } = LIMITS;
    while (underWay.length < requestJobsUnderWay && waiting.length > Math.min(underWay.length, 1)) {
      underWay.push(this.sent(waiting.shift() as Work));
    }
  }

  private sent(work: Work): Promise<Sent> {
    return work.send(this.socket as NativeRequestSocket).catch((error: unknown) => {
      const settle = () => {
        work.refuse(() => error as Error);
      };
      return { refused: false, settle };
    });
  }

  private takeWaiting(): Work[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  private open(operation: string): void {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
    if (this.socket !== undefined) return;
    const { RequestSocket } = loadAddon();
    const socket = new RequestSocket({ netns: this.netns, followsThread: this.followsThread });
    if (socket.failure !== undefined) throw errorOfFailure(operation, socket.failure);
    this.socket = socket;
  }
}

function trace(operation: string, request: string, began: number, { failure }: Outcome): void {
  if (!requestTracer.isRead) return;
  const milliseconds = performance.now() - began;
  const code = failure && { code: codeOf(failure.errno) };
  requestTracer.write({ operation, request, milliseconds, ...code });
}
