/**
 * New, updated and ended flows by another program, and a model of what is there.
 */

import type { Entry } from 'conntrack';
import type { Ledger } from '../ledger.js';
import { type Done, Neighbour, numberOf } from '../neighbour.js';
import { Place } from '../place.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const TURN = 50; // milliseconds

export class Churn implements Activity, AsyncDisposable {
  readonly name = 'churn';
  readonly pause = TURN;
  readonly #ledger: Ledger;
  readonly #tallies: Tallies;
  readonly #neighbour = new Neighbour(new Place());
  readonly #flows: number;
  readonly #aTurn: number;
  /** The flows from `#first` to before `#next` are there. */
  #first = 0;
  #next = 0;
  readonly #marks = new Map<number, number>();

  /** So many changes a second, among so many flows. */
  constructor(ledger: Ledger, tallies: Tallies, rate: number, flows: number) {
    this.#ledger = ledger;
    this.#tallies = tallies;
    this.#flows = flows;
    this.#aTurn = Math.max(1, Math.round((rate * TURN) / 3000));
  }

  /** Creates the flows that are there from the beginning. */
  async fill(): Promise<void> {
    await this.#create(this.#flows);
  }

  async turn(): Promise<void> {
    const count = this.#aTurn;
    await this.#create(count);
    const mark = 1 + (this.#next % 1000);
    const from = this.#first + count + ((this.#next * 7919) % (this.#flows - count));
    const updated = await this.#neighbour.update(from, count, mark);
    this.#ledger.updated += this.#all(updated, count);
    for (let number = from; number < from + count; number++) this.#marks.set(number, mark);
    this.#all(await this.#neighbour.delete(this.#first, count), count);
    for (const end = this.#first + count; this.#first < end; this.#first++) {
      this.#marks.delete(this.#first);
    }
  }

  /** Compares the flows of a fresh dump with the model. */
  check(entries: readonly Entry[]): string | undefined {
    let seen = 0;
    for (const entry of entries) {
      const number = numberOf(entry);
      if (number === undefined) continue;
      seen++;
      const there = number >= this.#first && number < this.#next;
      const zone = number % 8 === 4 ? 1 : 0;
      const mark = this.#marks.get(number) ?? 0;
      const isNat = number % 6 === 0;
      if (
        !there ||
        entry.zone !== zone ||
        entry.mark !== mark ||
        entry.status.sourceNat !== isNat
      ) {
        return `flow ${number} (mark ${mark}, there: ${there}) is ${String(entry)}`;
      }
    }
    const expected = this.#next - this.#first;
    return seen === expected ? undefined : `${seen} flows of churn, not ${expected}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#neighbour[Symbol.asyncDispose]();
  }

  async #create(count: number): Promise<void> {
    const created = await this.#neighbour.create(this.#next, count);
    this.#ledger.created += this.#all(created, count);
    this.#next += count;
  }

  /** Nobody else changes these flows. */
  #all({ changed, refused }: Done, count: number): number {
    this.#tallies.expect(refused === 0 && changed === count, `churn: ${refused} were refused`);
    return changed;
  }
}
