/**
 * Activities that run side by side, and rest together.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, type Tallies } from './tallies.js';

export interface Activity {
  readonly name: string;
  /** Milliseconds between two turns. */
  readonly pause: number;
  /** Some of it: leaves nothing under way. */
  turn(): Promise<void>;
}

export class Schedule {
  readonly #tallies: Tallies;
  readonly #activities: readonly Activity[];

  constructor(tallies: Tallies, activities: readonly Activity[]) {
    this.#tallies = tallies;
    this.#activities = activities;
  }

  /** Runs them all for so many seconds, and resolves when the last turn has ended. */
  async run(seconds: number): Promise<void> {
    const end = performance.now() + 1000 * seconds;
    await Promise.all(this.#activities.map((activity) => this.#loop(activity, end)));
  }

  async #loop(activity: Activity, end: number): Promise<void> {
    const { name, pause } = activity;
    do {
      try {
        await activity.turn();
      } catch (error) {
        const stack = error instanceof Error ? error.stack : String(error);
        this.#tallies.fail(`${name}: ${codeOf(error)}: ${stack}`);
      }
      this.#tallies.turned(name);
      await sleep(Math.max(0, Math.min(pause, end - performance.now())));
    } while (performance.now() < end);
  }
}
