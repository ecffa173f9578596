/**
 * The table read in every way, in turn: each reading has what is there all the time, once.
 */
import { Writable } from 'node:stream';
import {
  countEntries,
  deleteEntries,
  type Entry,
  listEntries,
  streamEntries,
  writeEntries,
} from 'conntrack';
import { entriesInTable } from '../ledger.js';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

/** Flows that the soak creates at its beginning, and nobody changes. */
export interface Stable {
  readonly mark: number;
  readonly count: number;
}

export class Reading implements Activity {
  readonly name = 'reading';
  readonly pause = 500;
  readonly #tallies: Tallies;
  readonly #stable: Stable;
  readonly #ways: readonly (() => Promise<void>)[];
  #turn = 0;

  constructor(tallies: Tallies, stable: Stable) {
    this.#tallies = tallies;
    this.#stable = stable;
    this.#ways = [
      async () => {
        this.#expectStable(await listEntries(), 'a list');
      },
      async () => {
        const entries: Entry[] = [];
        for await (const batch of streamEntries().batches()) entries.push(...batch);
        this.#expectStable(entries, 'a stream');
      },
      async () => {
        const { mark } = stable;
        this.#expectStable(await listEntries({ mark }), 'a filtered list');
      },
      async () => {
        for await (const _ of streamEntries()) break;
      },
      async () => {
        const { matched } = await deleteEntries({ mark: stable.mark }, { dryRun: true });
        this.#expectCount(matched, 'a pass');
      },
      async () => {
        const sink = new Writable({
          write(_chunk, _encoding, done) {
            done();
          },
        });
        const { entries: written } = await writeEntries(sink, { mark: stable.mark });
        this.#expectCount(written, 'a written table');
      },
      async () => {
        const counted = await countEntries();
        this.#tallies.expect(counted >= stable.count, `reading: countEntries: ${counted}`);
        this.#tallies.expect(entriesInTable() >= stable.count, 'reading: nf_conntrack_count');
      },
      async () => {
        const lists = await Promise.all([1, 2, 3].map(() => listEntries({ mark: stable.mark })));
        for (const entries of lists) this.#expectStable(entries, 'one of three lists at once');
      },
    ];
  }

  async turn(): Promise<void> {
    await this.#ways[this.#turn++ % this.#ways.length]?.();
    this.#tallies.requests++;
  }

  #expectStable(entries: readonly Entry[], what: string): void {
    const seen = new Set<string>();
    let count = 0;
    for (const { mark, original } of entries) {
      if (mark !== this.#stable.mark) continue;
      count++;
      seen.add(original.source);
    }
    this.#expectCount(seen.size, what);
    this.#expectCount(count, `${what}, with repetitions,`);
  }

  #expectCount(count: number, what: string): void {
    const expected = this.#stable.count;
    this.#tallies.expect(count === expected, `reading: ${what} has ${count}, not ${expected}`);
  }
}
