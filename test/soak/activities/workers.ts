/**
 * Workers that are terminated in the middle of everything.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Activity } from '../schedule.js';
import type { Tallies } from '../tallies.js';

const LONGEST = 300; // milliseconds

export class Workers implements Activity {
  readonly name = 'workers';
  readonly pause = 6000;
  readonly #tallies: Tallies;

  constructor(tallies: Tallies) {
    this.#tallies = tallies;
  }

  async turn(): Promise<void> {
    const worker = new Worker(new URL('../worker.js', import.meta.url));
    worker.on('error', (error) => {
      this.#tallies.fail(`workers: ${error.stack ?? error.message}`);
    });
    const exited = once(worker, 'exit');
    if (Math.random() < 0.8) await Promise.race([once(worker, 'message'), exited]);
    await sleep(Math.random() * LONGEST);
    await worker.terminate();
    await exited;
    this.#tallies.requests++;
  }
}
