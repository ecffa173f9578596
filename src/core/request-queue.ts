/**
 * One socket for requests, which go out one after the other. It opens when the first one is
 * sent.
 */
import { closedError, errorOfFailure } from './errors.js';
import { loadAddon } from './load-addon.js';
import type { NativeRequestSocket, NetNamespaceArgument } from './native.js';

export class RequestQueue {
  private readonly netns: NetNamespaceArgument;
  private socket: NativeRequestSocket | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(netns: NetNamespaceArgument) {
    this.netns = netns;
  }

  /** Rejects when there is no addon or no socket. */
  async run<T>(
    operation: string,
    request: (socket: NativeRequestSocket) => Promise<T>,
  ): Promise<T> {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
    this.socket ??= this.open(operation);
    const { socket } = this;
    const answer = this.last.then(() => request(socket));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Waits for the requests that are under way, then closes the socket. */
  close(): Promise<void> {
    this.closing ??= this.last.then(() => {
      this.socket?.close();
    });
    return this.closing;
  }

  private open(operation: string): NativeRequestSocket {
    const { RequestSocket } = loadAddon();
    const socket = new RequestSocket({ netns: this.netns });
    if (socket.failure !== undefined) throw errorOfFailure(operation, socket.failure);
    return socket;
  }
}
