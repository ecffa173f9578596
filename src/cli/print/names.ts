/**
 * The names of addresses.
 */
import { Resolver } from 'node:dns/promises';
import { printable } from '../../core/printable.js';

/** Names that are kept. */
const KEPT = 10_000;
const PATIENCE_MS = 1_000;
const AT_ONCE = 64;

/** Looks up names, each address once; without an answer within a second an address has none. */
export class AddressNames {
  readonly #resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 });
  readonly #names = new Map<string, string | undefined>();
  #isClosed = false;

  /** The name of an address that was looked up. */
  of(address: string): string | undefined {
    return this.#names.get(address);
  }

  async look(addresses: Iterable<string>): Promise<void> {
    const wanted = [...new Set(addresses)];
    if (this.#names.size + wanted.length > KEPT) this.#names.clear();
    const unknown = wanted.filter((one) => !this.#names.has(one));
    for (let at = 0; at < unknown.length && !this.#isClosed; at += AT_ONCE) {
      await Promise.all(
        unknown.slice(at, at + AT_ONCE).map(async (address) => {
          const name = await this.#ask(address);
          this.#names.set(address, name);
        }),
      );
    }
  }

  /** Waits for no answer any more. */
  close(): void {
    this.#isClosed = true;
    this.#resolver.cancel();
  }

  async #ask(address: string): Promise<string | undefined> {
    try {
      const [name] = await this.#resolver.reverse(address);
      // A server can answer anything.
      return name && printable(name).replaceAll(' ', '_').slice(0, 253);
    } catch {
      return undefined;
    }
  }
}
