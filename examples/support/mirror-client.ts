/**
 * Asks a mirror in another thread. Each message has many keys, and a number that its answer has, too.
 */
import type { MessagePort } from 'node:worker_threads';
import type { FlowKey } from 'conntrack';

export interface Question {
  readonly id: number;
  readonly keys: readonly FlowKey[];
}

/** The host that began a flow. The worker sends no more: a whole entry takes far longer. */
export interface Host {
  readonly address: string;
  readonly port: number | undefined;
}

export type Answer =
  | { readonly id: number; readonly hosts: readonly (Host | undefined)[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: string } };

interface Waiting {
  readonly resolve: (hosts: readonly (Host | undefined)[]) => void;
  readonly reject: (error: Error) => void;
}

export class MirrorClient {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #isClosed = false;

  /** The other end of the port is that of the mirror. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (answer: Answer) => {
      this.#take(answer);
    });
    port.on('close', () => {
      this.#end();
    });
    port.unref();
  }

  /**
   * Resolves with the host that began the flow of each key, in the order of the keys. Rejects when a
   * key is wrong, and when the mirror or its thread has ended.
   */
  find(keys: readonly FlowKey[]): Promise<readonly (Host | undefined)[]> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error('the thread of the mirror has ended');
      const id = this.#asked++;
      this.#port.postMessage({ id, keys } satisfies Question);
      // A pending answer keeps the process alive.
      this.#port.ref();
      this.#waiting.set(id, { resolve, reject });
    });
  }

  close(): void {
    this.#port.close();
  }

  #take(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#port.unref();
    if ('hosts' in answer) waiting?.resolve(answer.hosts);
    else waiting?.reject(Object.assign(new Error(answer.error.message), answer.error));
  }

  /** Either end was closed, or the other thread has ended. */
  #end(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) {
      reject(new Error('the thread of the mirror has ended'));
    }
    this.#waiting.clear();
  }
}
