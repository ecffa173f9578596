/**
 * One socket for requests, which go out one after the other.
 */
import { closedError, errorOfFailure } from './errors.js';
import { loadAddon } from './load-addon.js';
import type { NativeRequestSocket, NetNamespaceArgument } from './native.js';

export class RequestQueue {
  private readonly socket: NativeRequestSocket;
  private last: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  /** Throws when there is no addon or no socket. */
  constructor(operation: string, netns?: NetNamespaceArgument) {
    const { RequestSocket } = loadAddon();
    this.socket = new RequestSocket(netns);
    if (this.socket.failure !== undefined) throw errorOfFailure(operation, this.socket.failure);
  }

  async run<T>(
    operation: string,
    request: (socket: NativeRequestSocket) => Promise<T>,
  ): Promise<T> {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
    const answer = this.last.then(() => request(this.socket));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Waits for the requests that are under way, then closes the socket. */
  close(): Promise<void> {
    this.closing ??= this.last.then(() => {
      this.socket.close();
    });
    return this.closing;
  }
}
