/**
 * Aborts and timeouts, at any moment.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deleteEntries, listEntries, mirrorTable, streamEntries, watchEvents } from 'conntrack';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const ABORTED = ['AbortError', 'TimeoutError'];

export class Aborting implements Activity {
  readonly name = 'aborts';
  readonly pause = 600;
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    await this.#aborted((signal) => listEntries(undefined, { signal }));
    await this.#aborted(async (signal) => {
      for await (const batch of streamEntries(undefined, { signal }).batches()) {
        if (batch.length === 0) this.#tallies.fail('aborts: an empty batch');
      }
    });
    await this.#aborted((signal) => deleteEntries({ protocol: 'tcp' }, { dryRun: true, signal }));
    await this.#aborted(async (signal) => {
      for await (const _ of watchEvents({ signal }).batches());
    });
    await this.#aborted(async (signal) => {
      await using mirror = await mirrorTable({ signal });
      for (;;) {
        await mirror.caughtUp();
        await sleep(1);
      }
    });
  }

  /** By a controller or a timeout, within some milliseconds, so that some end before. */
  async #aborted(act: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const moment = Math.random() * 12;
    if (moment < 4) {
      await this.#tallies.refusable(act(AbortSignal.timeout(Math.ceil(moment))), ABORTED);
      return;
    }
    const controller = new AbortController();
    const timer = setTimeout(() => {
      controller.abort();
    }, moment);
    await this.#tallies.refusable(act(controller.signal), ABORTED);
    clearTimeout(timer);
  }
}
