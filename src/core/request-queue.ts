/**
 * One socket for requests, which go out one after the other. It opens when the first one is
 * sent.
 */
import { closedError, codeOf, errorOfFailure } from './errors.js';
import { loadAddon } from './load-addon.js';
import type { NativeFailure, NativeRequestSocket, NetNamespaceArgument } from './native.js';
import { requestTracer } from './trace.js';

/** What can be asked for: see {@link NativeRequestSocket}. */
type RequestName = Exclude<keyof NativeRequestSocket, 'failure' | 'close'>;
type Given<Name extends RequestName> = Parameters<NativeRequestSocket[Name]>;
type Answer<Name extends RequestName> = Awaited<ReturnType<NativeRequestSocket[Name]>>;

export class RequestQueue {
  private readonly netns: NetNamespaceArgument;
  private socket: NativeRequestSocket | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(netns: NetNamespaceArgument) {
    this.netns = netns;
  }

  /** Rejects when there is no addon or no socket. */
  async run<Name extends RequestName>(
    operation: string,
    request: Name,
    ...given: Given<Name>
  ): Promise<Answer<Name>> {
    if (this.closing !== undefined) throw closedError(operation, 'handle');
    this.socket ??= this.open(operation);
    const socket = this.socket as unknown as Record<
      Name,
      (...given: Given<Name>) => Promise<Answer<Name>>
    >;
    const answer = this.last.then(() => {
      if (this.closing !== undefined) throw closedError(operation, 'handle');
      return requestTracer.isRead
        ? traced(operation, request, () => socket[request](...given))
        : socket[request](...given);
    });
    this.last = answer.catch(() => undefined);
    return answer;
  }

  /** Sends nothing more, ends the request that is under way, and closes the socket. */
  close(): Promise<void> {
    this.closing ??= this.socket?.close() ?? Promise.resolve();
    return this.closing;
  }

  private open(operation: string): NativeRequestSocket {
    const { RequestSocket } = loadAddon();
    const socket = new RequestSocket({ netns: this.netns });
    if (socket.failure !== undefined) throw errorOfFailure(operation, socket.failure);
    return socket;
  }
}

async function traced<T extends { readonly failure?: NativeFailure }>(
  operation: string,
  request: string,
  send: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const answer = await send();
  const milliseconds = performance.now() - began;
  const code = answer.failure && { code: codeOf(answer.failure.errno) };
  requestTracer.write({ operation, request, milliseconds, ...code });
  return answer;
}
