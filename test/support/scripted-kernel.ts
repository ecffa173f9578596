/**
 * The kernel, played by a test. Importing this file makes the package load the
 * addon whose system calls end here (native/kernel); CONNTRACK_SCRIPTED_ADDON
 * names another build of it, such as a sanitized one. CONNTRACK_SCRIPT_PATIENCE_MS
 * is how long a test waits for the addon.
 */

import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { built } from './built.js';
import { type Message, messageBytes } from './message-builder.js';

interface NativePeer {
  readonly portId: number;
  /** Bit n - 1: multicast group n. */
  readonly groups: number;
  /** `undefined`: nothing came in time. Empty: the other end is closed. */
  receive(milliseconds: number): Buffer | undefined;
  /** False when there is no room for the datagram. */
  send(senderPortId: number, bytes: Uint8Array): boolean;
  multicast(group: number, netns: number, bytes: Uint8Array): string;
  overrun(events: number): void;
  close(): void;
}

interface NativeScript {
  readonly receiveBufferSize: number;
  readonly Peer: new () => NativePeer;
  waitingSockets(): number;
  failNext(call: string, errno: number, times: number): void;
  stopClock(): void;
  startClock(): void;
  advanceClock(milliseconds: number): number;
}

export const scriptedAddonPath =
  process.env.CONNTRACK_SCRIPTED_ADDON ?? built('test/stack/native/scripted.node');

process.env.CONNTRACK_ADDON = scriptedAddonPath;

const { script } = createRequire(import.meta.url)(scriptedAddonPath) as { script: NativeScript };

/** What fits into one datagram. */
export const RECEIVE_BUFFER_SIZE = script.receiveBufferSize;

const PATIENCE_MS = Number(process.env.CONNTRACK_SCRIPT_PATIENCE_MS ?? 10_000);

/** Gives `attempt` a chance in every turn of the event loop until it has a result. */
async function eventually<T>(what: string, attempt: () => T | undefined): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const result = attempt();
    if (result !== undefined) return result;
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await turn();
  }
}

/** The kernel's end of one socket of the addon. */
export class KernelSocket {
  readonly #peer = new script.Peer();
  #request: Buffer | undefined;

  /** What the messages to this socket are addressed to. */
  get portId(): number {
    return this.#peer.portId;
  }

  /** The multicast groups that it listens to. */
  get groups(): number[] {
    return Array.from({ length: 32 }, (_, bit) => bit + 1).filter(
      (group) => (this.#peer.groups & (1 << (group - 1))) !== 0,
    );
  }

  /** The next request, as it was sent. What is sent from now on answers it. */
  async request(): Promise<Buffer> {
    const request = await this.#receive('a request');
    if (request.length === 0) throw new Error('the socket was closed, and no request came');
    this.#request = request;
    return request;
  }

  /** One datagram from the kernel. Waits until there is room for it. */
  async send(...messages: (Message | Buffer)[]): Promise<void> {
    await this.sendFrom(0, ...messages);
  }

  /** One datagram from the process that has this port id. */
  async sendFrom(sender: number, ...messages: (Message | Buffer)[]): Promise<void> {
    const bytes = this.#bytes(messages);
    await eventually('room for a datagram', () => this.#peer.send(sender, bytes) || undefined);
  }

  /** One datagram from the kernel, if there is room for it. */
  trySend(...messages: (Message | Buffer)[]): boolean {
    return this.#peer.send(0, this.#bytes(messages));
  }

  /**
   * An event, as the kernel sends it: to those who listen to the group, where there is room.
   * `netns`: the id of the namespace that it comes from; -1 for our own.
   */
  multicast(group: number, message: Message, netns = -1): string {
    return this.#peer.multicast(group, netns, this.#bytes([message]));
  }

  /** So many events find no room. */
  overrun(events: number): void {
    this.#peer.overrun(events);
  }

  /** Resolves when the addon has closed its end. Rejects if it sends anything before. */
  async closed(): Promise<void> {
    const request = await this.#receive('the closing of the socket');
    if (request.length > 0) throw new Error(`one request too many: ${request.toString('hex')}`);
  }

  /** The kernel goes away. */
  close(): void {
    this.#peer.close();
  }

  #receive(what: string): Promise<Buffer> {
    return eventually(what, () => this.#peer.receive(1));
  }

  #bytes(messages: readonly (Message | Buffer)[]): Buffer {
    const sequence = this.#request === undefined ? 0 : readHost32(this.#request, 8);
    const request = { sequence, portId: this.#peer.portId };
    return Buffer.concat(
      messages.map((message) =>
        Buffer.isBuffer(message) ? message : messageBytes(message, request),
      ),
    );
  }
}

function readHost32(bytes: Buffer, offset: number): number {
  return (
    new Uint32Array(
      bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + 4),
    )[0] ?? 0
  );
}

/** The socket that was opened first among those that were not accepted yet. */
export async function accept(): Promise<KernelSocket> {
  return eventually('the opening of a socket', () =>
    script.waitingSockets() > 0 ? new KernelSocket() : undefined,
  );
}

/** The socket that a call opens; rejects as soon as the call has ended without one. */
export async function acceptFrom(call: Promise<unknown>): Promise<KernelSocket> {
  let hasEnded = false;
  const end = () => {
    hasEnded = true;
  };
  void call.then(end, end);
  return eventually('the opening of a socket', () => {
    if (script.waitingSockets() > 0) return new KernelSocket();
    if (hasEnded) throw new Error('the call has ended, and opened no socket');
    return undefined;
  });
}

/** How many sockets were opened and not accepted. */
export function waitingSockets(): number {
  return script.waitingSockets();
}

/** Accepts a socket and answers its first request with these datagrams. */
export async function answer(...datagrams: (Message | Buffer)[][]): Promise<KernelSocket> {
  const socket = await accept();
  await socket.request();
  for (const messages of datagrams) await socket.send(...messages);
  return socket;
}

type Code = keyof typeof constants.errno;

/** Makes the next system call of this name fail. */
export function failNext(call: string, code: Code): void {
  script.failNext(call, constants.errno[code], 1);
}

/** Makes each system call of this name fail while `run` runs. */
export async function whileFailing<T>(call: string, code: Code, run: () => Promise<T>): Promise<T> {
  script.failNext(call, constants.errno[code], 1_000_000);
  try {
    return await run();
  } finally {
    script.failNext(call, 0, 0);
  }
}

/**
 * Stops the clock of the addon while `run` runs. `advance` moves it by milliseconds, or to where a thread
 * has to see that its wait is over, and returns how far.
 */
export async function withStoppedClock<T>(
  run: (advance: (milliseconds: number) => number) => Promise<T>,
): Promise<T> {
  script.stopClock();
  try {
    return await run((milliseconds) => script.advanceClock(milliseconds));
  } finally {
    script.startClock();
  }
}
