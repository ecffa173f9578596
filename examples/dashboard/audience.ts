/**
 * The pages that are open: so many, and none makes memory grow. A page that takes its events too
 * slowly misses some, and then gets everything anew.
 */
import type { ServerResponse } from 'node:http';

/** A page that takes nothing for so long has gone. */
const GONE_AFTER_MS = 60_000;

export class Audience {
  readonly #most: number;
  readonly #listeners = new Set<Listener>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#listeners.size;
  }

  get isFull(): boolean {
    return this.size >= this.#most;
  }

  /** @param whole Makes the event that has everything. */
  add(response: ServerResponse, whole: () => string): void {
    const listener = new Listener(response, whole);
    this.#listeners.add(listener);
    response.once('close', () => this.#listeners.delete(listener));
  }

  send(event: string): void {
    for (const listener of this.#listeners) listener.send(event);
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
  }
}

class Listener {
  readonly #response: ServerResponse;
  readonly #whole: () => string;
  /** When the response was full, on the clock of `performance`; `undefined`: it has room. */
  #fullSince: number | undefined;
  #hasMissed = false;

  constructor(response: ServerResponse, whole: () => string) {
    this.#response = response;
    this.#whole = whole;
    response.on('drain', () => {
      this.#goOn();
    });
    this.#write(whole());
  }

  send(event: string): void {
    if (this.#fullSince === undefined) {
      this.#write(event);
      return;
    }
    this.#hasMissed = true;
    if (performance.now() - this.#fullSince > GONE_AFTER_MS) this.close();
  }

  close(): void {
    this.#response.destroy();
  }

  #write(event: string): void {
    if (!this.#response.write(event)) this.#fullSince = performance.now();
  }

  #goOn(): void {
    this.#fullSince = undefined;
    if (!this.#hasMissed) return;
    this.#hasMissed = false;
    this.#write(this.#whole());
  }
}
