/**
 * A table that changes while it is read: what was there all the time comes exactly
 * once, and nothing comes twice.
 */
import { type Entry, listEntries, streamEntries } from 'conntrack';
import { beforeEach, expect, test } from 'vitest';
import { many } from '../support/emulation.js';
import { run } from '../support/namespace.js';
import { describeInNamespace } from '../support/requirements.js';
import { Churn, createMany, deleteThese, numberOf } from './populate.js';

const STABLE = many(60_000);
const CHANGING = many(60_000);

describeInNamespace('conntrack')('a table that changes while it is read', () => {
  beforeEach(() => {
    run('conntrack', '-F');
  });

  /** The entries of one reading, by number: below STABLE they were there all the time. */
  class Pass {
    readonly #seen = new Uint8Array(STABLE + CHANGING);

    take(entries: Entry[]): void {
      for (const entry of entries) {
        const number = numberOf(entry);
        this.#seen[number] = (this.#seen[number] ?? 0) + 1;
      }
    }

    sees(number: number): boolean {
      return this.#seen[number] !== 0;
    }

    /** Gives how many of the changing entries came. */
    end(): number {
      const numbers = [...this.#seen.keys()];
      expect(numbers.filter((number) => (this.#seen[number] ?? 0) > 1)).toEqual([]);
      expect(numbers.slice(0, STABLE).filter((number) => !this.sees(number))).toEqual([]);
      return numbers.slice(STABLE).filter((number) => this.sees(number)).length;
    }
  }

  test('by another process, at full speed', async () => {
    createMany(0, STABLE);
    const churn = new Churn(STABLE, CHANGING);
    let changing = 0;

    for (let i = 0; i < 3; i++) {
      const list = new Pass();
      list.take(await listEntries());
      changing += list.end();

      const stream = new Pass();
      for await (const batch of streamEntries().batches()) stream.take(batch);
      changing += stream.end();
    }

    expect(await churn.stop()).toBeGreaterThan(1);
    expect(changing).toBeGreaterThan(0);
  });

  // Between two messages of a dump the kernel keeps the entry to go on with. When
  // that is gone, it starts the entry's hash bucket anew, and what it has sent of
  // the bucket comes again. A bucket has the newest entry first: here, stable
  // entries before changing ones.
  test('at the place where the kernel goes on', async () => {
    // As far ahead of the reader as the kernel can be.
    const ahead = 4000;
    for (let i = 0; i < 2; i++) {
      createMany(STABLE, CHANGING);
      createMany(0, STABLE);
      const order = (await listEntries()).map(numberOf);
      const placeOf = new Map(order.map((number, place) => [number, place]));
      const left = new Set(order.filter((number) => number >= STABLE));

      const pass = new Pass();
      for await (const batch of streamEntries().batches()) {
        pass.take(batch);
        const [place = 0] = batch.slice(-1).map((entry) => placeOf.get(numberOf(entry)));
        const gone = order.slice(place + 1, place + ahead).filter((number) => left.delete(number));
        deleteThese(gone);
      }
      expect(pass.end()).toBeLessThan(CHANGING);
      run('conntrack', '-F');
    }
  });
});
